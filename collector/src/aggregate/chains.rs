//! Chains of fork sites, each kept once.

use std::hash::BuildHasher;
use std::sync::Arc;

use alive_report::machinery;
use alive_store::model::{ForkSite, RoleChain, Site};
use alive_wire::header::flags;
use alive_wire::record::Lineage;
use alive_wire::{Kind, Language, LanguageStack};
use hashbrown::{DefaultHashBuilder, HashTable};

use super::tree::Tree;
use crate::heard::Heard;
use crate::unpack;

/// Most chains that are kept; beyond it all are forgotten and found again as they come.
const MAX_CHAINS: usize = 16_384;

/// Most bytes of their modules and lines.
const MAX_CHAIN_BYTES: usize = 8 << 20;

/// Most places by number that trees have for them.
const MAX_REMEMBERED: usize = 262_144;

/// A role: its fork site below its parent's role.
#[derive(Debug)]
pub(crate) struct Chain {
    /// Tells chains apart, over all trees.
    pub(crate) hash: u64,
    parent: Option<Arc<Self>>,
    link: ForkSite,
    /// The line that forks it as the wire has it; empty when it was not told.
    packed: Box<[u8]>,
    /// Bytes of all sites from the root down, as they are written.
    pub(crate) bytes: usize,
}

impl Chain {
    /// Whether it is the root's.
    pub(crate) const fn is_root(&self) -> bool {
        self.parent.is_none()
    }

    /// The role that forks it; of the root, itself.
    pub(crate) fn forker(self: Arc<Self>) -> Arc<Self> {
        self.parent.clone().unwrap_or(self)
    }

    /// The fork sites from the root down.
    pub(crate) fn sites(&self) -> RoleChain {
        let mut sites = Vec::new();
        let mut link = self;
        while let Some(parent) = &link.parent {
            sites.push(link.link.clone());
            link = parent;
        }
        sites.reverse();
        sites
    }

    /// Whether a link's line is that of this role, or is not told.
    pub(crate) fn may_be(&self, link: &Lineage<'_>) -> bool {
        link.line.packed.is_empty() || link.line.packed == &*self.packed
    }
}

/// The chains seen so far.
#[derive(Debug)]
pub(crate) struct Chains {
    root: Arc<Chain>,
    known: HashTable<Arc<Chain>>,
    /// Bytes of what is known.
    bytes: usize,
    /// Places by number in all trees, counted since they were forgotten.
    remembered: usize,
    /// The role of the latest event. The next one is likely to be of the same, and to count its holders costs more
    /// than to hand it on.
    latest: Option<Arc<Chain>>,
}

impl Chains {
    pub(crate) fn new() -> Self {
        let root = Arc::new(Chain {
            hash: 0,
            parent: None,
            link: ForkSite::default(),
            packed: Box::default(),
            bytes: 0,
        });
        Self { root, known: HashTable::new(), bytes: 0, remembered: 0, latest: None }
    }

    /// Whether it is time to forget all, here and in the trees that remember some by number.
    pub(crate) fn are_too_many(&self) -> bool {
        self.known.len() >= MAX_CHAINS || self.bytes >= MAX_CHAIN_BYTES || self.remembered >= MAX_REMEMBERED
    }

    /// Forgets all; they are found again as they come.
    pub(crate) fn forget(&mut self) {
        self.known.clear();
        (self.bytes, self.remembered) = (0, 0);
    }

    /// An event of this role is done with.
    pub(crate) fn was_latest(&mut self, chain: Arc<Chain>) {
        self.latest = Some(chain);
    }

    /// The root's role.
    pub(crate) fn root(&self) -> Arc<Chain> {
        Arc::clone(&self.root)
    }

