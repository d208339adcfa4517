//! Two handmade reports side by side.

#[allow(dead_code, unreachable_pub, reason = "this file uses its part of the scene")]
mod scene;

use alive_report::diff::Diff;
use alive_report::render::diff::{json, table};
use alive_report::render::table::Medium;
use alive_report::{Report, Selection};
use alive_store::model::{LanguageFrame, Missing, Program, Snapshot};

fn report(snapshot: &Snapshot) -> Report {
    Report::new(snapshot.clone(), &Selection::default())
}

fn diff(before: &Snapshot, after: &Snapshot) -> Diff {
    Diff::new(&report(before), &report(after))
}

fn text(diff: &Diff) -> String {
    let mut out = Vec::new();
    table(diff, Medium::default(), &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn a_comparison_fits_every_terminal() {
    let (before, after) = moved();
    let diff = diff(&before, &after);
    for columns in [40, 80, 200] {
        let mut out = Vec::new();
        table(&diff, Medium { columns: Some(columns), color: false }, &mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        for line in text.lines() {
            assert!(line.chars().count() <= columns, "{columns} columns: {line}\nin\n{text}");
        }
    }
}

fn first_line(diff: &Diff) -> String {
    text(diff).lines().next().unwrap().to_owned()
}

fn only(snapshot: &mut Snapshot) -> &mut Program {
    &mut snapshot.programs[0]
}

/// A server before its lazy loads were moved into the master, and after.
fn moved() -> (Snapshot, Snapshot) {
    let mut before = scene::skewed();
    only(&mut before).roles[1].memory = scene::looks(4, 32_305, 0);
    only(&mut before).roles[1].fork_nanos = 8 * 400_000;
    let measured = &mut only(&mut before).loads[0];
    (measured.spans, measured.span_nanos, measured.span_faults) = (4, 4 * 2_500_000, 4 * 30);
    only(&mut before).missing.push(search(b"Acme/Optional.pm"));
    let mut after = before.clone();
    let program = only(&mut after);
    program.loads.retain(|load| load.path == b"/app/three.pm");
    program.loads[0].processes = 5;
    let mut new = program.loads[0].clone();
    new.path = b"/app/new\x1b.pm".to_vec();
    program.loads.push(new);
    program.roles[1].memory = scene::looks(4, 6_385, 0);
    program.roles[1].fork_nanos = 8 * 700_000;
    program.missing = vec![search(b"Acme/Other.pm")];
    (before, after)
}

fn search(name: &[u8]) -> Missing {
    Missing {
        role: 1,
        name: name.to_vec(),
        language: "perl".into(),
        searches: 4,
        probes: 40,
        processes: 4,
        stacks: Vec::new(),
    }
}

fn line(number: u32, function: &str) -> Option<LanguageFrame> {
    let function = function.as_bytes().to_vec();
    Some(LanguageFrame { language: "perl".into(), file: b"/app/server.pl".to_vec(), line: number, function })
}

#[test]
fn one_sentence_says_it_first() {
    let (before, after) = moved();
    let diff = diff(&before, &after);
    assert_eq!(
        first_line(&diff),
        "skewed: 3 late loads gone, 1 new, 1 still: private memory per worker 32 MiB -> 6.2 MiB."
    );
    insta::assert_snapshot!(text(&diff));
}

#[test]
fn the_way_back_turns_everything_round() {
    let (before, after) = moved();
    let (there, back) = (diff(&before, &after), diff(&after, &before));
    let (there, back) = (&there.programs[0], &back.programs[0]);
    assert_eq!(
        (there.gone(), there.new_loads(), there.still()),
        (back.new_loads(), back.gone(), back.still())
    );
    let paths = |files: &[alive_report::diff::LateFile]| -> Vec<Vec<u8>> {
        files.iter().map(|file| file.path.clone()).collect()
    };
    assert_eq!(paths(&there.roles[1].gone), paths(&back.roles[1].new));
    assert_eq!(there.roles[1].searches_gone, back.roles[1].searches_new);
}

#[test]
fn nothing_changed_is_told_so() {
    let (before, _) = moved();
    let diff = diff(&before, &before);
    let program = &diff.programs[0];
    assert_eq!((program.gone(), program.new_loads(), program.still()), (0, 0, 4));
    assert!(!text(&diff).contains('%'), "{}", text(&diff));
}

#[test]
fn memory_that_nobody_looked_at_is_no_zero() {
    let diff = diff(&scene::skewed(), &scene::skewed());
    assert!(first_line(&diff).ends_with("memory was not looked at in both."), "{}", first_line(&diff));
    assert!(!text(&diff).contains("private dirty"), "{}", text(&diff));
}

#[test]
fn a_role_is_known_again_by_its_line_then_by_its_function_then_by_its_name() {
    let mut before = scene::skewed();
    let mut second = only(&mut before).roles[1].clone();
    only(&mut before).roles[1].fork_line_is(10, "spawn");
    second.fork_line_is(20, "helper");
    only(&mut before).roles.push(second);
    let mut after = before.clone();
    // The helper's line stays, the worker's moves, and they change their order.
    only(&mut after).roles[1].fork_line_is(20, "helper");
    only(&mut after).roles[2].fork_line_is(12, "spawn");
    let compared = diff(&before, &after);
    let pairs = |diff: &Diff| -> Vec<(String, String)> {
        let id = |side: &Option<alive_report::diff::Side>| {
            side.as_ref().map_or_else(String::new, |side| side.id.clone())
        };
        diff.programs[0].roles.iter().map(|role| (id(&role.side.before), id(&role.side.after))).collect()
    };
    let pair = |before: &str, after: &str| (before.to_owned(), after.to_owned());
    let crossed = [pair("master", "master"), pair("worker-2", "worker"), pair("worker", "worker-2")];
    assert_eq!(pairs(&compared), crossed);
    only(&mut after).roles[1].fork_line_is(70, "elsewhere");
    only(&mut after).roles[2].fork_line_is(80, "somewhere");
    let named = [pair("master", "master"), pair("worker", "worker"), pair("worker-2", "worker-2")];
    assert_eq!(pairs(&diff(&before, &after)), named);
    only(&mut after).roles.truncate(2);
    let lost = [pair("master", "master"), pair("worker", "worker"), pair("worker-2", "")];
    assert_eq!(pairs(&diff(&before, &after)), lost);
}

trait Forked {
    fn fork_line_is(&mut self, number: u32, function: &str);
}

impl Forked for alive_store::model::Role {
    fn fork_line_is(&mut self, number: u32, function: &str) {
        self.line = line(number, function);
    }
}

#[test]
fn programs_are_compared_by_label_or_when_each_side_has_but_one() {
    let mut renamed = scene::skewed();
    only(&mut renamed).label = b"skewed --preload".to_vec();
    let compared = diff(&scene::skewed(), &renamed);
    assert!(first_line(&compared).starts_with("skewed -> skewed --preload: "), "{}", first_line(&compared));
    renamed.programs.extend(scene::daemonised().programs);
    let compared = diff(&scene::skewed(), &renamed);
    assert!(compared.programs.is_empty(), "two to choose from");
    assert_eq!((compared.only_before.len(), compared.only_after.len()), (1, 2));
}

#[test]
fn what_was_lost_makes_its_side_a_floor() {
    let compared = diff(&scene::starman(), &scene::starman());
    assert!(compared.is_floor.before && compared.is_floor.after);
    assert!(text(&compared).contains("numbers of the first database are a floor"));
}

#[test]
fn json_obeys_its_schema() {
    let schema = include_str!("../../docs/schema/diff.schema.json");
    let validator = jsonschema::validator_for(&serde_json::from_str(schema).unwrap()).unwrap();
    let (before, after) = moved();
    let mut lonely = scene::hostile();
    lonely.programs.extend(scene::daemonised().programs);
    for (before, after) in [(before, after), (scene::hostile(), scene::hostile()), (scene::skewed(), lonely)]
    {
        let mut out = Vec::new();
        json(&diff(&before, &after), &mut out).unwrap();
        assert!(out.iter().all(|&byte| byte == b'\n' || byte >= b' '), "nothing acts on a terminal");
        let document: serde_json::Value = serde_json::from_slice(&out).unwrap();
        let errors: Vec<String> = validator
            .iter_errors(&document)
            .map(|error| format!("{}: {error}", error.instance_path))
            .collect();
        assert!(errors.is_empty(), "{errors:#?}");
        let mut broken = document;
        broken["floor"] = 1.into();
        assert!(!validator.is_valid(&broken), "a schema that lets everything pass proves nothing");
    }
}
