//! The report's page in Debian's Chromium: from the request to the moment when all of it stands, as the page
//! itself notes it.

use std::path::Path;
use std::process::{Command, Stdio};

use crate::bench::Bench;
use crate::error::Error;
use crate::history::History;
use crate::measure::{Spread, Turns};
use crate::table::{Bar, Line};

/// Most that a page may take, in milliseconds.
const MOST_MILLIS: f64 = 2_000.0;

const LOADS: History = History { starts: 1, roles: 1, files: 10_000 };

const CHROMIUM: &str = "/usr/bin/chromium-headless-shell";

/// What the page writes into its first element.
const READY: &str = "data-ready=\"";

pub(crate) fn measure(bench: &Bench) -> Result<Vec<Line>, Error> {
    if !Path::new(CHROMIUM).exists() {
        return Err(Error::Unavailable(
            "Chromium is needed (Debian: apt install chromium-headless-shell)".into(),
        ));
    }
    let db = bench.scratch().join("loads.db");
    LOADS.write(&db)?;
    let page = bench.scratch().join("report.html");
    let written = Command::new(bench.alive()?)
        .args(["report", "--db"])
        .arg(&db)
        .arg("--html")
        .arg(&page)
        .stdout(Stdio::null())
        .status()
        .map_err(Error::io("starting alive"))?;
    if !written.success() {
        return Err(Error::Unavailable(format!("alive report --html ended with {written}")));
    }
    let mut turns = Turns::new();
    turns.take(1, bench.effort.rounds, |_| ready(bench, &page))?;
    Ok(vec![Line {
        row: "page",
        what: format!("the page of {} loads, until it stands", LOADS.rows()),
        unit: "ms",
        figure: Spread::of(turns.of(0)),
        least: turns.least(0),
        ratio: None,
        bar: Some(Bar::MedianAtMost(MOST_MILLIS)),
    }])
}

/// Milliseconds until the page was ready.
fn ready(bench: &Bench, page: &Path) -> Result<f64, Error> {
    let profile = bench.scratch().join("profile");
    let shown = Command::new(CHROMIUM)
        .args(["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu", "--dump-dom"])
        .arg(format!("--user-data-dir={}", profile.display()))
        .arg(format!("file://{}", page.display()))
        .env_remove("LD_PRELOAD")
        .stderr(Stdio::null())
        .output()
        .map_err(Error::io("starting Chromium"))?;
    let shown = String::from_utf8_lossy(&shown.stdout);
    shown
        .split_once(READY)
        .and_then(|(_, behind)| behind.split('"').next())
        .and_then(|millis| millis.parse().ok())
        .ok_or_else(|| Error::Unavailable("the page does not say when it was ready".into()))
}
