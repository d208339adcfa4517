//! What running processes hold: by /proc with `alive mem` and `alive inspect`, by the collector's looks, and side
//! by side with `alive diff`.

use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use alive_tests::daemon::Start;
use alive_tests::running::{Outcome, Running};
use alive_tests::scene::Scene;
use alive_tests::{artifacts, needs, targets};
use nix::sys::signal::Signal;
use nix::unistd::Pid;
use serde_json::Value;

/// Longest wait for a look at a process: it comes two seconds after the process fell silent.
const DEADLINE: Duration = Duration::from_secs(20);

/// What each child of `holds` writes to.
const KIB: u64 = 12_000;

/// Small things that a process writes to beside that.
const BESIDE: u64 = 3_000;

fn alive(scene: &Scene, args: &[&str]) -> Command {
    let mut command = scene.command(&artifacts::built("alive"));
    command.args(args);
    command
}

fn json(outcome: Outcome) -> Value {
    let said = outcome.well().said();
    serde_json::from_str(&said).unwrap_or_else(|error| panic!("no JSON ({error}): {said}"))
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

fn number(value: &Value) -> u64 {
    value.as_u64().unwrap_or_else(|| panic!("no number: {value}"))
}

/// A library that nothing else loads.
fn library(scene: &Scene) -> PathBuf {
    let path = scene.path("liblate.so.1");
    artifacts::library("plain", &path, &[] as &[&str]);
    path
}

/// Words for `holds`: three children, two of which load the library.
fn words(library: &Path) -> [String; 4] {
    ["3".into(), KIB.to_string(), "2".into(), library.display().to_string()]
}

/// `holds`, started by `command`, with all its children ready; the parent's pid and theirs.
fn ready(scene: &Scene, command: &mut Command) -> (Running, u32, Vec<u32>) {
    let mut running = Running::start(scene, command);
    let _ = running.await_line("ready");
    let said = running.told();
    let children: Vec<u32> =
        said.lines().filter_map(|line| line.split_once("child ")?.1.trim().parse().ok()).collect();
    assert_eq!(children.len(), 3, "{said}");
    let parent = parent_of(children[0]);
    (running, parent, children)
}

fn parent_of(pid: u32) -> u32 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("the child lives");
    let parent = status.lines().find_map(|line| line.strip_prefix("PPid:")).expect("every process has one");
    parent.trim().parse().expect("a pid")
}

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
    assert!(
        table.contains("PRIVATE DIRTY")
            && table.lines().last().is_some_and(|line| line.ends_with("4 processes")),
        "{table}"
    );
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

