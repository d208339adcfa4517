//! The tree of forks: which role forks which, where, and what each loads late.

use std::collections::HashSet;
use std::io::{self, Write};

use super::view;
use crate::escape;
use crate::findings::has_failed;
use crate::render::json::Part;
use crate::render::units::{bytes, count, micros};
use crate::role::Role;

pub(super) fn tree(part: &Part<'_>, out: &mut dyn Write) -> io::Result<()> {
    out.write_all(b"<section class=\"panel forks\"><h2>Who forks whom</h2>\n<ul class=\"tree\">\n")?;
    let roles = || part.program.roles.iter().enumerate();
    let mut told = HashSet::new();
    // Chains that bite their tail hang from nothing; they are told all the same.
    for (index, role) in roles().filter(|(_, role)| role.parent.is_none()).chain(roles()) {
        branch(part, index, role, &mut told, out)?;
    }
    out.write_all(b"</ul></section>\n")
}

/// A role, by its index, and those below it, each once.
fn branch(
    part: &Part<'_>,
    index: usize,
    role: &Role,
    told: &mut HashSet<usize>,
    out: &mut dyn Write,
) -> io::Result<()> {
    if !told.insert(index) {
        return Ok(());
    }
    let processes = count(role.processes, "process");
    write!(
        out,
        "<li><div class=\"role\"><b>{}</b> <span>{processes}</span>",
        escape::html(role.id.as_bytes())
    )?;
    if let Some(place) = forked_at(role) {
        write!(out, "<small>forked at <code>{}</code></small>", escape::html(place.as_bytes()))?;
    }
    let notes = notes(part, index, role);
    if !notes.is_empty() {
        write!(out, "<small>{}</small>", notes.join(" · "))?;
    }
    out.write_all(b"</div>")?;
    let roles = part.program.roles.iter().enumerate();
    let below: Vec<(usize, &Role)> = roles.filter(|(_, other)| other.parent == Some(index)).collect();
    if !below.is_empty() {
        out.write_all(b"<ul>\n")?;
        for (index, role) in below {
            branch(part, index, role, told, out)?;
        }
        out.write_all(b"</ul>")?;
    }
    out.write_all(b"</li>\n")
}

/// Where it is forked, without folders.
fn forked_at(role: &Role) -> Option<String> {
    let site = role.fork_site.as_ref()?;
    let place = role.fork_line.as_ref().map_or_else(|| view::place(site), view::line);
    Some(view::name(&place).to_owned())
}

/// What else is known of a role.
fn notes(part: &Part<'_>, index: usize, role: &Role) -> Vec<String> {
    let mut notes = Vec::new();
    // Also those that do not fit on the page.
    let late = part.program.loads.iter().filter(|load| load.role == index && !has_failed(load));
    let (files, size) =
        late.fold((0u64, 0u64), |(files, size), load| (files + 1, size.saturating_add(load.bytes)));
    let when = if role.parent.is_none() { "on its way into the background" } else { "late" };
    if files > 0 {
        notes.push(format!("<em>{} ({}) {when}</em>", count(files, "file"), bytes(size)));
    }
    if let time @ 1.. = role.fork_nanos / 1_000 {
        notes.push(format!("{} a fork", micros(time / role.processes.max(1))));
    }
    if let kib @ 1.. = role.forker_resident_kib {
        notes.push(format!("forker {}", bytes(u64::from(kib) * 1024)));
    }
    if let Some(seen) = &role.bystanders {
        for (number, noun) in [(seen.threads, "further thread"), (seen.sockets, "open socket")] {
            if number > 0 {
                notes.push(format!("{} at the fork", count(number.into(), noun)));
            }
        }
    }
    notes
}
