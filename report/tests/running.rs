//! What /proc told of handmade processes, rendered.

use alive_memory::family::Late;
use alive_memory::maps::FileKind;
use alive_memory::tree::Look;
use alive_memory::{Family, Sizes, Unread};
use alive_report::Thresholds;
use alive_report::render::inspect::{self, Inspection};
use alive_report::render::processes;
use alive_report::render::table::Medium;

/// A process that holds `private` KiB alone and 9,000 KiB with two others.
fn look(pid: u32, parent: Option<usize>, command: &[u8], private: u64) -> Look {
    let sizes = Sizes {
        rss_kib: private + 9_000,
        pss_kib: private + 3_000,
        private_clean_kib: 100,
        private_dirty_kib: private - 100,
        shared_clean_kib: 4_000,
        shared_dirty_kib: 5_000,
        swap_kib: 0,
    };
    Look {
        pid,
        parent,
        depth: usize::from(parent.is_some()),
        name: b"serverd".to_vec(),
        command: command.to_vec(),
        sizes: Ok(sizes),
    }
}

fn refused(pid: u32, reason: Unread) -> Look {
    Look { sizes: Err(reason), ..look(pid, Some(0), b"", 100) }
}

fn looks() -> Vec<Look> {
    vec![
        look(700, None, b"server: master", 2_000),
        look(701, Some(0), b"server: worker \x1b[2J\xff", 12_000),
        look(702, Some(0), b"server: worker", 14_000),
        refused(703, Unread::Closed { uid: 33 }),
        refused(704, Unread::Closed { uid: 33 }),
        refused(705, Unread::Ended),
    ]
}

fn late(path: &[u8], kind: FileKind, workers: &[u32]) -> Late {
    Late {
        path: path.to_vec(),
        kind,
        deleted: false,
        replaced: false,
        workers: workers.to_vec(),
        bytes: 1_437_696,
        private_dirty_kib: 40 * workers.len() as u64,
    }
}

fn inspection() -> Inspection {
    let replaced = Late { replaced: true, ..late(b"/usr/lib/libnew.so.1", FileKind::Library, &[702]) };
    let deleted = Late { deleted: true, ..late(b"/tmp/lib\xff\n.so", FileKind::Library, &[702]) };
    let family = Family {
        parent: 0,
        workers: vec![1, 2],
        executed: 1,
        unread: vec![(3, Unread::Closed { uid: 33 }), (4, Unread::Closed { uid: 33 })],
        late: vec![
            late(b"/usr/lib/libsqlite3.so.0.8.6", FileKind::Library, &[701, 702]),
            replaced,
            deleted,
            late(b"/usr/share/zoneinfo/posix", FileKind::Data, &[701]),
        ],
    };
    let unread = Err(Unread::OtherUser { uid: 0 });
    Inspection {
        looks: looks(),
        families: vec![(0, Ok(family)), (2, unread)],
        ended: 2,
        thresholds: Thresholds::default(),
    }
}

fn text(render: impl FnOnce(&mut Vec<u8>) -> std::io::Result<()>) -> String {
    let mut out = Vec::new();
    render(&mut out).unwrap();
    let text = String::from_utf8(out).expect("text whatever the names were");
    assert!(text.chars().all(|character| character == '\n' || !character.is_control()), "{text:?}");
    text
}

fn assert_valid(schema: &str, document: &str) {
    let validator = jsonschema::validator_for(&serde_json::from_str(schema).unwrap()).unwrap();
    let document: serde_json::Value = serde_json::from_str(document).unwrap();
    let errors: Vec<String> =
        validator.iter_errors(&document).map(|error| format!("{}: {error}", error.instance_path)).collect();
    assert!(errors.is_empty(), "{errors:#?}");
    let mut broken = document;
    broken["processes"][0]["pss_kib"] = "much".into();
    assert!(!validator.is_valid(&broken), "a schema that lets everything pass proves nothing");
}

#[test]
fn processes_in_a_table() {
    insta::assert_snapshot!(text(|out| processes::table(&looks(), 1, Medium::default(), out)));
}

#[test]
fn a_total_is_over_those_that_were_read() {
    let text = text(|out| processes::json(&looks(), 0, out));
    let document: serde_json::Value = serde_json::from_str(&text).unwrap();
    let expected = serde_json::json!({
        "processes": 3,
        "pss_kib": 28_000 + 3 * 3_000,
        "uss_kib": 28_000,
        "private_dirty_kib": 28_000 - 3 * 100,
        "shared_proportional_kib": 3 * 3_000,
        "swap_kib": 0,
    });
    assert_eq!(document["total"], expected);
    assert_eq!(document["processes"][3].get("pss_kib"), None, "what is not known is no zero");
    assert_valid(include_str!("../../docs/schema/mem.schema.json"), &text);
}

#[test]
fn one_object_a_line_where_it_goes_on() {
    let text = text(|out| processes::json_line(&looks(), 0, out));
    assert_eq!(text.lines().count(), 1);
    assert_valid(include_str!("../../docs/schema/mem.schema.json"), &text);
}

#[test]
fn libraries_of_workers_in_a_table() {
    insta::assert_snapshot!(text(|out| inspect::table(&inspection(), Medium::default(), out)));
}

#[test]
fn processes_and_libraries_fit_every_terminal() {
    for columns in [40, 80, 200] {
        let medium = Medium { columns: Some(columns), color: false };
        let libraries = text(|out| inspect::table(&inspection(), medium, out));
        let processes = text(|out| processes::table(&looks(), 1, medium, out));
        for line in libraries.lines().chain(processes.lines()) {
            assert!(
                line.chars().count() <= columns,
                "{columns} columns: {line}\nin\n{libraries}\n{processes}"
            );
        }
    }
}

#[test]
fn a_process_without_children_is_told_so() {
    let seen = Inspection { looks: looks()[..1].to_vec(), families: Vec::new(), ..inspection() };
    let text = text(|out| inspect::table(&seen, Medium::default(), out));
    assert!(text.contains("server: master has no children."), "{text}");
}

#[test]
fn libraries_of_workers_in_json() {
    let text = text(|out| inspect::json(&inspection(), out));
    assert_valid(include_str!("../../docs/schema/inspect.schema.json"), &text);
    let document: serde_json::Value = serde_json::from_str(&text).unwrap();
    let late = &document["families"][0]["late"];
    let verdicts: Vec<_> = late.as_array().unwrap().iter().map(|late| late["verdict"].clone()).collect();
    assert_eq!(serde_json::json!(verdicts), serde_json::json!(["preload", "leave-lazy", "leave-lazy", null]));
    assert_eq!(late[2]["path_hex"], "2f746d702f6c6962ff0a2e736f");
    assert!(document["families"][1]["not_read"].as_str().unwrap().contains("user 0"));
}
