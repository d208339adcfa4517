//! Who asked: frames and stacks of them, each whole, or as the number of its place in a list in which it stands once.

use std::collections::HashMap;

use alive_store::model::{LanguageFrame, Site, Stack};
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use super::Part;
use super::object::{List, Object};
use crate::caller::Caller;

/// What of a frame is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(in crate::render) enum Frame<'a> {
    /// A line of an interpreted language.
    Line { file: &'a [u8], line: u32, function: &'a [u8] },
    /// A place in machine code.
    Place { module: &'a [u8], offset: u64, symbol: Option<&'a str> },
}

impl Frame<'_> {
    /// Puts it into an object.
    pub(super) fn put<M: SerializeMap>(self, out: &mut Object<M>) -> Result<(), M::Error> {
        match self {
            Self::Line { file, line, function } => {
                out.bytes("file", file)?;
                out.put("line", &line)?;
                out.bytes("function", function)
            }
            Self::Place { module, offset, symbol } => {
                out.bytes("module", module)?;
                out.put("offset", &offset)?;
                out.put("symbol", &symbol)
            }
        }
    }
}

impl<'a> From<&'a LanguageFrame> for Frame<'a> {
    fn from(line: &'a LanguageFrame) -> Self {
        Self::Line { file: &line.file, line: line.line, function: &line.function }
    }
}

impl<'a> From<&'a Site> for Frame<'a> {
    fn from(site: &'a Site) -> Self {
        Self::Place { module: &site.module, offset: site.offset, symbol: site.symbol.as_deref() }
    }
}

impl<'a> From<&'a Caller> for Frame<'a> {
    fn from(caller: &'a Caller) -> Self {
        match caller {
            Caller::Language(line) => line.into(),
            Caller::Native(site) => site.into(),
        }
    }
}

impl Serialize for Frame<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut out = Object::begin(serializer)?;
        self.put(&mut out)?;
        out.end()
    }
}

/// Frames, each once, in the order in which the document comes to them.
#[derive(Debug, Default)]
pub(in crate::render) struct Frames<'a> {
    list: Vec<Frame<'a>>,
    known: HashMap<Frame<'a>, usize>,
}

impl<'a> Frames<'a> {
    /// Those of everything that is written.
    pub(in crate::render) fn of(parts: &[Part<'a>]) -> Self {
        let mut frames = Self::default();
        for part in parts {
            let loads = part.loads().map(|(_, load)| &load.stacks);
            for stack in loads.chain(part.program.missing.iter().map(|missing| &missing.stacks)).flatten() {
                stack.language.iter().for_each(|line| frames.add(line.into()));
                stack.native.iter().for_each(|site| frames.add(site.into()));
            }
        }
        frames
    }

    fn add(&mut self, frame: Frame<'a>) {
        self.known.entry(frame).or_insert_with(|| {
            self.list.push(frame);
            self.list.len() - 1
        });
    }

    /// All of them; a packed stack has their numbers.
    pub(super) fn list(&self) -> &[Frame<'a>] {
        &self.list
    }

    fn number(&self, frame: Frame<'_>) -> Option<usize> {
        self.known.get(&frame).copied()
    }
}

/// Sample stacks: whole, or packed where there are frames to refer to.
pub(super) struct Stacks<'a>(pub(super) &'a [Stack], pub(super) Option<&'a Frames<'a>>);

impl Serialize for Stacks<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Some(frames) = self.1 else { return serializer.collect_seq(self.0.iter().map(Whole)) };
        serializer.collect_seq(self.0.iter().map(|stack| {
            let language = stack.language.iter().map(|line| frames.number(line.into()));
            let native = stack.native.iter().map(|site| frames.number(site.into()));
            (List(language), List(native))
        }))
    }
}

struct Whole<'a>(&'a Stack);

impl Serialize for Whole<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut out = Object::begin(serializer)?;
        out.put("frames", &List(self.0.language.iter().map(Frame::from)))?;
        out.put("stack", &List(self.0.native.iter().map(Frame::from)))?;
        out.end()
    }
}

#[cfg(test)]
mod tests {
    use alive_store::model::{LanguageFrame, Load, Missing, Program, Site, Snapshot, Stack};
    use serde_json::{Value, json};

    use super::super::{Document, Part};
    use super::Frames;
    use crate::{Report, Selection};

    #[test]
    fn a_packed_frame_stands_once_however_many_stacks_hold_it() {
        let line = |function: &[u8]| LanguageFrame {
            language: "python".into(),
            file: b"/a.py".to_vec(),
            line: 1,
            function: function.to_vec(),
        };
        let site =
            |build_id| Site { module: b"/b.so".to_vec(), build_id: vec![build_id], offset: 2, symbol: None };
        let stack = |build_id| Stack { language: vec![line(b"f"), line(b"f")], native: vec![site(build_id)] };
        let load = |path: &str, stack| Load { path: path.into(), stacks: vec![stack], ..Load::default() };
        let searched = Stack { language: vec![line(b"\xff")], native: Vec::new() };
        let program = Program {
            loads: vec![load("/x", stack(1)), load("/y", stack(2))],
            missing: vec![Missing { stacks: vec![searched], ..Missing::default() }],
            ..Program::default()
        };
        let snapshot = Snapshot { programs: vec![program], ..Snapshot::default() };
        let report = Report::new(snapshot, &Selection::default());
        let parts: Vec<Part<'_>> = report.programs.iter().map(Part::whole).collect();
        let frames = Frames::of(&parts);
        let packed = Document { report: &report, parts: &parts, frames: Some(&frames) };
        let packed: Value = serde_json::to_value(packed).unwrap();
        let line = json!({"file": "/a.py", "line": 1, "function": "f"});
        let site = json!({"module": "/b.so", "offset": 2, "symbol": null});
        let odd = json!({"file": "/a.py", "line": 1, "function": "\\xff", "function_hex": "ff"});
        assert_eq!(packed["frames"], json!([line, site, odd]));
        for load in 0..2 {
            assert_eq!(packed["programs"][0]["loads"][load]["stacks"], json!([[[0, 0], [1]]]));
        }
        assert_eq!(packed["programs"][0]["missing"][0]["stacks"], json!([[[2], []]]));
    }
}
