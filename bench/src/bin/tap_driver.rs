//! `tap_driver once|each|nothing COUNT`: each line on standard input asks for one block of COUNT hits of a tap at one
//! place, or of none, answered with the time of one in nanoseconds. A program of its own, because a process reads only
//! once whether taps are on.
#![forbid(unsafe_code)]

use std::io::{self, BufRead as _};
use std::time::Instant;

use alive_tap::{tap, tap_each};

#[inline(never)]
fn once() {
    tap!("bench");
}

#[inline(never)]
fn each() {
    tap_each!("bench");
}

/// What stands where no tap does.
#[inline(never)]
fn nothing() {
    std::hint::black_box(());
}

fn main() {
    let words: Vec<String> = std::env::args().collect();
    let hit = match words.get(1).map(String::as_str) {
        Some("once") => once,
        Some("nothing") => nothing,
        _ => each,
    };
    let count: u32 = words.get(2).and_then(|count| count.parse().ok()).unwrap_or(1);
    for _ in io::stdin().lock().lines().map_while(Result::ok) {
        let begin = Instant::now();
        for _ in 0..count {
            hit();
        }
        println!("{:.1}", begin.elapsed().as_secs_f64() * 1e9 / f64::from(count));
    }
}
