//! The collector's figures, read by the one who will: Prometheus' own tool.

use std::io::Write as _;
use std::process::{Command, Output, Stdio};

use alive_tests::needs;
use alive_tests::scene::Scene;

/// Prometheus' tool.
const PROMTOOL: &str = "/usr/bin/promtool";

fn fetched(scene: &Scene) -> Vec<u8> {
    let output =
        Command::new("curl").args(["--silent", "--show-error", "--fail", &scene.url("/metrics")]).output();
    let output = output.expect("curl is installed");
    assert!(output.status.success(), "{output:?}");
    output.stdout
}

fn checked(figures: &[u8]) -> Output {
    let mut promtool = Command::new(PROMTOOL)
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("promtool starts");
    promtool.stdin.take().expect("a pipe").write_all(figures).expect("it reads");
    promtool.wait_with_output().expect("it ends")
}

#[test]
fn promtool_has_nothing_to_complain_about() {
    if !needs::installed("prometheus", &[PROMTOOL]) || !needs::installed("curl", &["/usr/bin/curl"]) {
        return;
    }
    let scene = Scene::serving();
    let _ = scene.run(scene.traced("workers").args(["2", "1"]).arg(scene.file("late.pm"))).well();
    assert_eq!(scene.events().of("load").count(), 2, "there is something to count");
    let figures = fetched(&scene);
    assert!(String::from_utf8_lossy(&figures).contains("alive_loads_total"));
    let output = checked(&figures);
    let said = [&output.stdout[..], &output.stderr[..]].concat();
    assert!(output.status.success() && said.is_empty(), "{}", String::from_utf8_lossy(&said));
    // The tool would say so.
    let careless = checked(b"# TYPE a_total gauge\na_total 1\n");
    assert!(!careless.status.success(), "{careless:?}");
}
