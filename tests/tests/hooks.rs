//! Each function of the open and fopen families: it reports a load, and it lets everything else pass.

use alive_tests::scene::Scene;

/// Those that open for reading. `creat` and `creat64` never do.
const READERS: [&str; 12] = [
    "open",
    "open64",
    "openat",
    "openat64",
    "__open_2",
    "__open64_2",
    "__openat_2",
    "__openat64_2",
    "fopen",
    "fopen64",
    "freopen",
    "freopen64",
];

#[test]
fn every_function_reports_a_file_of_code() {
    let scene = Scene::start();
    for function in READERS {
        let code = scene.file(format!("{function}.rb"));
        let ran = scene.run(scene.traced("open_family").arg(function).arg(&code)).well();
        assert_eq!(ran.said(), "well\n", "{function}");
    }
    let events = scene.events();
    for function in READERS {
        let load = events.the_load_of(&scene.path(format!("{function}.rb")));
        let via = if function.contains("open") && function.starts_with('f') { "fopen" } else { "open" };
        assert_eq!((load.text("via"), load.text("language")), (via, "ruby"), "{function}");
    }
    assert_eq!(events.of("load").count(), READERS.len(), "{}", events.told());
}

#[test]
fn no_function_reports_a_file_that_is_no_code() {
    let scene = Scene::start();
    for function in READERS {
        let notes = scene.file(format!("{function}.txt"));
        let ran = scene.run(scene.traced("open_family").arg(function).arg(&notes)).well();
        assert_eq!(ran.said(), "well\n", "{function}");
    }
    scene.events().assert_no_load();
}

#[test]
fn a_file_that_is_not_there_is_no_load_and_errno_says_so() {
    let scene = Scene::start();
    let enoent = "failed 2\n";
    for function in READERS {
        let absent = scene.path(format!("{function}.pm"));
        let ran = scene.run(scene.traced("open_family").arg(function).arg(&absent)).well();
        assert_eq!(ran.said(), enoent, "{function}");
    }
    scene.events().assert_no_load();
}

#[test]
fn creating_a_file_of_code_is_no_load() {
    let scene = Scene::start();
    for function in ["creat", "creat64"] {
        let made = scene.path(format!("{function}.pm"));
        let ran = scene.run(scene.traced("open_family").arg(function).arg(&made)).well();
        assert_eq!(ran.said(), "well\n", "{function}");
        assert!(made.exists(), "{function}");
    }
    scene.events().assert_no_load();
}

#[test]
fn a_file_opened_for_writing_is_no_load() {
    let scene = Scene::start();
    let code = scene.file("written.py");
    let _ = scene.run(scene.traced("open_for_writing").arg(&code)).well();
    scene.events().assert_no_load();
}

#[test]
fn the_suffix_tells_the_language() {
    let scene = Scene::start();
    let known = [
        ("a.pm", "perl"),
        ("a.pl", "perl"),
        ("a.psgi", "perl"),
        ("a.py", "python"),
        ("a.pyc", "python"),
        ("a.rb", "ruby"),
        ("a.ru", "ruby"),
        ("a.php", "php"),
        ("a.phar", "php"),
        ("a.lua", "lua"),
        ("a.js", "javascript"),
        ("a.mjs", "javascript"),
        ("a.tcl", "tcl"),
        ("a.jar", "java"),
        ("a.bc", "llvm"),
    ];
    let files: Vec<_> = known.iter().map(|(name, _)| scene.file(name)).collect();
    let _ = scene.run(scene.traced("fork").args(&files)).well();
    let events = scene.events();
    for (file, (name, language)) in files.iter().zip(known) {
        assert_eq!(events.the_load_of(file).text("language"), language, "{name}");
    }
}

#[test]
fn a_suffix_of_the_users_own_counts_too() {
    let scene = Scene::start();
    let code = scene.file("rules.mycode");
    let _ = scene.run(scene.traced("fork").arg(&code)).well();
    scene.events().assert_no_load();
    let _ = scene.run(scene.traced("fork").env("ALIVE_MATCH", ".mycode").arg(&code)).well();
    assert_eq!(scene.events().the_load_of(&code).text("language"), "other");
}

#[test]
fn the_path_is_the_kernels_whatever_the_caller_called_it() {
    let scene = Scene::start();
    let code = scene.file("real/late.pm");
    std::os::unix::fs::symlink("real", scene.path("link")).expect("a symbolic link");
    for words in ["real/late.pm", "./real/../real/late.pm", "link/late.pm"] {
        let _ = scene.run(scene.traced("fork").arg(words)).well();
    }
    let events = scene.events();
    let paths: Vec<_> = events.of("load").map(|load| load.path().to_path_buf()).collect();
    let real = code.canonicalize().expect("the file is there");
    assert_eq!(paths, [real.clone(), real.clone(), real], "{}", events.told());
}

#[test]
fn alive_off_turns_everything_off() {
    let scene = Scene::start();
    let code = scene.file("late.pm");
    let _ = scene.run(scene.traced("fork").env("ALIVE_OFF", "1").arg(&code)).well();
    let events = scene.events();
    assert_eq!(events.of("load").count() + events.of("start").count(), 0, "{}", events.told());
}

#[test]
fn alive_name_is_the_programs_label() {
    let scene = Scene::start();
    let code = scene.file("late.pm");
    let _ = scene.run(scene.traced("fork").env("ALIVE_NAME", "checkout").arg(&code)).well();
    assert_eq!(scene.events().the_load_of(&code).text("program"), "checkout");
}
