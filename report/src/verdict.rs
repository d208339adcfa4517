//! What to do about one load.

use alive_store::model::Load;

use crate::cost;
use crate::findings::{has_failed, is_start_up};
use crate::role::{self, Role};
use crate::template::Lineage;
use crate::thresholds::Thresholds;

/// What to do about a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Verdict {
    /// Most siblings load it, or it is loaded again after respawns, or loading it is slow: load it before
    /// the fork.
    Preload,
    /// Few processes load it: preloading would burden all for the sake of one.
    LeaveLazy,
    /// Searched for and never found, or found and failed to load: adds no code, costs searches.
    Optional,
    /// Loaded by the main process while it went into the background, or by a process from which those that
    /// use it were forked: the way it should be.
    AlreadyShared,
}

impl Verdict {
    /// Every verdict, in the order of the report.
    pub const ALL: [Self; 4] = [Self::Preload, Self::LeaveLazy, Self::Optional, Self::AlreadyShared];

    /// The word in every output.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Preload => "preload",
            Self::LeaveLazy => "leave-lazy",
            Self::Optional => "optional",
            Self::AlreadyShared => "already-shared",
        }
    }
}

/// Judges the loads of a program.
#[derive(Debug)]
pub struct Judge<'a> {
    roles: &'a [Role],
    lineage: Lineage<'a>,
    thresholds: Thresholds,
}

impl<'a> Judge<'a> {
    /// For a program's roles and all of its loads.
    #[must_use]
    pub fn new(loads: &'a [Load], roles: &'a [Role], thresholds: Thresholds) -> Self {
        let late = loads.iter().filter(|load| !has_failed(load) && !is_start_up(roles, load.role));
        Self { roles, lineage: Lineage::new(roles, late), thresholds }
    }

    /// The verdict on one load by itself, whatever brought it.
    #[must_use]
    pub fn verdict(&self, load: &Load) -> Verdict {
        if has_failed(load) {
            return Verdict::Optional;
        }
        if is_start_up(self.roles, load.role) {
            return Verdict::AlreadyShared;
        }
        let kin = self.lineage.kin(load);
        let siblings = self.roles.get(load.role).map_or(0, |role| role.processes.max(load.processes));
        if self.thresholds.is_common(kin.loaded, kin.of, kin.trees)
            || self.thresholds.is_again(load.respawned, siblings)
        {
            Verdict::Preload
        } else if self.lineage.shared_by(load).is_some() {
            Verdict::AlreadyShared
        } else if self.thresholds.is_slow(cost::dlopen_micros(load)) {
            Verdict::Preload
        } else {
            Verdict::LeaveLazy
        }
    }

    /// Processes that have a load from the one that did it.
    #[must_use]
    pub fn shared_by(&self, load: &Load) -> u64 {
        self.lineage.processes_below(load.role)
    }

    /// Roles that did the same load after the fork.
    #[must_use]
    pub fn loaders(&self, load: &Load) -> Vec<usize> {
        self.lineage.roles_that_load(load)
    }

    /// Index of the role that should do a load: the deepest above all that do. `None` where it need not or
    /// cannot be done elsewhere.
    #[must_use]
    pub fn load_in(&self, load: &Load) -> Option<usize> {
        match self.verdict(load) {
            Verdict::Preload | Verdict::LeaveLazy => role::load_in(self.roles, &self.loaders(load)),
            Verdict::Optional | Verdict::AlreadyShared => None,
        }
    }
}
