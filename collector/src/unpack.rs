//! From what the wire packs to what stands for itself: stacks, words, names of threads.

use alive_store::model::{self, LanguageFrame, MAX_THREAD_NAMES};
use alive_wire::lines::MAX_LINES;
use alive_wire::{Bystanders, Language, LanguageStack, MAX_PATH, NoLines};

/// The frames of a stack, innermost first. They end where the bytes are no frame, where a file shares more
/// with the one before than that one has, or where a file is longer than a path can be.
pub(crate) fn frames(stack: LanguageStack<'_>) -> Vec<LanguageFrame> {
    let language = stack.language.map_or("", Language::word);
    let mut file = Vec::new();
    let frames = stack.frames().take(MAX_LINES).map_while(|frame| {
        if frame.shared > file.len() || frame.shared + frame.rest.len() > MAX_PATH {
            return None;
        }
        file.truncate(frame.shared);
        file.extend_from_slice(frame.rest);
        Some(LanguageFrame {
            language: language.to_owned(),
            file: file.clone(),
            line: frame.line,
            function: frame.function.to_vec(),
        })
    });
    frames.collect()
}

/// Longest name of a thread that the kernel keeps.
const MAX_THREAD_NAME: usize = 15;

/// What was there beside the threads that forked.
pub(crate) fn bystanders(seen: Bystanders<'_>) -> model::Bystanders {
    model::Bystanders {
        threads: seen.threads,
        sockets: seen.sockets,
        most_threads: seen.most_threads.max(seen.threads),
        most_sockets: seen.most_sockets.max(seen.sockets),
        at_least: seen.bits & alive_wire::bystanders::AT_LEAST != 0,
        thread_names: seen
            .thread_names()
            .take(MAX_THREAD_NAMES)
            .map(|name| name.iter().copied().take(MAX_THREAD_NAME).collect())
            .collect(),
    }
}

/// The word for a byte that says why there are no lines; one that this version does not know is called by
/// its number.
pub(crate) fn no_lines_word(reason: u8) -> String {
    NoLines::from_byte(reason).map_or_else(|| format!("reason-{reason}"), |reason| reason.word().to_owned())
}

#[cfg(test)]
mod tests {
    use alive_wire::LineWriter;
    use proptest::prelude::*;

    use super::*;

    fn packed(lines: &[(u32, &[u8], &[u8])]) -> Vec<u8> {
        let mut buffer = [0; 2_000];
        let mut writer = LineWriter::new(&mut buffer, MAX_LINES);
        for (line, file, function) in lines {
            assert!(writer.push(*line, file, function));
        }
        let length = writer.len();
        buffer[..length].to_vec()
    }

    /// File and line of each frame.
    fn unpacked(packed: &[u8]) -> Vec<(Vec<u8>, u32)> {
        let stack = LanguageStack { language: Some(Language::Ruby), packed };
        frames(stack).into_iter().map(|frame| (frame.file, frame.line)).collect()
    }

    #[test]
    fn files_are_whole_again() {
        let packed =
            packed(&[(7, b"/srv/lib/a.rb", b"call"), (8, b"/srv/\xff", b""), (9, b"/srv/\xffb", b"<main>")]);
        let frames = frames(LanguageStack { language: Some(Language::Ruby), packed: &packed });
        let frame = |line, file: &[u8], function: &[u8]| LanguageFrame {
            language: "ruby".into(),
            file: file.to_vec(),
            line,
            function: function.to_vec(),
        };
        let expected = [
            frame(7, b"/srv/lib/a.rb", b"call"),
            frame(8, b"/srv/\xff", b""),
            frame(9, b"/srv/\xffb", b"<main>"),
        ];
        assert_eq!(frames, expected);
    }

    #[test]
    fn a_stack_ends_where_a_file_shares_what_was_never_there() {
        let good = packed(&[(7, b"/a.rb", b"")]);
        let sharing = |shared: u8| [&good[..], &[8, shared, 1, b'x', 0]].concat();
        assert_eq!(unpacked(&sharing(5)), [(b"/a.rb".to_vec(), 7), (b"/a.rbx".to_vec(), 8)]);
        assert_eq!(unpacked(&sharing(6)), [(b"/a.rb".to_vec(), 7)]);
        assert_eq!(unpacked(&[7, 1, 1, b'x', 0]), [], "the first file has none before it");
    }

    #[test]
    fn a_file_longer_than_a_path_can_be_ends_the_stack() {
        let forged = |length: u16| {
            // Two bytes of LEB128.
            let head = [7, 0, length.to_le_bytes()[0] | 0x80, u8::try_from(length >> 7).unwrap()];
            [&head[..], &vec![b'x'; length.into()], &[0]].concat()
        };
        let lengths = |packed: &[u8]| unpacked(packed).iter().map(|(file, _)| file.len()).collect::<Vec<_>>();
        assert_eq!(lengths(&forged(4_095)), [4_095]);
        assert!(lengths(&forged(4_096)).is_empty());
        let grown = [&forged(4_000)[..], &[8, 255, 100], &[b'y'; 100], &[0]].concat();
        assert_eq!(lengths(&grown), [4_000, 355]);
    }

    #[test]
    fn no_stack_has_more_frames_than_the_wire_allows() {
        assert_eq!(unpacked(&[1, 0, 0, 0].repeat(100)).len(), MAX_LINES);
    }

    proptest! {
        #[test]
        fn whatever_comes_is_bounded(packed in proptest::collection::vec(any::<u8>(), 0..2_048)) {
            let frames = frames(LanguageStack { language: None, packed: &packed });
            prop_assert!(frames.len() <= MAX_LINES);
            prop_assert!(frames.iter().all(|frame| frame.file.len() <= MAX_PATH));
        }
    }
}
