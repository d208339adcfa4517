//! A program: its interpreters, its roles, and the lists of what they did.

use alive_store::model::{Bystanders, Interpreter, LineCount, RoleMemory};
use serde::{Serialize, Serializer};

use super::Part;
use super::findings::FindingOf;
use super::loads::{ExecutedOf, LoadOf, MissingOf};
use super::object::{List, Object, Pairs, text};
use super::stacks::{Frame, Frames};
use crate::findings::ProgramReport;
use crate::render::{refork, time};
use crate::role::Role;
use crate::{memory, price};

/// A program.
pub(super) struct ProgramOf<'a> {
    pub(super) part: &'a Part<'a>,
    /// Up to when the report tells, microseconds since 1970.
    pub(super) until_micros: u64,
    pub(super) frames: Option<&'a Frames<'a>>,
}

impl Serialize for ProgramOf<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { part, until_micros, frames } = *self;
        let program = part.program;
        let role = |index| RoleOf { program, index, until_micros };
        let load = |(index, load)| LoadOf { program, index, load, frames };
        let missing = |missing| MissingOf { program, missing, frames };
        let mut out = Object::begin(serializer)?;
        out.bytes("program", &program.label)?;
        out.put("trees", &program.trees)?;
        out.put("sequence_gaps", &program.sequence_gaps)?;
        out.put("not_sent", &Pairs(program.not_sent.iter().map(|(reason, number)| (reason, number))))?;
        out.put("interpreters", &List(program.interpreters.iter().map(InterpreterOf)))?;
        out.put("lines", &Lines(&program.lines))?;
        out.put("start_up_loads", &program.start_up().count())?;
        out.put("roles", &List((0..program.roles.len()).map(role)))?;
        out.put("findings", &List(part.findings.iter().map(|finding| FindingOf(program, finding))))?;
        out.put("loads", &List(part.loads().map(load)))?;
        out.put("missing", &List(program.missing.iter().map(missing)))?;
        out.put("executed", &List(program.executed.iter().map(|executed| ExecutedOf(program, executed))))?;
        out.end()
    }
}

struct InterpreterOf<'a>(&'a Interpreter);

impl Serialize for InterpreterOf<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut out = Object::begin(serializer)?;
        out.put("language", &self.0.language)?;
        out.bytes("version", &self.0.version)?;
        out.put("lines", self.0.no_lines.as_deref().unwrap_or("read"))?;
        out.end()
    }
}

/// Loads by language, with lines and without.
struct Lines<'a>(&'a [LineCount]);

impl Serialize for Lines<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut languages: Vec<&str> = Vec::new();
        for line in self.0 {
            if !languages.contains(&line.language.as_str()) {
                languages.push(&line.language);
            }
        }
        serializer.collect_seq(languages.into_iter().map(|language| LinesOf(self.0, language)))
    }
}

struct LinesOf<'a>(&'a [LineCount], &'a str);

impl Serialize for LinesOf<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self(lines, language) = *self;
        let of_language = || lines.iter().filter(|line| line.language == language);
        let with = of_language().find(|line| line.no_lines.is_none()).map_or(0, |line| line.loads);
        let without = of_language().filter_map(|line| Some((line.no_lines.as_deref()?, line.loads)));
        let mut out = Object::begin(serializer)?;
        out.put("language", language)?;
        out.put("with", &with)?;
        out.put("without", &Pairs(without))?;
        out.end()
    }
}

/// A role, by its index.
struct RoleOf<'a> {
    program: &'a ProgramReport,
    index: usize,
    until_micros: u64,
}

impl Serialize for RoleOf<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { program, index, until_micros } = *self;
        let role = program.roles.get(index);
        let known = |figure: u64| Some(figure).filter(|figure| *figure > 0);
        let fork_micros = role.and_then(|role| known(role.fork_nanos)).map(|nanos| nanos / 1_000);
        let price = role.and_then(price::of).and_then(|price| price.nanos_per_100_mib);
        let mut out = Object::begin(serializer)?;
        out.put("id", &program.role_id(Some(index)))?;
        out.put("parent", &program.role_id(role.and_then(|role| role.parent)))?;
        out.put("fork_site", &role.filter(|role| role.fork_site.is_some()).map(ForkSiteOf))?;
        out.put("processes", &role.map(|role| role.processes))?;
        out.put("fork_micros", &fork_micros)?;
        out.put("forker_resident_kib", &role.and_then(|role| known(role.forker_resident_kib.into())))?;
        out.put("micros_per_100_mib", &price.map(|nanos| nanos / 1_000))?;
        out.put("at_fork", &role.and_then(|role| role.bystanders.as_ref()).map(AtFork))?;
        out.put("memory", &role.and_then(|role| MemoryOf::told(&role.memory)))?;
        if let Some(readiness) = refork::document(program, index, until_micros) {
            out.put("readiness", &readiness)?;
        }
        out.end()
    }
}

/// The place in machine code that forks a role, and the line where it is known.
struct ForkSiteOf<'a>(&'a Role);

impl Serialize for ForkSiteOf<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut out = Object::begin(serializer)?;
        if let Some(site) = &self.0.fork_site {
            Frame::from(site).put(&mut out)?;
        }
        if let Some(line) = &self.0.fork_line {
            Frame::from(line).put(&mut out)?;
        }
        out.end()
    }
}

/// What was there beside the thread that forked.
struct AtFork<'a>(&'a Bystanders);

impl Serialize for AtFork<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let seen = self.0;
        let mut out = Object::begin(serializer)?;
        out.put("threads", &seen.threads)?;
        out.put("sockets", &seen.sockets)?;
        out.put("most_threads", &seen.most_threads)?;
        out.put("most_sockets", &seen.most_sockets)?;
        out.put("at_least", &seen.at_least)?;
        out.put("thread_names", &List(seen.thread_names.iter().map(|name| text(name))))?;
        out.end()
    }
}

/// What the processes of a role held, one by one on average.
struct MemoryOf<'a>(&'a RoleMemory);

impl<'a> MemoryOf<'a> {
    /// `None` when nobody looked.
    fn told(memory: &'a RoleMemory) -> Option<Self> {
        (memory::mean(memory).is_some() || memory.unreadable > 0).then_some(Self(memory))
    }
}

impl Serialize for MemoryOf<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let memory = self.0;
        let mut out = Object::begin(serializer)?;
        out.put("processes", &memory.processes)?;
        out.put("unreadable", &memory.unreadable)?;
        if let Some(mean) = memory::mean(memory) {
            out.put("pss_kib", &mean.pss_kib)?;
            out.put("uss_kib", &mean.uss_kib)?;
            out.put("private_dirty_kib", &mean.private_dirty_kib)?;
            out.put("shared_kib", &mean.shared_kib)?;
            out.put("swap_kib", &mean.swap_kib)?;
            out.put("max_pss_kib", &memory.max_pss_kib)?;
            out.put("max_uss_kib", &memory.max_uss_kib)?;
            out.put("max_private_dirty_kib", &memory.max_private_dirty_kib)?;
        }
        out.put("last_seen", &time(memory.seen_micros))?;
        out.end()
    }
}
