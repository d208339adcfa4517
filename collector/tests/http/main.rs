//! `--http`: what is served, to whom, and that it never gets in the way of receiving.

mod client;
#[path = "../daemon_process/mod.rs"]
mod daemon_process;
mod hostile;
#[path = "../scene/mod.rs"]
mod scene;
mod trouble;

use std::net::{SocketAddr, UdpSocket};
use std::path::Path;

use client::{ask, get};
use daemon_process::{Daemon, command};
use nix::sys::signal::Signal;
use scene::{Folder, Tree, sender, until};
use serde_json::Value;

/// A collector that serves a page.
struct Served {
    folder: Folder,
    daemon: Daemon,
    http: SocketAddr,
    socket: UdpSocket,
    tree: Tree,
}

impl Served {
    fn start() -> Self {
        let folder = Folder::new();
        let (daemon, http) = serve(&folder.db());
        let socket = sender(daemon.address);
        Self { folder, daemon, http, socket, tree: Tree::new(100) }
    }

    /// A program of two workers, both of which loaded a file; stored when this returns.
    fn hear_of_loads(&mut self) {
        self.socket.send(&self.tree.start(b"shop")).unwrap();
        self.socket.send(&self.tree.load(1, b"/srv/secret/Heavy.pm")).unwrap();
        self.socket.send(&self.tree.load(2, b"/srv/secret/Heavy.pm")).unwrap();
        self.socket.send(&self.tree.ping(b"checkout.legacy")).unwrap();
        let sent = self.tree.sequence;
        until("it is stored", || self.folder.snapshot().events == sent);
    }
}

fn serve(db: &Path) -> (Daemon, SocketAddr) {
    let daemon = Daemon::start(command(db).args(["--http", "127.0.0.1:0"]));
    let http = daemon.hear_behind("the report is shown at http://").trim_end_matches('/').parse().unwrap();
    (daemon, http)
}

/// What `alive` writes of the same database.
fn written(db: &Path) -> Value {
    let snapshot = alive_store::snapshot(db).unwrap();
    let report = alive_report::Report::new(snapshot, &alive_report::Selection::default());
    let mut out = Vec::new();
    alive_report::render::json::render(&report, &mut out).unwrap();
    serde_json::from_slice(&out).unwrap()
}

#[track_caller]
fn assert_valid(schema: &str, document: &Value) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/schema").join(schema);
    let schema = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    jsonschema::validate(&schema, document).unwrap();
}

#[test]
fn the_page_and_the_documents_tell_what_alive_tells_of_the_database() {
    let mut served = Served::start();
    served.hear_of_loads();
    let page = get(served.http, "/");
    assert_eq!((page.status, page.header("content-type")), (200, Some("text/html; charset=utf-8")));
    assert!(
        page.text().contains("<h1 id=\"label-0\">shop</h1>") && page.text().contains("/srv/secret/Heavy.pm")
    );

    let report = get(served.http, "/api/report.json");
    assert_eq!((report.status, report.header("content-type")), (200, Some("application/json")));
    assert_valid("report.schema.json", &report.json());
    let alive = written(&served.folder.db());
    for key in ["format", "thresholds", "loss"] {
        assert_eq!(report.json()[key], alive[key], "{key}");
    }
    for key in ["program", "findings", "loads", "missing"] {
        assert_eq!(report.json()["programs"][0][key], alive["programs"][0][key], "{key}");
    }

    let taps = get(served.http, "/api/taps.json");
    assert_valid("taps.schema.json", &taps.json());
    assert_eq!(taps.json()["taps"][0]["name"], "checkout.legacy");
}

#[test]
fn without_data_the_page_says_what_to_do_and_the_documents_are_empty() {
    let served = Served::start();
    let page = get(served.http, "/").text();
    let command = format!("ALIVE_ADDR={} LD_PRELOAD=", served.daemon.address);
    assert!(page.contains(&command), "{page}");
    assert_eq!(get(served.http, "/api/report.json").json()["programs"], Value::Array(Vec::new()));
    assert_valid("taps.schema.json", &get(served.http, "/api/taps.json").json());
}

#[test]
fn what_has_not_changed_is_not_sent_again_and_what_has_is() {
    let mut served = Served::start();
    served.hear_of_loads();
    for target in ["/", "/api/report.json", "/api/taps.json"] {
        until("nothing changes any more", || {
            let first = get(served.http, target);
            let tag = first.header("etag").unwrap();
            let again = ask(served.http, "GET", target, &[("If-None-Match", tag)]);
            again.status == 304
                && again.header("etag") == Some(tag)
                && again.header("content-length").is_none_or(|length| length != "0")
        });
    }
    let old = get(served.http, "/").header("etag").unwrap().to_owned();
    served.socket.send(&served.tree.load(1, b"/srv/New.pm")).unwrap();
    until("the page has it", || {
        let answer = ask(served.http, "GET", "/", &[("If-None-Match", &old)]);
        answer.status == 200 && answer.text().contains("/srv/New.pm")
    });
}

