//! `alive taps`: which taps were hit, and which never were.

use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use alive_report::escape;
use alive_report::render::next;
use alive_report::taps::{Asked, Expected, Taps, render};

use crate::args::{self, Form};
use crate::cmd::micros;
use crate::exit::{Failure, Status};
use crate::output::{self, say};
use crate::scan;

/// Reads the database and writes the list.
///
/// # Errors
/// [`Failure`], also when there is nothing to list.
pub(crate) fn run(args: args::Taps) -> Result<Status, Failure> {
    let expected = expected(&args)?;
    let named = args.db.as_ref().map(|db| db.as_os_str().as_bytes().to_vec());
    let db = args.db.unwrap_or_else(alive_collector::default_database);
    let snapshot = alive_store::snapshot(&db)?;
    let now_micros = micros(jiff::Timestamp::now());
    let since_micros = args.since.map_or(0, micros);
    let taps = Taps::new(snapshot, &Asked { expected, service: None, since_micros, now_micros });
    if taps.taps.is_empty() && taps.silent.is_none() {
        return Err(Failure::NoData(format!(
            "{} knows no hit of a tap{}: check that ALIVE_ADDR names the collector's address where the code \
             runs, and that the code with the tap has run",
            escape::terminal(db.as_os_str().as_bytes()),
            if taps.since_micros > 0 { " since then" } else { "" },
        )));
    }
    output::print(|medium, out| match args.format {
        Form::Table => {
            render::table(&taps, medium, out)?;
            next::render(&next::after_taps(&taps, named.as_deref()), medium, out)
        }
        Form::Json => render::json(&taps, out),
    })?;
    Ok(Status::Well)
}

/// The names that were asked for, from a list and from a source tree.
fn expected(args: &args::Taps) -> Result<Option<Expected>, Failure> {
    let mut expected = Expected::new();
    if let Some(file) = &args.expect {
        let text = fs::read(file).map_err(|source| unreadable(file, source))?;
        let lines = text.split(|&byte| byte == b'\n').map(<[u8]>::trim_ascii);
        for name in lines.filter(|name| !name.is_empty() && !name.starts_with(b"#")) {
            expected.entry(name.to_vec()).or_default();
        }
    }
    if let Some(folder) = &args.scan {
        let found = scan::tree(folder).map_err(|source| unreadable(folder, source))?;
        for call in found.calls {
            expected.entry(call.name).or_default().push((call.file, call.line));
        }
        for caveat in found.caveats {
            say(&caveat);
        }
    }
    Ok((args.expect.is_some() || args.scan.is_some()).then_some(expected))
}

fn unreadable(path: &Path, source: io::Error) -> Failure {
    Failure::Unreadable { file: escape::terminal(path.as_os_str().as_bytes()), source }
}
