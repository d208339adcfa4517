//! The files for packagers say what their readers understand.

use std::fs;
use std::path::Path;
use std::process::Command;

use alive_tests::artifacts;
use alive_tests::needs::installed;

/// The units with the collector that was built in the place of the installed one.
fn units(to: &Path) -> [std::path::PathBuf; 2] {
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("../packaging/systemd");
    let collector = artifacts::built("alive-collector");
    ["alive-collector.service", "alive-collector.socket"].map(|name| {
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
    let [_, socket] = units(folder.path());
    let socket = fs::read_to_string(socket).unwrap();
    assert!(socket.contains("\nListenDatagram=127.0.0.1:25483\n"), "{socket}");
    assert!(socket.contains("\nReceiveBuffer=64M\n"), "{socket}");
}
