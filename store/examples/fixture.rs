//! Writes a database that has something in every table: `cargo run -p alive-store --example fixture -- FILE`.
//!
//! Run before the schema changes, its file becomes the fixture of the version that is left behind:
//! `store/tests/versions/README.md` tells how.
#![allow(clippy::print_stderr, reason = "a command for people who change the schema")]

use std::process::ExitCode;

use alive_store::model::{
    Batch, Bystanders, ExecutedRow, ForkSite, Interpreter, LanguageFrame, LineCount, LoadKey, LoadRow, Loss,
    MemoryFigures, MemoryRow, MissingRow, PingRow, Rebase, RoleChain, RoleCount, Site, Stack, TreeKey,
    TreeRow,
};
use alive_store::{Error, Writer};

const BEGAN: u64 = 1_767_268_800_000_000;
const HOUR: u64 = 3_600_000_000;

fn main() -> ExitCode {
    let Some(file) = std::env::args_os().nth(1) else {
        eprintln!("fixture: name the file to write");
        return ExitCode::from(2);
    };
    match write(file.as_ref()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("fixture: {error}");
            ExitCode::FAILURE
        }
    }
}

fn write(file: &std::path::Path) -> Result<(), Error> {
    let mut writer = Writer::open(file)?;
    for start in 0..6 {
        writer.write(&shop(start))?;
    }
    writer.write(&background())?;
    writer.write(&taps())?;
    writer.close()
}

fn site(module: &str, offset: u64, symbol: &str) -> Site {
    Site { module: module.into(), build_id: vec![0xab; 20], offset, symbol: Some(symbol.to_owned()) }
}

fn line(file: &str, line: u32, function: &str) -> LanguageFrame {
    LanguageFrame { language: "python".into(), file: file.into(), line, function: function.into() }
}

/// A role of `shop`; some starts did not tell the line that forks it.
fn workers(start: u32) -> RoleChain {
    let line = (start != 2).then(|| line("/srv/shop/master.py", 12, "spawn"));
    vec![ForkSite { site: site("/usr/bin/python3.11", 0x1000, "os_fork+0x2c"), line }]
}

/// One start of a daemon that loads late.
fn shop(start: u32) -> Batch {
    let began = BEGAN + u64::from(start) * HOUR;
    let key = TreeKey { pid: 1_000 + start, start_micros: began };
    let helper =
        [workers(start), vec![ForkSite { site: site("/lib/helper.so", 0x20, "help+0x4"), line: None }]];
    let tree = TreeRow {
        key,
        program: if start == 4 { Vec::new() } else { b"shop".to_vec() },
        executable: b"/usr/local/bin/shop".to_vec(),
        shim_version: b"0.1.0".to_vec(),
        first_seen_micros: began,
        last_seen_micros: began + HOUR / 2,
        sequence: 40 + u64::from(start),
        gaps: u64::from(start % 3),
        not_sent: vec![("sandbox".into(), 2), ("send-failed".into(), 1)],
        interpreters: vec![Interpreter {
            language: "python".into(),
            version: b"3.11.2".to_vec(),
            no_lines: (start == 5).then(|| "version".to_owned()),
        }],
    };
    let roles = [(workers(start), 1, 4), (helper.concat(), 2, 3)].map(|(chain, number, forks)| RoleCount {
        tree: key,
        chain,
        number,
        forks,
        fork_nanos: 400_000 * u64::from(forks),
        resident_kib: 40_000 + start,
        bystanders: (number == 1).then(|| Bystanders {
            threads: 1 + start % 2,
            sockets: 1,
            most_threads: 2,
            most_sockets: 1,
            at_least: start == 3,
            thread_names: vec![b"timer".to_vec()],
        }),
    });
    let loads = (0..24).map(|file| load(key, workers(start), began, file));
    let below = load(key, helper.concat(), began, 99);
    let memory = (0..3).map(|process| MemoryRow {
        tree: key,
        chain: workers(start),
        pid: 2_000 + start * 10 + process,
        start_ticks: u64::from(start * 100 + process),
        seen_micros: began + HOUR / 4,
        figures: (process < 2).then_some(MemoryFigures {
            pss_kib: 9_000,
            uss_kib: 5_000,
            private_dirty_kib: 4_000,
            shared_kib: 30_000,
            swap_kib: 1,
        }),
    });
    Batch {
        trees: vec![tree],
        roles: roles.to_vec(),
        memory: memory.collect(),
        loads: loads.chain([below]).collect(),
        lines: vec![
            (key, LineCount { language: "python".into(), no_lines: None, loads: 24 }),
            (key, LineCount { language: "python".into(), no_lines: Some("untold".into()), loads: 1 }),
        ],
        missing: vec![MissingRow {
            tree: key,
            chain: workers(start),
            name: b"simplejson".to_vec(),
            language: "python".into(),
            searches: 4,
            probes: 40,
            processes: 4,
            taken_back: 0,
            stacks: vec![Stack {
                language: vec![line("/srv/shop/json.py", 3, "<module>")],
                native: Vec::new(),
            }],
        }],
        executed: vec![ExecutedRow {
            tree: key,
            chain: workers(start),
            executable: b"/usr/bin/convert".to_vec(),
            program: b"convert".to_vec(),
            runs: 5,
            cpu_nanos: 50_000_000,
            wall_nanos: 80_000_000,
            resident_kib: 12_000,
            first_seen_micros: began,
            last_seen_micros: began + HOUR / 2,
        }],
        datagrams: 40,
        events: 41,
        duplicates: 1,
        loss: Loss { kernel_drops: 3, malformed: 1, over_cap: 2, ..Loss::default() },
        flushed_micros: began + HOUR / 2,
        ..Batch::default()
    }
}

