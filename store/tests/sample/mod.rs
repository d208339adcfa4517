//! Rows to write, each with figures that a test can name.
#![allow(dead_code, unreachable_pub, reason = "every test file uses its part of the samples")]

pub use alive_store::model::TreeRow;
use alive_store::model::{
    ForkSite, LanguageFrame, LoadKey, LoadRow, MissingRow, Rebase, RoleChain, RoleCount, Site, Stack, TreeKey,
};

/// A tree of the program `daemon`.
pub fn tree(pid: u32) -> TreeRow {
    TreeRow {
        key: TreeKey { pid, start_micros: 500 },
        program: b"daemon".to_vec(),
        executable: b"/usr/bin/daemon".to_vec(),
        shim_version: b"0.1.0".to_vec(),
        first_seen_micros: 1_000,
        last_seen_micros: 2_000,
        sequence: 9,
        gaps: 0,
        not_sent: Vec::new(),
        interpreters: Vec::new(),
    }
}

/// The place in code that is called `name`.
pub fn site(name: &str) -> Site {
    Site {
        module: b"/usr/bin/daemon".to_vec(),
        build_id: vec![1, 2, 3],
        offset: name.bytes().map(u64::from).sum(),
        symbol: Some(format!("{name}+0x1")),
    }
}

/// A chain of fork sites.
pub fn chain(names: &[&str]) -> RoleChain {
    names.iter().map(|name| ForkSite { site: site(name), line: None }).collect()
}

/// A line of the master's file.
pub fn line(number: u32) -> LanguageFrame {
    LanguageFrame {
        language: "python".into(),
        file: b"/srv/arbiter.py".to_vec(),
        line: number,
        function: b"spawn_worker".to_vec(),
    }
}

/// The role that is forked at the place `w`, by a line where it was told.
pub fn forked_at(line: Option<u32>) -> RoleChain {
    vec![ForkSite { site: site("w"), line: line.map(self::line) }]
}

/// The forks into a role under one of its numbers.
pub fn role(pid: u32, role: &[&str], number: u16, forks: u32) -> RoleCount {
    RoleCount { tree: tree(pid).key, chain: chain(role), number, forks, fork_nanos: 0, resident_kib: 0 }
}

/// The process of a role turns out to be the heir.
pub fn rebase(pid: u32, role: &[&str], number: u16) -> Rebase {
    Rebase { tree: tree(pid).key, chain: chain(role), number: Some(number) }
}

/// One search by one process.
pub fn missing(pid: u32, role: &[&str], name: &[u8]) -> MissingRow {
    MissingRow {
        tree: tree(pid).key,
        chain: chain(role),
        name: name.to_vec(),
        language: "perl".into(),
        searches: 1,
        probes: 1,
        processes: 1,
        taken_back: 0,
        stacks: Vec::new(),
    }
}

/// One load by one process.
pub fn load(pid: u32, role: &[&str], path: &[u8]) -> LoadRow {
    LoadRow {
        key: LoadKey { tree: tree(pid).key, chain: chain(role), path: path.to_vec(), kind: "module".into() },
        name: Vec::new(),
        language: "perl".into(),
        outcome: "loaded".into(),
        via: "open".into(),
        pulled_in_by: Vec::new(),
        events: 1,
        processes: 1,
        bytes: 100,
        nanos: 0,
        respawned: 0,
        spans: 0,
        span_nanos: 0,
        span_cpu_nanos: 0,
        span_faults: 0,
        bound_nanos: 0,
        first_seen_micros: 1_000,
        last_seen_micros: 2_000,
        stacks: Vec::new(),
    }
}

/// A stack that begins at a line.
pub fn stack(file: &[u8], line: u32) -> Stack {
    Stack {
        language: vec![LanguageFrame {
            language: "perl".into(),
            file: file.to_vec(),
            line,
            function: b"main::run".to_vec(),
        }],
        native: vec![site("Perl_pp_require"), site("main")],
    }
}
