//! Where words go: the report to standard output or a file, everything else to standard error.

use std::env;
use std::fs::File;
use std::io::{self, BufWriter, IsTerminal as _, Write};
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use alive_report::render::table::Medium;
use alive_report::render::{csv, flame, html, json, table};
use alive_report::{Report, escape};

use crate::args::{Flame, Format, Pictures};
use crate::exit::Failure;

/// A message for the person at the terminal.
pub(crate) fn say(message: &str) {
    // Nobody is left to tell when standard error is closed.
    let _ = writeln!(io::stderr(), "alive: {message}");
}

/// Writes the report to `file`, or to standard output. A pipe that nobody reads any more is no error.
///
/// # Errors
/// [`Failure::Output`].
pub(crate) fn write(report: &Report, format: Format, file: Option<&Path>) -> Result<(), Failure> {
    written(file, |medium, out| render(report, format, medium, out))
}

/// Writes a list to `file`, or to standard output, as [`write()`] does.
///
/// # Errors
/// [`Failure::Output`].
pub(crate) fn write_list(list: &str, file: Option<&Path>) -> Result<(), Failure> {
    written(file, |_, out| out.write_all(list.as_bytes()))
}

fn written(
    file: Option<&Path>,
    write: impl FnOnce(Medium, &mut dyn Write) -> io::Result<()>,
) -> Result<(), Failure> {
    let result = match file {
        Some(path) => File::create(path).and_then(|mut file| write(Medium::default(), &mut file)),
        None => write(medium(), &mut io::stdout().lock()),
    };
    match result {
        // The reader has seen enough (`alive report | head`).
        Err(source) if file.is_none() && source.kind() == io::ErrorKind::BrokenPipe => return Ok(()),
        result => result,
    }
    .map_err(|source| failure(file, source))
}

/// Writes the pictures that were asked for.
///
/// # Errors
/// [`Failure::Output`].
pub(crate) fn draw(report: &Report, pictures: &Pictures) -> Result<(), Failure> {
    type Draw = fn(&Report, &mut dyn Write) -> io::Result<()>;
    let flame = pictures.flame.as_ref().map(|flame| match flame {
        Flame::Svg(path) => (path, flame::svg as Draw),
        Flame::Folded(path) => (path, flame::folded as Draw),
    });
    for (path, draw) in pictures.html.iter().map(|path| (path, html::render as Draw)).chain(flame) {
        let write = |file| {
            let mut out = BufWriter::new(file);
            draw(report, &mut out)?;
            out.flush()
        };
        File::create(path).and_then(write).map_err(|source| failure(Some(path), source))?;
    }
    Ok(())
}

fn failure(file: Option<&Path>, source: io::Error) -> Failure {
    let file = file
        .map_or_else(|| "standard output".to_owned(), |path| escape::terminal(path.as_os_str().as_bytes()));
    Failure::Output { file, source }
}

/// Whether somebody still reads standard output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reader {
    /// What was written was taken.
    Reads,
    /// It was closed: the reader has seen enough.
    Gone,
}

/// Writes to standard output.
///
/// # Errors
/// [`Failure::Output`].
pub(crate) fn print(
    render: impl FnOnce(Medium, &mut dyn Write) -> io::Result<()>,
) -> Result<Reader, Failure> {
    let mut out = BufWriter::new(io::stdout().lock());
    match render(medium(), &mut out).and_then(|()| out.flush()) {
        Ok(()) => Ok(Reader::Reads),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
            // What is left in the buffer has nowhere to go.
            let _ = out.into_parts();
            Ok(Reader::Gone)
        }
        Err(source) => Err(Failure::Output { file: "standard output".to_owned(), source }),
    }
}

fn render(report: &Report, format: Format, medium: Medium, out: impl Write) -> io::Result<()> {
    let mut out = BufWriter::new(out);
    match format {
        Format::Table => table::render(report, medium, &mut out)?,
        Format::Json => json::render(report, &mut out)?,
        Format::Csv => csv::render(report, &mut out)?,
    }
    out.flush()
}

/// A report that is written again and again: in the same place on a terminal, one after the other elsewhere.
#[derive(Debug)]
pub(crate) struct Screen {
    is_terminal: bool,
}

/// Back to the first place of the screen, and away with what stands behind the end of a line or of the text.
const HOME: &str = "\x1b[H";
const CLEAR_LINE: &str = "\x1b[K";
const CLEAR_BELOW: &str = "\x1b[J";

impl Screen {
    /// Standard output.
    pub(crate) fn new() -> Self {
        Self { is_terminal: io::stdout().is_terminal() }
    }

    /// Whether it is a terminal.
    pub(crate) const fn is_terminal(&self) -> bool {
        self.is_terminal
    }

    /// Shows the report; as much of it as fits on a terminal. False when nobody reads any more.
    ///
    /// # Errors
    /// [`Failure::Output`].
    pub(crate) fn show(&mut self, report: &Report, format: Format) -> Result<bool, Failure> {
        let written = if self.is_terminal {
            let mut text = Vec::new();
            render(report, format, medium(), &mut text).and_then(|()| {
                let mut out = io::stdout().lock();
                out.write_all(&fitted(&text, rows()))?;
                out.flush()
            })
        } else {
            render(report, format, medium(), io::stdout().lock())
        };
        match written {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(false),
            Err(source) => Err(failure(None, source)),
        }
    }
}

/// Lines of the terminal.
fn rows() -> usize {
    terminal_size::terminal_size().map_or(24, |(_, height)| usize::from(height.0)).max(2)
}

/// A text drawn over the last one. What does not fit is counted in the last line.
fn fitted(text: &[u8], rows: usize) -> Vec<u8> {
    let lines: Vec<&[u8]> = text.split(|&byte| byte == b'\n').collect();
    let lines = lines.strip_suffix(&[&b""[..]]).unwrap_or(&lines);
    let mut out = Vec::from(HOME);
    let (shown, hidden) =
        lines.split_at(if lines.len() < rows { lines.len() } else { rows.saturating_sub(2) });
    for line in shown {
        out.extend_from_slice(line);
        out.extend_from_slice(CLEAR_LINE.as_bytes());
        out.push(b'\n');
    }
    if !hidden.is_empty() {
        let more = format!("... {} more lines: make the terminal higher, or leave --watch out", hidden.len());
        out.extend_from_slice(more.as_bytes());
        out.extend_from_slice(CLEAR_LINE.as_bytes());
        out.push(b'\n');
    }
    out.extend_from_slice(CLEAR_BELOW.as_bytes());
    out
}

/// What standard output is.
pub(crate) fn medium() -> Medium {
    if !io::stdout().is_terminal() {
        return Medium::default();
    }
    let columns = terminal_size::terminal_size().map(|(width, _)| usize::from(width.0));
    let refused = env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty())
        || env::var_os("TERM").is_none_or(|value| value == "dumb");
    Medium { columns, color: !refused }
}

#[cfg(test)]
mod tests {
    use super::fitted;

    #[test]
    fn a_text_that_fits_is_drawn_over_the_last_one() {
        assert_eq!(fitted(b"a\n\nb\n", 5), b"\x1b[Ha\x1b[K\n\x1b[K\nb\x1b[K\n\x1b[J");
    }

    #[test]
    fn a_text_that_does_not_fit_ends_with_how_much_is_left_out() {
        let shown = String::from_utf8(fitted(b"1\n2\n3\n4\n5\n6\n", 5)).unwrap();
        assert_eq!(shown.lines().count(), 5, "{shown:?}");
        assert!(shown.contains("... 3 more lines"), "{shown:?}");
    }
}
