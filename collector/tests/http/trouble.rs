//! When something is wrong: at the start, with the database, with a thread, and at the end.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::ptrace;
use nix::sys::signal::Signal;
use nix::sys::wait::{WaitPidFlag, waitpid};
use nix::unistd::Pid;

use super::Served;
use super::client::{Client, get};
use super::daemon_process::PROGRAM;
use super::scene::{Folder, until};

/// Starts a collector that cannot serve; what it says.
#[track_caller]
fn refused(http: &str) -> String {
    let folder = Folder::new();
    let output = Command::new(PROGRAM)
        .args(["--listen", "127.0.0.1:0", "--http", http, "--db"])
        .arg(folder.db())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(5), "{output:?}");
    assert!(!folder.db().exists(), "no epoch was begun");
    String::from_utf8(output.stderr).unwrap()
}

#[test]
fn an_address_that_cannot_be_served_on_is_told_with_what_to_do() {
    let served = Served::start();
    assert!(refused(&served.http.to_string()).contains("is taken: see who has it with `ss -tlpn"));
    for public in ["0.0.0.0:8080", "[::]:8080", "192.0.2.1:8080"] {
        let said = refused(public);
        assert!(said.contains("ssh -L 8080:127.0.0.1:8080") && said.contains("reverse proxy"), "{said}");
    }
}

