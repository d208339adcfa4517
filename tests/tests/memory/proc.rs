//! `alive mem` and `alive inspect` of a program that holds what it is told to.

use std::path::Path;

use alive_tests::running::Running;
use alive_tests::scene::Scene;
use alive_tests::{artifacts, needs};
use nix::sys::signal::Signal;
use serde_json::Value;

use crate::{BESIDE, KIB, alive, json, library, list, number, ready, words};

#[test]
fn what_each_process_holds_and_all_together() {
    let scene = Scene::without_collector();
    let library = library(&scene);
    let (_running, parent, children) = ready(&scene, scene.plain("holds").args(words(&library)));
    let shown = json(scene.run(&mut alive(&scene, &["mem", &parent.to_string(), "--format", "json"])));
    let processes = list(&shown["processes"]);
    let pids: Vec<u64> = processes.iter().map(|process| number(&process["pid"])).collect();
    let expected: Vec<u64> = std::iter::once(parent).chain(children).map(u64::from).collect();
    assert_eq!(pids, expected, "{shown:#}");
    for child in &processes[1..] {
        assert_eq!(child["parent"], parent);
        let dirty = number(&child["private_dirty_kib"]);
        assert!((KIB..KIB + BESIDE).contains(&dirty), "{child:#}");
        assert!(number(&child["pss_kib"]) >= number(&child["uss_kib"]), "{child:#}");
        assert!(child["command"].as_str().is_some_and(|command| command.contains("holds 3")), "{child:#}");
    }
    let sum = |key: &str| processes.iter().map(|process| number(&process[key])).sum::<u64>();
    assert_eq!(shown["total"]["processes"], 4);
    for key in ["pss_kib", "uss_kib", "private_dirty_kib"] {
        assert_eq!(number(&shown["total"][key]), sum(key), "{shown:#}");
    }
    let table = scene.run(&mut alive(&scene, &["mem", &parent.to_string()])).well().said();
    let (figures, next) = table.split_once("\n\n").expect("what to type next stands below");
    assert!(figures.contains("PRIVATE DIRTY") && figures.ends_with("4 processes"), "{table}");
    assert!(next.contains(&format!("alive inspect {parent}")), "{table}");
}

#[test]
fn libraries_that_workers_map_and_their_parent_does_not() {
    let scene = Scene::without_collector();
    let library = library(&scene);
    let (_running, parent, children) = ready(&scene, scene.plain("holds").args(words(&library)));
    let inspect =
        || json(scene.run(&mut alive(&scene, &["inspect", &parent.to_string(), "--format", "json"])));
    let shown = inspect();
    let families = list(&shown["families"]);
    assert_eq!(families.len(), 1, "{shown:#}");
    assert_eq!(list(&families[0]["workers"]).len(), 3, "{shown:#}");
    let late = list(&families[0]["late"]);
    assert_eq!(late.len(), 1, "what the parent mapped is not late: {shown:#}");
    assert_eq!(late[0]["path"], library.canonicalize().expect("it is there").display().to_string());
    assert_eq!((&late[0]["kind"], &late[0]["verdict"]), (&"library".into(), &"preload".into()));
    assert_eq!((&late[0]["workers"], &late[0]["of"]), (&serde_json::json!(children[..2]), &3.into()));
    assert!(number(&late[0]["private_dirty_kib"]) >= 2 * 4, "relocated data, in each: {shown:#}");
    assert_eq!(late[0]["deleted"], false);

    std::fs::remove_file(&library).expect("a file in the scene");
    assert_eq!(list(&inspect()["families"][0]["late"])[0]["deleted"], true);
    let table = scene.run(&mut alive(&scene, &["inspect", &parent.to_string()])).well().said();
    let words: Vec<&str> = table.split_whitespace().collect();
    assert!(words.join(" ").contains("its 3 workers map 1 library ") && table.contains("2 of 3"), "{table}");
}

