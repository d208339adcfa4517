//! What was loaded, searched for and executed.

use alive_store::model::{Executed, Load, Missing, Stack};
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use super::costs::Figures;
use super::object::Object;
use super::stacks::{Frame, Frames, Stacks};
use crate::findings::ProgramReport;
use crate::render::time;
use crate::{caller, execs};

/// A load, by its index.
pub(super) struct LoadOf<'a> {
    pub(super) program: &'a ProgramReport,
    pub(super) index: usize,
    pub(super) load: &'a Load,
    pub(super) frames: Option<&'a Frames<'a>>,
}

impl Serialize for LoadOf<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { program, load, .. } = self;
        let own = program.costs.own(self.index);
        let mut out = Object::begin(serializer)?;
        out.bytes("path", &load.path)?;
        out.bytes_if_any("name", &load.name)?;
        out.put("role", &program.role_id(Some(load.role)))?;
        out.put("kind", &load.kind)?;
        out.put("language", &load.language)?;
        out.put("outcome", &load.outcome)?;
        out.put("via", &load.via)?;
        out.bytes_if_any("pulled_in_by", &load.pulled_in_by)?;
        out.put("processes", &load.processes)?;
        out.put("respawned", &load.respawned)?;
        out.put("events", &load.events)?;
        out.put("bytes", &load.bytes)?;
        out.put("micros", &own.micros)?;
        out.put("own", &Figures::from(own))?;
        out.put("first_seen", &time(load.first_seen_micros))?;
        out.put("last_seen", &time(load.last_seen_micros))?;
        asked(&mut out, &load.stacks, self.frames)?;
        out.end()
    }
}

/// A name that was searched for in vain.
pub(super) struct MissingOf<'a> {
    pub(super) program: &'a ProgramReport,
    pub(super) missing: &'a Missing,
    pub(super) frames: Option<&'a Frames<'a>>,
}

impl Serialize for MissingOf<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { program, missing, frames } = self;
        let mut out = Object::begin(serializer)?;
        out.bytes("name", &missing.name)?;
        out.put("role", &program.role_id(Some(missing.role)))?;
        out.put("language", &missing.language)?;
        out.put("processes", &missing.processes)?;
        out.put("searches", &missing.searches)?;
        out.put("probes", &missing.probes)?;
        asked(&mut out, &missing.stacks, *frames)?;
        out.end()
    }
}

/// Who asked, and the sample stacks behind that.
fn asked<M: SerializeMap>(
    out: &mut Object<M>,
    stacks: &[Stack],
    frames: Option<&Frames<'_>>,
) -> Result<(), M::Error> {
    out.put("caller", &caller::of_stacks(stacks).as_ref().map(Frame::from))?;
    out.put("stacks", &Stacks(stacks, frames))
}

/// A program that processes of a role executed.
pub(super) struct ExecutedOf<'a>(pub(super) &'a ProgramReport, pub(super) &'a Executed);

impl Serialize for ExecutedOf<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self(program, executed) = self;
        let mut out = Object::begin(serializer)?;
        out.bytes("executable", &executed.executable)?;
        out.bytes("program", &executed.program)?;
        out.put("role", &program.role_id(Some(executed.role)))?;
        out.put("runs", &executed.runs)?;
        out.put("again_and_again", &execs::wants_a_template(executed))?;
        out.put("cpu_micros", &(executed.cpu_nanos / 1_000))?;
        out.put("wall_micros", &(executed.wall_nanos / 1_000))?;
        out.put("resident_kib", &Some(executed.resident_kib).filter(|kib| *kib > 0))?;
        out.put("first_seen", &time(executed.first_seen_micros))?;
        out.put("last_seen", &time(executed.last_seen_micros))?;
        out.end()
    }
}
