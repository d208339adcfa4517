//! `hits once|odd`: code with taps in it.

use std::fmt;

use alive_tap::{tap, tap_each};

#[track_caller]
fn total(order: u32) {
    tap!("checkout.legacy", "order" => order); // the tap
}

fn checkout() {
    total(17); // the call
}

/// A value that cannot be written.
struct Refuses;

impl fmt::Display for Refuses {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        Err(fmt::Error)
    }
}

fn main() {
    match std::env::args().nth(1).as_deref() {
        Some("once") => {
            for _ in 0..3 {
                checkout();
                tap_each!("every.time");
            }
        }
        Some("odd") => {
            let long = "n".repeat(60_000);
            tap!("odd \t\n\u{1b}[31m%=", "k\ney" => long, "after" => "still", "nothing" => Refuses);
            tap!(long);
            tap!(String::new());
        }
        _ => {}
    }
    println!("done");
}
