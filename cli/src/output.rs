//! Where words go: the report to standard output or a file, everything else to standard error.

use std::env;
use std::fs::File;
use std::io::{self, BufWriter, IsTerminal as _, Write};
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use alive_report::render::table::Medium;
use alive_report::render::{flame, html, json, table};
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
    let result = match file {
        Some(path) => File::create(path).and_then(|file| render(report, format, Medium::default(), file)),
        None => render(report, format, medium(), io::stdout().lock()),
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

fn render(report: &Report, format: Format, medium: Medium, out: impl Write) -> io::Result<()> {
    let mut out = BufWriter::new(out);
    match format {
        Format::Table => table::render(report, medium, &mut out)?,
        Format::Json => json::render(report, &mut out)?,
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
