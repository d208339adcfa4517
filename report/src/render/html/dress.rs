//! What a page is dressed in: how it looks, what it does, and the policy that lets nothing else run in it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};

/// The scripts in the order of their parts, as one; with more parts behind them.
macro_rules! scripts {
    ($($more:literal),*) => {
        concat!(
            "(() => {\n\"use strict\";\n",
            include_str!("js/model.js"),
            include_str!("js/words.js"),
            include_str!("js/keep.js"),
            include_str!("js/icicle.js"),
            include_str!("js/detail.js"),
            include_str!("js/table.js"),
            include_str!("js/page.js"),
            $(include_str!($more),)*
            "})();\n",
        )
    };
}

/// Of a page that stays as it is.
pub(super) const STILL: Dress =
    Dress { style: include_str!("page.css"), script: scripts!(), connects: false, status: "" };

/// Of a page that asks where it came from what is new.
pub(super) const LIVE: Dress = Dress {
    style: concat!(include_str!("page.css"), include_str!("live.css")),
    script: scripts!("js/live.js"),
    connects: true,
    status: "<p id=\"live\" role=\"status\" aria-live=\"polite\">\
             <noscript>Reload the page to see what is new.</noscript></p>",
};

/// What a page is dressed in.
#[derive(Debug)]
pub(super) struct Dress {
    /// How it looks.
    pub(super) style: &'static str,
    /// What it does.
    pub(super) script: &'static str,
    /// Whether it may ask its server.
    connects: bool,
    /// Where it says whether it is up to date, as HTML.
    pub(super) status: &'static str,
}

impl Dress {
    /// The policy: no style and no script but these, by digest.
    pub(super) fn policy(&self) -> String {
        let connect = if self.connects { "connect-src 'self'; " } else { "" };
        format!(
            "default-src 'none'; style-src '{}'; script-src '{}'; {connect}base-uri 'none'; form-action 'none'",
            digest(self.style),
            digest(self.script),
        )
    }
}

/// What a policy knows a style or a script by.
fn digest(text: &str) -> String {
    format!("sha256-{}", STANDARD.encode(Sha256::digest(text.as_bytes())))
}