    /// The role of the process that speaks, below what is the root by now. `count` is told every role above it
    /// and its own, outermost first, when its forks are others than before, and says whether it took note.
    pub(crate) fn role(
        &mut self,
        hasher: &DefaultHashBuilder,
        heard: &Heard<'_>,
        tree: &mut Tree,
        count: impl FnMut(&Arc<Chain>, &Lineage<'_>) -> bool,
    ) -> Arc<Chain> {
        // Without a tree page each process numbers roles for itself.
        let numbered = heard.header().flags & flags::NO_TREE == 0;
        // Nearly every event is of a role that is known, and tells nothing new of it.
        if numbered
            && tree.rebased().is_empty()
            && let Some((chain, links)) = tree.role_below(heard.lineage())
            && links >= usize::from(heard.header().depth)
        {
            return self
                .latest
                .take_if(|latest| Arc::ptr_eq(latest, chain))
                .unwrap_or_else(|| Arc::clone(chain));
        }
        self.role_by_link(hasher, heard, tree, count)
    }

    /// The same, one link after the other.
    // Apart, as is whatever few events need: what the others go through has more of the registers then.
    #[inline(never)]
    fn role_by_link(
        &mut self,
        hasher: &DefaultHashBuilder,
        heard: &Heard<'_>,
        tree: &mut Tree,
        mut count: impl FnMut(&Arc<Chain>, &Lineage<'_>) -> bool,
    ) -> Arc<Chain> {
        let set = heard.header().flags;
        let numbered = set & flags::NO_TREE == 0;
        let cut = if numbered { tree.rebased().cut(heard.lineage()) } else { 0 };
        let mut role = None;
        let mut links = cut;
        for link in heard.lineage().skip(cut) {
            links += 1;
            let known = if numbered { tree.role(&link) } else { None };
            if let Some((chain, counted)) = known {
                let chain = Arc::clone(chain);
                // Only a fork tells the names of threads, and it may not be the first to tell the count.
                let counted = counted && heard.header().kind != Ok(Kind::Fork);
                if !counted && count(&chain, &link) {
                    self.remembered += tree.remember(&link, &chain);
                }
                role = Some(chain);
                continue;
            }
            let parent = Arc::clone(role.as_ref().unwrap_or(&self.root));
            let chain = self.below(hasher, &parent, heard, Some(&link));
            if count(&chain, &link) && numbered {
                self.remembered += tree.remember(&link, &chain);
            }
            role = Some(chain);
        }
        let role = role.unwrap_or_else(|| Arc::clone(&self.root));
        // The lineage of a rebase is the heir's, and the depth that of whoever tells of it.
        if links < usize::from(heard.header().depth) && set & flags::REBASED == 0 {
            // The innermost forks did not fit or were not seen. The process must not pass for one of
            // its ancestors: it gets a role of its own, at an unknown place.
            return self.below(hasher, &role, heard, None);
        }
        role
    }

    fn below(
        &mut self,
        hasher: &DefaultHashBuilder,
        parent: &Arc<Chain>,
        heard: &Heard<'_>,
        link: Option<&Lineage<'_>>,
    ) -> Arc<Chain> {
        let module = link.and_then(|link| heard.module(link.module)).map_or(&b""[..], |module| module.path);
        let offset = link.map_or(0, |link| link.offset);
        let line = link.map_or(LanguageStack::NONE, |link| link.line);
        let language = line.language.map_or(0, Language::byte);
        // Never the root's.
        let hash = hasher.hash_one((parent.hash, module, offset, language, line.packed)) | 1;
        let same = |chain: &Arc<Chain>| {
            let site = &chain.link.site;
            chain.hash == hash
                && (site.offset, site.module.as_slice()) == (offset, module)
                && *chain.packed == *line.packed
        };
        if let Some(chain) = self.known.find(hash, same) {
            return Arc::clone(chain);
        }
        let site = link.map_or_else(Site::default, |link| heard.site(link.module, link.offset));
        let link = ForkSite { site, line: machinery::forking_line(&unpack::frames(line)).cloned() };
        let own = link.site.module.len() + line.packed.len() + size_of::<ForkSite>();
        let bytes = parent.bytes + own;
        let parent = Some(Arc::clone(parent));
        let chain = Arc::new(Chain { hash, parent, link, packed: line.packed.into(), bytes });
        self.bytes += own;
        self.known.insert_unique(hash, Arc::clone(&chain), |chain| chain.hash);
        chain
    }
}
