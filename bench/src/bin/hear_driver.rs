//! `hear_driver WHAT MADE HEARD`: makes MADE datagrams and lets the collector's aggregate hear HEARD of them. For a
//! tool that counts instructions: two runs that differ in HEARD alone differ in nothing but the hearing.
#![forbid(unsafe_code)]

#[allow(dead_code, reason = "the bench itself uses the rest")]
#[path = "../sample.rs"]
mod sample;

use std::process::ExitCode;

use alive_collector::aggregate::Aggregate;
use alive_collector::moment::Moment;

/// Files that the datagrams are about, as in the rows that measure a time.
const FILES: u32 = 300;

/// Nanoseconds between two datagrams, and what each is on its way.
const EVERY: u64 = 5_000;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [what, made, heard] = &words[..] else { return usage() };
    let make: fn(u64, u32) -> Vec<u8> = match what.as_str() {
        "load" => sample::load,
        "lines" => sample::load_with_lines,
        "ping" => |_, file| sample::ping(file),
        _ => return usage(),
    };
    let (Ok(made), Ok(heard)) = (made.parse::<u64>(), heard.parse::<usize>()) else { return usage() };
    let datagrams: Vec<_> = (1..)
        .zip((0..FILES).cycle())
        .take_while(|(number, _)| *number <= made)
        .map(|(number, file)| make(number, file))
        .collect();
    let mut aggregate = Aggregate::new(0, []);
    for (number, datagram) in (1..).zip(&datagrams).take(heard) {
        let monotonic_nanos = sample::MONOTONIC_NANOS + (number + 1) * EVERY;
        let wall_micros = 1_700_000_100_000_000 + monotonic_nanos / 1_000;
        aggregate.hear(datagram, Moment { wall_micros, monotonic_nanos });
    }
    let totals = aggregate.totals();
    println!("{} datagrams, {} events, {:?}", totals.datagrams, totals.events, totals.loss);
    ExitCode::SUCCESS
}

fn usage() -> ExitCode {
    eprintln!("hear_driver load|lines|ping MADE HEARD");
    ExitCode::from(2)
}
