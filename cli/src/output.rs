//! Where words go: the report to standard output or a file, everything else to standard error.

use std::env;
use std::fs::File;
use std::io::{self, BufWriter, IsTerminal as _, Write};
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use alive_report::render::table::Medium;
use alive_report::render::{csv, json, table};
use alive_report::{Report, escape};

use crate::args::Format;
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
    .map_err(|source| Failure::Output {
        file: file.map_or_else(
            || "standard output".to_owned(),
            |path| escape::terminal(path.as_os_str().as_bytes()),
        ),
        source,
    })
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

/// What standard output is.
fn medium() -> Medium {
    if !io::stdout().is_terminal() {
        return Medium::default();
    }
    let columns = terminal_size::terminal_size().map(|(width, _)| usize::from(width.0));
    let refused = env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty())
        || env::var_os("TERM").is_none_or(|value| value == "dumb");
    Medium { columns, color: !refused }
}
