//! The files for packagers say what their readers understand.

use std::fs;
use std::path::Path;
use std::process::Command;

use alive_tests::artifacts;
use alive_tests::needs::installed;

const UNITS: [&str; 3] = ["alive-collector.service", "alive-collector.socket", "alive-collector-unix.socket"];

/// The units with the collector that was built in the place of the installed one.
fn units(to: &Path) -> [std::path::PathBuf; 3] {
    let from = source("packaging/systemd");
    let collector = artifacts::built("alive-collector");
    UNITS.map(|name| {
        let unit = fs::read_to_string(from.join(name)).unwrap();
        let unit = unit.replace("/usr/bin/alive-collector", collector.to_str().unwrap());
        fs::write(to.join(name), unit).unwrap();
        to.join(name)
    })
}

#[test]
fn systemd_understands_every_line_of_the_units() {
    if !installed("systemd", &["/usr/bin/systemd-analyze"]) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let verified = Command::new("systemd-analyze").arg("verify").args(units(folder.path())).output().unwrap();
    let said = String::from_utf8_lossy(&verified.stderr);
    // It looks at the machine's own units, too.
    let about_ours: Vec<_> = said.lines().filter(|line| line.contains("alive-collector")).collect();
    assert!(verified.status.success() && about_ours.is_empty(), "{said}");
}

#[test]
fn the_unit_asks_for_the_buffer_and_the_port_that_the_collector_would_ask_for() {
    let folder = tempfile::tempdir().unwrap();
    let [_, socket, unix] = units(folder.path());
    let socket = fs::read_to_string(socket).unwrap();
    assert!(socket.contains("\nListenDatagram=127.0.0.1:25483\nListenDatagram=[::1]:25483\n"), "{socket}");
    assert!(socket.contains("\nReceiveBuffer=64M\n"), "{socket}");
    let unix = fs::read_to_string(unix).unwrap();
    let sample = fs::read_to_string(source("packaging/collector.toml")).unwrap();
    let [path, mode] = ["ListenDatagram=", "SocketMode="]
        .map(|key| unix.lines().find_map(|line| line.strip_prefix(key)).unwrap());
    assert!(sample.contains(&format!("\n#unix = \"{path}\"\n")), "{path}");
    assert!(sample.contains(&format!("\n#unix_mode = \"{mode}\"\n")), "{mode}");
}

#[test]
fn the_service_is_as_little_exposed_as_the_guide_says() {
    if !installed("systemd", &["/usr/bin/systemd-analyze"]) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let [service, ..] = units(folder.path());
    let exposure = |text: &str| {
        let (_, behind) = text.split_once("Overall exposure level for alive-collector.service: ")?;
        behind.split_whitespace().next()?.parse::<f64>().ok()
    };
    let analyzed =
        Command::new("systemd-analyze").args(["security", "--offline=true"]).arg(service).output().unwrap();
    let found = exposure(&String::from_utf8_lossy(&analyzed.stdout)).expect("it says how much");
    let told = exposure(&fs::read_to_string(source("docs/guides/collector.md")).unwrap())
        .expect("so does the guide");
    // A later systemd looks at more.
    assert!(found <= told, "{found} instead of {told}");
}

/// A file of the project.
fn source(name: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(name)
}
