//! Every kind of place that Perl code can ask from.

use std::path::Path;
use std::process::Command;

use alive_tests::events::Events;
use alive_tests::scene::Scene;
use alive_tests::{artifacts, needs};

use super::account::{self, Agreement, Frame};

const PERL: &str = "/usr/bin/perl";

/// Perl in the scene, with the account's folder in its search path.
fn perl(scene: &Scene) -> Option<Command> {
    if !needs::installed("perl", &[PERL]) {
        return None;
    }
    let mut command = scene.traced_command(Path::new(PERL));
    command.arg("-I").arg(account::folder()).env("ACCOUNT", account::file(scene));
    Some(command)
}

/// Runs a script that is to end well.
#[track_caller]
fn run_script(scene: &Scene, script: &str) -> Option<Events> {
    std::fs::write(scene.path("script.pl"), script).expect("a file in the scene");
    let mut perl = perl(scene)?;
    let _ = scene.run(perl.arg("script.pl")).well();
    Some(scene.events())
}

/// The frames of the only load of a module.
#[track_caller]
fn frames_of(events: &Events, module: &str) -> Vec<Frame> {
    let loads: Vec<_> = events.of("load").filter(|load| load.path().ends_with(module)).collect();
    assert_eq!(loads.len(), 1, "{module}: {}", events.told());
    account::frames(loads[0])
}

fn frame(file: &str, line: u64, function: &str) -> Frame {
    (file.to_owned(), line, function.to_owned())
}

#[test]
fn every_place_is_told_as_caller_tells_it() {
    let scene = Scene::start();
    let Some(mut perl) = perl(&scene) else { return };
    let _ = scene.run(perl.arg(artifacts::source("programs/perl/asks.pl"))).well();
    let events = scene.events();
    let agreement = Agreement::of(&scene, &events);
    agreement.assert_whole("every kind of place", 45);
    let odd = events.of("load").filter(|load| load.path().to_string_lossy().contains('\n'));
    assert!(odd.count() >= 1, "{}", events.told());
}

