//! Tools that stand where the shim does, programs that do not take it, and programs of the system.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use alive_tests::scene::Scene;
use alive_tests::worlds::{same_command_in_every_world, same_in_every_world};
use alive_tests::{artifacts, needs, words};
use nix::unistd::{Uid, chown};

/// Runs a program under memcheck, which looks at every read and at every argument of a system call, and
/// whose word is the exit status.
fn memcheck_finds_no_error(program: &str, args: impl Fn(&Scene) -> Vec<OsString>) {
    if !needs::installed("valgrind", &["/usr/bin/valgrind"]) {
        return;
    }
    let mut scene = Scene::without_collector();
    artifacts::library("plain", &scene.path("libplain.so"), &[] as &[&str]);
    let (program, args) = (artifacts::program(program), args(&scene));
    let same = same_command_in_every_world(&mut scene, &|scene| {
        let mut command = scene.command(Path::new("/usr/bin/valgrind"));
        command.args(["-q", "--error-exitcode=99"]).arg(&program).args(&args);
        command
    });
    let _ = same.said();
    assert!(!same.events.loads_of(&scene.path("late.pm")).is_empty(), "{}", same.events.told());
}

#[test]
fn memcheck_finds_no_error_in_a_process_that_uses_everything() {
    memcheck_finds_no_error("state", |scene| {
        words![&scene.file("late.pm"), &scene.path("libplain.so"), &scene.path("absent.pm")]
    });
}

#[test]
fn memcheck_finds_no_error_in_several_threads() {
    memcheck_finds_no_error("threads", |scene| {
        words!["3", "10", &scene.file("late.pm"), &scene.path("libplain.so")]
    });
}

/// `fork.c` and `dlopen_in_child.c` under one of the compiler's sanitizers.
fn same_under(flags: &[&str], environment: &[(&str, &str)]) {
    let mut scene = Scene::without_collector();
    let (code, library) = (scene.file("late.pm"), scene.path("libplain.so"));
    artifacts::library("plain", &library, &[] as &[&str]);
    for (name, args) in [("fork", words![&code]), ("dlopen_in_child", words!["now", &library, &code])] {
        let program = artifacts::program_as(name, &format!("{name}{}", flags.join("")), flags);
        let same = same_command_in_every_world(&mut scene, &|scene| {
            let mut command = scene.command(&program);
            command.args(&args).envs(environment.iter().copied());
            command
        });
        let _ = same.said();
        let _ = same.events.the_load_of(&code);
    }
}

/// The runtime of this sanitizer wants to be the first library of all, and says so and ends otherwise.
#[test]
fn a_program_under_the_address_sanitizer_is_the_same_behind_its_runtime() {
    let Some(runtime) = address_sanitizer() else { return };
    let runtime = runtime.display().to_string();
    same_under(&["-fsanitize=address"], &[("LD_PRELOAD", &runtime)]);
}

#[test]
fn a_program_with_the_address_sanitizers_runtime_linked_into_it_is_the_same() {
    same_under(&["-fsanitize=address", "-static-libasan"], &[]);
}

/// Not the same, and not by the shim's doing: any library that is preloaded before the runtime ends so.
#[test]
fn the_address_sanitizers_runtime_refuses_to_come_second() {
    let scene = Scene::without_collector();
    let flags = ["-fsanitize=address"];
    let program = artifacts::program_as("fork", &format!("fork{}", flags.join("")), &flags);
    let ran = scene.run(scene.traced_command(&program).arg(scene.file("late.pm")));
    assert_eq!(ran.status.code(), Some(1));
    let words = String::from_utf8_lossy(&ran.stderr).into_owned();
    assert!(words.contains("ASan runtime does not come first"), "{words}");
}

#[test]
fn a_program_under_the_address_sanitizer_is_the_same_when_the_order_is_not_looked_at() {
    if address_sanitizer().is_some() {
        same_under(&["-fsanitize=address"], &[("ASAN_OPTIONS", "verify_asan_link_order=0")]);
    }
}

#[test]
fn a_program_under_the_sanitizers_of_undefined_behaviour_and_of_threads_is_the_same() {
    if needs::installed("libubsan1", &["/usr/lib/x86_64-linux-gnu/libubsan.so.1"]) {
        same_under(&["-fsanitize=undefined"], &[]);
    }
    if needs::installed("libtsan2", &["/usr/lib/x86_64-linux-gnu/libtsan.so.2"]) {
        same_under(&["-fsanitize=thread"], &[]);
    }
}

fn address_sanitizer() -> Option<PathBuf> {
    needs::versioned("libasan8", "/usr/lib/x86_64-linux-gnu/libasan.so.*")
}

#[test]
fn a_static_program_does_not_take_the_shim_and_is_the_same() {
    let mut scene = Scene::without_collector();
    let code = scene.file("late.pm");
    let program = artifacts::program_as("fork", "fork.static", &["-static"]);
    let same = same_command_in_every_world(&mut scene, &|scene| {
        let mut command = scene.command(&program);
        command.arg(&code);
        command
    });
    assert_eq!(same.events.of("start").count(), 0, "{}", same.events.told());
}

#[test]
fn a_program_with_another_users_rights_does_not_take_the_shim_and_is_the_same() {
    if !needs::root() {
        return;
    }
    let mut scene = Scene::without_collector();
    let code = scene.file("late.pm");
    let said = same_in_every_world(&mut scene, "secure", words![&code]).said();
    assert_eq!(said, "secure 0\n");
    let setuid = scene.path("setuid");
    std::fs::copy(artifacts::program("secure"), &setuid).expect("a file in the scene");
    chown(&setuid, Some(Uid::from_raw(65534)), None).expect("root may give a file away");
    let with_rights = std::os::unix::fs::PermissionsExt::from_mode(0o4755);
    std::fs::set_permissions(&setuid, with_rights).expect("root may set rights");
    let folder = std::os::unix::fs::PermissionsExt::from_mode(0o777);
    std::fs::set_permissions(scene.path(""), folder).expect("rights of the scene's folder");
    let same = same_command_in_every_world(&mut scene, &|scene| {
        let mut command = scene.command(&setuid);
        command.arg(&code);
        command
    });
    assert_eq!(same.said(), "secure 1\n");
    assert_eq!(same.events.of("start").filter(|start| start.text("program") == "setuid").count(), 0);
}

/// Programs of the system, each of them at work on something, say the same with and without.
#[test]
fn programs_of_the_system_say_the_same() {
    let scene = Scene::start();
    let script = scene.path("forks.pl");
    std::fs::write(
        &script,
        "use POSIX (); my $pid = fork; if (!$pid) { require Data::Dumper; print Data::Dumper::Dumper([1]); exit 7 }\n\
         waitpid $pid, 0; print $? >> 8, \"\\n\"; exit 3;\n",
    )
    .expect("a file in the scene");
    let shell = "echo one; (echo two; exit 4); echo $?; ls /nowhere; exit 5";
    let script = script.display().to_string();
    let commands: [(&str, &str, &[&str]); 3] = [
        ("dash", "/bin/sh", &["-c", shell]),
        ("perl", "/usr/bin/perl", &[&script]),
        ("bash", "/bin/bash", &["-c", shell]),
    ];
    for (package, program, args) in commands {
        if !needs::installed(package, &[program]) {
            continue;
        }
        let plain = scene.run(scene.command(Path::new(program)).args(args));
        let traced = scene.run(
            scene
                .command(Path::new(program))
                .args(args)
                .env("LD_PRELOAD", artifacts::shim())
                .env("ALIVE_ADDR", scene.address().to_string()),
        );
        assert_eq!(traced, plain, "{program}");
    }
}