fn load(tree: TreeKey, chain: RoleChain, began: u64, file: u32) -> LoadRow {
    let path = format!("/usr/lib/python3/dist-packages/shop/module{file}.py");
    let cause = "/usr/lib/python3/dist-packages/shop/module0.py";
    let asked = if file.is_multiple_of(8) {
        line("/srv/shop/views.py", 10 + file, "handler")
    } else {
        line(cause, file, "<module>")
    };
    let native = vec![site("/usr/bin/python3.11", 0x2000 + u64::from(file % 3), "exec_code+0x10")];
    LoadRow {
        key: LoadKey { tree, chain, path: path.into(), kind: "module".into() },
        name: format!("shop.module{file}").into(),
        language: "python".into(),
        outcome: if file == 9 { "failed" } else { "loaded" }.into(),
        via: "open".into(),
        pulled_in_by: if file == 5 { cause.into() } else { Vec::new() },
        events: 4,
        processes: 4,
        bytes: 1_000 + u64::from(file) * 777,
        nanos: 10,
        respawned: 1,
        spans: 2,
        span_nanos: 200_000,
        span_cpu_nanos: 150_000,
        span_faults: 12,
        bound_nanos: 700_000,
        first_seen_micros: began + u64::from(file) * 10_000,
        last_seen_micros: began + HOUR / 2,
        stacks: vec![Stack { language: vec![asked], native }],
    }
}

/// A daemon that went into the background, after which its heir is the main process.
fn background() -> Batch {
    let key = TreeKey { pid: 77, start_micros: BEGAN + 5 };
    let heir = vec![ForkSite { site: site("/usr/sbin/old", 0x30, "daemonise+0x8"), line: None }];
    let child = ForkSite { site: site("/usr/sbin/old", 0x90, "worker+0x8"), line: None };
    let tree = TreeRow {
        key,
        program: b"old".to_vec(),
        executable: b"/usr/sbin/old".to_vec(),
        first_seen_micros: BEGAN + 5,
        last_seen_micros: BEGAN + HOUR,
        sequence: 9,
        ..TreeRow::default()
    };
    let library = |chain: RoleChain, path: &str| {
        let mut load = load(key, chain, BEGAN, 1);
        (load.key.path, load.key.kind) = (path.into(), "library".into());
        load.stacks =
            vec![Stack { language: Vec::new(), native: vec![site("/usr/sbin/old", 0x44, "plug+0x1")] }];
        load
    };
    Batch {
        trees: vec![tree],
        rebases: vec![Rebase { tree: key, chain: heir, number: Some(1) }],
        roles: vec![RoleCount {
            tree: key,
            chain: vec![child.clone()],
            number: 2,
            forks: 2,
            ..RoleCount::default()
        }],
        loads: vec![library(Vec::new(), "/lib/start.so"), library(vec![child], "/lib/plug\u{e9}.so")],
        flushed_micros: BEGAN + HOUR,
        ..Batch::default()
    }
}

fn taps() -> Batch {
    Batch {
        pings: vec![PingRow {
            name: b"checkout.legacy".to_vec(),
            file: b"cart.pl".to_vec(),
            line: 42,
            service: b"shop".to_vec(),
            host: b"web1".to_vec(),
            hits: 3,
            processes: 2,
            function: b"main::pay".to_vec(),
            caller: b"main::run".to_vec(),
            context: vec![(b"user".to_vec(), b"7".to_vec())],
            first_seen_micros: BEGAN,
            last_seen_micros: BEGAN + HOUR,
        }],
        odd_clocks: 1,
        queues: vec![("socket".into(), 3)],
        flushed_micros: BEGAN + 6 * HOUR,
        ..Batch::default()
    }
}
