//! `alive run`: a daemon, its tracer and the report in one command.

use std::env;
use std::ffi::OsStr;
use std::fs::Permissions;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::time::Duration;

use alive_collector::{Collector, EventsTarget, Options};
use alive_report::render::next;
use alive_report::{Report, Selection, escape};
use nix::unistd::geteuid;
use tempfile::TempDir;

use crate::args::{self, Format, QUIET};
use crate::cmd::micros;
use crate::exit::{Failure, Status};
use crate::filter;
use crate::gate::Gate;
use crate::launch::Launch;
use crate::live::Live;
use crate::output::{self, say};
use crate::shim::{self, Shim};
use crate::supervise::{Rest, Stillness, Supervisor};
use crate::target;

/// How long a signal that ends the command may wait for a last look at the memory of its processes. The looks
/// themselves take milliseconds; this is for a machine that is busy.
const LAST_LOOK: Duration = Duration::from_millis(1_500);

/// Runs the command to its end and writes the report.
///
/// # Errors
/// [`Failure`] when the command was not run, or the report could not be written.
pub(crate) fn run(args: args::Run) -> Result<Status, Failure> {
    let began = jiff::Timestamp::now();
    let supervisor = Supervisor::new()?;
    // Nothing is run for a baseline that cannot be read.
    let gate = args.baseline.as_deref().map(Gate::open).transpose()?;
    let shim = shim::find()?;
    let words = args.command;
    let program = words.first().cloned().unwrap_or_default();
    let path = target::check(&program, env::var_os("PATH").as_deref(), &shim.elf)?;
    warn(&shim);

    let kept = args.db.clone();
    let typed = next::typed(words.iter().map(|word| word.as_bytes()));
    let place = Place::new(args.db)?;
    let collector = Collector::start(&Options {
        listen: vec![SocketAddr::from((Ipv4Addr::LOCALHOST, 0))],
        db: place.db.clone(),
        events: args.events.map(EventsTarget::File),
        ..Options::default()
    })?;
    let mut command = Launch::new(path, words);
    command.env("LD_PRELOAD", shim.preload(env::var_os("LD_PRELOAD").as_deref()));
    if let Some(address) = collector.addresses().first() {
        command.env("ALIVE_ADDR", address.to_string());
    }
    if let Some(name) = args.name {
        command.env("ALIVE_NAME", name);
    }

    let mut live = Live::new();
    let ended =
        supervisor.run(&command, || live.show(&collector.progress()), || collector.look_at_memory(LAST_LOOK));
    live.clear();
    let ended = match ended {
        Ok(ended) => ended,
        Err(error) => {
            // What stopped the command is the story; a collector that cannot end well is not.
            let _ = collector.stop();
            return Err(error.into());
        }
    };
    let mut still = Stillness::new(QUIET);
    let quiet = || {
        let progress = collector.progress();
        live.show(&progress);
        still.is_still(progress.datagrams)
    };
    let rest = supervisor.linger(args.follow, quiet, || collector.look_at_memory(LAST_LOOK))?;
    live.clear();
    if rest == Rest::Lives {
        say(&left_behind(&program));
    }
    collector.stop()?;

    let snapshot = alive_store::snapshot(&place.db)?;
    let since_micros = place.holds_earlier_runs.then(|| micros(began));
    drop(place);
    supervisor.release();
    let selection = Selection { program: None, since_micros, thresholds: args.rule.into() };
    let report = Report::new(snapshot, &selection);
    if report.programs.is_empty() && report.taps.taps.is_empty() {
        say(
            "nothing was reported: the command never forked, or the preload library did not start in it, or ALIVE_OFF is set",
        );
    }
    output::draw(&report, &args.pictures)?;
    output::write(&report, args.format, args.output.as_deref())?;
    if args.output.is_none() && args.format == Format::Table {
        let next = match &kept {
            Some(db) => next::after_report(&report, Some(db.as_os_str().as_bytes())),
            None => next::after_run(&report, &typed),
        };
        output::print(|medium, out| next::render(&next, medium, out))?;
    }
    // The command and the report have standard output.
    let is_kept = gate.is_none_or(|gate| gate.passes(&report, false, &mut io::stderr()));
    Ok(if !is_kept || (args.fail_on_late && report.late_loads() > 0) {
        Status::Late
    } else {
        Status::Command(ended.shell_status())
    })
}

/// Where the database is.
struct Place {
    db: PathBuf,
    holds_earlier_runs: bool,
    /// Removed with what it holds when the run is over.
    _temporary: Option<TempDir>,
}

impl Place {
    fn new(kept: Option<PathBuf>) -> Result<Self, Failure> {
        if let Some(db) = kept {
            return Ok(Self { holds_earlier_runs: db.exists(), db, _temporary: None });
        }
        // For nobody else: paths tell about their users.
        let folder = tempfile::Builder::new()
            .prefix("alive-")
            .permissions(Permissions::from_mode(0o700))
            .tempdir()
            .map_err(Failure::TemporaryFolder)?;
        let db = folder.path().join("alive.db");
        Ok(Self { db, holds_earlier_runs: false, _temporary: Some(folder) })
    }
}

/// Says what may leave part of the command untraced.
fn warn(shim: &Shim) {
    if env::var_os("ALIVE_OFF").is_some_and(|value| value == "1") {
        say("ALIVE_OFF=1 is set, so nothing will be reported: unset it");
    }
    if env::var_os("ALIVE_SECCOMP").is_none_or(|value| value != "allow") && filter::is_in_force() {
        say(
            "a seccomp filter is in force here, as in a container, and the library stays silent behind one: \
             if it lets programs open UDP sockets, as the filters of Docker and Podman do, set ALIVE_SECCOMP=allow",
        );
    }
    if geteuid().is_root()
        && let Some(path) = shim.closed_to_others()
    {
        let path = escape::terminal(path.as_os_str().as_bytes());
        say(&format!(
            "other users cannot read {path}: a program that the command executes after it changed its user \
             will not be traced; put libpostfork.so where everybody can read it"
        ));
    }
}

fn left_behind(program: &OsStr) -> String {
    format!(
        "{} ended, but processes of it live on and are no longer watched: run it in the foreground \
         (without -D, --daemonize and the like), or add --follow to stay until they end",
        escape::terminal(program.as_bytes())
    )
}
