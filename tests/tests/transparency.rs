//! The program must not notice the shim, whether somebody listens or not.

use std::path::Path;
use std::process::Command;

use alive_tests::scene::Scene;
use alive_tests::{artifacts, needs};

/// Every program here with arguments that make sense for it, in a scene with the files it wants.
fn programs(scene: &Scene) -> Vec<(&'static str, Vec<String>)> {
    let code = scene.file("late.pm").display().to_string();
    let other = scene.file("other.rb").display().to_string();
    let absent = scene.path("absent.pm").display().to_string();
    let library = scene.path("libplain.so");
    artifacts::library("plain", &library, &[] as &[&str]);
    let library = library.display().to_string();
    let one = |words: &[&str]| words.iter().map(|&word| word.to_owned()).collect::<Vec<_>>();
    vec![
        ("fork", one(&[&code, &other])),
        ("fork", one(&[&absent])),
        ("bare_fork", one(&[&code])),
        ("raw_clone", one(&[&code])),
        ("vfork", one(&[&code, &other])),
        ("spawn", one(&[&code])),
        ("exec_after_fork", one(&[&code])),
        ("thread_forks", one(&[&code])),
        ("nested_forks", one(&["4", &code])),
        ("many_forks", one(&["70", &code])),
        ("signal_handler", one(&[&code])),
        ("signal_storm", one(&[&code, "2000"])),
        ("close_range", one(&[&code])),
        ("descriptors", one(&[&code])),
        ("errno", one(&[&code, &absent])),
        ("parent_loads", one(&[&code])),
        ("open_for_writing", one(&[&scene.file("written.py").display().to_string()])),
        ("open_family", one(&["__openat64_2", &code])),
        ("open_family", one(&["freopen64", &absent])),
        ("dlopen_in_child", one(&["now", &library])),
        ("dlopen_in_child", one(&["lazy", &absent])),
        ("dlopen_in_child", one(&["null", "-"])),
        ("environment_gone", one(&[&code])),
        ("seccomp", one(&["prctl", &code])),
        ("seccomp", one(&["syscall", &code])),
        ("workers", one(&["4", "20", &code, &other])),
        ("threads", one(&["4", "100", &code, &library])),
        ("converts", one(&[&code])),
        ("dlopen_twice", one(&[&library])),
        ("probes", one(&["child", &format!("stat:{absent}"), &format!("access:{code}"), "open:BAD"])),
        ("search_threads", one(&["4", "50", &scene.path("inc").display().to_string()])),
    ]
}

/// Exit status, output and error output of every program, with and without the shim.
fn assert_all_the_same(scene: &Scene) {
    for (program, args) in programs(scene) {
        let without = scene.run(scene.plain(program).args(&args));
        let with = scene.run(scene.traced(program).args(&args));
        assert_eq!(with, without, "{program} {args:?}");
    }
}

#[test]
fn every_program_ends_the_same_with_a_collector() {
    assert_all_the_same(&Scene::start());
}

#[test]
fn every_program_ends_the_same_without_a_collector() {
    assert_all_the_same(&Scene::without_collector());
}

#[test]
fn every_program_ends_the_same_after_the_collector_is_gone() {
    let mut scene = Scene::start();
    scene.stop_collector();
    assert_all_the_same(&scene);
}

#[test]
fn the_numbers_of_descriptors_are_the_ones_the_program_would_get() {
    let scene = Scene::start();
    let code = scene.file("late.pm");
    let without = scene.run(scene.plain("descriptors").arg(&code)).well();
    let with = scene.run(scene.traced("descriptors").arg(&code)).well();
    assert_eq!(with.said(), without.said());
    assert_eq!(scene.events().loads_of(&code).len(), 6);
}

#[test]
fn after_every_descriptor_was_closed_loads_are_still_reported() {
    let scene = Scene::start();
    let code = scene.file("late.pm");
    let ran = scene.run(scene.traced("close_range").arg(&code)).well();
    assert_eq!(ran.said(), "descriptor 3\n");
    let _ = scene.events().the_load_of(&code);
}

