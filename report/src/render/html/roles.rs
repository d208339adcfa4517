//! The tree of forks: which role forks which, where, and what each loads late.

use std::collections::HashSet;
use std::io::{self, Write};

use serde_json::Value;

use super::view;
use crate::escape;
use crate::render::units::{bytes, count, micros};

pub(super) fn tree(program: &Value, out: &mut dyn Write) -> io::Result<()> {
    let roles = view::list(program, "roles");
    out.write_all(b"<section class=\"panel forks\"><h2>Who forks whom</h2>\n<ul class=\"tree\">\n")?;
    let mut told = HashSet::new();
    for role in roles.iter().filter(|role| view::text(role, "parent").is_empty()) {
        branch(program, role, &mut told, out)?;
    }
    // Chains that bite their tail hang from nothing; they are told all the same.
    for role in roles {
        branch(program, role, &mut told, out)?;
    }
    out.write_all(b"</ul></section>\n")
}

/// A role and those below it, each once.
fn branch<'a>(
    program: &'a Value,
    role: &'a Value,
    told: &mut HashSet<&'a str>,
    out: &mut dyn Write,
) -> io::Result<()> {
    let id = view::text(role, "id");
    if !told.insert(id) {
        return Ok(());
    }
    let processes = count(view::number(role, "processes"), "process");
    write!(out, "<li><div class=\"role\"><b>{}</b> <span>{processes}</span>", escape::html(id.as_bytes()))?;
    if let Some(place) = forked_at(role) {
        write!(out, "<small>forked at <code>{}</code></small>", escape::html(place.as_bytes()))?;
    }
    let notes = notes(program, role);
    if !notes.is_empty() {
        write!(out, "<small>{}</small>", notes.join(" · "))?;
    }
    out.write_all(b"</div>")?;
    let below: Vec<&Value> =
        view::list(program, "roles").iter().filter(|other| view::text(other, "parent") == id).collect();
    if !below.is_empty() {
        out.write_all(b"<ul>\n")?;
        for role in below {
            branch(program, role, told, out)?;
        }
        out.write_all(b"</ul>")?;
    }
    out.write_all(b"</li>\n")
}

/// Where it is forked, without folders.
fn forked_at(role: &Value) -> Option<String> {
    let site = role.get("fork_site").filter(|site| !site.is_null())?;
    let as_caller = serde_json::json!({ "caller": site });
    view::caller(&as_caller).map(|place| view::name(&place).to_owned())
}

/// What else is known of a role.
fn notes(program: &Value, role: &Value) -> Vec<String> {
    let id = view::text(role, "id");
    let mut notes = Vec::new();
    let late = view::list(program, "loads")
        .iter()
        .filter(|load| view::text(load, "role") == id && view::text(load, "outcome") != "failed");
    let (files, size) = late.fold((0u64, 0u64), |(files, size), load| {
        (files + 1, size.saturating_add(view::number(load, "bytes")))
    });
    let when = if view::text(role, "parent").is_empty() { "on its way into the background" } else { "late" };
    if files > 0 {
        notes.push(format!("<em>{} ({}) {when}</em>", count(files, "file"), bytes(size)));
    }
    let forks = view::number(role, "processes").max(1);
    if let time @ 1.. = view::number(role, "fork_micros") {
        notes.push(format!("{} a fork", micros(time / forks)));
    }
    if let kib @ 1.. = view::number(role, "forker_resident_kib") {
        notes.push(format!("forker {}", bytes(kib.saturating_mul(1024))));
    }
    let at_fork = role.get("at_fork").unwrap_or(&Value::Null);
    for (key, noun) in [("threads", "further thread"), ("sockets", "open socket")] {
        if let number @ 1.. = view::number(at_fork, key) {
            notes.push(format!("{} at the fork", count(number, noun)));
        }
    }
    notes
}
