//! `alive tail`: late loads as they happen.

use std::collections::VecDeque;
use std::io::{self, BufWriter, Write as _};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt};

use alive_report::news::{New, News};
use alive_report::render::tail;
use alive_report::{Report, Selection, Thresholds, escape};
use alive_store::Error as StoreError;

use crate::args::{self, Form};
use crate::exit::{Failure, Status};
use crate::follow::{FOREVER, Follow, Turn};
use crate::output::{self, say};

/// Prints what is new until it is ended.
///
/// # Errors
/// [`Failure`] when the database can be read by nobody, or the lines be written by nobody.
pub(crate) fn run(args: args::Tail) -> Result<Status, Failure> {
    let mut follow = Follow::new(args.db.clone().unwrap_or_else(alive_collector::default_database))?;
    let selection = Selection {
        program: args.program.clone().map(OsStringExt::into_vec),
        thresholds: Thresholds::default(),
        ..Selection::default()
    };
    let mut news = News::new();
    let mut is_first = true;
    loop {
        match alive_store::snapshot(follow.db()) {
            Ok(snapshot) => {
                follow.found();
                let found = news.of(&Report::new(snapshot, &selection));
                let mut wanted: VecDeque<New> =
                    found.into_iter().filter(|new| is_wanted(new, &args)).collect();
                // What was there before is told in part, so that a reader sees what it looks like.
                let skipped = if is_first { wanted.len().saturating_sub(args.lines) } else { 0 };
                wanted.drain(..skipped);
                is_first = false;
                if !print(&wanted, args.format)? {
                    return Ok(Status::Well);
                }
            }
            // Not yet there, or being made: the next change tells.
            Err(StoreError::Missing { .. } | StoreError::NotOurs { .. }) => {
                if follow.begins_to_wait() {
                    let db = escape::terminal(follow.db().as_os_str().as_bytes());
                    say(&format!("waiting for {db}: start alive-collector, or name its database with --db"));
                }
                is_first = false;
            }
            Err(error) => return Err(error.into()),
        }
        if follow.wait(FOREVER) == Turn::End {
            return Ok(Status::Well);
        }
    }
}

fn is_wanted(new: &New, args: &args::Tail) -> bool {
    let role = args.role.as_ref().is_none_or(|role| *role == new.role);
    let verdict = args.verdict.is_none_or(|verdict| new.verdict.is_some_and(|word| verdict.is(word)));
    role && verdict
}

/// False when nobody reads any more.
fn print(news: &VecDeque<New>, format: Form) -> Result<bool, Failure> {
    let medium = output::medium();
    let mut out = BufWriter::new(io::stdout().lock());
    let written = news
        .iter()
        .try_for_each(|new| match format {
            Form::Table => tail::text(new, medium, &mut out),
            Form::Json => tail::json(new, &mut out),
        })
        .and_then(|()| out.flush());
    match written {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(false),
        Err(source) => Err(Failure::Output { file: "standard output".to_owned(), source }),
    }
}
