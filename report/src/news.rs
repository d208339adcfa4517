//! What is new in a report since the last one: the way to follow a collector live, whatever became of it
//! in between. A collector that starts again goes on with its sums; a database that begins anew has smaller
//! ones, and everything in it is new.

use std::collections::HashMap;

use alive_store::model::Load;

use crate::caller::{self, Caller};
use crate::findings::{ProgramReport, Report, Verdict};

/// One load, or one search in vain, that happened since the last look.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct New {
    /// When it was last seen, microseconds since 1970; of a search, when it was looked.
    pub micros: u64,
    /// Label of the program.
    pub program: Vec<u8>,
    /// The role that loaded it, by its id.
    pub role: String,
    /// What to do about it: the verdict on the cause that brought it. `None` when it was judged by none.
    pub verdict: Option<Verdict>,
    /// Path of the file, or the name that was searched for.
    pub what: Vec<u8>,
    /// Path of the load that brought it, when it is not its own cause.
    pub brought_by: Option<Vec<u8>>,
    /// How often since the last look.
    pub times: u64,
    /// Processes of the role that have loaded it so far.
    pub workers: u64,
    /// Processes of the role.
    pub of: u64,
    /// Size of the file; 0 for a search.
    pub bytes: u64,
    /// Who asked.
    pub caller: Option<Caller>,
}

/// What was there at the last look.
#[derive(Debug, Default)]
pub struct News {
    seen: HashMap<Key, u64>,
}

/// Program, role, and path or name; a name begins with a zero byte, which no path does.
type Key = (Vec<u8>, String, Vec<u8>);

impl News {
    /// Nothing seen yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// What this report holds more than the last one, oldest first.
    pub fn of(&mut self, report: &Report) -> Vec<New> {
        let mut now = HashMap::with_capacity(self.seen.len());
        let mut news = Vec::new();
        for program in &report.programs {
            let causes = Causes::of(program);
            let role_of =
                |role: usize| program.roles.get(role).map(|role| role.id.clone()).unwrap_or_default();
            for (index, load) in program.loads.iter().enumerate() {
                let key = (program.label.clone(), role_of(load.role), load.path.clone());
                let times = self.more(&key, load.events);
                if times > 0 {
                    news.push(causes.load(program, index, load, times));
                }
                now.insert(key, load.events);
            }
            for search in &program.missing {
                let marked = [b"\0", search.name.as_slice()].concat();
                let key = (program.label.clone(), role_of(search.role), marked);
                let times = self.more(&key, search.searches);
                if times > 0 {
                    news.push(New {
                        micros: report.until_micros,
                        program: program.label.clone(),
                        role: role_of(search.role),
                        verdict: Some(Verdict::Optional),
                        what: search.name.clone(),
                        brought_by: None,
                        times,
                        workers: search.processes,
                        of: siblings(program, search.role, search.processes),
                        bytes: 0,
                        caller: caller::of_stacks(&search.stacks),
                    });
                }
                now.insert(key, search.searches);
            }
        }
        self.seen = now;
        news.sort_by_key(|new| new.micros);
        news
    }

    /// How much more than at the last look; all of it where a sum has become smaller.
    fn more(&self, key: &Key, sum: u64) -> u64 {
        let before = self.seen.get(key).copied().unwrap_or(0);
        sum.checked_sub(before).unwrap_or(sum)
    }
}

/// The finding above each load.
struct Causes {
    of_loads: HashMap<usize, (Verdict, usize)>,
}

impl Causes {
    fn of(program: &ProgramReport) -> Self {
        let mut of_loads = HashMap::with_capacity(program.loads.len());
        for finding in &program.findings {
            if let Some(tree) = &finding.tree {
                of_loads.extend(tree.loads().into_iter().map(|load| (load, (finding.verdict, tree.load))));
            }
        }
        Self { of_loads }
    }

    fn load(&self, program: &ProgramReport, index: usize, load: &Load, times: u64) -> New {
        let cause = self.of_loads.get(&index);
        let brought_by =
            cause.filter(|(_, root)| *root != index).and_then(|(_, root)| program.loads.get(*root));
        let failed = load.outcome == "failed";
        New {
            micros: load.last_seen_micros,
            program: program.label.clone(),
            role: program.roles.get(load.role).map(|role| role.id.clone()).unwrap_or_default(),
            verdict: if failed { Some(Verdict::Optional) } else { cause.map(|(verdict, _)| *verdict) },
            what: load.path.clone(),
            brought_by: brought_by.map(|root| root.path.clone()),
            times,
            workers: load.processes,
            of: siblings(program, load.role, load.processes),
            bytes: load.bytes,
            caller: caller::of_stacks(&load.stacks),
        }
    }
}

/// Processes of a role, and never fewer than spoke.
fn siblings(program: &ProgramReport, role: usize, spoke: u64) -> u64 {
    program.roles.get(role).map_or(spoke, |role| role.processes.max(spoke))
}
