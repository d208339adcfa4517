//! Which roles of a tree are the root by now.
//!
//! A daemon that forks itself into the background goes on as the main process. Its workers that were forked
//! before this was known carry the old lineage for ever, so every lineage is cut behind such a role.

use alive_wire::Kind;
use alive_wire::header::flags;
use alive_wire::record::Lineage;

use crate::heard::Heard;

/// Most roles of one tree. A daemon forks itself once or twice.
const MAX_REBASED: usize = 64;

/// The fork that the heir came from, where an event tells of a rebase.
///
/// A role into which several processes were forked is not believed to be the heir's: one of several workers
/// whose master died may take itself for it, and what the others loaded would pass for start-up.
pub(crate) fn heir<'a>(heard: &Heard<'a>) -> Option<Lineage<'a>> {
    let header = heard.header();
    (header.kind == Ok(Kind::Fork) && header.flags & flags::REBASED != 0)
        .then(|| heard.lineage().last())?
        .filter(|link| link.forks <= 1)
}

/// Numbers of the roles whose process turned out to be the heir of the root.
#[derive(Debug, Clone, Default)]
pub(crate) struct Rebased(Vec<u16>);

impl Rebased {
    /// As an earlier collector left it.
    pub(crate) fn resumed(numbers: Vec<u16>) -> Self {
        Self(numbers)
    }

    pub(crate) fn numbers(&self) -> &[u16] {
        &self.0
    }

    /// Whether nothing was rebased.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Remembers a role; false when it is known already, or there is no room for it.
    pub(crate) fn add(&mut self, role: u16) -> bool {
        let fresh = self.0.len() < MAX_REBASED && !self.0.contains(&role);
        if fresh {
            self.0.push(role);
        }
        fresh
    }

    /// How many links of a lineage, outermost first, belong to what is the root now.
    pub(crate) fn cut<'l>(&self, lineage: impl Iterator<Item = Lineage<'l>>) -> usize {
        if self.0.is_empty() {
            return 0;
        }
        (1..)
            .zip(lineage)
            .filter(|(_, link)| self.0.contains(&link.role))
            .map(|(cut, _)| cut)
            .last()
            .unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use alive_wire::LanguageStack;

    use super::*;

    fn lineage(roles: &[u16]) -> impl Iterator<Item = Lineage<'static>> {
        roles.iter().map(|&role| Lineage {
            role,
            forks: 1,
            ordinal: 1,
            forker_pid: 1,
            module: 0,
            offset: 0,
            fork_nanos: 0,
            resident_kib: 0,
            line: LanguageStack::NONE,
        })
    }

    #[test]
    fn a_lineage_is_cut_behind_the_last_role_that_is_the_root() {
        let mut rebased = Rebased::default();
        assert_eq!(rebased.cut(lineage(&[1, 2, 3])), 0);
        assert!(rebased.add(2));
        assert!(!rebased.add(2), "it is known");
        assert_eq!(rebased.cut(lineage(&[1, 2, 3])), 2);
        assert_eq!(rebased.cut(lineage(&[1, 2])), 2);
        assert_eq!(rebased.cut(lineage(&[1, 3])), 0);
        assert!(rebased.add(1));
        assert_eq!(rebased.cut(lineage(&[1, 2, 3])), 2);
        assert_eq!(rebased.cut(lineage(&[1, 3])), 1);
    }

    #[test]
    fn a_forger_cannot_fill_the_memory() {
        let mut rebased = Rebased::default();
        assert_eq!((0..=u16::MAX).filter(|&role| rebased.add(role)).count(), MAX_REBASED);
    }
}
