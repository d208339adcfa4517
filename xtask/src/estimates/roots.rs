//! What is loaded: libraries that daemons load late, and that an interpreter brings along.

use std::process::{Command, Stdio};

/// A root cause, as a daemon's line would have it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Root {
    /// The program that loads it.
    pub(super) interpreter: &'static str,
    /// The script that forks workers, by its name in `xtask/estimates`.
    pub(super) script: &'static str,
    /// How the table calls it.
    pub(super) what: &'static str,
    /// The statement that loads it.
    pub(super) statement: &'static str,
}

impl Root {
    /// Whether the interpreter is there and can load it.
    pub(super) fn is_there(&self) -> bool {
        let option = if self.interpreter == "python3" { "-c" } else { "-e" };
        let mut command = Command::new(self.interpreter);
        command
            .args([option, self.statement])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        command.status().is_ok_and(|status| status.success())
    }
}

const fn python(what: &'static str, statement: &'static str) -> Root {
    Root { interpreter: "python3", script: "prefork.py", what, statement }
}

const fn perl(what: &'static str, statement: &'static str) -> Root {
    Root { interpreter: "perl", script: "prefork.pl", what, statement }
}

const fn ruby(what: &'static str, statement: &'static str) -> Root {
    Root { interpreter: "ruby", script: "prefork.rb", what, statement }
}

pub(super) const ROOTS: &[Root] = &[
    python("json", "import json"),
    python("decimal", "import decimal"),
    python("sqlite3", "import sqlite3"),
    python("ctypes", "import ctypes"),
    python("asyncio", "import asyncio"),
    python("xml.dom.minidom", "import xml.dom.minidom"),
    python("email.message", "import email.message"),
    python("http.client", "import http.client"),
    python("unittest", "import unittest"),
    perl("JSON::PP", "require JSON::PP"),
    perl("Encode", "require Encode"),
    perl("POSIX", "require POSIX"),
    perl("Storable", "require Storable"),
    perl("Unicode::Normalize", "require Unicode::Normalize"),
    ruby("json", "require 'json'"),
    ruby("set", "require 'set'"),
    ruby("openssl", "require 'openssl'"),
];
