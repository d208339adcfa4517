//! Writing a document is the work of another process: this program once more.
//!
//! It reads a whole database, which may be large, and judges names and stacks that anybody may have sent. Should it need
//! more memory than there is, or fail, that is its own end and not the collector's; and what it used is given back
//! whole. It writes to a pipe, and is ended when it takes too long or writes too much.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::io::{self, BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::process::{ExitCode, ExitStatus, Stdio};
use std::time::Duration;

use alive_report::render::{html, json};
use alive_report::taps::{self, Taps};
use alive_report::{Report, Selection, escape};
use nix::sys::resource::{Resource, setrlimit};
use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::process::Command;

use super::Subject;
use super::documents::Document;
use crate::moment::Moment;

/// The flag that makes this program a scribe; what is written, the database, and where the collector listens follow.
const FLAG: &str = "--write-document";

/// This program, also when its file was replaced since.
const PROGRAM: &str = "/proc/self/exe";

/// Most bytes of a document.
const MOST: u64 = 32 << 20;

/// Most bytes of a complaint.
const MOST_WORDS: u64 = 4 << 10;

/// Longest time that a document may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// Most memory that a scribe may ask for, in bytes.
const MEMORY: u64 = 1 << 30;

/// Most time on a processor that a scribe may take, in seconds, should nobody be there to end it.
const CPU: u64 = 60;

/// Its niceness: whoever has something else to do on this host goes first.
const LAST: i32 = 10;

/// Has documents written.
#[derive(Debug)]
pub(super) struct Scribe {
    program: PathBuf,
    patience: Duration,
    db: PathBuf,
    listens_at: Vec<String>,
}

impl Scribe {
    pub(super) fn new(subject: &Subject) -> Self {
        Self {
            program: PROGRAM.into(),
            patience: PATIENCE,
            db: subject.db.clone(),
            listens_at: subject.listens_at.clone(),
        }
    }

    /// Has a document written.
    ///
    /// # Errors
    /// Why there is none, as a sentence that says what to do.
    pub(super) async fn write(&self, document: Document) -> Result<Vec<u8>, String> {
        let mut command = Command::new(&self.program);
        command
            .args([FLAG, document.word()])
            .arg(&self.db)
            .args(&self.listens_at)
            .env_clear()
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        let mut child = command.spawn().map_err(|error| {
            format!("cannot start a process that writes it: {error}: raise the limit on processes")
        })?;
        let (out, words) = (child.stdout.take(), child.stderr.take());
        let work = async {
            let (text, words) = tokio::try_join!(read(out, MOST + 1), read(words, MOST_WORDS))?;
            if text.len() as u64 > MOST {
                child.kill().await?;
            }
            Ok::<_, io::Error>((text, words, child.wait().await?))
        };
        let elsewhere = || {
            let form = if document == Document::Taps { "taps" } else { "report" };
            let db = escape::terminal(self.db.as_os_str().as_encoded_bytes());
            format!("ask for it with `alive {form} --db {db}`")
        };
        let (text, words, status) = match tokio::time::timeout(self.patience, work).await {
            Ok(Ok(written)) => written,
            Ok(Err(error)) => return Err(format!("cannot read what was written: {error}: try again")),
            // The process goes with the future that waited for it.
            Err(_) => {
                let seconds = self.patience.as_secs_f64();
                return Err(format!("it took longer than {seconds} s to write: {}", elsewhere()));
            }
        };
        if text.len() as u64 > MOST {
            return Err(format!("it is larger than {} MiB: {}", MOST >> 20, elsewhere()));
        }
        if status.success() {
            return Ok(text);
        }
        Err(complaint(&words, status, &elsewhere()))
    }
}

async fn read(from: Option<impl AsyncRead + Unpin>, most: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    if let Some(from) = from {
        from.take(most).read_to_end(&mut bytes).await?;
    }
    Ok(bytes)
}

/// What the process said, or how it ended where that was not its own decision.
fn complaint(words: &[u8], status: ExitStatus, elsewhere: &str) -> String {
    if status.code() == Some(i32::from(REFUSED)) {
        return escape::terminal(words.trim_ascii());
    }
    format!(
        "the process that writes it ended with {status}, perhaps because it may use no more than {} MiB: {elsewhere}",
        MEMORY >> 20
    )
}

/// Exit status of a scribe whose last words say what to do.
const REFUSED: u8 = 4;

/// Writes a document and returns how this process is to end, where it was started to do so; `None` otherwise. A program
/// that starts a [`Collector`](crate::Collector) with [`Options::http`](crate::Options::http) asks this first of all.
#[must_use]
pub fn write_if_asked() -> Option<ExitCode> {
    let mut arguments = env::args_os().skip(1);
    if arguments.next()? != FLAG {
        return None;
    }
    Some(match write(arguments.collect()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(words) => {
            eprintln!("{words}");
            ExitCode::from(REFUSED)
        }
    })
}

