//! A database as a collector leaves it after a long time: many starts of a daemon whose workers load late.

use std::path::Path;

use alive_store::Writer;
use alive_store::model::{
    Batch, ForkSite, LanguageFrame, LoadKey, LoadRow, RoleCount, Site, Stack, TreeKey, TreeRow,
};

use crate::error::Error;

/// How much there is of everything.
#[derive(Debug, Clone, Copy)]
pub(crate) struct History {
    /// Times that the daemon was started: each is a tree of its own.
    pub(crate) starts: u32,
    /// Places that fork workers, in each.
    pub(crate) roles: u32,
    /// Files that the workers of each place load, each asked for by a line of its own.
    pub(crate) files: u32,
}

impl History {
    /// Rows of role, file and caller.
    pub(crate) const fn rows(self) -> u32 {
        self.starts * self.roles * self.files
    }

    /// Writes it, as a collector does: a batch at a time.
    pub(crate) fn write(self, db: &Path) -> Result<(), Error> {
        let failed = |error: alive_store::Error| Error::Unavailable(error.to_string());
        let mut writer = Writer::open(db).map_err(failed)?;
        for start in 0..self.starts {
            writer.write(&self.batch(start)).map_err(failed)?;
        }
        writer.close().map_err(failed)
    }

    fn batch(self, start: u32) -> Batch {
        let began = 1_767_268_800_000_000 + u64::from(start) * 3_600_000_000;
        let key = TreeKey { pid: 1_000 + start, start_micros: began };
        let tree = TreeRow {
            key,
            program: b"shop".to_vec(),
            executable: b"/usr/bin/python3.11".to_vec(),
            first_seen_micros: began,
            last_seen_micros: began + 3_000_000_000,
            sequence: u64::from(self.files),
            ..TreeRow::default()
        };
        let chain = |role: u32| {
            let site = Site {
                module: b"/usr/bin/python3.11".to_vec(),
                build_id: vec![0xab; 20],
                offset: 0x1000 + u64::from(role),
                symbol: Some("os_fork+0x2c".to_owned()),
            };
            vec![ForkSite { site, line: Some(line("/srv/shop/master.py", role + 1, "spawn")) }]
        };
        let roles = (0..self.roles).map(|role| RoleCount {
            tree: key,
            chain: chain(role),
            number: u16::try_from(role + 1).unwrap_or(u16::MAX),
            forks: 8,
            fork_nanos: 5_000_000,
            resident_kib: 40_000,
            bystanders: None,
        });
        let loads = (0..self.roles).flat_map(|role| {
            let chain = chain(role);
            (0..self.files).map(move |file| load(key, began, chain.clone(), file))
        });
        Batch {
            trees: vec![tree],
            roles: roles.collect(),
            loads: loads.collect(),
            flushed_micros: began + 3_000_000_000,
            ..Batch::default()
        }
    }
}

fn line(file: &str, number: u32, function: &str) -> LanguageFrame {
    LanguageFrame { language: "python".into(), file: file.into(), line: number, function: function.into() }
}

fn load(tree: TreeKey, began: u64, chain: Vec<ForkSite>, file: u32) -> LoadRow {
    let path = format!("/usr/lib/python3/dist-packages/shop/part{}/module{file}.py", file / 20);
    // Of twenty files one is a cause, which brought the others.
    let cause =
        format!("/usr/lib/python3/dist-packages/shop/part{}/module{}.py", file / 20, file - file % 20);
    let handler = line("/srv/shop/views.py", 10 + file / 20, "handler");
    let language = if file.is_multiple_of(20) {
        vec![handler]
    } else {
        vec![line(&cause, 1 + file % 20, "<module>"), handler]
    };
    LoadRow {
        key: LoadKey { tree, chain, path: path.into(), kind: "module".into() },
        language: "python".into(),
        outcome: "loaded".into(),
        via: "open".into(),
        events: 8,
        processes: 8,
        bytes: 1_000 + u64::from(file) * 7_919 % 100_003,
        first_seen_micros: began + u64::from(file) * 10_000,
        last_seen_micros: began + 3_000_000_000,
        stacks: vec![Stack { language, native: Vec::new() }],
        ..LoadRow::default()
    }
}
