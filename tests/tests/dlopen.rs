//! Native libraries: the caller must not matter less, and dependencies must not be forgotten.

use std::path::{Path, PathBuf};

use alive_tests::artifacts;
use alive_tests::running::Outcome;
use alive_tests::scene::Scene;

/// A program must end the same way with the shim as without; returns how.
fn same_with_and_without(scene: &Scene, program: &str, args: &[&Path]) -> Outcome {
    let without = scene.run(scene.plain(program).args(args));
    let with = scene.run(scene.traced(program).args(args));
    assert_eq!(with, without, "{program} {args:?}");
    with
}

/// `name.so` of `programs/lib/`, in a folder of the scene.
fn library(scene: &Scene, name: &str, at: &str) -> PathBuf {
    let out = scene.path(at);
    artifacts::library(name, &out, &[] as &[&str]);
    out
}

#[test]
fn a_library_opened_by_its_path_is_one_load_and_no_more() {
    let scene = Scene::start();
    let plain = library(&scene, "plain", "libplain.so");
    for how in ["now", "lazy"] {
        let ran = scene.run(scene.traced("dlopen_in_child").arg(how).arg(&plain)).well();
        assert_eq!(ran.said(), "well: no words\n");
    }
    let events = scene.events();
    let loads = events.loads_of(&plain);
    assert_eq!(loads.len(), 2, "one in each of two runs: {}", events.told());
    for load in loads {
        assert_eq!((load.text("kind"), load.text("language")), ("library", "native"));
        assert_eq!((load.text("via"), load.text("outcome")), ("dlopen", "loaded"));
        assert_eq!(load.text("pulled_in_by"), "");
    }
}

/// `liba` with `RUNPATH $ORIGIN/private` opens `libplain.so`, which only that RUNPATH leads to.
/// An interposer that calls dlopen itself becomes the caller, and the library is not found.
#[test]
fn a_library_that_only_its_callers_runpath_leads_to_is_found_and_reported() {
    let scene = Scene::start();
    let private = library(&scene, "plain", "app/private/libplain.so");
    let caller = scene.path("app/libcaller.so");
    artifacts::library("caller", &caller, &["-Wl,--enable-new-dtags", "-Wl,-rpath,$ORIGIN/private"]);
    let after = scene.file("after.pm");
    let args = [caller.as_path(), Path::new("libplain.so"), &after];
    assert_eq!(same_with_and_without(&scene, "dlopen_through", &args).well().said(), "well\n");
    let events = scene.events();
    assert_eq!(events.the_load_of(&private).text("kind"), "library");
}

#[test]
fn origin_in_the_name_itself_is_the_callers_folder() {
    let scene = Scene::start();
    let private = library(&scene, "plain", "app/private/libplain.so");
    let caller = library(&scene, "caller", "app/libcaller.so");
    let after = scene.file("after.pm");
    let args = [caller.as_path(), Path::new("$ORIGIN/private/libplain.so"), &after];
    assert_eq!(same_with_and_without(&scene, "dlopen_through", &args).well().said(), "well\n");
    let _ = scene.events().the_load_of(&private);
}

#[test]
fn a_dependency_is_a_load_of_its_own_and_says_who_pulled_it_in() {
    let scene = Scene::start();
    let dependency = library(&scene, "plain", "libplain.so");
    let whole = scene.path("libneeds_plain.so");
    let folder = format!("-L{}", scene.path("").display());
    artifacts::library("needs_plain", &whole, &[folder.as_str(), "-lplain", "-Wl,-rpath,$ORIGIN"]);
    let _ = scene.run(scene.traced("dlopen_in_child").arg("now").arg(&whole)).well();
    let events = scene.events();
    assert_eq!(events.the_load_of(&whole).text("pulled_in_by"), "");
    let pulled = events.the_load_of(&dependency);
    assert_eq!(alive_tests::events::canonical(Path::new(pulled.text("pulled_in_by"))), whole);
    assert_eq!(pulled.text("via"), "linkmap");
}

#[test]
fn what_the_parent_has_already_is_no_load() {
    let scene = Scene::start();
    let plain = library(&scene, "plain", "libplain.so");
    let ran = scene.run(scene.traced("dlopen_in_child").arg("preloaded").arg(&plain)).well();
    assert_eq!(ran.said(), "well: no words\n");
    scene.events().assert_no_load();
}

#[test]
fn asking_for_the_main_program_is_no_load() {
    let scene = Scene::start();
    let ran = scene.run(scene.traced("dlopen_in_child").args(["null", "-"])).well();
    assert_eq!(ran.said(), "well: no words\n");
    scene.events().assert_no_load();
}

#[test]
fn asking_whether_a_library_is_there_is_no_load() {
    let scene = Scene::start();
    let plain = library(&scene, "plain", "libplain.so");
    let args = [Path::new("noload"), &plain];
    let ran = same_with_and_without(&scene, "dlopen_in_child", &args).well();
    assert!(ran.said().starts_with("failed"), "{}", ran.said());
    scene.events().assert_no_load();
}

#[test]
fn a_library_that_is_not_there_is_no_load_and_dlerror_has_the_same_words() {
    let scene = Scene::start();
    let absent = scene.path("libabsent.so");
    let broken = scene.file("libbroken.so");
    for library in [absent, broken, "libalive-never-there.so.7".into()] {
        let ran = same_with_and_without(&scene, "dlopen_in_child", &[Path::new("now"), &library]).well();
        assert!(ran.said().starts_with("failed: "), "{}", ran.said());
    }
    let loaded = scene.events().of("load").filter(|load| load.text("outcome") == "loaded").count();
    assert_eq!(loaded, 0, "{}", scene.events().told());
}

/// A bare name is found through the linker's own path, and reported by the path it was found at.
#[test]
fn a_library_of_the_system_is_reported_by_its_whole_path() {
    let scene = Scene::start();
    let ran = scene.run(scene.traced("dlopen_in_child").args(["now", "libresolv.so.2"])).well();
    assert_eq!(ran.said(), "well: no words\n");
    let events = scene.events();
    let loads: Vec<_> = events.of("load").collect();
    assert_eq!(loads.len(), 1, "{}", events.told());
    assert!(
        loads[0].path().is_absolute() && loads[0].path().ends_with("libresolv.so.2"),
        "{}",
        events.told()
    );
}

/// glibc opens character sets and name services itself; no hook sees it, the linker's list does.
#[test]
fn a_library_that_glibc_opens_for_itself_is_a_load() {
    let scene = Scene::start();
    let code = scene.file("late.pm");
    let _ = scene.run(scene.traced("converts").arg(&code)).well();
    let events = scene.events();
    let hidden: Vec<_> = events.of("load").filter(|load| load.path().ends_with("gconv/SJIS.so")).collect();
    assert_eq!(hidden.len(), 1, "{}", events.told());
    assert_eq!((hidden[0].text("via"), hidden[0].text("kind")), ("linkmap", "library"));
}

#[test]
fn a_library_that_was_closed_and_is_opened_again_is_loaded_again() {
    let scene = Scene::start();
    let plain = library(&scene, "plain", "libplain.so");
    let _ = scene.run(scene.traced("dlopen_twice").arg(&plain)).well();
    let events = scene.events();
    assert_eq!(events.loads_of(&plain).len(), 2, "{}", events.told());
}