fn write(mut arguments: Vec<OsString>) -> Result<(), String> {
    if arguments.len() < 2 {
        return Err(format!("{FLAG} is for the collector itself"));
    }
    let listens_at: Vec<String> =
        arguments.split_off(2).into_iter().map(|address| address.to_string_lossy().into_owned()).collect();
    let (word, db) = (&arguments[0], Path::new(&arguments[1]));
    let document = Document::ALL
        .into_iter()
        .find(|document| *word == *document.word())
        .ok_or_else(|| format!("{FLAG} does not know this document"))?;
    hold_back();
    let snapshot = alive_store::snapshot(db).map_err(|error| error.to_string())?;
    let mut out = BufWriter::new(io::stdout().lock());
    let written = match document {
        Document::Page => {
            html::live::render(&Report::new(snapshot, &Selection::default()), &listens_at, &mut out)
        }
        Document::Report => json::render(&Report::new(snapshot, &Selection::default()), &mut out),
        Document::Taps => {
            let asked = taps::Asked { now_micros: Moment::now().wall_micros, ..taps::Asked::default() };
            taps::render::json(&Taps::new(snapshot, &asked), &mut out)
        }
    };
    // Whoever asked has seen enough, or is gone.
    written.and_then(|()| out.flush()).map_err(|error| format!("nobody reads it: {error}"))
}

/// Keeps within bounds. What the system refuses to bound goes without: the collector watches, too.
fn hold_back() {
    for (what, most) in
        [(Resource::RLIMIT_AS, MEMORY), (Resource::RLIMIT_CPU, CPU), (Resource::RLIMIT_CORE, 0)]
    {
        let _ = setrlimit(what, most, most);
    }
    // The collector may run before everybody else, so that it loses nothing. To this process that does not apply.
    let _ = rustix::process::nice(LAST - rustix::process::nice(0).unwrap_or(0));
    // Where memory is short, this process goes first.
    drop(fs::write("/proc/self/oom_score_adj", "1000"));
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    /// What becomes of a document whose writing is the work of a shell script.
    fn written_by(script: &str) -> Result<Vec<u8>, String> {
        let folder = tempfile::tempdir().unwrap();
        let program = folder.path().join("scribe");
        fs::write(&program, format!("#!/bin/sh\n{script}\n")).unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o700)).unwrap();
        let scribe = Scribe {
            program,
            patience: Duration::from_secs(5),
            db: PathBuf::from("/var/lib/a\nb.db"),
            listens_at: vec!["127.0.0.1:1".to_owned()],
        };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(scribe.write(Document::Report))
    }

    #[track_caller]
    fn assert_refused(script: &str, words: &str) {
        let refusal = written_by(script).unwrap_err();
        assert!(refusal.contains(words), "{refusal}");
    }

    #[test]
    fn what_the_process_writes_is_the_document_and_it_is_told_what_to_write() {
        let told = written_by("printf '%s|' \"$@\"; echo more >&2").unwrap();
        assert_eq!(told, b"--write-document|report|/var/lib/a\nb.db|127.0.0.1:1|");
        assert_eq!(written_by("env | grep -c ALIVE || true").unwrap(), b"0\n");
    }

    #[test]
    fn a_process_that_fails_takes_too_long_or_writes_too_much_is_told_with_another_way() {
        let way = "ask for it with `alive report --db /var/lib/a\\x0ab.db`";
        assert_refused("echo there is no database >&2; exit 4", "there is no database");
        assert_refused("kill -9 $$", "signal: 9 (SIGKILL)");
        assert_refused("kill -9 $$", way);
        assert_refused("exit 101", "exit status: 101");
        assert_refused("exec sleep 100", "it took longer than 5 s");
        assert_refused("exec head -c 40000000 /dev/zero", "it is larger than 32 MiB");
        assert_refused("exec head -c 40000000 /dev/zero", way);
    }

    #[test]
    fn its_last_words_are_bounded_and_act_on_nothing() {
        let words = written_by("printf '\\033[2J' >&2; head -c 100000 /dev/zero | tr '\\0' x >&2; exit 4");
        let words = words.unwrap_err();
        assert!(words.starts_with("\\x1b[2J") && words.len() < 5_000, "{} bytes", words.len());
    }

    #[test]
    fn a_program_that_cannot_be_started_is_told() {
        let subject = Subject {
            db: PathBuf::new(),
            listens_at: Vec::new(),
            up_since: Moment::default(),
            shared: std::sync::Arc::default(),
        };
        let scribe = Scribe { program: "/no/such/program".into(), ..Scribe::new(&subject) };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let refusal = runtime.block_on(scribe.write(Document::Page)).unwrap_err();
        assert!(refusal.contains("cannot start a process"), "{refusal}");
    }
}
