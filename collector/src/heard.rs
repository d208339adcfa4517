//! One binary event, its records sorted by what they tell. Nothing is copied.
//!
//! All records are read once, to know that they can be; of those that come several times it is noted
//! where they begin and how many there are, so that nobody walks past the others again to find them.

use alive_store::model::{Site, Stack, TreeKey};
use alive_wire::record::{Code, Frames, Lineage, Module, NO_MODULE, Reason, Toll, Usage, types};
use alive_wire::{
    Bystanders, Error, Event, Header, Language, LanguageStack, MAX_FRAMES, MAX_LINEAGE, Record,
};

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
#[derive(Debug, Clone, Copy)]
struct Run {
    /// Bytes of the event from there on.
    left: usize,
    count: usize,
}

impl Run {
    const NONE: Self = Self { left: 0, count: 0 };

    #[inline]
    const fn note(&mut self, left: usize) {
        if self.count == 0 {
            self.left = left;
        }
        self.count += 1;
    }

    /// What `read` makes of the payloads of this sort, whose type is `kind`.
    fn read<'a, T, F>(self, event: &Event<'a>, kind: u8, read: F) -> impl Iterator<Item = T> + use<'a, T, F>
    where
        F: Fn(&'a [u8]) -> Result<T, Error>,
    {
        event
            .payloads()
            .resumed(self.left)
            .map_while(Result::ok)
            .filter_map(move |(found, payload)| if found == kind { read(payload).ok() } else { None })
            .take(self.count)
    }

    /// What `pick` takes from the records of this sort.
    fn pick<'a, T, F>(self, event: &Event<'a>, kind: u8, pick: F) -> impl Iterator<Item = T> + use<'a, T, F>
    where
        F: Fn(Record<'a>) -> Option<T>,
    {
        self.read(event, kind, move |payload| pick(Record::read(kind, payload)?).ok_or(Error::Malformed))
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
    /// What the image took so far.
    pub(crate) toll: Option<Toll>,
    /// What the loading thread has used; `None` when not told.
    pub(crate) usage: Option<Usage>,
    /// Failed probes of a search.
    pub(crate) probes: u32,
    /// The native stack.
    pub(crate) frames: Option<Frames<'a>>,
    /// The stack of the interpreted language.
    pub(crate) lines: LanguageStack<'a>,
    lineage: Run,
    bystanders: Run,
    modules: Run,
    interpreters: Run,
    not_sent: Run,
    fields: Run,
}

impl<'a> Heard<'a> {
    /// An event of which nothing is read yet. It is larger than it should be moved about with, and so stays where it
    /// is while [`Heard::read`] fills it.
    pub(crate) const fn unread(event: Event<'a>) -> Self {
        Self {
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
            toll: None,
            usage: None,
            probes: 0,
            frames: None,
            lines: LanguageStack::NONE,
            lineage: Run::NONE,
            bystanders: Run::NONE,
            modules: Run::NONE,
            interpreters: Run::NONE,
            not_sent: Run::NONE,
            fields: Run::NONE,
        }
    }

    /// Reads the records.
    ///
    /// # Errors
    /// [`Error::Malformed`] when one of them cannot be read; then nothing that was read before it counts.
    // Apart, so that the loop has the processor's registers for itself.
    #[inline(never)]
    pub(crate) fn read(&mut self) -> Result<(), Error> {
        let mut payloads = self.event.payloads();
        loop {
            let here = payloads.left();
            let Some(payload) = payloads.next() else { break };
            let (kind, payload) = payload?;
            // What comes many times in every event is only looked at.
            match kind {
                types::LINEAGE => {
                    Lineage::read(payload)?;
                    self.lineage.note(here);
                    continue;
                }
                types::MODULE => {
                    Module::read(payload)?;
                    self.modules.note(here);
                    continue;
                }
                _ => {}
            }
            match Record::read(kind, payload)? {
                Record::Path(path) => self.path = Some(path),
                Record::Name(name) => self.name = Some(name),
                Record::Program(program) => self.program = Some(program),
                Record::Executable(executable) => self.executable = Some(executable),
                Record::ShimVersion(version) => self.shim_version = Some(version),
                Record::PulledInBy(puller) => self.pulled_in_by = Some(puller),
                Record::Code(code) => self.code = code,
                Record::FileBytes(bytes) => self.bytes = Some(bytes),
                Record::Duration(nanos) => self.nanos = Some(nanos),
                Record::Toll(toll) => self.toll = Some(toll),
                Record::Usage(usage) => self.usage = Some(usage),
                Record::Search { probes } => self.probes = probes,
                Record::Frames(frames) => self.frames = Some(frames),
                Record::Bystanders(_) => self.bystanders.note(here),
                Record::LanguageStack(lines) => self.lines = lines,
                Record::Interpreter { .. } => self.interpreters.note(here),
                Record::NotSent { .. } => self.not_sent.note(here),
                Record::Field { .. } => self.fields.note(here),
                _ => {}
            }
        }
        Ok(())
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
        let links = Run { count: self.lineage.count.min(MAX_LINEAGE), ..self.lineage };
        links.read(&self.event, types::LINEAGE, Lineage::read)
    }

    /// What was there beside the threads that forked into the role with a number, where the event tells.
    pub(crate) fn bystanders(&self, role: u16) -> Option<Bystanders<'a>> {
        self.bystanders
            .pick(&self.event, types::BYSTANDERS, |record| {
                if let Record::Bystanders(seen) = record { Some(seen) } else { None }
            })
            .find(|seen| seen.role == role)
    }

    /// The interpreters that the event tells of: at a start those that are there, else the one whose lines the
    /// event has not.
    pub(crate) fn interpreters(&self) -> impl Iterator<Item = Interpreter<'a>> + use<'a> {
        self.interpreters.pick(&self.event, types::INTERPRETER, |record| match record {
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
        self.modules.read(&self.event, types::MODULE, Module::read).nth(usize::from(number))
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

    /// Whether it tells of what was not sent.
    pub(crate) const fn tells_not_sent(&self) -> bool {
        self.not_sent.count > 0
    }

    /// What the tree counted instead of sending, by the reason's byte.
    pub(crate) fn not_sent(&self) -> impl Iterator<Item = (u8, u64)> + use<'a> {
        self.not_sent.pick(&self.event, types::NOT_SENT, |record| {
            if let Record::NotSent { reason, count } = record { Some((reason, count)) } else { None }
        })
    }

    /// The value that came with a ping under a key.
    pub(crate) fn field(&self, wanted: &[u8]) -> Option<&'a [u8]> {
        self.fields
            .pick(&self.event, types::FIELD, |record| match record {
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
