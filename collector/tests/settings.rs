//! The file of settings, by the real program: what is refused, what changes on SIGHUP, and what cannot.

mod daemon_process;
mod scene;

use std::fs;
use std::os::unix::net::UnixDatagram;
use std::path::PathBuf;
use std::process::{Command, Output};
use std::time::Duration;

use daemon_process::{Daemon, PROGRAM};
use nix::sys::signal::{Signal, kill};
use scene::{Folder, Tree, sender, until};

struct Settings {
    folder: Folder,
    file: PathBuf,
}

impl Settings {
    /// A file with a database and a port in it.
    fn new(more: &str) -> Self {
        let folder = Folder::new();
        let file = folder.0.path().join("collector.toml");
        let settings = Self { folder, file };
        settings.write(more);
        settings
    }

    fn write(&self, more: &str) {
        let db = self.folder.db();
        fs::write(&self.file, format!("listen = ['127.0.0.1:0']\ndb = '{}'\n{more}\n", db.display()))
            .unwrap();
    }

    fn command(&self) -> Command {
        let mut command = Command::new(PROGRAM);
        command.arg("--config").arg(&self.file).env_remove("ALIVE_LOG");
        command
    }

    fn start(&self) -> Daemon {
        Daemon::start(&mut self.command())
    }

    fn check(&self) -> Output {
        self.command().arg("--check-config").output().unwrap()
    }
}

/// A service manager that is told things.
struct Manager {
    at: PathBuf,
    socket: UnixDatagram,
}

impl Manager {
    fn new(folder: &Folder) -> Self {
        let at = folder.0.path().join("notify");
        let socket = UnixDatagram::bind(&at).unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        Self { at, socket }
    }

    /// What it is told next.
    fn heard(&self) -> String {
        let mut bytes = [0; 200];
        let length = self.socket.recv(&mut bytes).unwrap();
        String::from_utf8_lossy(&bytes[..length]).trim().to_owned()
    }
}

fn reload(daemon: &Daemon) {
    kill(daemon.pid(), Signal::SIGHUP).unwrap();
}

#[test]
fn a_file_is_checked_without_a_collector() {
    let settings = Settings::new("[retention]\nmax_age = '90d'");
    let good = settings.check();
    assert_eq!((good.status.code(), good.stderr.as_slice()), (Some(0), &b""[..]));
    assert!(!settings.folder.db().exists());
    settings.write("\n[retention]\nmaxage = '90d'");
    for bad in [settings.check(), settings.command().output().unwrap()] {
        let said = String::from_utf8_lossy(&bad.stderr);
        let expected =
            "collector.toml, line 5: there is no key `retention.maxage`: did you mean `retention.max_age`?";
        assert!(said.contains(expected), "{said}");
        assert_eq!(bad.status.code(), Some(2));
    }
    fs::remove_file(&settings.file).unwrap();
    let gone = settings.check();
    assert!(String::from_utf8_lossy(&gone.stderr).contains("cannot read the configuration"));
    assert_eq!(gone.status.code(), Some(2));
}

#[test]
fn a_service_reads_the_file_in_the_folder_that_systemd_gives_it() {
    let settings = Settings::new("[memory]\nlook = false");
    let folder = settings.folder.0.path();
    let mut daemon =
        Daemon::start(Command::new(PROGRAM).env("CONFIGURATION_DIRECTORY", folder).env_remove("ALIVE_LOG"));
    assert_eq!(daemon.signal(Signal::SIGTERM).code(), Some(0));
    assert!(settings.folder.db().exists());
}

#[test]
fn a_flag_wins_over_the_file() {
    let settings = Settings::new("");
    let other = settings.folder.0.path().join("other.db");
    let mut daemon = Daemon::start(settings.command().arg("--db").arg(&other));
    assert_eq!(daemon.signal(Signal::SIGTERM).code(), Some(0));
    assert!(other.exists() && !settings.folder.db().exists());
}

#[test]
fn a_hang_up_changes_what_can_change_and_names_what_cannot() {
    let settings = Settings::new("");
    let mut daemon = settings.start();
    let socket = sender(daemon.address);
    let mut tree = Tree::new(100);
    socket.send(&tree.load(1, b"/home/ann/a.pm")).unwrap();
    until("the first load is stored", || settings.folder.snapshot().events == 1);

    settings.write("redact = ['/home/([^/]+)']\nreceive_buffer = '1MiB'\n[log]\nformat = 'json'");
    reload(&daemon);
    daemon.hear("`receive_buffer` is another one now: restart to change it");
    daemon.hear("`log.format` is another one now: restart to change it");
    daemon.hear("the settings were read again");
    socket.send(&tree.load(1, b"/home/ann/b.pm")).unwrap();
    until("the second load is stored", || settings.folder.snapshot().events == 2);
    let mut paths: Vec<_> = settings.folder.program().loads.iter().map(|load| load.path.clone()).collect();
    paths.sort();
    assert_eq!(paths, [&b"/home/[redacted]/b.pm"[..], b"/home/ann/a.pm"]);

    settings.write("redact = ['(']");
    reload(&daemon);
    daemon.hear("the settings stay as they were: ");
    socket.send(&tree.load(1, b"/home/bob/c.pm")).unwrap();
    assert_eq!(daemon.signal(Signal::SIGTERM).code(), Some(0));
    let program = settings.folder.program();
    assert!(program.loads.iter().any(|load| load.path == b"/home/[redacted]/c.pm"), "{:?}", program.loads);
}

