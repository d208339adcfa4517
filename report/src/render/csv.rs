//! The report for a spreadsheet or a line-wise tool: one line for each finding, best first.
//!
//! Fields are quoted as RFC 4180 says, lines end with a newline. The columns are [`COLUMNS`]; more may be added
//! at the end, none is renamed, moved or removed. A figure that a finding does not have is empty. Bytes that text
//! cannot tell, or that a spreadsheet must not see, stand in hexadecimal in the column with `_hex` behind its name.

use std::io::{self, Write};

use crate::caller::Caller;
use crate::escape::{csv_field, csv_text};
use crate::findings::{Finding, ProgramReport, Report, Verdict};

/// The names of the columns, as the first line tells them.
pub const COLUMNS: [&str; 26] = [
    "program",
    "program_hex",
    "verdict",
    "what",
    "what_hex",
    "role",
    "load_in",
    "load_before",
    "workers",
    "of",
    "respawned",
    "shared_by",
    "files",
    "bytes",
    "micros",
    "cpu_micros",
    "faults",
    "private_kib",
    "estimated",
    "score",
    "searches",
    "probes",
    "caller",
    "caller_hex",
    "caller_line",
    "caller_function",
];

/// Writes the findings of all programs.
///
/// # Errors
/// Whatever `out` reports.
pub fn render(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "{}", COLUMNS.join(","))?;
    for program in &report.programs {
        for finding in &program.findings {
            let fields: Vec<String> = fields(program, finding).iter().map(|field| csv_field(field)).collect();
            writeln!(out, "{}", fields.join(","))?;
        }
    }
    Ok(())
}

/// One finding, in the order of the columns.
fn fields(program: &ProgramReport, finding: &Finding) -> [String; COLUMNS.len()] {
    let role = |role: Option<usize>| {
        role.and_then(|role| program.roles.get(role)).map(|role| role.id.clone()).unwrap_or_default()
    };
    let only = |verdict: bool, figure: u64| if verdict { figure.to_string() } else { String::new() };
    let searched = finding.verdict == Verdict::Optional;
    let (label, label_hex) = text(&program.label);
    let (what, what_hex) = text(&finding.what);
    let [caller, caller_hex, line, function] = caller(finding.caller.as_ref());
    [
        label,
        label_hex,
        finding.verdict.word().to_owned(),
        what,
        what_hex,
        role(Some(finding.role)),
        role(finding.load_in),
        role(finding.load_before),
        finding.workers.to_string(),
        finding.of.to_string(),
        finding.respawned.to_string(),
        only(finding.verdict == Verdict::AlreadyShared, finding.shared_by),
        finding.cost.files.to_string(),
        finding.cost.bytes.to_string(),
        finding.cost.micros.to_string(),
        finding.cost.cpu_micros.to_string(),
        finding.cost.faults.to_string(),
        finding.cost.private_kib.to_string(),
        u8::from(finding.cost.is_estimate).to_string(),
        finding.cost.score.to_string(),
        only(searched, finding.searches),
        only(searched, finding.probes),
        caller,
        caller_hex,
        line,
        function,
    ]
}

/// Who asked: file or module, its true bytes, the line or the offset, the function or the symbol.
fn caller(caller: Option<&Caller>) -> [String; 4] {
    let (file, line, function) = match caller {
        None => return Default::default(),
        Some(Caller::Language(frame)) => {
            let line = if frame.line > 0 { frame.line.to_string() } else { String::new() };
            (text(&frame.file), line, text(&frame.function).0)
        }
        Some(Caller::Native(site)) => {
            let symbol = site.symbol.as_deref().unwrap_or_default();
            (text(&site.module), format!("{:#x}", site.offset), text(symbol.as_bytes()).0)
        }
    };
    [file.0, file.1, line, function]
}

/// Text and its true bytes, these empty where the text tells them.
fn text(bytes: &[u8]) -> (String, String) {
    let (text, hex) = csv_text(bytes);
    (text, hex.unwrap_or_default())
}
