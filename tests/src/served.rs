//! A real daemon under `alive run`: asked, measured and ended, for a comparison of two runs.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::daemon::{Start, get};
use crate::events::Events;
use crate::running::Running;
use crate::scene::Scene;
use crate::{artifacts, running};

/// Longest time until a daemon answers.
const DEADLINE: Duration = Duration::from_secs(60);

/// Rounds of requests: in so many each of two workers answers every page on a machine that is not busy...
const LEAST_ROUNDS: usize = 2;

/// ...and no more are asked for on one that is.
const MOST_ROUNDS: usize = 25;

/// A daemon that serves, with `alive run` above it.
#[derive(Debug)]
pub struct Served<'a> {
    scene: &'a Scene,
    name: &'static str,
    run: Running,
    start: Start,
}

/// What a run came to.
#[derive(Debug, Clone)]
pub struct Result {
    /// The report of the daemon's own program, in the form for programs.
    pub program: Value,
    /// The memory of its processes, before they ended.
    pub memory: Memory,
    database: PathBuf,
}

/// Memory of a tree of processes, in KiB.
#[derive(Debug, Clone, Default)]
pub struct Memory {
    /// Proportional set size of all its processes.
    pub tree_pss: u64,
    /// Private dirty memory of each process that the main one forked, by its pid.
    pub private_dirty: BTreeMap<u32, u64>,
}

impl<'a> Served<'a> {
    /// Starts a daemon and waits until it listens. `name` tells the run from others in the scene.
    ///
    /// # Panics
    /// When it does not come up.
    #[must_use]
    pub fn start(scene: &'a Scene, name: &'static str, start: Start) -> Self {
        let mut command = scene.command(&artifacts::built("alive"));
        command.args(["run", "--format", "json", "-o"]).arg(scene.path(format!("{name}.json")));
        command.arg("--db").arg(database(scene, name)).arg("--events").arg(events(scene, name)).arg("--");
        command.args(&start.command).env("ALIVE_SHIM", &start.shim);
        command.envs(start.variables.iter().map(|(name, value)| (name, value)));
        let run = Running::start(scene, &mut command);
        let mut served = Self { scene, name, run, start };
        let until = Instant::now() + DEADLINE;
        while TcpStream::connect(served.start.address).is_err() {
            let ended = served.run.has_ended();
            assert!(!ended, "{name}: the daemon ended: {}", served.run.told());
            assert!(Instant::now() < until, "{name}: the daemon does not listen: {}", served.run.told());
            std::thread::sleep(Duration::from_millis(20));
        }
        served
    }

    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.start.address
    }

    /// Asks for every path, each twice at the same time, until two workers have loaded as much.
    ///
    /// # Panics
    /// When an answer is not `200 OK`.
    pub fn ask(&self, paths: &[&str]) {
        for round in 1..=MOST_ROUNDS {
            for path in paths {
                self.ask_twice(path);
            }
            if round >= LEAST_ROUNDS && self.two_workers_are_even() {
                return;
            }
        }
    }

    fn ask_twice(&self, path: &str) {
        std::thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    let answer = get(self.start.address, path).expect("an answer");
                    let status = answer.lines().next().unwrap_or_default();
                    assert!(status.contains(" 200"), "{path}: {answer}\n{}", self.run.told());
                });
            }
        });
    }

    /// Whether the two processes that loaded most files loaded as many, as far as is known by now.
    fn two_workers_are_even(&self) -> bool {
        let text = std::fs::read_to_string(events(self.scene, self.name)).unwrap_or_default();
        let by_process = Events::parse(&text).loaded_by_pid();
        let mut counts: Vec<usize> = by_process.values().map(BTreeSet::len).collect();
        counts.sort_unstable();
        let [.., one, other] = counts.as_slice() else { return counts.is_empty() };
        one == other
    }

    /// Measures its memory, ends it, and reads the report.
    ///
    /// # Panics
    /// When it does not end, or there is no report.
    #[must_use]
    pub fn end(self) -> Result {
        let memory = memory(self.run.pid().as_raw().cast_unsigned());
        self.run.signal(self.start.end);
        let outcome: running::Outcome = self.run.end();
        let report = self.scene.path(format!("{}.json", self.name));
        let text = std::fs::read_to_string(&report)
            .unwrap_or_else(|error| panic!("{}: no report: {error}: {outcome:?}", self.name));
        let report: Value = serde_json::from_str(&text).expect("a report is JSON");
        // A program that the daemon executed is one of its own; what has most to gain stands first.
        let program = report["programs"][0].clone();
        Result { program, memory, database: database(self.scene, self.name) }
    }
}

