//! The page as a collector serves it: it asks again and again, and puts what is new in its place.

use std::io::{self, Write};

use serde_json::json;

use super::dress::LIVE;
use super::{head, page, tail};
use crate::escape;
use crate::findings::Report;

/// The policy of every live page, for the header that goes with it.
#[must_use]
pub fn policy() -> String {
    LIVE.policy()
}

/// Writes the page of a report. `listens_at` is where the collector takes datagrams, for who has sent it none yet.
///
/// # Errors
/// Whatever `out` reports.
pub fn render(report: &Report, listens_at: &[String], out: &mut dyn Write) -> io::Result<()> {
    page(report, &LIVE, &beginning(listens_at), out)
}

/// Writes a page that says why there is no report, and becomes one as soon as there is.
///
/// # Errors
/// Whatever `out` reports.
pub fn without_report(reason: &str, out: &mut dyn Write) -> io::Result<()> {
    head(&[], &LIVE, out)?;
    write!(
        out,
        "<h1>There is no report at the moment</h1>\n<p class=\"lead\" id=\"reason\">{}</p>\n</main>\n\
         <footer><p>alive {}</p></footer>\n",
        escape::html(reason.as_bytes()),
        env!("CARGO_PKG_VERSION"),
    )?;
    tail(&json!({}), &LIVE, out)
}

/// How to begin, as HTML.
fn beginning(listens_at: &[String]) -> String {
    let address = listens_at.first().map_or("", String::as_str);
    // Where the shim sends when nobody tells it.
    let told = if matches!(address, "" | "127.0.0.1:25483") {
        String::new()
    } else {
        format!("ALIVE_ADDR={} ", escape::html(address.as_bytes()))
    };
    format!(
        "<section class=\"panel begin\"><h2>To see something here</h2>\n<ol>\n\
         <li>Start a daemon that forks with the library in front of it:<br>\
         <code>{told}LD_PRELOAD=/path/to/libpostfork.so gunicorn --workers 4 app:app</code></li>\n\
         <li>Use it for a while, so that its workers do some work.</li>\n\
         <li>What they load after the fork appears here by itself.</li>\n</ol>\n\
         <p>If nothing does: the daemon's environment must have <code>LD_PRELOAD</code>, the file must be readable \
         for it, and a static or setuid program leaves the library out.</p></section>\n"
    )
}

#[cfg(test)]
mod tests {
    use alive_store::model::Snapshot;

    use super::{policy, render, without_report};
    use crate::render::html;
    use crate::{Report, Selection};

    fn written(listens_at: &[&str]) -> String {
        let report = Report::new(Snapshot::default(), &Selection::default());
        let listens_at: Vec<String> = listens_at.iter().map(|&address| address.to_owned()).collect();
        let mut out = Vec::new();
        render(&report, &listens_at, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_page_without_data_says_what_to_do_with_the_address_that_is_needed() {
        assert!(written(&["127.0.0.1:4000"]).contains("<code>ALIVE_ADDR=127.0.0.1:4000 LD_PRELOAD="));
        assert!(written(&["127.0.0.1:25483", "[::1]:4000"]).contains("<code>LD_PRELOAD="));
    }

    #[test]
    fn only_a_live_page_may_connect_and_it_has_the_policy_of_the_header() {
        let live = written(&[]);
        assert!(policy().contains("connect-src 'self'"));
        assert!(live.contains(&format!("content=\"{}\"", policy())));
        let mut still = Vec::new();
        html::render(&Report::new(Snapshot::default(), &Selection::default()), &mut still).unwrap();
        let still = String::from_utf8(still).unwrap();
        assert!(
            !still.contains("connect-src") && !still.contains("fetch(") && !still.contains("role=\"status\"")
        );
    }

    #[test]
    fn a_reason_is_text() {
        let mut out = Vec::new();
        without_report("</p><script>alert(1)</script>", &mut out).unwrap();
        assert!(!String::from_utf8(out).unwrap().contains("<script>alert"));
    }
}