#[test]
fn it_can_only_be_read() {
    let served = Served::start();
    for method in ["POST", "PUT", "DELETE", "OPTIONS", "TRACE", "PATCH", "BREW"] {
        let answer = ask(served.http, method, "/", &[("Content-Length", "0")]);
        assert_eq!((answer.status, answer.header("allow")), (405, Some("GET, HEAD")), "{method}");
    }
    for target in ["/", "/metrics", "/healthz", "/api/report.json", "/api/taps.json"] {
        let head = ask(served.http, "HEAD", target, &[]);
        assert_eq!((head.status, head.body.len()), (200, 0), "{target}");
        assert!(head.header("content-length").is_some_and(|length| length != "0"), "{target}");
    }
    assert_eq!(get(served.http, "/?since=now#here").status, 200);
    for target in ["/index.html", "//", "/api", "/../etc/passwd", "/%2e%2e/etc/passwd", "*"] {
        assert_eq!(get(served.http, target).status, 404, "{target}");
    }
}

#[test]
fn every_answer_keeps_other_pages_out() {
    let served = Served::start();
    for target in ["/", "/metrics", "/healthz", "/api/report.json", "/api/taps.json", "/nothing"] {
        let answer = get(served.http, target);
        for (name, value) in [
            ("x-content-type-options", "nosniff"),
            ("x-frame-options", "DENY"),
            ("referrer-policy", "no-referrer"),
            ("cross-origin-resource-policy", "same-origin"),
            ("cache-control", "no-cache"),
        ] {
            assert_eq!(answer.header(name), Some(value), "{target}");
        }
        assert_eq!(answer.header("access-control-allow-origin"), None, "{target}");
        let policy = answer.header("content-security-policy").unwrap();
        assert!(policy.starts_with("default-src 'none'"), "{target}: {policy}");
        if target == "/" {
            assert!(answer.text().contains(&format!("content=\"{policy}\"")), "the page has the same policy");
        }
    }
}

#[test]
fn figures_are_counts_and_name_nothing_that_was_traced() {
    let mut served = Served::start();
    served.hear_of_loads();
    served.socket.send(b"neither this nor that").unwrap();
    let figures = || get(served.http, "/metrics").text();
    until("the garbage is counted", || figures().contains("alive_lost_total{kind=\"malformed\"} 1\n"));
    let text = figures();
    for line in [
        "alive_datagrams_received_total 5",
        "alive_events_total 4",
        "alive_loads_total 2",
        "alive_pings_total 1",
        "alive_lost_total{kind=\"kernel_drops\"} 0",
        "alive_database_writable 1",
        "alive_write_errors_total 0",
        "alive_keys_waiting 0",
    ] {
        assert!(text.lines().any(|told| told == line), "{line} is not in\n{text}");
    }
    for beginning in [
        "alive_build_info{version=",
        "alive_epoch_start_time_seconds 1",
        "alive_newest_event_age_seconds ",
        "alive_last_flush_age_seconds ",
        "alive_last_flush_duration_seconds ",
        "alive_flush_duration_seconds_count ",
        &format!("alive_receive_buffer_bytes{{listen=\"{}\"}} ", served.daemon.address),
        "alive_receive_buffer_filled_bytes{listen=",
        "alive_database_bytes{file=\"main\"} ",
    ] {
        assert!(text.lines().any(|told| told.starts_with(beginning)), "{beginning} is not in\n{text}");
    }
    // Counted no more often than every ten seconds.
    until("rows are counted", || {
        let text = figures();
        text.contains("alive_stored_rows{kind=\"load\"} 1\n") && text.contains("alive_taps 1\n")
    });
    for traced in ["secret", "Heavy", "shop", "checkout", "perl", "cart"] {
        assert!(!text.contains(traced), "{traced} is in\n{text}");
    }
}

#[test]
fn what_the_collector_receives_is_stored_the_same_with_readers_and_without() {
    let mut served = Served::start();
    let http = served.http;
    let (stop, stopped) = std::sync::mpsc::channel::<()>();
    let reader = std::thread::spawn(move || {
        let mut read = 0;
        while stopped.try_recv() == Err(std::sync::mpsc::TryRecvError::Empty) {
            for target in ["/", "/api/report.json", "/metrics"] {
                assert_eq!(get(http, target).status, 200);
                read += 1;
            }
        }
        read
    });
    for number in 0..20_000 {
        // As many as the smallest buffer holds: what is lost now would be lost for want of reading.
        if number % 100 == 0 {
            served.daemon.drain();
        }
        served.socket.send(&served.tree.load(1, format!("/{}.pm", number % 500).as_bytes())).unwrap();
    }
    served.daemon.drain();
    until("all of it is stored", || {
        let snapshot = served.folder.snapshot();
        snapshot.events + snapshot.loss.kernel_drops == served.tree.sequence
    });
    stop.send(()).unwrap();
    assert!(reader.join().unwrap() > 0);
    assert_eq!(served.daemon.signal(Signal::SIGTERM).code(), Some(0));
    let snapshot = served.folder.snapshot();
    assert_eq!((snapshot.events, snapshot.loss.kernel_drops), (served.tree.sequence, 0));
}
