//! Words inside packed records: the files and functions of lines, which share their beginnings.

use alive_wire::lines::MAX_LINES;
use alive_wire::{Language, LanguageStack, LineWriter};

use crate::unpack;

/// Bytes of a lineage in front of its line, and of bystanders in front of their names.
pub(super) const BEFORE_THE_LINE: usize = 35;
pub(super) const BEFORE_THE_NAMES: usize = 19;

/// Most bytes of a packed line beside its names.
const MOST_NUMBERS: usize = 20;

/// Writes lines whose names `redact` gives, with the byte of their language in front. A line without any is none.
pub(super) fn lines(payload: &[u8], mut redact: impl FnMut(&[u8]) -> Vec<u8>, out: &mut Vec<u8>) {
    let Some((&language, packed)) = payload.split_first() else { return };
    out.push(language);
    let mut frames = unpack::frames(LanguageStack { language: Language::from_byte(language), packed });
    let mut bytes = 0;
    for frame in &mut frames {
        frame.file = redact(&frame.file);
        frame.function = redact(&frame.function);
        bytes += frame.file.len() + frame.function.len() + MOST_NUMBERS;
    }
    let mut buffer = vec![0; bytes];
    let mut writer = LineWriter::new(&mut buffer, MAX_LINES);
    for frame in &frames {
        writer.push(frame.line, &frame.file, &frame.function);
    }
    let length = writer.len();
    out.extend(&buffer[..length]);
}
