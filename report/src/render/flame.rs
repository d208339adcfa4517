//! Who asked for what, as stacks: folded, one line each, for any flame graph tool, or drawn as an SVG.
//!
//! A line is the program, the role, the lines that asked from the outermost to the innermost, and the file;
//! where an interpreter's lines are not known, the functions in machine code. Its number is the size of the file
//! times the processes that loaded it, in bytes. The picture's width is what all workers together loaded late:
//!
//! ```text
//! starman;worker;app.psgi:12 in handler;LWP/UserAgent.pm 133120
//! ```

use std::io::{self, Write};

use alive_store::model::Load;
use inferno::flamegraph::{self, Options, TextTruncateDirection};

use crate::caller;
use crate::escape;
use crate::findings::{ProgramReport, Report};

/// Writes folded stacks.
///
/// # Errors
/// Whatever `out` reports.
pub fn folded(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    for line in lines(report) {
        writeln!(out, "{line}")?;
    }
    Ok(())
}

/// Draws the stacks.
///
/// # Errors
/// Whatever `out` reports.
pub fn svg(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let mut lines = lines(report);
    if lines.is_empty() {
        // The drawing of nothing is an error to inferno; to a reader it is good news.
        lines.push("nothing was loaded after the fork 1".to_owned());
    }
    let mut options = Options::default();
    options.title = "Loaded after the fork, in all processes together".to_owned();
    options.count_name = "bytes".to_owned();
    options.text_truncate_direction = TextTruncateDirection::Right;
    // Colours come from names, so that two pictures of one program can be held side by side.
    options.hash = true;
    flamegraph::from_lines(&mut options, lines.iter().map(String::as_str), out).map_err(io::Error::other)
}

/// The folded stacks of all late loads, sorted.
fn lines(report: &Report) -> Vec<String> {
    let mut lines: Vec<String> = report
        .programs
        .iter()
        .flat_map(|program| program.late().map(move |load| line(program, load)))
        .collect();
    lines.sort_unstable();
    lines
}

fn line(program: &ProgramReport, load: &Load) -> String {
    let mut frames = vec![frame(&escape::terminal(&program.label))];
    frames.extend(program.roles.get(load.role).map(|role| frame(&role.id)));
    if let Some(stack) = load.stacks.iter().find(|stack| !stack.language.is_empty()).or(load.stacks.first()) {
        if stack.language.is_empty() {
            frames.extend(stack.native.iter().rev().map(|site| frame(&caller::site_text(site))));
        } else {
            frames.extend(stack.language.iter().rev().map(|line| frame(&caller::line_text(line))));
        }
    }
    frames.push(frame(&escape::terminal(&load.path)));
    let weight = load.bytes.saturating_mul(load.processes).max(1);
    format!("{} {weight}", frames.join(";"))
}

/// A frame's text: a semicolon would make two of it.
fn frame(text: &str) -> String {
    if text.is_empty() { "?".to_owned() } else { text.replace(';', ",") }
}
