//! Snapshots that make a page.

use alive_store::model::{
    Epoch, LanguageFrame, Load, Missing, PingRow, Program, Role, Site, Snapshot, Stack,
};

/// When the last of everything here was seen: 2026-01-01 12:00 UTC, in microseconds since 1970.
const NOON: u64 = 1_767_268_800_000_000;

fn line(file: &str, line: u32, function: &str) -> LanguageFrame {
    LanguageFrame { language: "python".into(), file: file.into(), line, function: function.into() }
}

fn site(module: &str, symbol: &str) -> Site {
    Site { module: module.into(), build_id: Vec::new(), offset: 0x1b2f0, symbol: Some(symbol.into()) }
}

/// A load by `processes` workers, first seen so many seconds before noon.
fn load(path: impl Into<Vec<u8>>, processes: u64, bytes: u64, seconds: u64, by: &[LanguageFrame]) -> Load {
    let path = path.into();
    let library = path.windows(3).any(|part| part == b".so");
    Load {
        role: 1,
        kind: if library { "library" } else { "module" }.into(),
        language: "python".into(),
        outcome: "loaded".into(),
        via: "open".into(),
        events: processes,
        processes,
        bytes,
        nanos: if library { 900_000 * processes } else { 0 },
        first_seen_micros: NOON - seconds * 1_000_000,
        last_seen_micros: NOON,
        stacks: vec![Stack {
            language: by.to_vec(),
            native: vec![
                site("/usr/lib/x86_64-linux-gnu/libc.so.6", "open64+0x5c"),
                site("/usr/bin/python3.11", "_PyEval_EvalFrameDefault+0x1a2"),
            ],
        }],
        path,
        ..Load::default()
    }
}

fn program(label: &str, workers: u64, loads: Vec<Load>) -> Program {
    let root = Role { processes: 1, ..Role::default() };
    let worker = Role {
        parent: Some(0),
        site: Some(site("/usr/bin/python3.11", "os_fork+0x2c")),
        line: Some(line("/usr/lib/python3/dist-packages/gunicorn/arbiter.py", 589, "spawn_worker")),
        processes: workers,
        fork_nanos: 700_000 * workers,
        forker_resident_kib: 38_000,
        ..Role::default()
    };
    Program { label: label.into(), trees: 1, roles: vec![root, worker], loads, ..Program::default() }
}

/// A shop of eight workers that imports in its views: three causes worth preloading, one that is rare, and
/// one that is never found.
pub(crate) fn shop() -> Snapshot {
    let views = |number, function: &str| line("/srv/shop/views.py", number, function);
    let body = |file: &str| line(file, 3, "<module>");
    let folder = "/usr/lib/python3/dist-packages/django";
    let mut loads = vec![
        load(
            format!("{folder}/__pycache__/__init__.cpython-311.pyc"),
            8,
            90_000,
            590,
            &[views(42, "checkout")],
        ),
        load("/usr/lib/x86_64-linux-gnu/libsqlite3.so.0", 8, 1_437_000, 580, &[views(51, "basket")]),
        load(
            "/usr/lib/python3.11/__pycache__/decimal.cpython-311.pyc",
            7,
            310_000,
            400,
            &[views(60, "price")],
        ),
        load("/usr/lib/python3.11/__pycache__/csv.cpython-311.pyc", 1, 17_000, 120, &[views(90, "export")]),
    ];
    for index in 0..24 {
        let name = format!("{folder}/part{index}/__pycache__/core.cpython-311.pyc");
        let asked = [body(&format!("{folder}/__init__.py")), views(42, "checkout")];
        loads.push(load(name, 8, 250_000 - index * 9_000, 590 - index, &asked));
    }
    let mut program = program("shop", 8, loads);
    program.missing.push(Missing {
        role: 1,
        name: b"ujson".to_vec(),
        language: "python".into(),
        searches: 8,
        probes: 56,
        processes: 8,
        stacks: vec![Stack { language: vec![views(7, "<module>")], native: Vec::new() }],
    });
    Snapshot {
        programs: vec![program],
        until_micros: NOON,
        datagrams: 100,
        events: 120,
        ..Snapshot::default()
    }
}

/// So many causes, each of another size and asked for by another line.
pub(crate) fn many(number: u64) -> Snapshot {
    let cause = |index: u64| {
        let asked = line("/srv/app.py", u32::try_from(index).unwrap_or(0) + 1, "handler");
        load(
            format!("/srv/lib/module{index:05}.py"),
            4,
            1_000 + (index * 7_919) % 100_003,
            index % 600,
            &[asked],
        )
    };
    Snapshot { programs: vec![program("many", 4, (0..number).map(cause).collect())], ..Snapshot::default() }
}

/// Taps of a shop and of a cron job over two weeks, the last of them five seconds before noon.
pub(crate) fn tapped() -> Snapshot {
    const DAY: u64 = 86_400_000_000;
    let hit = |name: &str, days: std::ops::Range<u64>, hits: u64, caller: &str| PingRow {
        name: name.into(),
        file: format!("/srv/shop/lib/{}.pm", name.replace('.', "/")).into(),
        line: 42,
        function: b"Shop::total_before_2019".to_vec(),
        caller: caller.into(),
        service: b"shop".to_vec(),
        host: b"web1".to_vec(),
        hits,
        processes: hits.div_ceil(3),
        first_seen_micros: NOON - days.end * DAY,
        last_seen_micros: NOON - days.start * DAY - 5_000_000,
        ..PingRow::default()
    };
    Snapshot {
        pings: vec![
            hit("checkout.legacy", 0..12, 412, "/srv/shop/lib/Orders.pm:7 Shop::Orders::index"),
            hit("report.yearly", 9..10, 1, "/etc/cron.daily/report:3"),
            hit("voucher.old", 3..13, 27, "/srv/shop/lib/Cart.pm:91 Shop::Cart::apply"),
        ],
        epochs: vec![
            Epoch { opened_micros: NOON - 14 * DAY, until_micros: NOON - 6 * DAY, is_open: false },
            Epoch { opened_micros: NOON - 5 * DAY, until_micros: NOON, is_open: true },
        ],
        until_micros: NOON,
        ..Snapshot::default()
    }
}
