//! `cargo xtask lint`: what can be said about the code without running it.

use std::collections::BTreeSet;

use crate::cargo;
use crate::failure::Failure;

/// Runs every check, also after one has failed, and tells all that did.
pub(crate) fn run() -> Result<(), Failure> {
    let checks: [fn() -> Result<(), Failure>; 5] = [format, clippy, documentation, arrows, licences];
    let findings: Vec<String> =
        checks.iter().filter_map(|check| check().err()).map(|failure| failure.to_string()).collect();
    if findings.is_empty() { Ok(()) } else { Err(Failure::Findings(findings)) }
}

fn format() -> Result<(), Failure> {
    cargo::run(&mut cargo::cargo(&["fmt", "--all", "--check"]))
}

fn clippy() -> Result<(), Failure> {
    cargo::run(&mut cargo::cargo(&["clippy", "--workspace", "--all-targets", "--", "--deny", "warnings"]))
}

/// Documentation is for those who work on the code, so it shows and may link to what is private.
fn documentation() -> Result<(), Failure> {
    let args = ["doc", "--workspace", "--no-deps", "--document-private-items"];
    let flags = "--deny warnings --allow rustdoc::private_intra_doc_links";
    cargo::run(cargo::cargo(&args).env("RUSTDOCFLAGS", flags))
}

/// Who may depend on whom: the shim lives in other people's processes, so it carries next to
/// nothing, and the arrows between the crates run one way.
fn arrows() -> Result<(), Failure> {
    let mut findings = Vec::new();
    let mut only = tree("ctor")?;
    only.extend(["postfork", "libc", "alive-wire"].map(String::from));
    for stranger in tree("postfork")?.difference(&only) {
        findings.push(format!("postfork depends on {stranger}; it may on libc, ctor and alive-wire"));
    }
    for stranger in tree("alive-wire")? {
        if stranger != "alive-wire" {
            findings.push(format!("alive-wire depends on {stranger}; it may on nothing"));
        }
    }
    for (who, never) in [
        ("alive-store", "alive-wire"),
        ("alive-store", "alive-memory"),
        ("alive-memory", "alive-store"),
        ("alive-report", "alive-wire"),
        ("alive-report", "alive-collector"),
        ("alive-collector", "postfork"),
        ("alive", "postfork"),
    ] {
        if tree(who)?.contains(never) {
            findings
                .push(format!("{who} depends on {never}; see ARCHITECTURE.md for which way the arrows run"));
        }
    }
    if findings.is_empty() { Ok(()) } else { Err(Failure::Findings(findings)) }
}

/// Names of a package and of everything below it that gets linked in.
fn tree(package: &str) -> Result<BTreeSet<String>, Failure> {
    let args = ["tree", "--package", package, "--edges", "normal", "--prefix", "none", "--format", "{p}"];
    let listed = cargo::output(&mut cargo::cargo(&args))?;
    let listed = String::from_utf8_lossy(&listed);
    Ok(listed.lines().filter_map(|line| line.split_whitespace().next()).map(String::from).collect())
}

fn licences() -> Result<(), Failure> {
    if !cargo::has("deny") {
        if !cargo::is_ci() {
            eprintln!("xtask: licences are not checked: cargo install --locked cargo-deny");
            return Ok(());
        }
        cargo::run(&mut cargo::cargo(&["install", "--locked", "cargo-deny"]))?;
    }
    cargo::run(&mut cargo::cargo(&["deny", "check", "licenses", "bans", "sources"]))
}
