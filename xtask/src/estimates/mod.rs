//! `cargo xtask estimates`: what the report says that a late load costs, beside what it costs without the tracer.
//!
//! `roots.rs` names what is loaded; `worker.rs` has it loaded in forked workers, measured by themselves without
//! the shim, and told of by the report of `alive run`; `table.rs` prints both with the error.

mod roots;
mod table;
mod worker;

use crate::cargo;
use crate::failure::{Context, Failure};

/// Times that each root is measured and told of, in turns, after one that only warms the files.
const ROUNDS: usize = 7;

/// Runs the comparison and prints the table.
pub(crate) fn run() -> Result<(), Failure> {
    cargo::run(&mut cargo::cargo(&["build", "--release", "--package", "alive", "--package", "postfork"]))?;
    let folder = tempfile::tempdir().context("making a folder for databases")?;
    let mut lines = Vec::new();
    for root in roots::ROOTS {
        if !root.is_there() {
            eprintln!("xtask: {} is left out: {} cannot load it here", root.what, root.interpreter);
            continue;
        }
        eprintln!("xtask: {} {}", root.interpreter, root.statement);
        worker::measured(root)?;
        let (mut measured, mut told) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            measured.extend(worker::measured(root)?);
            told.push(worker::told(root, folder.path())?);
        }
        lines.push(table::Line { root, measured: table::median(&measured), told: table::median(&told) });
    }
    if lines.is_empty() {
        return Err(Failure::Findings(vec![
            "neither python3 nor perl nor ruby is there; install one of them".to_owned(),
        ]));
    }
    print!("{}", table::rendered(&lines));
    Ok(())
}