#[test]
fn errno_is_the_programs_own() {
    let scene = Scene::start();
    let (code, absent) = (scene.file("late.pm"), scene.path("absent.pm"));
    let ran = scene.run(scene.traced("errno").args([&code, &absent])).well();
    assert_eq!(
        ran.said(),
        "open: well, errno 4711\n\
         open: failed, errno 2\n\
         open of a bad address: failed, errno 14\n\
         fopen: failed, errno 2\n"
    );
}

#[test]
fn a_storm_of_signals_disturbs_no_result_and_loses_no_load() {
    let scene = Scene::start();
    let code = scene.file("late.pm");
    let _ = scene.run(scene.traced("signal_storm").arg(&code).arg("2000")).well();
    // The handler adds its own loads to the program's 2,000.
    assert!(scene.events().loads_of(&code).len() > 2000);
}

#[test]
fn threads_that_load_all_at_once_each_have_every_load_reported() {
    let scene = Scene::start();
    let code = scene.file("late.pm");
    let library = scene.path("libplain.so");
    artifacts::library("plain", &library, &[] as &[&str]);
    let _ = scene.run(scene.traced("threads").args(["4", "250"]).args([&code, &library])).well();
    assert_eq!(scene.events().loads_of(&code).len(), 1000);
}

/// The program counts the calls of its own allocator; see `programs/allocations.c`.
#[test]
fn no_hook_allocates() {
    let scene = Scene::start();
    let code = scene.file("late.pm");
    let library = scene.path("libplain.so");
    artifacts::library("plain", &library, &[] as &[&str]);
    let without = scene.run(scene.plain("allocations").args([&code, &library])).well();
    let with = scene.run(scene.traced("allocations").args([&code, &library])).well();
    assert_eq!(with.said(), without.said());
    assert!(with.said().starts_with("open 0\nopen64 0\nopenat 0\n"), "{}", with.said());
    // fopen allocates by itself, so the counter is known to count.
    assert!(
        with.said().lines().any(|line| line.starts_with("fopen ") && line != "fopen 0"),
        "{}",
        with.said()
    );
    assert!(scene.events().loads_of(&code).len() >= 20, "every hook went its whole way");
}

#[test]
fn a_child_that_may_open_no_socket_lives_and_its_load_is_counted_instead() {
    let scene = Scene::start();
    let code = scene.file("late.pm");
    for how in ["prctl", "syscall"] {
        let _ = scene.run(scene.traced("seccomp").arg(how).arg(&code)).well();
    }
    assert!(scene.events().loads_of(&code).is_empty());
}

#[test]
fn exactly_the_listed_functions_are_exported() {
    let listed = std::fs::read_to_string(artifacts::source("golden/exports.txt")).expect("the golden list");
    let mut exported: Vec<String> = tool("nm", &["-D", "--defined-only"], &artifacts::shim())
        .lines()
        .filter_map(|line| line.split_whitespace().last())
        .map(str::to_owned)
        .collect();
    exported.sort();
    assert_eq!(exported.join("\n") + "\n", listed, "update golden/exports.txt only with a hook's own tests");
}

#[test]
fn the_shim_needs_libc_and_nothing_else() {
    let needed: Vec<String> = tool("readelf", &["-d", "--wide"], &artifacts::shim())
        .lines()
        .filter(|line| line.contains("(NEEDED)"))
        .map(|line| line.split(['[', ']']).nth(1).unwrap_or_default().to_owned())
        .collect();
    assert_eq!(needed, ["libc.so.6"]);
}

/// What a program of binutils says of a file.
fn tool(name: &str, args: &[&str], file: &Path) -> String {
    let done = Command::new(name).args(args).arg(file).output();
    let done = done.unwrap_or_else(|error| panic!("{name}: {error}; install binutils"));
    assert!(done.status.success(), "{name}: {}", String::from_utf8_lossy(&done.stderr));
    String::from_utf8(done.stdout).expect("symbols are ASCII")
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