/// Root without the capability sees its own processes and is told why it does not see the others.
#[test]
fn what_cannot_be_read_is_left_out_of_the_sums() {
    let scene = Scene::without_collector();
    if !needs::root() || !needs::installed("util-linux", &["/usr/bin/setpriv"]) {
        return;
    }
    let library = library(&scene);
    let mut words = words(&library).to_vec();
    words.push("65534".into());
    let (_running, parent, children) = ready(&scene, scene.plain("holds").args(words));
    let incapable = |args: &[&str]| {
        let mut command = scene.command(Path::new("/usr/bin/setpriv"));
        let without = "-sys_ptrace,-perfmon,-sys_admin";
        command.args(["--bounding-set", without, "--inh-caps", without, "--"]);
        scene.run(command.arg(artifacts::built("alive")).args(args))
    };
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

/// The memory of the workers in the report of a database.
fn looked(scene: &Scene, db: &str) -> Value {
    let report = json(scene.run(&mut alive(scene, &["report", "--db", db, "--format", "json"])));
    let roles = list(&report["programs"][0]["roles"]);
    let worker = roles.iter().find(|role| !role["parent"].is_null());
    worker.unwrap_or_else(|| panic!("no worker: {report:#}"))["memory"].clone()
}

#[test]
fn a_run_looks_at_its_workers_before_it_ends_them() {
    let scene = Scene::without_collector();
    let library = library(&scene);
    let program = artifacts::program("holds");
    let mut run = alive(&scene, &["run", "--db", "alive.db", "--"]);
    let (running, _, _) = ready(&scene, run.arg(&program).args(words(&library)));
    running.signal(Signal::SIGTERM);
    let table = running.end().well().said();
    assert!(table.contains("(mean of 3 processes)"), "{table}");
    let memory = looked(&scene, "alive.db");
    assert_eq!((&memory["processes"], &memory["unreadable"]), (&3.into(), &0.into()));
    for key in ["private_dirty_kib", "max_private_dirty_kib"] {
        let dirty = number(&memory[key]);
        assert!((KIB..KIB + BESIDE).contains(&dirty), "{memory:#}");
    }
}

#[test]
fn the_collector_looks_once_a_worker_is_silent() {
    let mut scene = Scene::start();
    let library = library(&scene);
    let (running, _, children) = ready(&scene, scene.traced("holds").args(words(&library)));
    let until = Instant::now() + DEADLINE;
    // Until something was written there is no report.
    let report = || scene.run(&mut alive(&scene, &["report", "--db", "alive.db"])).said();
    while !report().contains("(mean of 3 processes)") {
        assert!(Instant::now() < until, "no look: {}", report());
        std::thread::sleep(Duration::from_millis(100));
    }
    scene.stop_collector();
    running.signal(Signal::SIGTERM);
    let _ = running.end().well();
    let memory = looked(&scene, "alive.db");
    assert!(number(&memory["private_dirty_kib"]) >= KIB, "{memory:#}");
    assert!(nix::sys::signal::kill(Pid::from_raw(children[0].cast_signed()), None).is_err(), "it has ended");
    assert_eq!(looked(&scene, "alive.db")["processes"], 3, "what was seen stays");
}

/// A daemon by the words that start it, in the foreground and alone.
fn daemon(scene: &Scene, start: &Start) -> Command {
    let mut command = scene.command(Path::new(&start.command[0]));
    command.args(&start.command[1..]);
    command.envs(start.variables.iter().map(|(name, value)| (*name, value)));
    command
}

/// Waits until the daemon answers; its main process.
fn answers(running: &mut Running, start: &Start, pid_file: &Path) -> String {
    let until = Instant::now() + DEADLINE;
    loop {
        let pid = std::fs::read_to_string(pid_file).unwrap_or_default();
        if TcpStream::connect(start.address).is_ok() && pid.ends_with('\n') {
            return pid.trim().to_owned();
        }
        assert!(!running.has_ended() && Instant::now() < until, "it does not listen: {}", running.told());
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Asks for every page, by two at a time, so that both workers have to answer.
fn ask_twice(start: &Start, pages: &[&str]) {
    for page in pages {
        std::thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| alive_tests::daemon::get(start.address, page).expect("an answer"));
            }
        });
    }
}

#[test]
fn a_running_gunicorn_is_seen_to_load_libraries_in_its_workers() {
    let scene = Scene::without_collector();
    let pid_file = scene.path("gunicorn.pid");
    let Some(start) = targets::gunicorn(&scene, &["--pid", &pid_file.display().to_string()], false) else {
        return;
    };
    let mut running = Running::start(&scene, &mut daemon(&scene, &start));
    let pid = answers(&mut running, &start, &pid_file);
    let inspect = || json(scene.run(&mut alive(&scene, &["inspect", &pid, "--format", "json"])));
    let sqlite = |shown: &Value| -> Option<Value> {
        let late = list(&shown["families"][0]["late"]);
        late.iter()
            .find(|late| late["path"].as_str().is_some_and(|path| path.contains("/libsqlite3.so")))
            .cloned()
    };
    let until = Instant::now() + DEADLINE;
    let late = loop {
        ask_twice(&start, &["/sql"]);
        let shown = inspect();
        match sqlite(&shown) {
            Some(late) if list(&late["workers"]).len() == 2 => break late,
            _ => assert!(Instant::now() < until, "{shown:#}"),
        }
    };
    assert_eq!((&late["verdict"], &late["of"]), (&"preload".into(), &2.into()));
    assert!(number(&late["bytes"]) > 1_000_000 && number(&late["private_dirty_kib"]) > 0, "{late:#}");
    let total = json(scene.run(&mut alive(&scene, &["mem", &pid, "--format", "json"])))["total"].clone();
    assert_eq!(total["processes"], 3, "{total:#}");
    let table = scene.run(&mut alive(&scene, &["inspect", &pid])).well().said();
    let words: Vec<&str> = table.split_whitespace().collect();
    assert!(words.join(" ").contains("its 2 workers map ") && table.contains("2 of 2"), "{table}");
}

