//! The programs of all tests end the same, and say the same, in every world.

use std::ffi::OsString;

use alive_tests::scene::Scene;
use alive_tests::worlds::same_in_every_world;
use alive_tests::{artifacts, words};

/// Runs programs one after the other in every world.
fn all_the_same(scene: &mut Scene, programs: &[(&str, Vec<OsString>)]) {
    for (program, args) in programs {
        let _ = same_in_every_world(scene, program, args.clone());
    }
}

#[test]
fn programs_that_fork() {
    let mut scene = Scene::without_collector();
    let (code, other) = (scene.file("late.pm"), scene.file("other.rb"));
    let absent = scene.path("absent.pm");
    all_the_same(
        &mut scene,
        &[
            ("fork", words![&code, &other]),
            ("fork", words![&absent]),
            ("bare_fork", words![&code]),
            ("raw_clone", words![&code]),
            ("raw_clone", words![&code, "clone3"]),
            ("nested_forks", words!["4", &code]),
        ],
    );
}

#[test]
fn programs_that_execute_other_programs() {
    let mut scene = Scene::without_collector();
    let (code, other) = (scene.file("late.pm"), scene.file("other.rb"));
    all_the_same(
        &mut scene,
        &[("vfork", words![&code, &other]), ("spawn", words![&code]), ("exec_after_fork", words![&code])],
    );
}

#[test]
fn programs_that_open_files() {
    let mut scene = Scene::without_collector();
    let code = scene.file("late.pm");
    let (absent, written) = (scene.path("absent.pm"), scene.file("written.py"));
    all_the_same(
        &mut scene,
        &[
            ("close_range", words![&code]),
            ("descriptors", words![&code]),
            ("errno", words![&code, &absent]),
            ("parent_loads", words![&code]),
            ("open_for_writing", words![&written]),
            ("open_family", words!["__openat64_2", &code]),
            ("open_family", words!["freopen64", &absent]),
            ("environment_gone", words![&code]),
        ],
    );
}

#[test]
fn programs_that_open_libraries() {
    let mut scene = Scene::without_collector();
    let code = scene.file("late.pm");
    let (library, absent) = (scene.path("libplain.so"), scene.path("absent.so"));
    artifacts::library("plain", &library, &[] as &[&str]);
    all_the_same(
        &mut scene,
        &[
            ("dlopen_in_child", words!["now", &library]),
            ("dlopen_in_child", words!["lazy", &absent]),
            ("dlopen_in_child", words!["null", "-"]),
            ("dlopen_twice", words![&library]),
            ("converts", words![&code]),
        ],
    );
}

/// The library that `libcaller.so` opens lies where only its own RUNPATH leads.
#[test]
fn programs_that_open_libraries_through_others() {
    let mut scene = Scene::without_collector();
    let (code, caller) = (scene.file("late.pm"), scene.path("app/libcaller.so"));
    artifacts::library("plain", &scene.path("app/private/libplain.so"), &[] as &[&str]);
    artifacts::library("caller", &caller, &["-Wl,--enable-new-dtags", "-Wl,-rpath,$ORIGIN/private"]);
    all_the_same(
        &mut scene,
        &[
            ("dlopen_through", words![&caller, "libplain.so", &code]),
            ("dlopen_through", words![&caller, "$ORIGIN/private/libplain.so", &code]),
            ("dlopen_through", words![&caller, "libabsent.so", &code]),
        ],
    );
}

#[test]
fn a_program_that_forks_while_a_thread_is_in_the_loader() {
    let mut scene = Scene::without_collector();
    let (code, slow) = (scene.file("late.pm"), scene.path("libslow.so"));
    artifacts::library("slow", &slow, &[] as &[&str]);
    all_the_same(&mut scene, &[("loader_lock_at_fork", words![&slow, &code])]);
}

#[test]
fn programs_with_threads_and_workers() {
    let mut scene = Scene::without_collector();
    let (code, other) = (scene.file("late.pm"), scene.file("other.rb"));
    let library = scene.path("libplain.so");
    artifacts::library("plain", &library, &[] as &[&str]);
    all_the_same(
        &mut scene,
        &[
            ("thread_forks", words![&code]),
            ("threads", words!["4", "100", &code, &library]),
            ("workers", words!["4", "20", &code, &other]),
        ],
    );
}

#[test]
fn programs_with_signals_and_filters() {
    let mut scene = Scene::without_collector();
    let code = scene.file("late.pm");
    all_the_same(
        &mut scene,
        &[
            ("signal_handler", words![&code]),
            ("signal_storm", words![&code, "2000"]),
            ("seccomp", words!["prctl", &code]),
            ("seccomp", words!["syscall", &code]),
        ],
    );
}

#[test]
fn programs_that_search() {
    let mut scene = Scene::without_collector();
    let (code, absent) = (scene.file("late.pm"), scene.path("absent.pm"));
    let folders = scene.path("inc");
    let steps = [format!("stat:{}", absent.display()), format!("access:{}", code.display())];
    all_the_same(
        &mut scene,
        &[
            ("probes", words!["child", &steps[0], &steps[1], "open:BAD"]),
            ("search_threads", words!["4", "50", &folders]),
        ],
    );
}
