//! Findings, and what each brought.

use serde::{Serialize, Serializer};

use super::costs;
use super::object::{List, Object};
use super::stacks::Frame;
use crate::findings::{Finding, ProgramReport, Verdict};
use crate::forest::Node;
use crate::safety::{self, Note};

/// One finding.
pub(super) struct FindingOf<'a>(pub(super) &'a ProgramReport, pub(super) &'a Finding);

impl Serialize for FindingOf<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self(program, finding) = *self;
        let cost = finding.cost;
        let mut out = Object::begin(serializer)?;
        out.put("verdict", finding.verdict.word())?;
        out.bytes("what", &finding.what)?;
        out.put("role", &program.role_id(Some(finding.role)))?;
        out.put("load_in", &program.role_id(finding.load_in))?;
        out.put("load_before", &program.role_id(finding.load_before))?;
        out.put("workers", &finding.workers)?;
        out.put("of", &finding.of)?;
        out.put("respawned", &finding.respawned)?;
        out.put("also_in", &List(finding.also_in.iter().map(|&role| program.role_id(Some(role)))))?;
        let is_shared = finding.verdict == Verdict::AlreadyShared;
        out.put("shared_by", &is_shared.then_some(finding.shared_by))?;
        out.put("files", &cost.files)?;
        out.put("bytes", &cost.bytes)?;
        out.put("micros", &cost.micros)?;
        out.put("score", &cost.score)?;
        if let Some(tree) = &finding.tree {
            costs::put(&mut out, program.costs.own(tree.load), cost)?;
        }
        if finding.verdict == Verdict::Optional {
            out.put("searches", &finding.searches)?;
            out.put("probes", &finding.probes)?;
        }
        out.put("caller", &finding.caller.as_ref().map(Frame::from))?;
        out.put("notes", &List(safety::notes(program, finding).iter().map(NoteOf)))?;
        out.put("tree", &Nodes(program, finding.tree.as_ref().map_or(&[], |tree| &tree.children)))?;
        out.end()
    }
}

/// What may go wrong where a finding is followed.
struct NoteOf<'a>(&'a Note<'a>);

impl Serialize for NoteOf<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut out = Object::begin(serializer)?;
        out.put("kind", self.0.word())?;
        out.put("text", &self.0.text())?;
        out.put("source", &self.0.source())?;
        out.end()
    }
}

/// What a load brought. Nesting is bounded by the forest.
struct Nodes<'a>(&'a ProgramReport, &'a [Node]);

impl Serialize for Nodes<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self(program, nodes) = *self;
        let known = nodes.iter().filter(|node| node.load < program.loads.len());
        serializer.collect_seq(known.map(|node| NodeOf(program, node)))
    }
}

struct NodeOf<'a>(&'a ProgramReport, &'a Node);

impl Serialize for NodeOf<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self(program, node) = *self;
        let (own, total) = (program.costs.own(node.load), program.costs.total(node));
        let mut out = Object::begin(serializer)?;
        if let Some(load) = program.loads.get(node.load) {
            out.bytes("path", &load.path)?;
            out.put("workers", &load.processes)?;
            out.put("bytes", &load.bytes)?;
        }
        out.put("micros", &own.micros)?;
        costs::put(&mut out, own, total)?;
        out.put("tree", &Nodes(program, &node.children))?;
        out.end()
    }
}
