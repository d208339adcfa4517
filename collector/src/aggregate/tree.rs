//! One process tree: what is known of it, which of its events are missing, and its roles by their numbers.

use std::sync::Arc;

use alive_store::model::{Interpreter, TreeKey, TreeMark, TreeRow};
use alive_wire::record::{Lineage, Reason};
use alive_wire::{Kind, Language};

use super::chains::Chain;
use crate::heard::{self, Heard, reason_word};
use crate::rebased::Rebased;
use crate::sequence::{Arrival, Sequence};
use crate::unpack::no_lines_word;

/// Most reasons kept for what a tree did not send.
const MAX_REASONS: usize = 16;

/// Most interpreters kept of a tree: a daemon has one, or two versions of one during an upgrade.
const MAX_INTERPRETERS: usize = 8;

/// Most bytes kept of an interpreter's version.
const MAX_VERSION: usize = 64;

/// A tree that is remembered.
#[derive(Debug)]
pub(crate) struct Tree {
    pub(super) key: TreeKey,
    program: Vec<u8>,
    executable: Vec<u8>,
    shim_version: Vec<u8>,
    first_seen_micros: u64,
    last_seen_micros: u64,
    sequence: Sequence,
    /// Numbers missing in the sequences of processes that have their own.
    missing_apart: u64,
    not_sent: Vec<(u8, u64)>,
    /// Their sum, and the part of it that the kernel refused to send.
    not_sent_in_all: u64,
    refused: u64,
    interpreters: Vec<Interpreter>,
    /// The roles by their numbers.
    roles: Vec<Option<KnownRole>>,
    rebased: Rebased,
    /// Whether it changed since its row was taken last.
    pub(super) changed: bool,
}

/// Most roles of a tree that are known by number.
const MAX_ROLES: usize = 128;

/// A role that was heard of before. Its number stands for the whole chain, and the place is compared as well,
/// its line where it is told; the modules need not be looked at again.
#[derive(Debug)]
struct KnownRole {
    offset: u64,
    chain: Arc<Chain>,
    forks: u32,
    fork_nanos: u64,
}

impl Tree {
    pub(super) fn new(key: TreeKey, sequence: Sequence, rebased: Rebased, seen_micros: u64) -> Self {
        Self {
            key,
            program: Vec::new(),
            executable: Vec::new(),
            shim_version: Vec::new(),
            first_seen_micros: seen_micros,
            last_seen_micros: seen_micros,
            sequence,
            missing_apart: 0,
            not_sent: Vec::new(),
            not_sent_in_all: 0,
            refused: 0,
            interpreters: Vec::new(),
            roles: Vec::new(),
            rebased,
            changed: false,
        }
    }

    /// Takes note of a number of the tree's sequence.
    pub(crate) fn hear(&mut self, number: u64) -> Arrival {
        self.sequence.hear(number)
    }

    /// Whether a number is the one behind the highest of the tree's sequence.
    #[inline]
    pub(crate) const fn is_next(&self, number: u64) -> bool {
        self.sequence.is_next(number)
    }

    /// See [`Sequence::whole_from`].
    #[inline]
    pub(crate) fn whole_from(&self) -> u64 {
        self.sequence.whole_from()
    }

    /// Takes note of a change in a process's own sequence.
    pub(crate) fn hear_apart(&mut self, (more, fewer): (u64, u64)) {
        self.missing_apart = self.missing_apart.saturating_add(more).saturating_sub(fewer);
    }

    /// Bytes of its words.
    pub(super) const fn words(&self) -> usize {
        self.program.len() + self.executable.len() + self.shim_version.len()
    }

    /// Takes what an event tells of its tree; how many bytes of words it grew by.
    pub(crate) fn learn(&mut self, heard: &Heard<'_>, seen_micros: u64) -> usize {
        let mut grown = 0;
        let mut keep = |known: &mut Vec<u8>, told: Option<&[u8]>| {
            if let Some(told) = told
                && known != told
                && !told.is_empty()
            {
                grown += told.len().saturating_sub(known.len());
                *known = told.to_vec();
            }
        };
        keep(&mut self.program, heard.program);
        keep(&mut self.executable, heard.executable);
        keep(&mut self.shim_version, heard.shim_version);
        heard.not_sent().for_each(|(reason, events)| self.learn_not_sent(reason, events));
        if heard.header().kind == Ok(Kind::Start) {
            heard.interpreters().for_each(|told| self.learn_interpreter(told));
        }
        self.first_seen_micros = self.first_seen_micros.min(seen_micros);
        self.last_seen_micros = self.last_seen_micros.max(seen_micros);
        grown
    }

