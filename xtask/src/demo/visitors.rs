//! Who visits the demo daemon.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use crate::failure::{Context, Failure};

/// Pages of the daemon; see `demo/lib/Lazyd/Routes.pm`.
const PAGES: [&str; 8] =
    ["/health", "/json", "/digest", "/snapshot", "/text", "/upload", "/fetch", "/optional"];

/// Milliseconds that a page keeps its worker busy when visitors shall overlap.
const HOLD_MILLIS: u32 = 150;

/// Longest time for one answer.
const ANSWER: Duration = Duration::from_secs(10);

/// Each page once, with nobody else there.
pub(super) fn one_by_one(address: SocketAddr) -> Result<(), Failure> {
    PAGES.iter().try_for_each(|page| get(address, page))
}

/// Each page by several visitors at the same moment.
pub(super) fn together(address: SocketAddr, visitors: usize) -> Result<(), Failure> {
    PAGES.iter().try_for_each(|page| {
        let page = format!("{page}?hold={HOLD_MILLIS}");
        std::thread::scope(|scope| {
            let all: Vec<_> = (0..visitors).map(|_| scope.spawn(|| get(address, &page))).collect();
            all.into_iter().try_for_each(|one| {
                one.join().unwrap_or_else(|_| Err(Failure::Findings(vec!["a visitor panicked".to_owned()])))
            })
        })
    })
}

/// One visit; an answer other than `200` is a failure.
fn get(address: SocketAddr, page: &str) -> Result<(), Failure> {
    let what = format!("GET http://{address}{page}");
    let mut stream = TcpStream::connect(address).context(what.as_str())?;
    stream.set_read_timeout(Some(ANSWER)).context(what.as_str())?;
    write!(stream, "GET {page} HTTP/1.0\r\n\r\n").context(what.as_str())?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).context(what.as_str())?;
    let answer = String::from_utf8_lossy(&answer);
    let status = answer.lines().next().unwrap_or_default();
    if status.contains(" 200 ") { Ok(()) } else { Err(Failure::Findings(vec![format!("{what}: {status}")])) }
}
