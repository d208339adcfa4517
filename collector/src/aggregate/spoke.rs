//! Who spoke lately, for whoever looks at the memory of processes.

use std::sync::Arc;

use alive_store::model::{MemoryFigures, TreeKey};

use super::chains::Chain;
use crate::heard::Heard;

/// Most processes noted until they are taken. One that found no room is noted when it speaks in a later round.
const MAX_SPEAKERS: usize = 1_024;

/// Most rebases remembered. A daemon goes into the background once, and a look is over in moments.
const MAX_REBASES: usize = 64;

/// A process that spoke, and what it was then.
#[derive(Debug, Clone)]
pub(crate) struct Speaker {
    pub(crate) tree: TreeKey,
    pub(crate) pid: u32,
    pub(crate) chain: Arc<Chain>,
    /// When it spoke, by its `CLOCK_MONOTONIC` in nanoseconds.
    pub(crate) monotonic_nanos: u64,
    /// The round in which it was noted.
    round: u64,
}

/// A look at the memory of a process.
#[derive(Debug)]
pub(crate) struct Looked {
    pub(crate) speaker: Speaker,
    pub(crate) start_ticks: u64,
    pub(crate) seen_micros: u64,
    /// `None` when it may not be read.
    pub(crate) figures: Option<MemoryFigures>,
}

/// The processes that spoke.
#[derive(Debug, Default)]
pub(crate) struct Spoke {
    is_wanted: bool,
    speakers: Vec<Speaker>,
    /// The trees that were rebased, and in which round.
    rebased: Vec<(TreeKey, u64)>,
}

impl Spoke {
    pub(crate) const fn note_speakers(&mut self) {
        self.is_wanted = true;
    }

    /// Notes the process that speaks.
    pub(crate) fn note(&mut self, heard: &Heard<'_>, chain: &Arc<Chain>, round: u64) {
        if self.is_wanted && self.speakers.len() < MAX_SPEAKERS {
            let header = heard.header();
            self.speakers.push(Speaker {
                tree: heard.tree(),
                pid: header.pid,
                chain: Arc::clone(chain),
                monotonic_nanos: header.monotonic_nanos,
                round,
            });
        }
    }

    /// Roles of a tree are others from now on.
    pub(crate) fn rebase(&mut self, tree: TreeKey, round: u64) {
        if self.rebased.len() >= MAX_REBASES {
            self.rebased.remove(0);
        }
        self.rebased.push((tree, round));
    }

    /// Whether a process has the role still that it was noted with.
    pub(crate) fn is_current(&self, speaker: &Speaker) -> bool {
        !self.rebased.iter().any(|&(tree, round)| tree == speaker.tree && speaker.round <= round)
    }

    pub(crate) fn take(&mut self) -> Vec<Speaker> {
        std::mem::take(&mut self.speakers)
    }
}