    fn learn_not_sent(&mut self, reason: u8, events: u64) {
        let room = self.not_sent.len() < MAX_REASONS;
        match self.not_sent.iter_mut().find(|(known, _)| *known == reason) {
            Some((_, known)) => *known = events.max(*known),
            None if room => self.not_sent.push((reason, events)),
            None => {}
        }
        self.not_sent_in_all = self.not_sent.iter().fold(0, |sum, (_, events)| sum.saturating_add(*events));
        let refused = self.not_sent.iter().find(|(reason, _)| *reason == Reason::SendFailed as u8);
        self.refused = refused.map_or(0, |(_, events)| *events);
    }

    fn learn_interpreter(&mut self, told: heard::Interpreter<'_>) {
        let version = told.version.get(..MAX_VERSION).unwrap_or(told.version);
        let language = told.language.map_or("", Language::word);
        let no_lines = (told.no_lines != 0).then(|| no_lines_word(told.no_lines));
        let same = |known: &&mut Interpreter| known.language == language && known.version == version;
        let room = self.interpreters.len() < MAX_INTERPRETERS;
        match self.interpreters.iter_mut().find(same) {
            Some(known) => known.no_lines = no_lines,
            None if room => self.interpreters.push(Interpreter {
                language: language.to_owned(),
                version: version.to_vec(),
                no_lines,
            }),
            None => {}
        }
    }

    /// The roles that are the root by now.
    pub(crate) const fn rebased(&self) -> &Rebased {
        &self.rebased
    }

    /// Takes note that the process of a role is the root from now on; false when that is known.
    pub(crate) fn rebase(&mut self, role: u16) -> bool {
        let fresh = self.rebased.add(role);
        if fresh {
            // Their chains are shorter now.
            self.roles.clear();
        }
        fresh
    }

    /// The role with the number of a link, if it was heard of; and whether it had as many forks that took
    /// as long. A role whose line was not told yet is another one as soon as it is: the store knows both for
    /// one by their number.
    pub(crate) fn role(&self, link: &Lineage<'_>) -> Option<(&Arc<Chain>, bool)> {
        let known = self.roles.get(usize::from(link.role))?.as_ref()?;
        let counted = known.forks >= link.forks && known.fork_nanos >= link.fork_nanos;
        (known.offset == link.offset && known.chain.may_be(link)).then_some((&known.chain, counted))
    }

    /// The role at the end of a lineage whose every link was heard of with as many forks, and how many links
    /// there are.
    pub(crate) fn role_below<'l>(
        &self,
        lineage: impl Iterator<Item = Lineage<'l>>,
    ) -> Option<(&Arc<Chain>, usize)> {
        let mut last = None;
        for (link, links) in lineage.zip(1..) {
            let (chain, true) = self.role(&link)? else { return None };
            last = Some((chain, links));
        }
        last
    }

    /// Forgets the roles by their numbers.
    pub(super) fn forget_roles(&mut self) {
        self.roles = Vec::new();
    }

    /// Whether every number of its sequence between two, without both, has come.
    pub(super) fn is_whole(&self, from: u64, to: u64) -> bool {
        self.sequence.is_whole(from, to)
    }

    /// Remembers a role; how many places for roles it grew by.
    pub(crate) fn remember(&mut self, link: &Lineage<'_>, chain: &Arc<Chain>) -> usize {
        let number = usize::from(link.role);
        if number >= MAX_ROLES {
            return 0;
        }
        let more = (number + 1).saturating_sub(self.roles.len());
        if more > 0 {
            self.roles.reserve_exact(more);
            self.roles.resize_with(number + 1, || None);
        }
        self.roles[number] = Some(KnownRole {
            offset: link.offset,
            chain: Arc::clone(chain),
            forks: link.forks,
            fork_nanos: link.fork_nanos,
        });
        more
    }

    /// Events counted instead of sent.
    pub(crate) const fn not_sent(&self) -> u64 {
        self.not_sent_in_all
    }

    const fn gaps(&self) -> u64 {
        self.sequence.missing().saturating_add(self.missing_apart)
    }

    /// Events lost: numbers that never came, without those of events that the kernel refused to send.
    /// What is counted for another reason takes no number.
    pub(crate) const fn lost(&self) -> u64 {
        self.gaps().saturating_sub(self.refused)
    }

    pub(super) fn mark(&self) -> TreeMark {
        TreeMark {
            sequence: self.sequence.high(),
            gaps: self.gaps(),
            rebased: self.rebased.numbers().to_vec(),
        }
    }

    pub(super) fn row(&self) -> TreeRow {
        TreeRow {
            key: self.key,
            program: self.program.clone(),
            executable: self.executable.clone(),
            shim_version: self.shim_version.clone(),
            first_seen_micros: self.first_seen_micros,
            last_seen_micros: self.last_seen_micros,
            sequence: self.sequence.high(),
            gaps: self.gaps(),
            not_sent: self.not_sent.iter().map(|&(reason, events)| (reason_word(reason), events)).collect(),
            interpreters: self.interpreters.clone(),
        }
    }
}
