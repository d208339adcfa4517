//! `alive diff`: two databases side by side, before a change and after it.

use std::fs;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt};
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use alive_report::diff::Diff;
use alive_report::render::{diff, next};
use alive_report::{Report, Selection, escape};

use crate::args::{self, Form};
use crate::exit::{Failure, Status};
use crate::output;

/// Compares the databases and shows what changed.
///
/// # Errors
/// [`Failure`], also when one of them has nothing to compare.
pub(crate) fn run(args: args::Diff) -> Result<Status, Failure> {
    if is_same_file(&args.before, &args.after) {
        return Err(Failure::Usage(format!(
            "both databases are {}: give the one from before the change and the one from after it",
            shown(&args.before)
        )));
    }
    let selection = Selection { program: args.program.map(OsStringExt::into_vec), ..Selection::default() };
    let before = report(&args.before, &selection)?;
    let after = report(&args.after, &selection)?;
    let compared = Diff::new(&before, &after);
    if compared.programs.is_empty() {
        let labels = |labels: &[Vec<u8>]| {
            labels.iter().map(|label| escape::terminal(label)).collect::<Vec<_>>().join(", ")
        };
        return Err(Failure::NoData(format!(
            "the databases have no program in common: {} knows {}, {} knows {}; give both the same name with \
             ALIVE_NAME or `alive run --name`",
            shown(&args.before),
            labels(&compared.only_before),
            shown(&args.after),
            labels(&compared.only_after),
        )));
    }
    output::print(|medium, out| match args.format {
        Form::Table => {
            diff::table(&compared, medium, out)?;
            next::render(&next::after_comparison(args.after.as_os_str().as_bytes()), medium, out)
        }
        Form::Json => diff::json(&compared, out),
    })?;
    Ok(Status::Well)
}

/// The report of one database.
fn report(db: &Path, selection: &Selection) -> Result<Report, Failure> {
    let report = Report::new(alive_store::snapshot(db)?, selection);
    if !report.is_empty() {
        return Ok(report);
    }
    let what = selection
        .program
        .as_ref()
        .map(|label| format!(" of the program {}", escape::terminal(label)))
        .unwrap_or_default();
    Err(Failure::NoData(format!(
        "{} holds nothing{what} to compare: `alive report --db` says what it knows",
        shown(db)
    )))
}

fn is_same_file(one: &Path, other: &Path) -> bool {
    let id = |path: &Path| fs::metadata(path).map(|file| (file.dev(), file.ino())).ok();
    id(one).is_some_and(|one| id(other) == Some(one))
}

fn shown(path: &Path) -> String {
    escape::terminal(path.as_os_str().as_bytes())
}