#[test]
fn what_another_user_may_not_see_is_said_and_is_no_zero() {
    let scene = Scene::without_collector();
    if !needs::root() || !needs::installed("util-linux", &["/usr/bin/setpriv"]) {
        return;
    }
    let library = library(&scene);
    let mut words = words(&library).to_vec();
    words.push("65534".into());
    let (_running, parent, children) = ready(&scene, scene.plain("holds").args(words));
    // The build may lie where only root may go.
    let program = scene.path("alive");
    std::fs::copy(artifacts::built("alive"), &program).expect("a file in the scene");
    for path in [scene.path("."), program.clone()] {
        let open = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        std::fs::set_permissions(path, open).expect("the scene's own");
    }
    let refused = |command: &str, pid: u32| {
        let mut as_nobody = scene.command(Path::new("/usr/bin/setpriv"));
        as_nobody.args(["--reuid=65534", "--regid=65534", "--clear-groups", "--"]).arg(&program);
        let ran = scene.run(as_nobody.args([command, &pid.to_string()]));
        assert_eq!((ran.status.code(), ran.said().as_str()), (Some(5), ""), "{command} {pid}");
        String::from_utf8_lossy(&ran.stderr).into_owned()
    };
    for command in ["mem", "inspect"] {
        let said = refused(command, parent);
        assert!(said.contains("belongs to user 0: run alive as root"), "{said}");
        let said = refused(command, children[0]);
        assert!(said.contains("closes it to its own user 65534"), "{said}");
    }
}

/// Root without the capability sees processes that have no more than itself, and is told why it does not see the
/// others.
#[test]
fn what_cannot_be_read_is_left_out_of_the_sums() {
    let scene = Scene::without_collector();
    if !needs::root() || !needs::installed("util-linux", &["/usr/bin/setpriv"]) {
        return;
    }
    let library = library(&scene);
    let mut words = words(&library).to_vec();
    words.push("65534".into());
    let incapable = |program: &Path| {
        let mut command = scene.command(Path::new("/usr/bin/setpriv"));
        let without = "-sys_ptrace,-perfmon,-sys_admin";
        command.args(["--bounding-set", without, "--inh-caps", without, "--"]).arg(program);
        command
    };
    let (_running, parent, children) = ready(&scene, incapable(&artifacts::program("holds")).args(words));
    let incapable = |args: &[&str]| scene.run(incapable(&artifacts::built("alive")).args(args));
    let shown = json(incapable(&["mem", &parent.to_string(), "--format", "json"]));
    assert_eq!(shown["total"]["processes"], 1, "{shown:#}");
    for child in &list(&shown["processes"])[1..] {
        assert!(child["not_read"].as_str().is_some_and(|why| why.contains("CAP_SYS_PTRACE")), "{child:#}");
        assert_eq!(child.get("pss_kib"), None, "{child:#}");
    }
    let shown = json(incapable(&["inspect", &parent.to_string(), "--format", "json"]));
    assert_eq!(list(&shown["families"][0]["not_compared"]).len(), 3, "{shown:#}");
    let alone = incapable(&["mem", &children[0].to_string()]);
    assert_eq!(alone.status.code(), Some(5), "{}", alone.said());
}

#[test]
fn nobody_there_and_nothing_to_read_are_told_apart() {
    let scene = Scene::without_collector();
    for command in ["mem", "inspect"] {
        let ran = scene.run(&mut alive(&scene, &[command, "4194305"]));
        assert_eq!(ran.status.code(), Some(4), "beyond the largest pid that Linux has");
        let said = String::from_utf8_lossy(&ran.stderr).into_owned();
        assert!(said.contains("there is no process 4194305") && said.contains("pgrep"), "{said}");
        assert_eq!(scene.run(&mut alive(&scene, &[command, "0"])).status.code(), Some(2));
    }
}

#[test]
fn watching_ends_with_the_process() {
    let scene = Scene::without_collector();
    let library = library(&scene);
    let (running, parent, _) = ready(&scene, scene.plain("holds").args(words(&library)));
    let words = ["mem", &parent.to_string(), "--watch", "0.1", "--format", "json"];
    let mut watch = Running::start(&scene, &mut alive(&scene, &words));
    let first: Value =
        serde_json::from_str(&format!("{{{}", watch.await_line("{"))).expect("an object a line");
    assert_eq!(first["total"]["processes"], 4);
    running.signal(Signal::SIGTERM);
    let _ = running.end().well();
    let said = watch.end().well().said();
    assert!(said.lines().all(|line| serde_json::from_str::<Value>(line).is_ok()), "{said}");
}

#[test]
fn a_reader_that_has_seen_enough_ends_the_watch() {
    let scene = Scene::without_collector();
    let myself = std::process::id().to_string();
    let program = artifacts::built("alive");
    let script = format!("'{}' mem {myself} --watch 0.1 | head -n 1", program.display());
    let mut shell = scene.command(Path::new("/bin/bash"));
    let ran = scene.run(shell.args(["-c", &format!("set -o pipefail; {script}")])).well();
    assert_eq!((ran.said().lines().count(), ran.stderr.as_slice()), (1, &b""[..]));
}
