//! ruby 3.1's own tests, a file at a time, run by Debian's ruby with the runner that they come with.

use std::ffi::OsString;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use super::archive::Archive;
use super::outcome::{Outcome, Outcomes};
use super::process::Program;
use super::scene::Scene;
use super::suite::Part;
use crate::cargo;
use crate::failure::Failure;

/// The installed ruby. Its version must be the source's.
const RUBY: &str = "/usr/bin/ruby3.1";

/// Files about processes, threads, files, loading, signals and memory, below `test/`. Not
/// `ruby/test_require_lib.rb`, which draws lots for what it tests.
const FILES: &[&str] = &[
    "drb/test_drb.rb",
    "fiber/test_process.rb",
    "fiber/test_io.rb",
    "fiber/test_thread.rb",
    "fiddle/test_handle.rb",
    "io/console/test_io_console.rb",
    "io/nonblock/test_flush.rb",
    "io/wait/test_io_wait.rb",
    "logger/test_logdevice.rb",
    "monitor/test_monitor.rb",
    "ruby/test_argf.rb",
    "ruby/test_autoload.rb",
    "ruby/test_backtrace.rb",
    "ruby/test_beginendblock.rb",
    "ruby/test_dir.rb",
    "ruby/test_encoding.rb",
    "ruby/test_env.rb",
    "ruby/test_exception.rb",
    "ruby/test_fiber.rb",
    "ruby/test_file.rb",
    "ruby/test_file_exhaustive.rb",
    "ruby/test_gc.rb",
    "ruby/test_gc_compact.rb",
    "ruby/test_io.rb",
    "ruby/test_io_m17n.rb",
    "ruby/test_iseq.rb",
    "ruby/test_objectspace.rb",
    "ruby/test_pipe.rb",
    "ruby/test_process.rb",
    "ruby/test_require.rb",
    "ruby/test_rubyoptions.rb",
    "ruby/test_settracefunc.rb",
    "ruby/test_signal.rb",
    "ruby/test_sleep.rb",
    "ruby/test_stack.rb",
    "ruby/test_system.rb",
    "ruby/test_thread.rb",
    "ruby/test_thread_cv.rb",
    "ruby/test_thread_queue.rb",
    "ruby/test_vm_dump.rb",
    "socket/test_addrinfo.rb",
    "socket/test_basicsocket.rb",
    "socket/test_socket.rb",
    "socket/test_tcp.rb",
    "socket/test_udp.rb",
    "socket/test_unix.rb",
    "test_open3.rb",
    "test_pstore.rb",
    "test_pty.rb",
    "test_tempfile.rb",
    "test_timeout.rb",
    "test_tmpdir.rb",
    "zlib/test_zlib.rb",
];

/// Longest time for one file.
const LIMIT: Duration = Duration::from_secs(300);

pub(crate) fn parts(archive: &Archive, scene: &Scene) -> Result<Vec<Part>, Failure> {
    let source = archive.source("ruby-source", "ruby3.1")?;
    let version = cargo::output(Command::new(RUBY).args(["-e", "print RUBY_VERSION"]))?;
    if version != b"3.1.2" {
        let version = String::from_utf8_lossy(&version);
        let finding = format!("{RUBY} is {version}, the tests are 3.1.2's: run this on Debian 12");
        return Err(Failure::Findings(vec![finding]));
    }
    let part = |file: &&str| {
        let mut words: Vec<OsString> = vec![RUBY.into()];
        for folder in ["test", "test/lib", "tool/lib"] {
            words.extend(["-I".into(), source.join(folder).into()]);
        }
        words.push(source.join("test/runner.rb").into());
        words.extend(
            // The suite's own patience ends at ten seconds, which a busy machine may well take.
            [
                "--timeout-scale=10",
                "-v",
                "--tty=no",
                "--color=never",
                "--show-skip",
                "--test-order=alpha",
                "--seed=1",
            ]
            .map(OsString::from),
        );
        words.push(source.join("test").join(file).into());
        let program = Program {
            words,
            folder: scene.work(),
            environment: scene.environment(),
            as_nobody: false,
            limit: LIMIT,
        };
        Part { name: (*file).to_owned(), program, read: |output, _: &Path| parse(output) }
    };
    Ok(FILES.iter().map(part).collect())
}

