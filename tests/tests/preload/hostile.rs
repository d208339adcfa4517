//! Files whose names would end a string, a comment or a line of the list that names them.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use alive_tests::scene::Scene;
use alive_tests::{artifacts, needs};

/// A scene in which a process has loaded files of these names, below its folder.
fn loaded(names: &[(&[u8], &str)]) -> Scene {
    let scene = Scene::without_collector();
    let mut command = scene.command(&artifacts::built("alive"));
    command.args(["run", "--db", "alive.db", "--"]).arg(artifacts::program("fork"));
    for (name, text) in names {
        let file = scene.path(OsStr::from_bytes(name));
        std::fs::create_dir_all(file.parent().expect("it lies in a folder")).expect("a folder in the scene");
        std::fs::write(&file, text).expect("a file in the scene");
        command.arg(file);
    }
    let _ = scene.run(&mut command).well();
    scene
}

/// The list of everything that was loaded, in a file that ends so.
fn list(scene: &Scene, ecosystem: &str, file: &str) -> (PathBuf, String) {
    let file = scene.path(file);
    let mut command = scene.command(&artifacts::built("alive"));
    command.args(["preload", "--all", "--db", "alive.db", "--for", ecosystem, "-o"]).arg(&file);
    let _ = scene.run(&mut command).well();
    let text = std::fs::read_to_string(&file).expect("a list is UTF-8");
    (file, text)
}

/// Runs an interpreter on a list; it must be content, and no name may have run anything.
#[track_caller]
fn assert_reads(scene: &Scene, words: &[&str], list: &Path) {
    let [program, options @ ..] = words else { panic!("no interpreter") };
    let _ = scene.run(scene.command(Path::new(program)).args(options).arg(list)).well();
    assert!(!scene.path("owned").exists(), "a name was run");
}

#[test]
fn perl() {
    if !needs::installed("perl libprefork-perl", &["/usr/bin/perl", "/usr/share/perl5/prefork.pm"]) {
        return;
    }
    let scene = loaded(&[
        (b"it's \\ here/Shop/Cart.pm", "package Shop::Cart; 1;\n"),
        (b"lib/Plain.pm", "1;\n"),
        (b"perl5/x; system('touch owned');.pm", "1;\n"),
        (b"perl5/New\nLine.pm", "1;\n"),
        (b"perl5/\xff.pm", "1;\n"),
        (b"app.psgi", "1;\n"),
    ]);
    let (file, text) = list(&scene, "perl", "AlivePreload.pm");
    assert!(text.contains("\nuse Shop::Cart ();") && text.contains("\nuse Plain ();"), "{text}");
    assert_eq!(text.matches("\nuse ").count(), 4, "two modules and their folders: {text}");
    assert_reads(&scene, &["/usr/bin/perl", "-c"], &file);
    let (file, _) = list(&scene, "prefork", "prefork.pl");
    assert_reads(&scene, &["/usr/bin/perl", "-c"], &file);
}

#[test]
fn python() {
    if !needs::installed("python3", &["/usr/bin/python3"]) {
        return;
    }
    let scene = loaded(&[
        (b"it's \"here\" \\/cart.py", "1;\n"),
        (b"site-packages/package/config.py", "1;\n"),
        (b"x;open('owned','w').py", "1;\n"),
        (b"class.py", "1;\n"),
        (b"new\nline.py", "1;\n"),
        (b"\xff.py", "1;\n"),
    ]);
    for (ecosystem, import) in [("python", "import "), ("gunicorn", "    import "), ("celery", "    import ")]
    {
        let (file, text) = list(&scene, ecosystem, &format!("{ecosystem}.py"));
        for module in ["cart", "package.config"] {
            assert!(text.contains(&format!("\n{import}{module}  # 1 of 1")), "{text}");
        }
        assert_eq!(text.matches(" 1 of 1").count(), 2, "{text}");
        assert_reads(&scene, &["/usr/bin/python3", "-m", "py_compile"], &file);
    }
    std::os::unix::fs::symlink(scene.path("site-packages/package"), scene.path("package")).expect("a link");
    // It runs, too: the folder with the quotes is found.
    assert_reads(&scene, &["/usr/bin/python3"], &scene.path("gunicorn.py"));
    let (_, text) = list(&scene, "uwsgi", "uwsgi.ini");
    assert!(text.contains("\nshared-import = package.config\n"), "{text}");
}

#[test]
fn ruby() {
    if !needs::installed("ruby", &["/usr/bin/ruby"]) {
        return;
    }
    let scene = loaded(&[
        (b"it's \"here\" #{`touch owned`} \\/cart.rb", "1;\n"),
        (b"#$0 #@a.rb", "1;\n"),
        (b"new\nline.rb", "1;\n"),
        (b"\xff.rb", "1;\n"),
        (b"config.ru", "1;\n"),
    ]);
    let (file, text) = list(&scene, "ruby", "list.rb");
    assert_eq!(text.matches("\nrequire ").count(), 2, "{text}");
    assert_reads(&scene, &["/usr/bin/ruby"], &file);
    let (file, text) = list(&scene, "puma", "puma.rb");
    assert!(text.contains("\npreload_app! #"), "{text}");
    assert_reads(&scene, &["/usr/bin/ruby", "-c"], &file);
}

#[test]
fn php() {
    if !needs::installed("php-cli", &["/usr/bin/php"]) {
        return;
    }
    let scene = loaded(&[
        (b"it's ?> here \\/cart.php", "<?php\n"),
        (b"'.touch('owned').'.php", "<?php\n"),
        (b"new\nline.php", "<?php\n"),
        (b"\xff.php", "<?php\n"),
    ]);
    let (file, text) = list(&scene, "php", "list.php");
    assert_eq!(text.matches("    '/").count(), 2, "{text}");
    assert_reads(&scene, &["/usr/bin/php", "-l"], &file);
    // It runs, too, and prints nothing: all of it is code.
    let mut command = scene.command(Path::new("/usr/bin/php"));
    let said = scene.run(command.args(["-d", "opcache.enable_cli=1"]).arg(&file)).well().said();
    assert_eq!(said, "", "{text}");
    assert!(!scene.path("owned").exists(), "a name was run");
}

/// What no list has a use for is said with the exit status of "nothing there".
#[test]
fn nothing_to_preload() {
    let scene = loaded(&[(b"cart.rb", "1;\n")]);
    let mut command = scene.command(&artifacts::built("alive"));
    let ran = scene.run(command.args(["preload", "--all", "--db", "alive.db", "--for", "perl"]));
    assert_eq!(ran.status.code(), Some(4));
    assert_eq!(ran.said(), "");
    let words = String::from_utf8_lossy(&ran.stderr);
    assert!(words.contains("nothing to preload for perl; 1 left out (for another list)"), "{words}");
    let mut command = scene.command(&artifacts::built("alive"));
    let ran = scene.run(command.args(["preload", "--db", "alive.db", "--for", "ruby", "--role", "nobody"]));
    assert_eq!(ran.status.code(), Some(2));
    let words = String::from_utf8_lossy(&ran.stderr);
    assert!(words.contains("no role is called nobody: name one of master, worker"), "{words}");
}
