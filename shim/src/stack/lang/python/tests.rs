//! An interpreter's memory, made by each layout, read by each layout.

use super::layout::{self, InState, Layout, Position, Table};
use super::*;
use alive_wire::LanguageStack;

/// Addresses of types: any that nothing else has.
const CODE_TYPE: usize = 0x5000;
const TEXT_TYPE: usize = 0x6000;

/// A heap whose objects stay where they are.
struct Heap(Vec<Box<[u8]>>);

impl Heap {
    fn place(&mut self, size: usize, fields: &[(usize, &[u8])]) -> usize {
        let mut object = vec![0u8; size].into_boxed_slice();
        for (at, bytes) in fields {
            object[*at..*at + bytes.len()].copy_from_slice(bytes);
        }
        let address = object.as_ptr() as usize;
        self.0.push(object);
        address
    }

    fn text(&mut self, layout: &Layout, text: &str) -> usize {
        let state = (1u32 << 2 | 1 << 5 | 1 << 6).to_le_bytes();
        let head = [(8, &word(TEXT_TYPE)[..]), (text::LENGTH, &word(text.len())), (text::STATE, &state)];
        let fields = [&head[..], &[(layout.ascii_head, text.as_bytes())]].concat();
        self.place(512, &fields)
    }

    /// A frame in `function` of `file`, called by the frame `back`, at the line after `line`.
    fn frame(&mut self, layout: &Layout, back: usize, file: &str, function: &str, line: u32) -> usize {
        let (file, function) = (self.text(layout, file), self.text(layout, function));
        let table: &[u8] = match layout.table {
            Table::Before310 => &[2, 1],
            Table::Of310 => &[2, 0, 2, 1],
            Table::Since311 => &[0x80, 0, 0xd8, 0, 0],
        };
        let table = self.place(64, &[(16, &word(table.len())), (32, table)]);
        let code = self.place(
            512,
            &[
                (layout::OBJECT_TYPE, &word(CODE_TYPE)),
                (16, &word(2)),
                (layout.code_file, &word(file)),
                (layout.code_name, &word(function)),
                (layout.code_first_line, &line.to_le_bytes()),
                (layout.code_lines, &word(table)),
            ],
        );
        let (at, position) = match layout.position {
            Position::Number { at, unit } => (at, word(usize::try_from(2 / unit).unwrap())),
            Position::Pointer { at, instructions } => (at, word(code + instructions + 2)),
        };
        self.place(
            512,
            &[
                (at, &position),
                (layout.frame_back, &word(back)),
                (layout.frame_code, &word(code | layout.tags & 1)),
            ],
        )
    }

    /// A frame by which C code entered the interpreter: it runs no code.
    fn entry(&mut self, layout: &Layout, back: usize) -> usize {
        match layout.frame_owner {
            None => back,
            Some(owner) => self.place(512, &[(owner, &[3]), (layout.frame_back, &word(back))]),
        }
    }

    fn state(&mut self, layout: &Layout, frame: usize) -> usize {
        match layout.state_frame {
            InState::At(at) => self.place(512, &[(at, &word(frame))]),
            InState::Behind(at, further) => {
                let record = self.place(64, &[(further, &word(frame))]);
                self.place(512, &[(at, &word(record))])
            }
        }
    }

    /// A thread that imports `lib` in `load`, called by `app`.
    fn importing_thread(&mut self, layout: &Layout) -> usize {
        let app = self.frame(layout, 0, "/srv/app.py", "<module>", 299);
        let load = self.frame(layout, app, "/srv/app.py", "load", 40);
        let entry = self.entry(layout, load);
        let find = self.frame(layout, entry, "<frozen importlib._bootstrap>", "_find_and_load", 1000);
        let get = self.frame(layout, find, "<frozen importlib._bootstrap_external>", "get_data", 1100);
        self.state(layout, get)
    }
}

const IMPORTER: [&str; 2] = ["/srv/app.py:41 in load", "/srv/app.py:300 in <module>"];

/// A frame without its line.
fn place(frame: &str) -> (&str, &str) {
    let (file, rest) = frame.split_once(':').unwrap();
    (file, rest.split_once(' ').unwrap().1)
}

fn word(value: usize) -> [u8; 8] {
    value.to_le_bytes()
}