impl Result {
    /// Files that a role loaded late, with the number of its processes that did, for every role but
    /// those `without` tells.
    #[must_use]
    pub fn late(&self, without: impl Fn(&Value) -> bool) -> BTreeMap<PathBuf, u64> {
        let roles = self.program["roles"].as_array().into_iter().flatten();
        let late: Vec<&Value> = roles.filter(|role| !role["parent"].is_null() && !without(role)).collect();
        let mut files = BTreeMap::new();
        for load in self.program["loads"].as_array().into_iter().flatten() {
            if late.iter().any(|role| role["id"] == load["role"]) {
                *files.entry(path(load)).or_default() += load["processes"].as_u64().unwrap_or_default();
            }
        }
        files
    }

    /// The files of the findings that should be preloaded: roots, and what they brought.
    #[must_use]
    pub fn to_preload(&self) -> BTreeMap<PathBuf, BTreeSet<PathBuf>> {
        let findings = self.program["findings"].as_array().into_iter().flatten();
        let roots = findings.filter(|finding| finding["verdict"] == "preload");
        let tree = |root: &Value| {
            let mut files = BTreeSet::new();
            collect(root, &mut files);
            files
        };
        roots.map(|root| (PathBuf::from(root["what"].as_str().unwrap_or_default()), tree(root))).collect()
    }

    /// The list that `alive preload` makes of the run.
    ///
    /// # Panics
    /// When it makes none.
    #[must_use]
    pub fn list(&self, scene: &Scene, ecosystem: &str) -> String {
        let mut command = scene.command(&artifacts::built("alive"));
        let program = self.program["program"].as_str().unwrap_or_default();
        command.args(["preload", "--for", ecosystem, "--program", program, "--db"]).arg(&self.database);
        scene.run(&mut command).well().said()
    }
}

impl fmt::Display for Memory {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let each: Vec<String> = self.private_dirty.values().map(ToString::to_string).collect();
        write!(out, "tree PSS {} KiB, private dirty {} KiB", self.tree_pss, each.join(" + "))
    }
}

fn database(scene: &Scene, name: &str) -> PathBuf {
    scene.path(format!("{name}.db"))
}

fn events(scene: &Scene, name: &str) -> PathBuf {
    scene.path(format!("{name}.ndjson"))
}

fn path(load: &Value) -> PathBuf {
    PathBuf::from(load["path"].as_str().unwrap_or_default())
}

fn collect(node: &Value, files: &mut BTreeSet<PathBuf>) {
    for child in node["tree"].as_array().into_iter().flatten() {
        files.insert(path(child));
        collect(child, files);
    }
}

/// The memory of the daemon that `alive` runs.
fn memory(alive: u32) -> Memory {
    let mut memory = Memory::default();
    for main in children(alive) {
        memory.tree_pss += measured(main, "Pss:");
        let mut below = children(main);
        let dirty = below.iter().map(|&worker| (worker, measured(worker, "Private_Dirty:")));
        // One that ended a moment ago has none.
        memory.private_dirty.extend(dirty.filter(|(_, dirty)| *dirty > 0));
        while let Some(process) = below.pop() {
            memory.tree_pss += measured(process, "Pss:");
            below.extend(children(process));
        }
    }
    memory
}

/// Processes that a process forked and that run still.
fn children(pid: u32) -> Vec<u32> {
    let tasks = std::fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    let lists = tasks.filter_map(|task| std::fs::read_to_string(task.path().join("children")).ok());
    lists
        .flat_map(|list| list.split_whitespace().filter_map(|pid| pid.parse().ok()).collect::<Vec<u32>>())
        .collect()
}

/// A sum over a process's mappings, in KiB; 0 when it has just ended.
fn measured(pid: u32, what: &str) -> u64 {
    let rollup = std::fs::read_to_string(Path::new("/proc").join(pid.to_string()).join("smaps_rollup"));
    let rollup = rollup.unwrap_or_default();
    let line = rollup.lines().find_map(|line| line.strip_prefix(what));
    line.and_then(|rest| rest.split_whitespace().next()?.parse().ok()).unwrap_or_default()
}