#[test]
fn a_hang_up_changes_which_lines_of_the_log_are_said() {
    let settings = Settings::new("log.level = 'info'");
    let manager = Manager::new(&settings.folder);
    let mut daemon = Daemon::start(settings.command().env("NOTIFY_SOCKET", &manager.at));
    assert_eq!(manager.heard(), "READY=1");
    settings.write("log.level = 'error'");
    reload(&daemon);
    assert!(manager.heard().starts_with("RELOADING=1"));
    assert_eq!(manager.heard(), "READY=1");
    let _ = daemon.said();
    assert_eq!(daemon.signal(Signal::SIGTERM).code(), Some(0));
    assert_eq!(daemon.said(), [""; 0]);
}

#[test]
fn a_hang_up_opens_the_events_file_anew() {
    let folder = Folder::new();
    let settings = Settings { file: folder.0.path().join("collector.toml"), folder };
    settings.write(&format!("events = '{}'", settings.folder.events().display()));
    let mut daemon = settings.start();
    let socket = sender(daemon.address);
    let mut tree = Tree::new(100);
    let lines = |file: &PathBuf| fs::read_to_string(file).unwrap_or_default().lines().count();
    socket.send(&tree.load(1, b"/a.pm")).unwrap();
    until("the first line is there", || lines(&settings.folder.events()) == 1);
    let rotated = settings.folder.0.path().join("rotated");
    fs::rename(settings.folder.events(), &rotated).unwrap();
    reload(&daemon);
    daemon.hear("the settings were read again");
    socket.send(&tree.load(1, b"/b.pm")).unwrap();
    until("the second line is in the new file", || lines(&settings.folder.events()) == 1);
    assert_eq!(lines(&rotated), 1);

    settings.write("events = '/no/such/folder/events'");
    reload(&daemon);
    daemon.hear("the settings stay as they were: cannot write events to /no/such/folder/events");
    socket.send(&tree.load(1, b"/c.pm")).unwrap();
    assert_eq!(daemon.signal(Signal::SIGTERM).code(), Some(0));
    assert_eq!(lines(&settings.folder.events()), 2);
}

#[test]
fn a_service_manager_is_told_when_a_reload_begins_and_when_it_is_done() {
    let settings = Settings::new("");
    let manager = Manager::new(&settings.folder);
    let heard = || manager.heard();
    let mut daemon = Daemon::start(settings.command().env("NOTIFY_SOCKET", &manager.at));
    assert_eq!(heard(), "READY=1");
    for toml in ["", "no toml"] {
        settings.write(toml);
        reload(&daemon);
        let reloading = heard();
        let micros = reloading.strip_prefix("RELOADING=1\nMONOTONIC_USEC=").map(str::parse::<u64>);
        assert!(matches!(micros, Some(Ok(1..))), "{reloading}");
        assert_eq!(heard(), "READY=1");
    }
    assert_eq!(daemon.signal(Signal::SIGTERM).code(), Some(0));
    assert_eq!(heard(), "STOPPING=1");
}

#[test]
fn a_log_in_json_has_an_object_in_each_line() {
    let settings = Settings::new("");
    let mut daemon = Daemon::start(settings.command().args(["--log-format", "json"]));
    assert_eq!(daemon.signal(Signal::SIGTERM).code(), Some(0));
    let lines: Vec<serde_json::Value> =
        daemon.said().iter().map(|line| serde_json::from_str(line).expect(line)).collect();
    assert!(lines.iter().any(|line| line["message"] == "stopped" && line["datagrams"] == 0), "{lines:?}");
    assert!(lines.iter().all(|line| line["timestamp"].is_string() && line["level"] == "INFO"), "{lines:?}");
}

/// A collector at the usual addresses, in a network of its own that was prepared by `before`.
fn alone_in_a_network(before: &str, folder: &Folder) -> Daemon {
    let script = format!(r#"ip link set lo up && {before} && exec "$0" --db "$1""#);
    Daemon::start(
        Command::new("unshare")
            .args(["--user", "--map-root-user", "--net", "sh", "-c", &script, PROGRAM])
            .arg(folder.db())
            .env_remove("ALIVE_LOG"),
    )
}

#[test]
fn both_loopback_addresses_are_listened_on() {
    let folder = Folder::new();
    let mut daemon = alone_in_a_network("true", &folder);
    assert_eq!(daemon.address, "127.0.0.1:25483".parse().unwrap());
    daemon.hear("listening on [::1]:25483,");
    assert_eq!(daemon.signal(Signal::SIGTERM).code(), Some(0));
}

#[test]
fn a_host_without_ipv6_has_one_loopback_address() {
    let folder = Folder::new();
    let mut daemon = alone_in_a_network("echo 1 > /proc/sys/net/ipv6/conf/all/disable_ipv6", &folder);
    assert_eq!(daemon.address, "127.0.0.1:25483".parse().unwrap());
    assert_eq!(daemon.signal(Signal::SIGTERM).code(), Some(0));
    let said = daemon.said();
    assert!(said.iter().any(|line| line.contains("stopped")) && !said.concat().contains("::1"), "{said:?}");
}
