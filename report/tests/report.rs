//! Rendered reports of handmade snapshots. A test of one judgement belongs beside its code; what a
//! reader sees belongs here.

mod baseline;
mod scene;
mod template;

use alive_report::render::table::{self, Medium};
use alive_report::render::{csv, json};
use alive_report::{Report, Selection, Verdict};
use alive_store::model::Snapshot;

use scene::tree::{Tree, load};

fn report(snapshot: Snapshot) -> Report {
    Report::new(snapshot, &Selection::default())
}

fn table_of(snapshot: Snapshot, medium: Medium) -> String {
    let mut out = Vec::new();
    table::render(&report(snapshot), medium, &mut out).unwrap();
    String::from_utf8(out).expect("a table is text whatever the paths were")
}

fn json_of(snapshot: Snapshot) -> String {
    let mut out = Vec::new();
    json::render(&report(snapshot), &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn a_preforking_server_in_a_table() {
    insta::assert_snapshot!(table_of(scene::starman(), Medium::default()));
}

#[test]
fn a_terminal_gets_short_paths_that_fit() {
    let text = table_of(scene::starman(), Medium { columns: Some(80), color: false });
    insta::assert_snapshot!(text);
    for line in text.lines() {
        assert!(line.len() <= 80, "{} columns: {line}", line.len());
    }
}

#[test]
fn every_report_fits_every_terminal() {
    let scenes = [
        scene::starman(),
        scene::hostile(),
        scene::daemonised_and_lazy(),
        scene::endangered(),
        scene::tapped(),
    ];
    for columns in [40, 80, 200] {
        for snapshot in &scenes {
            let text = table_of(snapshot.clone(), Medium { columns: Some(columns), color: false });
            // An address is one word, and no address when it is cut.
            for line in text.lines().filter(|line| !line.contains("https://")) {
                assert!(line.chars().count() <= columns, "{columns} columns: {line}\nin\n{text}");
            }
        }
    }
}

#[test]
fn taps_stand_in_the_table_in_a_line_and_in_the_document_whole() {
    let text = table_of(scene::tapped(), Medium::default());
    assert!(
        text.ends_with(
            "Taps were hit at 2 places; report.yearly is silent for longest, for 3 d 0 h: see `alive taps`.\n"
        ),
        "{text}"
    );
    let document: serde_json::Value = serde_json::from_str(&json_of(scene::tapped())).unwrap();
    let names: Vec<&str> =
        document["taps"].as_array().unwrap().iter().map(|tap| tap["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["report.yearly", "checkout.legacy"], "longest silent first");
    assert_eq!(document["taps"][1]["called_by"], "/srv/shop/orders.pl:7 main::index");
    assert_eq!(document["window"]["listens"], true);
    // Of a program alone are told the taps of the service of that name.
    let selection = Selection { program: Some(b"shop".to_vec()), ..Selection::default() };
    let of_shop = Report::new(scene::tapped(), &selection).taps.taps;
    assert_eq!(of_shop.iter().map(|tap| tap.name.as_slice()).collect::<Vec<_>>(), [b"checkout.legacy"]);
}

#[test]
fn hostile_names_do_not_reach_the_terminal() {
    let text = table_of(scene::hostile(), Medium::default());
    insta::assert_snapshot!(text);
    assert!(text.chars().all(|character| character == '\n' || !character.is_control()));
    assert!(!text.contains('\u{202e}'));
}

#[test]
fn hostile_names_keep_their_bytes_in_json() {
    let text = json_of(scene::hostile());
    assert!(text.chars().all(|character| character == '\n' || !character.is_control()));
    insta::assert_snapshot!(text);
}

fn csv_of(snapshot: Snapshot) -> String {
    let mut out = Vec::new();
    csv::render(&report(snapshot), &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn a_line_for_each_finding_in_a_table_for_spreadsheets() {
    insta::assert_snapshot!(csv_of(scene::starman()));
}

#[test]
fn hostile_names_forge_no_row_and_no_formula_in_a_table_for_spreadsheets() {
    let mut snapshot = scene::hostile();
    snapshot.programs[0].loads[1].path = b"=cmd|' /C calc'!A0,\"x\"".to_vec();
    let text = csv_of(snapshot);
    insta::assert_snapshot!(text);
    assert!(text.chars().all(|character| "\n\r".contains(character) || !character.is_control()));
    let rows = rows(&text);
    assert_eq!(rows.len(), 1 + 3, "a header, two loads and a search");
    assert!(rows.iter().all(|row| row.len() == csv::COLUMNS.len()), "{rows:#?}");
    let what = csv::COLUMNS.iter().position(|&column| column == "what").unwrap();
    let formula = rows.iter().find(|row| row[what].contains("calc")).unwrap();
    assert_eq!(formula[what], "'=cmd|' /C calc'!A0,\"x\"");
}

/// Rows and fields by the grammar of RFC 4180.
fn rows(text: &str) -> Vec<Vec<String>> {
    let (mut rows, mut row, mut field) = (Vec::new(), Vec::new(), String::new());
    let mut quoted = false;
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        match (quoted, character) {
            (true, '"') if characters.peek() == Some(&'"') => field.extend(characters.next()),
            (_, '"') => quoted = !quoted,
            (false, ',') => row.push(std::mem::take(&mut field)),
            (false, '\n') => {
                row.push(std::mem::take(&mut field));
                rows.push(std::mem::take(&mut row));
            }
            (_, other) => field.push(other),
        }
    }
    assert!(!quoted && row.is_empty() && field.is_empty(), "the last line is whole");
    rows
}

#[test]
fn what_a_fork_endangers_stands_beside_what_to_preload() {
    insta::assert_snapshot!(table_of(scene::endangered(), Medium { columns: Some(100), color: false }));
}

#[test]
fn colours_only_where_asked_for() {
    assert!(!table_of(scene::starman(), Medium::default()).contains('\x1b'));
    let text = table_of(scene::starman(), Medium { columns: Some(120), color: true });
    assert!(text.contains("\x1b[1m"));
}

#[test]
fn json_obeys_its_schema() {
    let schema = include_str!("../../docs/schema/report.schema.json");
    let schema: serde_json::Value = serde_json::from_str(schema).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let template = Tree::new().role(0, 1).role(1, 9).load(load(1, "/app.rb", 1)).load(load(2, "/late.rb", 2));
    let everything = [
        template.snapshot(),
        scene::starman(),
        scene::hostile(),
        scene::daemonised_and_lazy(),
        scene::endangered(),
        scene::tapped(),
        Snapshot::default(),
    ];
    for snapshot in everything {
        let document: serde_json::Value = serde_json::from_str(&json_of(snapshot)).unwrap();
        let errors: Vec<String> = validator
            .iter_errors(&document)
            .map(|error| format!("{}: {error}", error.instance_path))
            .collect();
        assert!(errors.is_empty(), "{errors:#?}");
    }
    let mut broken: serde_json::Value = serde_json::from_str(&json_of(scene::starman())).unwrap();
    broken["programs"][0]["findings"][0]["verdict"] = "maybe".into();
    assert!(!validator.is_valid(&broken), "a schema that lets everything pass proves nothing");
}

#[test]
fn k_of_n_counts_the_processes_of_the_role_under_skew() {
    let report = report(scene::skewed());
    let verdicts: Vec<(&[u8], u64, u64, Verdict)> = report.programs[0]
        .findings
        .iter()
        .map(|finding| (finding.what.as_slice(), finding.workers, finding.of, finding.verdict))
        .collect();
    assert_eq!(
        verdicts,
        [
            (&b"/app/common.pm"[..], 4, 8, Verdict::Preload),
            (&b"/app/slow.so"[..], 1, 8, Verdict::Preload),
            (&b"/app/three.pm"[..], 3, 8, Verdict::LeaveLazy),
            (&b"/app/hot.pm"[..], 1, 8, Verdict::LeaveLazy),
        ]
    );
}

#[test]
fn what_a_daemon_loaded_on_its_way_into_the_background_is_not_late() {
    let report = report(scene::daemonised());
    assert_eq!(report.late_loads(), 0);
    let findings = &report.programs[0].findings;
    assert_eq!(findings.len(), 1, "neither its searches nor its failed loads are blamed: {findings:?}");
    assert_eq!(findings[0].verdict, Verdict::AlreadyShared);
    insta::assert_snapshot!(table_of(scene::daemonised(), Medium::default()));
}

#[test]
fn start_up_does_not_hide_what_is_late() {
    let report = report(scene::daemonised_and_lazy());
    assert_eq!(report.late_loads(), 2);
    insta::assert_snapshot!(table_of(scene::daemonised_and_lazy(), Medium::default()));
}

#[test]
fn a_template_and_renewed_workers_in_a_table() {
    let mut renewed = load(2, "/late.rb", 8);
    renewed.respawned = 5;
    let tree = Tree::new().role(0, 1).role(1, 9).load(renewed);
    let tree = tree.load(load(1, "/app.rb", 1)).load(load(1, "/late.rb", 1)).load(load(2, "/below.rb", 9));
    insta::assert_snapshot!(table_of(tree.snapshot(), Medium::default()));
}

#[test]
fn what_forks_cost_stands_beside_each_role() {
    let document: serde_json::Value = serde_json::from_str(&json_of(scene::daemonised())).unwrap();
    let program = &document["programs"][0];
    assert_eq!(program["start_up_loads"], 1);
    let costs: Vec<_> = program["roles"]
        .as_array()
        .unwrap()
        .iter()
        .map(|role| {
            (role["processes"].clone(), role["fork_micros"].clone(), role["forker_resident_kib"].clone())
        })
        .collect();
    let expected = serde_json::json!([[1, null, null], [8, 9_600, 45_000], [1, 350, null], [2, null, null]]);
    assert_eq!(serde_json::json!(costs), expected);
}

#[test]
fn memory_is_a_mean_and_not_known_is_no_zero() {
    let document: serde_json::Value = serde_json::from_str(&json_of(scene::daemonised())).unwrap();
    let memory: Vec<_> = document["programs"][0]["roles"]
        .as_array()
        .unwrap()
        .iter()
        .map(|role| {
            let memory = &role["memory"];
            (memory["processes"].clone(), memory["unreadable"].clone(), memory["private_dirty_kib"].clone())
        })
        .collect();
    let expected = serde_json::json!([[null, null, null], [4, 1, 32_305], [0, 1, null], [1, 0, 512]]);
    assert_eq!(serde_json::json!(memory), expected);
}

#[test]
fn a_fork_is_told_by_its_line_and_by_its_place_in_machine_code() {
    let document: serde_json::Value = serde_json::from_str(&json_of(scene::daemonised())).unwrap();
    let program = &document["programs"][0];
    let site = &program["roles"][1]["fork_site"];
    assert_eq!(site["file"], "/usr/lib/python3/dist-packages/gunicorn/arbiter.py");
    assert_eq!((&site["line"], &site["function"]), (&589.into(), &"spawn_worker".into()));
    assert_eq!(site["symbol"], "Perl_pp_fork+0x3c");
    assert_eq!(program["roles"][3]["fork_site"].get("file"), None, "this one has no line");
}

#[test]
fn what_interpreters_let_be_read_stands_in_json() {
    let document: serde_json::Value = serde_json::from_str(&json_of(scene::starman())).unwrap();
    let program = &document["programs"][0];
    let interpreters = serde_json::json!([{"language": "perl", "version": "5.36.0", "lines": "read"}]);
    assert_eq!(program["interpreters"], interpreters);
    let without = serde_json::json!({"interrupted": 1, "untold": 1});
    let lines = serde_json::json!([{"language": "perl", "with": 9, "without": without}]);
    assert_eq!(program["lines"], lines);
    let document: serde_json::Value = serde_json::from_str(&json_of(scene::daemonised())).unwrap();
    assert_eq!(document["programs"][0]["interpreters"][0]["lines"], "unknown-version");
}

#[test]
fn a_failed_load_is_no_late_load() {
    let mut snapshot = scene::skewed();
    for load in &mut snapshot.programs[0].loads {
        load.outcome = "failed".into();
    }
    let report = report(snapshot);
    assert_eq!(report.late_loads(), 0);
    assert!(report.programs[0].findings.iter().all(|finding| finding.verdict == Verdict::Optional));
}

#[test]
fn a_selection_keeps_one_program_and_recent_loads() {
    let mut snapshot = scene::starman();
    snapshot.programs.extend(scene::skewed().programs);
    let only = Selection { program: Some(b"skewed".to_vec()), ..Selection::default() };
    let chosen = Report::new(snapshot.clone(), &only);
    assert_eq!(chosen.programs.len(), 1);
    assert_eq!(chosen.programs[0].label, b"skewed");
    let later = Selection { since_micros: Some(scene::NOON + 1), ..Selection::default() };
    assert_eq!(Report::new(snapshot.clone(), &later).late_loads(), 0);
    let then = Selection { since_micros: Some(scene::NOON), ..Selection::default() };
    assert!(Report::new(snapshot, &then).late_loads() > 0);
}

#[test]
fn nothing_to_judge_is_told_from_nothing_loaded() {
    assert!(report(Snapshot::default()).is_empty());
    let mut idle = scene::skewed();
    idle.programs[0].loads.clear();
    assert!(!report(idle.clone()).is_empty(), "workers that load nothing are a result");
    idle.programs[0].roles.truncate(1);
    assert!(report(idle).is_empty());
}