/// The table at the beginning of `_PyRuntime`, as 3.13.0 and 3.14.10 have it.
fn published(minor: u8) -> Vec<usize> {
    let hex = 0x0300_00f0 | usize::from(minor) << 16;
    let mut words = vec![0; 100];
    words[..2].copy_from_slice(&[usize::from_le_bytes(*b"xdebugpy"), hex]);
    let mut part = |at: usize, fields: &[usize]| words[at..at + fields.len()].copy_from_slice(fields);
    match minor {
        13 => {
            part(19, &[472, 0, 8, 16, 72]);
            part(28, &[88, 8, 0, 56, 72, 70]);
            part(34, &[208, 112, 120, 128, 136, 68, 52, 96, 104, 200]);
            part(44, &[16, 8]);
            part(67, &[64, 32, 16, 40]);
        }
        _ => {
            part(22, &[792, 0, 8, 16, 72]);
            part(31, &[96, 8, 0, 56, 80, 74]);
            part(39, &[216, 112, 120, 128, 136, 68, 52, 96, 104, 208]);
            part(50, &[16, 8]);
            part(77, &[64, 32, 16, 40]);
        }
    }
    words
}

fn publishing(minor: u8) -> Layout {
    let words = published(minor);
    debug_offsets::read(&Memory::checked(), words.as_ptr() as usize, minor).unwrap()
}

/// Every layout there is, with the first minor version that has it.
fn layouts() -> Vec<(u8, Layout)> {
    let types = |layout: &Layout| Layout { code_type: CODE_TYPE, text_type: TEXT_TYPE, ..*layout };
    let tables = [8, 10, 11, 12].map(|minor| (minor, types(layout::of(minor).unwrap())));
    let published = [13, 14].map(|minor| (minor, types(&publishing(minor))));
    [&tables[..], &published].concat()
}

/// What is read of a thread; `file:line in function` of each frame, without what frames share.
fn read(layout: &Layout, state: usize) -> Result<Vec<String>, NoLines> {
    let mut buf = [0u8; 1024];
    let mut writer = LineWriter::new(&mut buf, 32);
    write_stack(layout, &Memory::checked(), state, &mut writer)?;
    let length = writer.len();
    let stack = LanguageStack { language: Some(Language::Python), packed: &buf[..length] };
    let mut file = Vec::new();
    Ok(stack
        .frames()
        .map(|frame| {
            file.truncate(frame.shared);
            file.extend(frame.rest);
            let name = |bytes| String::from_utf8_lossy(bytes).into_owned();
            format!("{}:{} in {}", name(&file), frame.line, name(frame.function))
        })
        .collect())
}

#[test]
fn every_version_is_read_by_its_own_layout() {
    for (minor, layout) in layouts() {
        let mut heap = Heap(Vec::new());
        let thread = heap.importing_thread(&layout);
        assert_eq!(read(&layout, thread).unwrap(), IMPORTER, "3.{minor}");
    }
}

#[test]
fn by_the_layout_of_another_version_nothing_is_read() {
    for (made, layout) in layouts() {
        let mut heap = Heap(Vec::new());
        let thread = heap.importing_thread(&layout);
        for (minor, other) in layouts().into_iter().filter(|(_, other)| *other != layout) {
            let lines = read(&other, thread).unwrap_or_default();
            let places: Vec<_> = lines.iter().map(|line| place(line)).collect();
            // Neighbours may differ in the line alone; the sizes of their objects tell them apart.
            let garbage = !places.is_empty() && places != IMPORTER.map(place);
            assert!(!garbage, "3.{made} by 3.{minor}: {lines:?}");
        }
    }
}

#[test]
fn no_two_layouts_have_the_same_sizes() {
    for (minor, layout) in layouts() {
        for (other_minor, other) in layouts() {
            let same = layout.sizes == other.sizes;
            assert_eq!(same, layout == other, "3.{minor} and 3.{other_minor}");
        }
        let types = [layout.sizes.frame, layout.sizes.code, layout.sizes.text].map(|size| {
            let mut kind = [0; 5];
            kind[4] = size;
            kind
        });
        let [frame, code, text] = [0, 1, 2].map(|index: usize| types[index].as_ptr() as usize);
        assert!(layout.sizes.agree(&Memory::checked(), frame, code, text));
        assert!(!layout.sizes.agree(&Memory::checked(), text, code, frame));
        assert!(!layout.sizes.agree(&Memory::checked(), frame, 0, text));
    }
}

