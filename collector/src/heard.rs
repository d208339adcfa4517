//! One binary event, its records sorted by what they tell. Nothing is copied.

use alive_store::model::{LanguageFrame, Site, Stack, TreeKey};
use alive_wire::record::{Code, Lineage, Module, NO_MODULE, Reason};
use alive_wire::{Error, Event, Header, MAX_FRAMES, MAX_LINEAGE, Record};

/// An event whose records can all be read.
#[derive(Debug, Clone)]
pub(crate) struct Heard<'a> {
    event: Event<'a>,
    /// The file, as the kernel resolved it.
    pub(crate) path: Option<&'a [u8]>,
    /// The file or name in the caller's words.
    pub(crate) name: Option<&'a [u8]>,
    /// Label of the program.
    pub(crate) program: Option<&'a [u8]>,
    /// Path of the executable.
    pub(crate) executable: Option<&'a [u8]>,
    /// Version of the shim.
    pub(crate) shim_version: Option<&'a [u8]>,
    /// The object whose load brought this one in.
    pub(crate) pulled_in_by: Option<&'a [u8]>,
    /// What was loaded.
    pub(crate) code: Code,
    /// Size of the file.
    pub(crate) bytes: Option<u64>,
    /// Nanoseconds in dlopen.
    pub(crate) nanos: Option<u64>,
    /// Failed probes of a search.
    pub(crate) probes: u32,
}

impl<'a> Heard<'a> {
    /// Reads the records.
    ///
    /// # Errors
    /// [`Error::Malformed`] when one of them cannot be read.
    pub(crate) fn read(event: Event<'a>) -> Result<Self, Error> {
        let mut heard = Self {
            event,
            path: None,
            name: None,
            program: None,
            executable: None,
            shim_version: None,
            pulled_in_by: None,
            code: Code { kind: None, language: None, outcome: None, via: None },
            bytes: None,
            nanos: None,
            probes: 0,
        };
        for record in event.records() {
            match record? {
                Record::Path(path) => heard.path = Some(path),
                Record::Name(name) => heard.name = Some(name),
                Record::Program(program) => heard.program = Some(program),
                Record::Executable(executable) => heard.executable = Some(executable),
                Record::ShimVersion(version) => heard.shim_version = Some(version),
                Record::PulledInBy(puller) => heard.pulled_in_by = Some(puller),
                Record::Code(code) => heard.code = code,
                Record::FileBytes(bytes) => heard.bytes = Some(bytes),
                Record::Duration(nanos) => heard.nanos = Some(nanos),
                Record::Search { probes } => heard.probes = probes,
                _ => {}
            }
        }
        Ok(heard)
    }

    /// Who speaks and when.
    pub(crate) const fn header(&self) -> &Header {
        &self.event.header
    }

    /// The tree that the process belongs to.
    pub(crate) const fn tree(&self) -> TreeKey {
        TreeKey { pid: self.event.header.root_pid, start_micros: self.event.header.root_start_micros }
    }

    /// The records; they were all read once, so none of them fails.
    pub(crate) fn records(&self) -> impl Iterator<Item = Record<'a>> + use<'a> {
        self.event.records().map_while(Result::ok)
    }

    /// The forks above the process, outermost first.
    pub(crate) fn lineage(&self) -> impl Iterator<Item = Lineage> + use<'a> {
        self.records()
            .filter_map(|record| if let Record::Lineage(link) = record { Some(link) } else { None })
            .take(MAX_LINEAGE)
    }

    /// The module with a number, `None` for [`NO_MODULE`] and for one that was left out.
    pub(crate) fn module(&self, number: u8) -> Option<Module<'a>> {
        if number == NO_MODULE {
            return None;
        }
        self.records()
            .filter_map(|record| if let Record::Module(module) = record { Some(module) } else { None })
            .nth(usize::from(number))
    }

    /// A place in machine code.
    pub(crate) fn site(&self, module: u8, offset: u64) -> Site {
        let module = self.module(module);
        Site {
            module: module.map_or_else(Vec::new, |module| module.path.to_vec()),
            build_id: module.map_or_else(Vec::new, |module| module.build_id.to_vec()),
            offset,
            symbol: None,
        }
    }

    /// Who asked.
    pub(crate) fn stack(&self) -> Stack {
        let mut stack = Stack::default();
        for record in self.records() {
            match record {
                Record::LanguageFrame(frame) if stack.language.len() < MAX_FRAMES => {
                    stack.language.push(LanguageFrame {
                        language: frame.language.map_or("", alive_wire::Language::word).to_owned(),
                        file: frame.file.to_vec(),
                        line: frame.line,
                        function: frame.function.to_vec(),
                    });
                }
                Record::Frames(frames) => {
                    stack
                        .native
                        .extend(frames.take(MAX_FRAMES).map(|frame| self.site(frame.module, frame.offset)));
                }
                _ => {}
            }
        }
        stack.native.truncate(MAX_FRAMES);
        stack
    }

    /// What the tree counted instead of sending. A reason that this version does not know is called by its number.
    pub(crate) fn not_sent(&self) -> impl Iterator<Item = (u8, u64)> + use<'a> {
        self.records().filter_map(|record| {
            if let Record::NotSent { reason, count } = record { Some((reason, count)) } else { None }
        })
    }

    /// The value that came with a ping under a key.
    pub(crate) fn field(&self, wanted: &[u8]) -> Option<&'a [u8]> {
        self.records().find_map(|record| match record {
            Record::Field { key, value } if key == wanted => Some(value),
            _ => None,
        })
    }
}

/// The word for a reason's byte.
pub(crate) fn reason_word(reason: u8) -> String {
    Reason::from_byte(reason).map_or_else(|| format!("reason-{reason}"), |reason| reason.word().to_owned())
}
