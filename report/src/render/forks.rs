//! What the forks of a program cost and endanger, as a table.

use alive_store::model::Bystanders;

use crate::findings::ProgramReport;
use crate::price::{self, Price};
use crate::render::units::{bytes, count, micros};

/// Titles of the columns; `<` or `>` tells the side to which a column is flush.
pub(crate) const TITLES: [&str; 6] = [">FORKS", ">EACH", ">RESIDENT", ">PER 100 MiB", "<BESIDE", "<ROLE"];

/// A place that forks.
pub(crate) struct Row {
    /// A cell for each of [`TITLES`].
    pub(crate) cells: Vec<String>,
    /// Where it is, for a terminal.
    pub(crate) place: String,
}

/// The places whose forks were measured.
pub(crate) fn rows(program: &ProgramReport) -> Vec<Row> {
    let forked = program.roles.iter().filter(|role| role.parent.is_some());
    let measured = forked.filter_map(|role| price::of(role).map(|price| (role, price)));
    measured
        .map(|(role, Price { nanos, resident_bytes, nanos_per_100_mib })| {
            let known = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
            Row {
                cells: vec![
                    role.processes.to_string(),
                    micros(nanos / 1_000),
                    known(resident_bytes.map(bytes)),
                    known(nanos_per_100_mib.map(|nanos| micros(nanos / 1_000))),
                    known(role.bystanders.as_ref().map(beside)),
                    role.id.clone(),
                ],
                place: role.forked_at().unwrap_or_default(),
            }
        })
        .collect()
}

/// What was there beside the thread that forked, in few words.
fn beside(seen: &Bystanders) -> String {
    if seen.is_harmless() {
        return "nothing".to_owned();
    }
    let part = |number: u32, noun: &str| (number > 0).then(|| count(number.into(), noun));
    let parts: Vec<String> =
        part(seen.most_threads, "thread").into_iter().chain(part(seen.most_sockets, "socket")).collect();
    format!("{}{}", if seen.at_least { "at least " } else { "" }, parts.join(", "))
}

/// What preloading adds to the forks that it adds most to, in one sentence.
pub(crate) fn preloading(program: &ProgramReport) -> Option<String> {
    let dearest = (0..program.roles.len())
        .filter_map(|role| price::of_preloading(program, role).map(|(bytes, nanos)| (nanos, bytes, role)))
        .max_by_key(|(nanos, ..)| *nanos)?;
    let (nanos, size, role) = dearest;
    let role = program.roles.get(role)?;
    Some(format!(
        "Preloading what is named above adds {} of files to the process that forks {}: at most {} more for each \
         fork, if they take as much memory as they are large.",
        bytes(size),
        role.id,
        micros((nanos / 1_000).max(1)),
    ))
}
