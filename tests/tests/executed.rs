//! Programs that one role executes again and again, by whatever way it does so.

use std::path::Path;
use std::process::Command;

use alive_tests::scene::Scene;
use alive_tests::{artifacts, needs};
use serde_json::Value;

const PERL: &str = "/usr/bin/perl";

/// The report of the scene's database, for programs and for persons.
fn reports(scene: &mut Scene) -> (Value, String) {
    let _ = scene.events();
    scene.stop_collector();
    let run = |scene: &Scene, format: &str| {
        let mut report = scene.command(&artifacts::built("alive"));
        scene.run(report.args(["report", "--db", "alive.db", "--format", format])).well().said()
    };
    let said = run(scene, "json");
    let report = serde_json::from_str(&said).unwrap_or_else(|error| panic!("no JSON ({error}): {said}"));
    (report, run(scene, "table"))
}

/// The runs of a program that the processes of another one executed.
#[track_caller]
fn runs(report: &Value, of: &str, program: &str) -> Value {
    let programs = report["programs"].as_array().into_iter().flatten();
    let found = programs.filter(|item| item["program"] == of).flat_map(|item| {
        let executed = item["executed"].as_array().cloned().unwrap_or_default();
        executed.into_iter().filter(|run| run["program"] == program)
    });
    let found: Vec<Value> = found.collect();
    let [run] = &found[..] else { panic!("not one row for {program} of {of}: {report:#}") };
    run.clone()
}

/// Serves five requests, each by executing a script, and returns the script's runs and the table.
fn serve(interpreter: &str, server: &str) -> (Value, String) {
    let mut scene = Scene::start();
    let mut command: Command = scene.traced_command(Path::new(interpreter));
    command.arg(artifacts::source(&format!("daemons/cgi/{server}")));
    command.arg(artifacts::source("daemons/cgi/answer.pl")).arg("5");
    let said = scene.run(&mut command).well().said();
    assert_eq!(said.lines().count(), 5, "{said}");
    assert_eq!(scene.events().of("load").count(), 0, "what an executed program loads is its start-up");
    let (report, table) = reports(&mut scene);
    assert_eq!(report["programs"].as_array().map(Vec::len), Some(1), "no row for a run: {report:#}");
    (runs(&report, server, "answer.pl"), table)
}

#[test]
fn a_script_that_is_forked_and_executed_for_each_request() {
    let (run, table) = serve(PERL, "serve.pl");
    assert_eq!((&run["runs"], &run["again_and_again"]), (&5.into(), &true.into()), "{run}");
    assert!(run["cpu_micros"].as_u64() >= Some(5 * 2_000), "what takes less is not told: {run}");
    assert!(run["resident_kib"].as_u64() > Some(1_000), "{run}");
    assert!(run["executable"].as_str().is_some_and(|path| path.contains("/perl")), "{run}");
    assert!(table.contains("(answer.pl) 5 times: "), "{table}");
    assert!(table.contains("a template process would share this"), "{table}");
}

#[test]
fn a_script_whose_process_nobody_announces_counts_for_its_parent() {
    if !needs::installed("python3", &["/usr/bin/python3"]) {
        return;
    }
    let (run, _) = serve("/usr/bin/python3", "serve.py");
    assert_eq!(run["runs"], 5, "{run}");
    assert_ne!(run["role"], "master", "its worker executes it: {run}");
}

#[test]
fn a_process_of_anyevent_fork_that_is_executed_anew_for_each_job() {
    let module = "/usr/share/perl5/AnyEvent/Fork.pm";
    if !needs::installed("libanyevent-fork-perl", &[PERL, module]) {
        return;
    }
    let mut scene = Scene::start();
    let work = "package Pool; sub work { require JSON::PP; syswrite $_[0], \"$$\" } 1";
    let mut command = scene.traced_command(Path::new(PERL));
    command.arg(artifacts::source("daemons/templates/anew.pl")).arg(work).arg("3");
    let said = scene.run(&mut command).well().said();
    assert_eq!(said.lines().count(), 3, "{said}");
    let (report, table) = reports(&mut scene);
    let executed = report["programs"][0]["executed"].as_array().cloned().unwrap_or_default();
    let [run] = &executed[..] else { panic!("not one program: {report:#}\n{table}") };
    assert_eq!((&run["runs"], &run["again_and_again"]), (&3.into(), &true.into()), "{run}");
    assert!(table.contains("Executed again and again (at least 3 times):"), "{table}");
}

#[test]
fn a_program_of_an_unknown_parent_leaves_no_trace() {
    let mut scene = Scene::start();
    let mut command = scene.traced_command(Path::new(PERL));
    let _ = scene.run(command.arg(artifacts::source("daemons/cgi/answer.pl")).arg("1")).well();
    assert_eq!(scene.events().of("start").count(), 0);
    scene.stop_collector();
    let mut report = scene.command(&artifacts::built("alive"));
    let said = scene.run(report.args(["report", "--db", "alive.db", "--format", "json"]));
    let text = String::from_utf8_lossy(&said.stdout).into_owned();
    assert!(!text.contains("answer.pl"), "{text}");
}
