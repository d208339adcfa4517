//! What is known to be lost, in words. The ways of counting overlap and are never added up.

use alive_store::model::Loss;

use crate::findings::Report;
use crate::render::units::count;

/// One sentence for each way in which something is known to be lost; empty when nothing is.
#[must_use]
pub fn sentences(report: &Report) -> Vec<String> {
    sentences_of(&report.loss, report.unclean_ends)
}

/// The same of the counters themselves.
#[must_use]
pub fn sentences_of(loss: &Loss, unclean_ends: u64) -> Vec<String> {
    let ways = [
        (loss.kernel_drops, "datagram", "dropped by the kernel: the collector's receive buffer was full"),
        (loss.sequence_gaps, "event", "missing by gaps in the sequence numbers"),
        (loss.not_sent, "event", "counted by the traced processes instead of sent"),
        (loss.malformed, "datagram or event", "unreadable"),
        (loss.truncated, "datagram", "longer than the wire allows"),
        (
            loss.unsupported_version,
            "event",
            "of another version of the wire: use a shim and a collector of one release",
        ),
        (loss.over_cap, "event", "refused because the collector's memory was at its cap"),
        (loss.forged, "event", "refused because the kernel named another sender than they claimed"),
        (loss.events_file, "line", "not written to the events file"),
        (unclean_ends, "collector run", "ended without a last flush: what it held then is unknown"),
    ];
    ways.into_iter()
        .filter(|(number, ..)| *number > 0)
        .map(|(number, what, how)| format!("{} {how}", count(number, what)))
        .collect()
}

/// What is no longer in the database because it was to be kept small; `None` where that is nothing.
#[must_use]
pub fn dropped(report: &Report) -> Option<String> {
    let before = report.dropped_before_micros?;
    Some(format!(
        "What was last seen before {} was dropped from the database, by its age or for want of room \
         (`retention.max_age` and `retention.max_size` of the collector).",
        super::time(before)
    ))
}

/// Why a process counts an event instead of sending it.
#[must_use]
pub fn reason_in_words(reason: &str) -> &str {
    match reason {
        "sandbox" => "a seccomp filter forbids sockets",
        "small-stack" => "the signal stack was too small for a report",
        "send-failed" => "the kernel refused the datagram",
        "link-map" => "the link map changed in a way that could not be followed",
        _ => "for a reason that this version does not know",
    }
}