#[test]
fn what_is_no_address_is_a_usage_error() {
    let output = Command::new(PROGRAM).args(["--http", "8080"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("--http"));
}

#[test]
fn a_database_that_cannot_be_written_makes_it_unhealthy_until_it_can() {
    let mut served = Served::start();
    assert_eq!(get(served.http, "/healthz").text(), "ok\n");
    let other = rusqlite::Connection::open(served.folder.db()).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    served.socket.send(&served.tree.load(1, b"/a.pm")).unwrap();
    until("it is unhealthy", || get(served.http, "/healthz").status == 503);
    let said = get(served.http, "/healthz").text();
    assert!(said.contains("is locked by another program"), "{said}");
    let figures = get(served.http, "/metrics").text();
    assert!(figures.contains("alive_database_writable 0\n"), "{figures}");
    assert!(!figures.contains("alive_write_errors_total 0\n") && !figures.contains("alive_keys_waiting 0\n"));
    other.execute_batch("COMMIT").unwrap();
    until("it is well again", || get(served.http, "/healthz").status == 200);
}

#[test]
fn a_database_that_cannot_be_read_becomes_a_page_that_says_so_and_a_report_again() {
    let mut served = Served::start();
    let away = served.folder.0.path().join("away.db");
    fs::rename(served.folder.db(), &away).unwrap();
    let page = get(served.http, "/");
    assert_eq!((page.status, page.header("retry-after")), (503, Some("2")));
    assert!(reason(&page.text()).starts_with("there is no database at "), "{}", reason(&page.text()));
    let report = get(served.http, "/api/report.json");
    assert_eq!(report.status, 503);
    let reason = report.json()["error"].as_str().unwrap().to_owned();
    assert!(reason.contains("there is no database at"), "{reason}");
    fs::rename(&away, served.folder.db()).unwrap();
    until("there is a report again", || get(served.http, "/").status == 200);
    served.hear_of_loads();
}

#[test]
fn a_file_that_is_no_database_is_told_in_words_without_control_characters() {
    let served = Served::start();
    // Its log alone would still make a database of it.
    for name in ["t.db", "t.db-wal", "t.db-shm"] {
        fs::remove_file(served.folder.0.path().join(name)).unwrap();
    }
    fs::write(served.folder.db(), "words, not tables. ".repeat(300)).unwrap();
    let page = get(served.http, "/");
    assert!(page.status == 503 && page.text().contains("is not a database"), "{}", reason(&page.text()));
}

/// What a page without a report says.
fn reason(page: &str) -> &str {
    page.split("id=\"reason\">").nth(1).and_then(|rest| rest.split("</p>").next()).unwrap_or("nothing")
}

/// The id of a thread of a process, by its name, which a thread gives itself when it first runs.
fn thread_of(pid: u32, name: &str) -> Pid {
    let mut found = None;
    until("the thread runs", || {
        let threads = fs::read_dir(format!("/proc/{pid}/task")).unwrap().map_while(Result::ok);
        let is_named =
            |path: &Path| fs::read_to_string(path.join("comm")).is_ok_and(|told| told.trim() == name);
        found = threads.map(|thread| thread.path()).find(|path| is_named(path));
        found.is_some()
    });
    let id = found.as_deref().and_then(Path::file_name).and_then(|id| id.to_str()).unwrap();
    Pid::from_raw(id.parse().unwrap())
}

#[test]
fn a_receiving_thread_that_stands_still_makes_it_unhealthy() {
    let served = Served::start();
    let receiver = thread_of(served.daemon.id(), "alive-receiver");
    ptrace::attach(receiver).unwrap();
    waitpid(receiver, Some(WaitPidFlag::__WALL)).unwrap();
    until("it is unhealthy", || get(served.http, "/healthz").status == 503);
    let said = get(served.http, "/healthz").text();
    assert!(said.contains("the receiving thread has stood still"), "{said}");
    assert_eq!(get(served.http, "/").status, 200, "the report is there all the same");
    ptrace::detach(receiver, None).unwrap();
    until("it is well again", || get(served.http, "/healthz").status == 200);
}

#[test]
fn it_ends_with_connections_open_and_writes_the_last_events_first() {
    let mut served = Served::start();
    served.hear_of_loads();
    let mut open: Vec<Client> = (0..10).map(|_| Client::connect(served.http)).collect();
    let half = format!("GET / HTTP/1.1\r\nHost: {}\r\n", served.http);
    open[0].send(half.as_bytes()).unwrap();
    open[1].send(format!("{half}\r\n").repeat(100).as_bytes()).unwrap();
    assert_eq!(open[1].answer(true).unwrap().status, 200);
    served.socket.send(&served.tree.load(1, b"/last.pm")).unwrap();
    assert_eq!(served.daemon.signal(Signal::SIGTERM).code(), Some(0));
    let snapshot = served.folder.snapshot();
    assert_eq!((snapshot.events, snapshot.unclean_ends), (served.tree.sequence, 0));
}

#[test]
fn an_answer_that_is_being_made_at_the_end_is_finished() {
    let mut served = Served::start();
    served.hear_of_loads();
    let mut client = Client::connect(served.http);
    client.send(format!("GET / HTTP/1.1\r\nHost: {}\r\n\r\n", served.http).as_bytes()).unwrap();
    // Its process is at work, or has been.
    let deadline = Instant::now() + Duration::from_millis(200);
    while Instant::now() < deadline && children(served.daemon.id()).is_empty() {
        thread::sleep(Duration::from_millis(1));
    }
    assert_eq!(served.daemon.signal(Signal::SIGTERM).code(), Some(0));
    assert_eq!(client.answer(true).map(|answer| answer.status), Some(200));
}

#[test]
fn a_collector_that_is_killed_leaves_no_process_behind() {
    let mut served = Served::start();
    served.hear_of_loads();
    let mut client = Client::connect(served.http);
    client.send(format!("GET / HTTP/1.1\r\nHost: {}\r\n\r\n", served.http).as_bytes()).unwrap();
    let scribes = children(served.daemon.id());
    served.daemon.signal(Signal::SIGKILL);
    until("they are gone", || {
        scribes.iter().all(|pid| {
            fs::read_to_string(format!("/proc/{pid}/cmdline")).is_ok_and(|line| line.is_empty())
                || !fs::exists(format!("/proc/{pid}")).unwrap()
        })
    });
}

fn children(pid: u32) -> Vec<String> {
    let listed = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    listed
        .filter_map(|thread| fs::read_to_string(thread.path().join("children")).ok())
        .flat_map(|pids| pids.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
        .collect()
}
