//! The list of taps as a person and as a program reads it, of handmade rows.

use alive_report::render::table::Medium;
use alive_report::taps::{Asked, Taps, render};
use alive_store::model::{Epoch, Loss, PingRow, Snapshot};

const SECOND: u64 = 1_000_000;
/// 2026-01-01T12:00:00Z.
const NOON: u64 = 1_767_268_800 * SECOND;

fn hit(name: &[u8], ago_seconds: u64) -> PingRow {
    let seen = NOON - ago_seconds * SECOND;
    PingRow {
        name: name.to_vec(),
        hits: 3,
        processes: 2,
        first_seen_micros: seen - SECOND,
        last_seen_micros: seen,
        ..PingRow::default()
    }
}

fn hostile() -> PingRow {
    PingRow {
        file: b"/srv/\xff\x1b[2Jcart.pl".to_vec(),
        line: 42,
        function: "main::tot\u{202e}al".into(),
        caller: b"shop.pl:7 main::buy\n".to_vec(),
        service: b"sh\top".to_vec(),
        host: b"web1".to_vec(),
        context: vec![(b"k\ney".to_vec(), b"\x9b31m".to_vec())],
        ..hit(b"odd\x1b]0;name\x07", 7_200)
    }
}

fn taps(pings: Vec<PingRow>, expected: Option<&[&str]>) -> Taps {
    let snapshot = Snapshot {
        pings,
        epochs: vec![
            Epoch {
                opened_micros: NOON - 90_000 * SECOND,
                until_micros: NOON - 80_000 * SECOND,
                is_open: false,
            },
            Epoch { opened_micros: NOON - 50_000 * SECOND, until_micros: NOON - 9 * SECOND, is_open: true },
        ],
        loss: Loss { kernel_drops: 4, ..Loss::default() },
        odd_clocks: 1,
        ..Snapshot::default()
    };
    let expected = expected.map(|names| {
        names.iter().map(|name| (name.as_bytes().to_vec(), vec![(b"a.pl".to_vec(), 3)])).collect()
    });
    Taps::new(snapshot, &Asked { expected, now_micros: NOON, ..Asked::default() })
}

fn table(taps: &Taps) -> String {
    table_on(taps, Medium::default())
}

fn table_on(taps: &Taps, medium: Medium) -> String {
    let mut out = Vec::new();
    render::table(taps, medium, &mut out).unwrap();
    String::from_utf8(out).expect("a table is text whatever the names were")
}

#[test]
fn the_longest_silent_stands_first_and_the_evidence_last() {
    let pings = vec![hit(b"fresh", 5), hit(b"stale", 200_000), hostile()];
    let text = table(&taps(pings, Some(&["fresh", "gone"])));
    let order: Vec<_> = ["stale\n", "silent for 2 d 7 h", "odd\\x1b", "silent for 2 h 0 min", "fresh\n"]
        .map(|words| text.find(words).unwrap_or_else(|| panic!("no {words:?} in\n{text}")))
        .to_vec();
    assert!(order.is_sorted(), "{order:?} in\n{text}");
    for words in [
        "3 hits from 2 processes since 2026-01-01T09:59:59Z; service sh\\x09op; host web1",
        "Never hit: 1 of 2 expected taps:\n    gone  a.pl:3\n",
        "A collector listened for 16 h 40 min since 2025-12-31T11:00:00Z",
        "for 8 h 20 min in between nobody did, and listens still.",
        "4 datagrams dropped by the kernel",
        "1 hit had a time of its own that cannot be",
    ] {
        let in_one_line = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(in_one_line(&text).contains(&in_one_line(words)), "no {words:?} in\n{text}");
    }
}

#[test]
fn the_list_fits_every_terminal_and_a_pipe_gets_whole_places() {
    let long = "/srv/shop/lib/Shop/Checkout/Legacy/Totals/BeforeTheYear2019.pm";
    let row = PingRow {
        file: long.into(),
        line: 1_042,
        function: "Shop::Checkout::Legacy::Totals::total_before_2019".into(),
        caller: b"/srv/shop/lib/Shop/Controller/Orders.pm:12 Shop::Controller::Orders::index".to_vec(),
        service: b"shop".to_vec(),
        host: b"web1".to_vec(),
        ..hit(b"checkout.legacy", 200_000)
    };
    let taps = taps(vec![row], Some(&["checkout.legacy", "a.name.that.nobody.hit.so.far"]));
    for columns in [40, 80, 200] {
        let text = table_on(&taps, Medium { columns: Some(columns), color: false });
        for line in text.lines() {
            assert!(line.chars().count() <= columns, "{columns} columns: {line}\nin\n{text}");
        }
    }
    assert!(table(&taps).contains(&format!("{long}:1042 in Shop::")));
    let coloured = table_on(&taps, Medium { columns: Some(80), color: true });
    let plain = table_on(&taps, Medium { columns: Some(80), color: false });
    assert!(coloured.contains("\u{1b}[") && !plain.contains('\u{1b}'));
    assert_eq!(coloured.lines().count(), plain.lines().count(), "colours take no room");
}

#[test]
fn hostile_names_do_not_reach_the_terminal() {
    let taps = taps(vec![hostile()], Some(&["\u{1b}[31m"]));
    let mut json = Vec::new();
    render::json(&taps, &mut json).unwrap();
    for text in [table(&taps), String::from_utf8(json).unwrap()] {
        assert!(text.chars().all(|character| character == '\n' || !character.is_control()), "{text}");
        assert!(!text.contains('\u{202e}'), "{text}");
    }
}

#[test]
fn the_json_is_as_its_schema_says_and_keeps_the_bytes() {
    let schema = include_str!("../../docs/schema/taps.schema.json");
    let schema: serde_json::Value = serde_json::from_str(schema).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    for expected in [None, Some(&["odd", "gone"][..])] {
        let mut out = Vec::new();
        render::json(&taps(vec![hostile(), hit(b"plain", 1)], expected), &mut out).unwrap();
        let document: serde_json::Value = serde_json::from_slice(&out).unwrap();
        let errors: Vec<String> = validator.iter_errors(&document).map(|error| error.to_string()).collect();
        assert_eq!(errors, [] as [String; 0], "{document}");
        assert_eq!(document["taps"][0]["file_hex"], "2f7372762fff1b5b324a636172742e706c");
        assert_eq!(document["never"].is_null(), expected.is_none());
    }
}