#[test]
fn where_only_the_import_system_stands_it_is_told() {
    let (_, layout) = layouts()[3];
    let mut heap = Heap(Vec::new());
    let frame = heap.frame(&layout, 0, "<frozen importlib._bootstrap>", "_find_and_load", 1000);
    let thread = heap.state(&layout, frame);
    assert_eq!(read(&layout, thread).unwrap(), ["<frozen importlib._bootstrap>:1001 in _find_and_load"]);
}

#[test]
fn a_thread_without_frames_runs_no_python() {
    for (_, layout) in layouts() {
        let mut heap = Heap(Vec::new());
        let thread = heap.state(&layout, 0);
        assert_eq!(read(&layout, thread).unwrap(), [""; 0]);
        assert_eq!(read(&layout, 0), Err(NoLines::NotRunning));
    }
}

#[test]
fn a_chain_of_frames_that_never_ends_does() {
    for (_, layout) in layouts() {
        let mut heap = Heap(Vec::new());
        let frame = heap.frame(&layout, 0, "<frozen importlib._bootstrap>", "_find_and_load", 1000);
        let object = heap.0.last_mut().unwrap();
        object[layout.frame_back..layout.frame_back + 8].copy_from_slice(&word(frame));
        let thread = heap.state(&layout, frame);
        assert_eq!(read(&layout, thread).unwrap().len(), 32);
    }
}

#[test]
fn letters_of_every_width_become_utf8() {
    let (_, layout) = layouts()[2];
    let letters = |heap: &mut Heap, kind: u32, characters: &[u8], count: usize| {
        let state = (kind << 2 | 1 << 5).to_le_bytes();
        heap.place(512, &[(8, &word(TEXT_TYPE)), (16, &word(count)), (32, &state), (72, characters)])
    };
    let mut heap = Heap(Vec::new());
    let read = |object| {
        let mut text = Text::new();
        text.read(&layout, &Memory::checked(), object).unwrap();
        text.as_slice().to_vec()
    };
    let latin = letters(&mut heap, 1, &[b'/', 0xe9], 2);
    assert_eq!(read(latin), "/é".as_bytes());
    let two = letters(&mut heap, 2, &[b'/', 0, 0xac, 0x20, 0xff, 0xdc, 0x00, 0xd8], 4);
    assert_eq!(read(two), [b"/", "€".as_bytes(), b"\xff", "\u{fffd}".as_bytes()].concat());
    let four = letters(&mut heap, 4, &[b'/', 0, 0, 0, 0x0d, 0xf4, 0x01, 0], 2);
    assert_eq!(read(four), "/🐍".as_bytes());
    let long = letters(&mut heap, 1, &[0xe9; 300], 300);
    assert_eq!(read(long), "é".repeat(200).as_bytes());
    for no_kind in [0, 3, 5, 7] {
        let object = letters(&mut heap, no_kind, b"a", 1);
        assert!(Text::new().read(&layout, &Memory::checked(), object).is_err());
    }
}

#[test]
fn what_an_interpreter_publishes_is_believed_only_where_it_is_known() {
    let read =
        |words: &[usize], minor| debug_offsets::read(&Memory::checked(), words.as_ptr() as usize, minor);
    for minor in [13, 14] {
        let layout = publishing(minor);
        assert_eq!(layout.state_frame, InState::At(72), "3.{minor}");
        assert_eq!((layout.code_file, layout.code_lines, layout.code_first_line), (112, 136, 68));
        let changed = |at: usize, value: usize| {
            let mut words = published(minor);
            words[at] = value;
            read(&words, minor).unwrap_err()
        };
        assert_eq!(changed(0, 0), NoLines::UnknownBuild, "no cookie");
        assert_eq!(changed(1, 0x030c_01f0), NoLines::UnknownBuild, "another version");
        assert_eq!(changed(2, 1), NoLines::UnknownBuild, "free-threaded");
        assert_eq!(changed(if minor == 13 { 35 } else { 40 }, 1 << 40), NoLines::UnknownBuild, "no offset");
        assert_eq!(changed(if minor == 13 { 68 } else { 78 }, 24), NoLines::UnknownBuild, "other strings");
    }
    assert_eq!(read(&published(14), 13), Err(NoLines::UnknownBuild));
    assert_eq!(read(&published(15), 15), Err(NoLines::UnknownVersion));
}
