//! `PostgreSQL` 15's regression tests: a temporary cluster, its postmaster and every client under the shim.

use std::ffi::OsString;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use super::archive::{Archive, make};
use super::outcome::{Outcome, Outcomes, add};
use super::process::Program;
use super::scene::Scene;
use super::suite::Part;
use crate::cargo;
use crate::failure::{Context, Failure};

/// The server, its clients, and `pg_regress` with the headers that its own library is built against.
const PACKAGES: &[&str] = &["postgresql-15", "postgresql-client-15", "postgresql-server-dev-15"];

/// Longest time for all of it.
const LIMIT: Duration = Duration::from_secs(600);

/// The folder below the working folder that output goes to.
const OUTPUT: &str = "regress";

pub(crate) fn parts(archive: &Archive, scene: &Scene) -> Result<Vec<Part>, Failure> {
    let root = archive.packages("postgres", PACKAGES)?;
    let source = archive.source("postgres-source", "postgresql-15")?.join("src/test/regress");
    let libraries = archive.unpack("postgres-libraries", |folder| libraries(&root, &source, folder))?;
    let version = root.join("usr/lib/postgresql/15");
    let option = |name: &str, value: &Path| {
        let mut option = OsString::from(format!("--{name}="));
        option.push(value);
        option
    };
    let output = scene.work().join(OUTPUT);
    let words = vec![
        version.join("lib/pgxs/src/test/regress/pg_regress").into(),
        option("bindir", &version.join("bin")),
        option("dlpath", &libraries),
        option("inputdir", &source),
        option("outputdir", &output),
        option("temp-instance", &output.join("cluster")),
        option("schedule", &source.join("parallel_schedule")),
        "--no-locale".into(),
        "--encoding=UTF8".into(),
    ];
    let program = Program {
        words,
        folder: scene.work(),
        environment: scene.environment(),
        // PostgreSQL refuses to be run by root.
        as_nobody: nix::unistd::geteuid().is_root(),
        limit: LIMIT,
    };
    Ok(vec![Part { name: "parallel_schedule".to_owned(), program, read }])
}

/// The libraries that the tests load: their own, which no package has, and two of contrib.
fn libraries(root: &Path, source: &Path, folder: &Path) -> Result<(), Failure> {
    make(folder)?;
    let mut compiler = Command::new("gcc");
    compiler.args(["-O1", "-shared", "-fPIC", "-o"]).arg(folder.join("regress.so")).arg("-I");
    compiler.arg(root.join("usr/include/postgresql/15/server")).arg(source.join("regress.c"));
    cargo::run(&mut compiler)?;
    for library in ["refint.so", "autoinc.so"] {
        let shipped = root.join("usr/lib/postgresql/15/lib").join(library);
        std::os::unix::fs::symlink(shipped, folder.join(library)).context(format!("linking {library}"))?;
    }
    Ok(())
}

fn read(output: &str, work: &Path) -> Outcomes {
    // There is none when all is well.
    let differences = std::fs::read(work.join(OUTPUT).join("regression.diffs")).unwrap_or_default();
    parse(output, &String::from_utf8_lossy(&differences))
}

/// Lines of `pg_regress`, and the first lines in which a failed test's output was not as expected.
fn parse(output: &str, differences: &str) -> Outcomes {
    let mut outcomes = Outcomes::new();
    for line in output.lines() {
        let Some((test, result)) = line.split_once(" ... ") else { continue };
        let test = test.trim();
        let test = test.strip_prefix("test ").unwrap_or(test).trim();
        let result = result.split("   ").next().unwrap_or_default().trim();
        let result = result.trim_end_matches(|letter: char| letter.is_ascii_digit() || letter == ' ');
        let result = result.strip_suffix("ms").unwrap_or(result).trim();
        let result = result.trim_end_matches(|letter: char| letter.is_ascii_digit()).trim();
        let why = if result == "ok" { String::new() } else { unexpected(test, differences) };
        add(&mut outcomes, test, Outcome::new(result, &why));
    }
    outcomes
}

/// Added and removed lines of one test in `regression.diffs`.
fn unexpected(test: &str, differences: &str) -> String {
    let start = format!("/results/{test}.out");
    let of_test = differences
        .split("diff -U3 ")
        .find(|section| section.lines().next().is_some_and(|header| header.ends_with(&start)))
        .unwrap_or_default();
    let changed =
        |line: &&str| line.starts_with(['+', '-']) && !line.starts_with("+++") && !line.starts_with("---");
    of_test.lines().filter(changed).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    const OUTPUT: &str = "\
============== running regression test queries        ==============
test test_setup                   ... ok          203 ms
parallel group (3 tests):  int2 text varchar
     int2                         ... ok          107 ms
     text                         ... FAILED      110 ms
     random                       ... failed (ignored)       45 ms
     varchar                      ... FAILED (test process exited with exit code 2)      174 ms
============== shutting down postmaster               ==============
";

    const DIFFERENCES: &str = "\
diff -U3 /tmp/x/expected/text.out /tmp/x/out/regress/results/text.out
--- /tmp/x/expected/text.out\t2026-01-01 00:00:00.000000000 +0000
+++ /tmp/x/out/regress/results/text.out\t2026-01-01 00:00:00.000000000 +0000
@@ -1,3 +1,3 @@
 SELECT 1;
-(1 row)
+(2 rows)
diff -U3 /tmp/x/expected/varchar.out /tmp/x/out/regress/results/varchar.out
-gone
";

    #[test]
    fn results_lose_their_times_and_failures_keep_their_lines() {
        let said: Vec<String> = parse(OUTPUT, DIFFERENCES)
            .into_iter()
            .map(|(test, outcome)| format!("{test}: {outcome}"))
            .collect();
        assert_eq!(
            said,
            [
                "int2: ok",
                "random: failed (ignored)",
                "test_setup: ok",
                "text: FAILED (-(1 row) +(2 rows))",
                "varchar: FAILED (test process exited with exit code 2) (-gone)",
            ]
        );
    }
}