#[test]
fn threads_that_load_at_once_have_each_their_own_line() {
    let scene = Scene::start();
    let modules: Vec<_> = (0..8).flat_map(|thread| (0..20).map(move |file| (thread, file))).collect();
    for (thread, file) in &modules {
        let _ = scene.file(format!("T{thread}_{file}.pm"));
    }
    let script = r#"
use strict; use threads; use lib '.';
my $pid = fork // die;
if (!$pid) {
    my @threads = map {
        my $thread = $_;
        my $code = qq{#line 1${thread} "thread$thread"\nsub { require shift }};
        threads->create(sub { my $load = eval $code or die; $load->("T${thread}_$_.pm") for 0 .. 19 });
    } 0 .. 7;
    $_->join for @threads;
    exit 0;
}
waitpid $pid, 0;
exit($? ? 1 : 0);
"#;
    let Some(events) = run_script(&scene, script) else { return };
    for (thread, file) in modules {
        let frames = frames_of(&events, &format!("T{thread}_{file}.pm"));
        let own = frame(&format!("thread{thread}"), 10 + thread, "main::__ANON__");
        let expected = [own, frame("script.pl", 8, "main::__ANON__")];
        assert_eq!(frames, expected, "{}", events.told());
    }
}

#[test]
fn a_process_forked_by_a_thread_tells_that_threads_line() {
    let scene = Scene::start();
    let _ = scene.file("Late.pm");
    let script = r#"
use threads; use POSIX (); use lib '.';
threads->create(sub {
    my $pid = fork // die;
    if (!$pid) {
        require Late;
        POSIX::_exit(0);
    }
    waitpid $pid, 0;
    $? == 0 or die;
})->join;
"#;
    let Some(events) = run_script(&scene, script) else { return };
    assert_eq!(frames_of(&events, "Late.pm").first(), Some(&frame("script.pl", 6, "main::__ANON__")));
}

/// Perl's own signals wait for a safe moment; those of `POSIX::sigaction` interrupt whatever runs.
#[test]
fn signal_handlers_load_in_their_own_line() {
    let scene = Scene::start();
    for module in ["Safe.pm", "Unsafe.pm", "After.pm"] {
        let _ = scene.file(module);
    }
    let script = r#"
use strict; use POSIX (); use lib '.';
my $pid = fork // die;
if (!$pid) {
    local $SIG{USR1} = sub { require Safe };
    kill USR1 => $$;
    my $done = 0;
    my $interrupt = POSIX::SigAction->new(sub { require Unsafe; $done = 1 }, POSIX::SigSet->new, 0);
    $interrupt->safe(0);
    POSIX::sigaction(POSIX::SIGALRM(), $interrupt) or die;
    require Time::HiRes;
    Time::HiRes::ualarm(1000);
    my $work = 0;
    until ($done) { $work += $_ for 1 .. 100 }
    require After;
    exit 0;
}
waitpid $pid, 0;
exit($? ? 1 : 0);
"#;
    let Some(events) = run_script(&scene, script) else { return };
    assert_eq!(frames_of(&events, "Safe.pm").first(), Some(&frame("script.pl", 5, "main::__ANON__")));
    assert_eq!(frames_of(&events, "Unsafe.pm").first(), Some(&frame("script.pl", 8, "main::__ANON__")));
    assert_eq!(frames_of(&events, "After.pm"), [frame("script.pl", 15, "")]);
}

/// What a layer needs is loaded by Perl itself, for the line that opens a file with it.
#[test]
fn a_layer_is_loaded_for_the_line_that_opens_with_it() {
    let scene = Scene::start();
    let script = r#"
my $pid = fork // die;
if (!$pid) {
    open my $file, '<:encoding(iso-8859-2)', 'script.pl' or die;
    my $line = <$file>;
    exit 0;
}
waitpid $pid, 0;
exit($? ? 1 : 0);
"#;
    let Some(events) = run_script(&scene, script) else { return };
    let encoding = frames_of(&events, "PerlIO/encoding.pm");
    assert!(encoding.iter().any(|(file, line, _)| file == "script.pl" && *line == 4), "{}", events.told());
    let byte = frames_of(&events, "Encode/Byte.pm");
    assert_eq!(byte.last(), Some(&frame("script.pl", 4, "")), "{}", events.told());
    assert!(
        account::module_loads(&events).all(|load| !account::frames(load).is_empty()),
        "{}",
        events.told()
    );
}

/// Each line that forks makes a role of its own, and forks into the same one again.
#[test]
fn the_line_that_forks_tells_roles_apart() {
    let scene = Scene::start();
    let _ = scene.file("Late.pm");
    let script = r#"
use lib '.';
sub child { return if $_[0]; require Late; exit 0 }
sub workers {
    child(fork);
    child(fork);
}
workers() for 1 .. 2;
1 while wait > 0;
"#;
    let Some(events) = run_script(&scene, script) else { return };
    let mut roles: Vec<_> = events.of("load").map(|load| load.text("role").to_owned()).collect();
    assert_eq!(roles.len(), 4, "{}", events.told());
    roles.sort();
    assert_eq!(roles[0], roles[1], "{}", events.told());
    assert_eq!(roles[2], roles[3], "{}", events.told());
    assert!(roles[0].contains("script.pl:5") && roles[2].contains("script.pl:6"), "{roles:?}");
}

/// A module that forks for others: who asked it to tells its children apart.
#[test]
fn a_wrapper_forks_for_the_line_that_calls_it() {
    let scene = Scene::start();
    let _ = scene.file("Late.pm");
    std::fs::create_dir(scene.path("Proc")).expect("a folder in the scene");
    let wrapper = "package Proc::Fork;\nsub start {\n    fork;\n}\n1;\n";
    std::fs::write(scene.path("Proc/Fork.pm"), wrapper).expect("a file in the scene");
    let script = r#"
use lib '.'; use Proc::Fork;
sub child { return if $_[0]; require Late; exit 0 }
child(Proc::Fork::start());
child(Proc::Fork::start());
1 while wait > 0;
"#;
    let Some(events) = run_script(&scene, script) else { return };
    let mut roles: Vec<_> = events.of("load").map(|load| load.text("role").to_owned()).collect();
    roles.sort();
    assert_eq!(roles.len(), 2, "{}", events.told());
    assert!(roles[0].contains("script.pl:4") && roles[1].contains("script.pl:5"), "{roles:?}");
}