/// A line for each test that began, and a paragraph at the end for each that did not do well.
fn parse(output: &str) -> Outcomes {
    let mut outcomes = Outcomes::new();
    let mut lines = output.lines().peekable();
    let mut last = None;
    while let Some(line) = lines.next() {
        if let Some(test) = began(line) {
            outcomes.insert(test.to_owned(), Outcome::ok());
            last = Some(test);
        } else if line.starts_with("Finished tests in ") {
            last = None;
        } else if let Some(result) = heading(line) {
            let Some((test, reason)) = lines.next().and_then(place) else { continue };
            let why = if reason.is_empty() { lines.peek().copied().unwrap_or_default() } else { reason };
            outcomes.insert(test.to_owned(), Outcome::new(result, why));
        }
    }
    if let Some(test) = last {
        outcomes.insert(test.to_owned(), Outcome::new("unfinished", ""));
    }
    outcomes
}

/// `[ 12/149] TestProcess#test_fork = 0.00 s`, or as much of it as came before other output.
fn began(line: &str) -> Option<&str> {
    let (count, rest) = line.strip_prefix('[')?.split_once("] ")?;
    let digits = |part: &str| part.trim().bytes().all(|byte| byte.is_ascii_digit());
    let (number, total) = count.split_once('/')?;
    let test = rest.split_whitespace().next()?;
    (digits(number) && digits(total) && test.contains('#')).then_some(test)
}

/// `  2) Error:`, over the test's name.
fn heading(line: &str) -> Option<&str> {
    let (number, result) = line.trim_start().strip_suffix(':')?.split_once(") ")?;
    let is_number = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    (is_number && matches!(result, "Failure" | "Error" | "Skipped" | "Timeout")).then_some(result)
}

/// `TestX#test_b [/a/test_x.rb:4]:`, and what stands behind it.
fn place(line: &str) -> Option<(&str, &str)> {
    let test =
        line.split(" [").next().map(|test| test.trim_end_matches(':')).filter(|test| test.contains('#'))?;
    let reason = line.rsplit_once("]:").map_or("", |(_, reason)| reason);
    Some((test, reason.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const OUTPUT: &str = "\
# Running tests:

[1/5] TestX#test_a = 0.00 s
[2/5] TestX#test_b = 0.00 s
[3/5] TestX#test_c = 0.00 s
[4/5] TestX#test_d = 0.00 s
[5/5] TestX#test_bug_13526 warning: from a child
 = 0.00 s

  1) Failure:
TestX#test_b [/a/test_x.rb:4]:
<1> expected but was
<2>.

  2) Error:
TestX#test_c:
RuntimeError: xx
    /a/test_x.rb:5:in `test_c'

  3) Skipped:
TestX#test_d [/a/test_x.rb:6]:
why not

Finished tests in 0.013713s, 364.6187 tests/s, 875.0849 assertions/s.
5 tests, 12 assertions, 1 failures, 1 errors, 1 skips
";

    fn said(output: &str) -> Vec<String> {
        parse(output).into_iter().map(|(test, outcome)| format!("{test}: {outcome}")).collect()
    }

    #[test]
    fn paragraphs_at_the_end_tell_what_went_wrong() {
        assert_eq!(
            said(OUTPUT),
            [
                "TestX#test_a: ok",
                "TestX#test_b: Failure (<1> expected but was)",
                "TestX#test_bug_13526: ok",
                "TestX#test_c: Error (RuntimeError: xx)",
                "TestX#test_d: Skipped (why not)",
            ]
        );
    }

    #[test]
    fn the_last_test_of_a_run_that_broke_off_is_unfinished() {
        let (broken, _) = OUTPUT.split_once("[4/5]").expect("a fourth test");
        assert_eq!(said(broken), ["TestX#test_a: ok", "TestX#test_b: ok", "TestX#test_c: unfinished"]);
    }
}