#[test]
fn root_sees_what_workers_of_another_user_hold() {
    let scene = Scene::without_collector();
    let Some(start) = targets::php_fpm(&scene, "-F") else { return };
    if !needs::root() {
        return;
    }
    let pid_file = start.pid_file.clone().expect("php-fpm writes one");
    let mut running = Running::start(&scene, &mut daemon(&scene, &start));
    let until = Instant::now() + DEADLINE;
    // It writes its pid without a newline, listens, and only then forks its workers.
    let shown = loop {
        assert!(!running.has_ended() && Instant::now() < until, "no two workers: {}", running.told());
        std::thread::sleep(Duration::from_millis(50));
        let pid = std::fs::read_to_string(&pid_file).unwrap_or_default().trim().to_owned();
        let ran = scene.run(&mut alive(&scene, &["inspect", &pid, "--format", "json"]));
        if let Ok(shown) = serde_json::from_str::<Value>(&ran.said())
            && list(&shown["families"][0]["workers"]).len() == 2
        {
            break shown;
        }
    };
    assert_eq!(list(&shown["families"][0]["not_compared"]).len(), 0, "{shown:#}");
    assert!(list(&shown["processes"]).iter().all(|process| number(&process["pss_kib"]) > 0), "{shown:#}");
}

/// What the change is worth: the same pages of the same application, imported in each worker and then once in the
/// master.
#[test]
fn what_moving_imports_into_the_master_changed() {
    let scene = Scene::without_collector();
    let pages = ["/", "/json", "/xml", "/sql"];
    let run = |db: &str, options: &[&str], eager: bool| {
        let pid_file = scene.path(format!("{db}.pid"));
        let file = pid_file.display().to_string();
        let options = [options, &["--pid", &file]].concat();
        let start = targets::gunicorn(&scene, &options, eager)?;
        let mut command = alive(&scene, &["run", "--db", db, "--"]);
        command.args(&start.command).envs(start.variables.iter().map(|(name, value)| (*name, value)));
        let mut running = Running::start(&scene, &mut command);
        answers(&mut running, &start, &pid_file);
        for _ in 0..4 {
            ask_twice(&start, &pages);
        }
        running.signal(Signal::SIGTERM);
        let _ = running.end().well();
        Some(())
    };
    if run("before.db", &[], false).is_none() || run("after.db", &["--preload"], true).is_none() {
        return;
    }
    let words = ["diff", "before.db", "after.db"];
    let diff = json(scene.run(alive(&scene, &words).args(["--format", "json"])));
    let program = &diff["programs"][0];
    assert_eq!((&program["before"], &program["after"]), (&"gunicorn".into(), &"gunicorn".into()));
    let loads = &program["late_loads"];
    assert!(number(&loads["gone"]) > 100, "{loads:#}");
    assert!(number(&loads["still"]) + number(&loads["new"]) < 20, "{loads:#}");
    let worker =
        list(&program["roles"]).iter().find(|role| !role["gone"].as_array().is_none_or(Vec::is_empty));
    let worker = worker.unwrap_or_else(|| panic!("{program:#}"));
    let private = |side: &str| number(&worker[side]["memory"]["private_dirty_kib"]);
    assert!(private("after") * 10 < private("before") * 7, "by a third at least: {worker:#}");
    let said = scene.run(&mut alive(&scene, &words)).well().said();
    let first = said.lines().next().unwrap_or_default();
    assert!(first.contains(" late loads gone, ") && first.contains(": private memory per worker "), "{said}");
    eprintln!("{said}");
}
