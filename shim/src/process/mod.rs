//! Who am I: a root that was exec'ed, or a descendant that was forked, and by whom?
//!
//! [`fork`] answers the one question every hook asks first, [`tree`] counts what the whole family
//! of processes must know, [`lineage`] keeps the chain of forks above this process, [`site`] tells where
//! each was called, [`bystanders`] what was in danger there, which [`noted`] keeps for the tree, [`heir`] finds
//! out whether it is the program itself that went into the background, [`failure`] whether a fork came to
//! nothing.

pub(crate) mod bystanders;
pub(crate) mod failure;
pub(crate) mod fork;
pub(crate) mod heir;
pub(crate) mod lineage;
mod noted;
mod site;
pub(crate) mod tree;
