//! One binary event, its records sorted by what they tell. Nothing is copied.
//!
//! All records are read once, to know that they can be; of those that come several times it is noted
//! where they begin and how many there are, so that nobody walks past the others again to find them.

use alive_store::model::{Site, Stack, TreeKey};
use alive_wire::decode::Records;
use alive_wire::record::{Code, Frames, Lineage, Module, NO_MODULE, Reason, Usage};
use alive_wire::{Error, Event, Header, Language, LanguageStack, MAX_FRAMES, MAX_LINEAGE, Record};

use crate::unpack;

/// What an event says of an interpreter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Interpreter<'a> {
    /// Whose; `None` for a language that this version does not know.
    pub(crate) language: Option<Language>,
    /// The byte for why its lines are not read; 0 when they are.
    pub(crate) no_lines: u8,
    /// Its version, empty when not told.
    pub(crate) version: &'a [u8],
}

/// Where the records of one sort begin, and how many there are.
#[derive(Debug, Clone, Default)]
struct Run<'a> {
    from: Option<Records<'a>>,
    count: usize,
}

impl<'a> Run<'a> {
    fn note(&mut self, here: &Records<'a>) {
        self.from.get_or_insert_with(|| here.clone());
        self.count += 1;
    }

    /// What `pick` takes from the records of this sort.
    fn pick<T, F: Fn(Record<'a>) -> Option<T>>(&self, pick: F) -> impl Iterator<Item = T> + use<'a, T, F> {
        self.from.clone().into_iter().flatten().map_while(Result::ok).filter_map(pick).take(self.count)
    }
}

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
    /// What the loading thread has used; `None` when not told.
    pub(crate) usage: Option<Usage>,
    /// Failed probes of a search.
    pub(crate) probes: u32,
    /// The native stack.
    pub(crate) frames: Option<Frames<'a>>,
    /// The stack of the interpreted language.
    pub(crate) lines: LanguageStack<'a>,
    lineage: Run<'a>,
    modules: Run<'a>,
    interpreters: Run<'a>,
    not_sent: Run<'a>,
    fields: Run<'a>,
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
            usage: None,
            probes: 0,
            frames: None,
            lines: LanguageStack::NONE,
            lineage: Run::default(),
            modules: Run::default(),
            interpreters: Run::default(),
            not_sent: Run::default(),
            fields: Run::default(),
        };
        let mut records = event.records();
        loop {
            let here = records.clone();
            let Some(record) = records.next() else { break };
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
                Record::Usage(usage) => heard.usage = Some(usage),
                Record::Search { probes } => heard.probes = probes,
                Record::Frames(frames) => heard.frames = Some(frames),
                Record::Lineage(_) => heard.lineage.note(&here),
                Record::Module(_) => heard.modules.note(&here),
                Record::LanguageStack(lines) => heard.lines = lines,
                Record::Interpreter { .. } => heard.interpreters.note(&here),
                Record::NotSent { .. } => heard.not_sent.note(&here),
                Record::Field { .. } => heard.fields.note(&here),
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

    /// The forks above the process, outermost first.
    pub(crate) fn lineage(&self) -> impl Iterator<Item = Lineage<'a>> + use<'a> {
        self.lineage
            .pick(|record| if let Record::Lineage(link) = record { Some(link) } else { None })
            .take(MAX_LINEAGE)
    }

    /// The interpreters that the event tells of: at a start those that are there, else the one whose lines the
    /// event has not.
    pub(crate) fn interpreters(&self) -> impl Iterator<Item = Interpreter<'a>> + use<'a> {
        self.interpreters.pick(|record| match record {
            Record::Interpreter { language, no_lines, version } => {
                Some(Interpreter { language, no_lines, version })
            }
            _ => None,
        })
    }

    /// Of an event without lines: whose they would be, and why it has none, where it says so.
    pub(crate) fn no_lines(&self) -> Option<(Option<Language>, u8)> {
        let told = self.interpreters().find(|interpreter| interpreter.no_lines != 0)?;
        self.lines.packed.is_empty().then_some((told.language, told.no_lines))
    }

    /// The module with a number, `None` for [`NO_MODULE`] and for one that was left out.
    pub(crate) fn module(&self, number: u8) -> Option<Module<'a>> {
        if number == NO_MODULE {
            return None;
        }
        self.modules
            .pick(|record| if let Record::Module(module) = record { Some(module) } else { None })
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
        let native = self.frames.into_iter().flatten().take(MAX_FRAMES);
        Stack {
            language: unpack::frames(self.lines),
            native: native.map(|frame| self.site(frame.module, frame.offset)).collect(),
        }
    }

    /// What the tree counted instead of sending, by the reason's byte.
    pub(crate) fn not_sent(&self) -> impl Iterator<Item = (u8, u64)> + use<'a> {
        self.not_sent.pick(|record| {
            if let Record::NotSent { reason, count } = record { Some((reason, count)) } else { None }
        })
    }

    /// The value that came with a ping under a key.
    pub(crate) fn field(&self, wanted: &[u8]) -> Option<&'a [u8]> {
        self.fields
            .pick(|record| match record {
                Record::Field { key, value } if key == wanted => Some(value),
                _ => None,
            })
            .next()
    }
}

/// The word for a reason's byte; a reason that this version does not know is called by its number.
pub(crate) fn reason_word(reason: u8) -> String {
    Reason::from_byte(reason).map_or_else(|| format!("reason-{reason}"), |reason| reason.word().to_owned())
}
