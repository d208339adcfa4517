//! Where fork is called from: a place in machine code, and the line in an interpreted language.
//!
//! Both together tell one role from another, so a site is to be the same when a worker is forked anew,
//! and another one for another purpose. The innermost line does that for a server: gunicorn's arbiter,
//! `Net::Server` or puma's cluster fork their workers, first and later ones, at a line of their own. It
//! does not for a wrapper that forks whatever its caller wants: all of those would be one role. There
//! the site is the first line outside of it.

use crate::cell::Bytes;
use crate::stack::lang::lines::{Lines, ROOM};
use crate::stack::native::Stack;
use crate::stack::{lang, native};
use alive_wire::{Language, LineWriter};

/// Wrappers around fork, by the end of their path.
///
/// A pool that replaces its workers is none, though it forks for somebody: it does so from a thread of
/// its own later on, where that caller is not to be seen. So `multiprocessing/pool.py` and
/// `concurrent/futures/process.py` are not here.
const WRAPPERS: &[(Language, &[&str])] = &[
    (
        Language::Perl,
        &[
            "AnyEvent/Util.pm",
            "Mojo/IOLoop/Subprocess.pm",
            "Parallel/ForkManager.pm",
            "Parallel/Prefork.pm",
            "Proc/Daemon.pm",
            "Proc/Fork.pm",
        ],
    ),
    (
        Language::Python,
        &[
            "billiard/context.py",
            "billiard/popen_fork.py",
            "billiard/process.py",
            // Stands in for os.fork where gevent patched it.
            "gevent/os.py",
            "multiprocessing/context.py",
            "multiprocessing/popen_fork.py",
            "multiprocessing/process.py",
        ],
    ),
    (
        Language::Ruby,
        &[
            // These two stand in for Process._fork.
            "active_support/fork_tracker.rb",
            "connection_pool.rb",
            "parallel.rb",
        ],
    ),
];

/// Frames that are looked at beyond the innermost one.
const FRAMES: usize = 12;

/// Who calls fork.
pub(super) struct Site {
    /// Return address of the call.
    pub(super) address: u64,
    /// At most one frame.
    pub(super) line: Lines<ROOM>,
}

impl Site {
    /// Of the calling thread, which stands in the prepare handler.
    pub(super) fn find() -> Self {
        if !lang::any() {
            return Self { address: native::caller_outside_libc(), line: Lines::NONE };
        }
        let stack = Stack::capture();
        let mut line = lang::capture(&stack, 1);
        if outside_of_wrappers(&line).is_none() {
            let frames = lang::capture(&stack, FRAMES);
            line = outside_of_wrappers(&frames).unwrap_or(line);
        }
        Self { address: stack.outside_libc(), line }
    }
}

/// The first frame that is no wrapper's; `None` where all of them are.
fn outside_of_wrappers<const N: usize>(lines: &Lines<N>) -> Option<Lines<N>> {
    let stack = lines.stack();
    let Some(language) = stack.language.filter(|_| !stack.packed.is_empty()) else { return Some(*lines) };
    let mut file = Bytes::<ROOM>::EMPTY;
    for frame in stack.frames() {
        let mut whole = Bytes::of(file.as_slice().get(..frame.shared)?);
        whole.push(frame.rest);
        file = whole;
        if !is_wrapper(language, file.as_slice()) {
            let mut buf = [0u8; N];
            let mut writer = LineWriter::new(&mut buf, 1);
            writer.push(frame.line, file.as_slice(), frame.function);
            let len = writer.len();
            return Some(Lines::of(language, buf.get(..len)?, false));
        }
    }
    None
}

fn is_wrapper(language: Language, file: &[u8]) -> bool {
    let endings = WRAPPERS.iter().filter(|(of, _)| *of == language).flat_map(|(_, endings)| *endings);
    endings.into_iter().any(|ending| {
        file.strip_suffix(ending.as_bytes()).is_some_and(|folder| folder.is_empty() || folder.ends_with(b"/"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(language: Language, frames: &[(u32, &[u8], &[u8])]) -> Lines<ROOM> {
        let mut buf = [0; ROOM];
        let mut writer = LineWriter::new(&mut buf, frames.len());
        for (line, file, function) in frames {
            assert!(writer.push(*line, file, function));
        }
        let len = writer.len();
        Lines::of(language, buf.get(..len).unwrap(), false)
    }

    #[test]
    fn a_wrapper_forks_for_the_first_line_outside_of_it() {
        let library = b"/usr/lib/python3.11/multiprocessing/popen_fork.py";
        let process = b"/usr/lib/python3.11/multiprocessing/process.py";
        let app = b"/usr/lib/app.py";
        let inside: [(u32, &[u8], &[u8]); 3] =
            [(66, library, b"_launch"), (19, library, b"__init__"), (121, process, b"start")];
        let outside: [(u32, &[u8], &[u8]); 2] = [(7, app, b"main"), (9, app, b"")];
        let stack = [inside.as_slice(), outside.as_slice()].concat();
        let site = outside_of_wrappers(&lines(Language::Python, &stack)).unwrap();
        let expected = lines(Language::Python, &[(7, app, b"main")]);
        assert_eq!(site.stack().packed, expected.stack().packed);
        assert!(outside_of_wrappers(&lines(Language::Python, &inside)).is_none());
    }

    #[test]
    fn a_server_forks_for_itself() {
        for (language, file) in [
            (Language::Perl, "/usr/share/perl5/Net/Server/PreFork.pm"),
            (Language::Perl, "XParallel/ForkManager.pm"),
            (Language::Python, "/usr/lib/python3/dist-packages/gunicorn/arbiter.py"),
            (Language::Python, "/usr/lib/python3.11/multiprocessing/pool.py"),
            (Language::Ruby, "multiprocessing/process.py"),
        ] {
            assert!(!is_wrapper(language, file.as_bytes()), "{file}");
        }
        assert!(is_wrapper(Language::Perl, b"Parallel/ForkManager.pm"));
    }

    #[test]
    fn no_lines_stay_none() {
        assert!(outside_of_wrappers(&Lines::<ROOM>::NONE).unwrap().stack().packed.is_empty());
    }
}
