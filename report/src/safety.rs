//! What may go wrong where something is loaded before a fork: code that is known not to survive it, and the
//! threads and sockets that were there when a process forked.
//!
//! A library stands in the table when its authors, or those of a program that uses it, say in public what
//! happens; the source is part of the entry. Nothing that goes wrong on other systems only is here. Runtimes
//! that are known by no file name, as that of Go in a shared library, show as threads at the fork.

use alive_store::model::Bystanders;

use crate::caller;
use crate::escape;
use crate::findings::{Finding, ProgramReport, Verdict};
use crate::forest::Node;
use crate::render::units::count;
use crate::role;

/// How a file of a hazard is known.
#[derive(Debug, Clone, Copy)]
enum Pattern {
    /// A shared library's name without what follows it: a version, or the hash that a wheel adds.
    Library(&'static str),
    /// A part of the path.
    Part(&'static str),
}

/// Code that is known to dislike being loaded before a fork.
#[derive(Debug)]
pub struct Hazard {
    /// What it is called.
    pub name: &'static str,
    files: &'static [Pattern],
    /// What can go wrong, in one sentence.
    pub what: &'static str,
    /// Where that is said.
    pub source: &'static str,
}

use Pattern::{Library, Part};

const HAZARDS: &[Hazard] = &[
    Hazard {
        name: "gRPC for Python",
        files: &[Part("/grpc/_cython/cygrpc.")],
        what: "its core has threads of its own, and channels made before a fork hang in the workers: make them after it",
        source: "https://github.com/grpc/grpc/blob/master/doc/fork_support.md",
    },
    Hazard {
        name: "gRPC for Ruby",
        files: &[Part("/grpc/grpc_c.so"), Part("/src/ruby/lib/grpc/"), Part("/lib/grpc.rb")],
        what: "once it is initialised, calls in forked processes hang: load it after the fork, or use GRPC.prefork",
        source: "https://github.com/grpc/grpc/issues/7951",
    },
    Hazard {
        name: "libvips",
        files: &[Library("libvips"), Library("libvips-cpp"), Part("/lib/vips.rb"), Part("/lib/ruby-vips.rb")],
        what: "it keeps a pool of threads, and what is drawn after a fork waits for them for ever: use it first in the workers",
        source: "https://github.com/libvips/ruby-vips/issues/396",
    },
    Hazard {
        name: "CUDA",
        files: &[Library("libcuda"), Library("libcudart"), Library("libc10_cuda"), Library("libtorch_cuda")],
        what: "CUDA does not support fork: where the master touched a device, the workers cannot initialise it",
        source: "https://github.com/pytorch/pytorch/issues/68861",
    },
    Hazard {
        name: "GNU OpenMP",
        files: &[Library("libgomp")],
        what: "after a parallel region in the master, a parallel region in a worker hangs: loading is safe, computing before the fork is not",
        source: "https://github.com/xianyi/OpenBLAS/issues/294",
    },
    Hazard {
        name: "jemalloc",
        files: &[Library("libjemalloc")],
        what: "its background thread is switched off in forked processes, so that freed memory goes back to the system later",
        source: "https://github.com/jemalloc/jemalloc/issues/2125",
    },
    Hazard {
        name: "libpq",
        files: &[
            Library("libpq"),
            Part("/psycopg2/_psycopg."),
            Part("/psycopg_c/"),
            Part("/auto/DBD/Pg/Pg.so"),
        ],
        what: "a connection that is open at the fork is shared by all workers, with unpredictable results: connect after it",
        source: "https://www.postgresql.org/message-id/20090528200210.AA99A75331E@cvs.postgresql.org",
    },
    Hazard {
        name: "DBD::MariaDB",
        files: &[Part("/auto/DBD/MariaDB/MariaDB.so")],
        what: "a worker that ends closes the connections that its master had opened, whatever InactiveDestroy says: connect after the fork",
        source: "https://metacpan.org/pod/DBIx::Fast::Connector",
    },
    Hazard {
        name: "DBI",
        files: &[Part("/DBI.pm"), Part("/auto/DBI/DBI.so")],
        what: "a worker that ends disconnects handles that were open at the fork: connect after it, or set InactiveDestroy",
        source: "https://www.oreilly.com/library/view/programming-the-perl/1565926994/re21.html",
    },
    Hazard {
        name: "SQLite",
        files: &[Library("libsqlite3"), Part("/sqlite3_native.so"), Part("/auto/DBD/SQLite/SQLite.so")],
        what: "a connection that is open at the fork can corrupt its database: open it after",
        source: "https://www.sqlite.org/howtocorrupt.html#_carrying_an_open_database_connection_across_a_fork_",
    },
    Hazard {
        name: "SQLAlchemy",
        files: &[Part("/sqlalchemy/pool/"), Part("/sqlalchemy/engine/")],
        what: "an engine that was used before the fork lends the same connections to several workers: dispose of it in each",
        source: "https://github.com/benoitc/gunicorn/issues/2895",
    },
    Hazard {
        name: "PyMongo",
        files: &[Part("/pymongo/")],
        what: "a MongoClient watches its servers from threads, and a copy of it is likely to deadlock in a worker: make one in each",
        source: "https://pymongo.readthedocs.io/en/4.7.1/faq.html",
    },
    Hazard {
        name: "librdkafka",
        files: &[Library("librdkafka")],
        what: "the threads of a client do not survive the fork, so it sends and receives nothing in a worker: make it there",
        source: "https://github.com/confluentinc/librdkafka/issues/393",
    },
    Hazard {
        name: "APScheduler",
        files: &[Part("/apscheduler/")],
        what: "a scheduler that was started before the fork does not run in the workers",
        source: "https://github.com/viniciuschiele/flask-apscheduler/issues/87",
    },
    Hazard {
        name: "Blosc",
        files: &[Library("libblosc"), Part("/blosc/blosc_extension.")],
        what: "its pool of threads and their locks are copied as they are, and a worker deadlocks in them",
        source: "https://github.com/Blosc/c-blosc/pull/241",
    },
];

impl Pattern {
    fn matches(self, path: &[u8]) -> bool {
        match self {
            Self::Library(name) => {
                let rest = caller::file_name(path).strip_prefix(name.as_bytes());
                rest.is_some_and(|rest| {
                    rest.starts_with(b".so") || rest.starts_with(b"-") && contains(rest, b".so")
                })
            }
            Self::Part(part) => contains(path, part.as_bytes()),
        }
    }
}

fn contains(path: &[u8], part: &[u8]) -> bool {
    path.windows(part.len()).any(|window| window == part)
}

/// What is known of a file, if it belongs to code that dislikes being loaded before a fork.
#[must_use]
pub fn hazard(path: &[u8]) -> Option<&'static Hazard> {
    HAZARDS.iter().find(|hazard| hazard.files.iter().any(|pattern| pattern.matches(path)))
}

/// Something to look at before a finding is followed.
#[derive(Debug, Clone)]
pub enum Note<'a> {
    /// The finding brings code that is known to dislike it.
    Known(&'static Hazard),
    /// What was in the forker beside the thread that forked, and where.
    Bystanders {
        /// What was seen.
        seen: &'a Bystanders,
        /// Where it forked, for a terminal.
        place: String,
    },
}

impl Note<'_> {
    /// The kind's word in every output.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Known(_) => "known",
            Self::Bystanders { .. } => "at-fork",
        }
    }

    /// The note in one sentence, fit for a terminal.
    #[must_use]
    pub fn text(&self) -> String {
        match self {
            Self::Known(hazard) => format!("{}: {}", hazard.name, hazard.what),
            Self::Bystanders { seen, place } => {
                let threads = threads(seen).map(|threads| format!("{threads}, which no worker has"));
                let sockets = sockets(seen).map(|sockets| format!("{sockets}, which every worker shares"));
                let both: Vec<String> = threads.into_iter().chain(sockets).collect();
                format!("at the fork at {place} there were {}", both.join(", and "))
            }
        }
    }

    /// Where that is said, if it is not what was seen.
    #[must_use]
    pub const fn source(&self) -> Option<&'static str> {
        match self {
            Self::Known(hazard) => Some(hazard.source),
            Self::Bystanders { .. } => None,
        }
    }
}

/// The most threads that were seen, with their names, for a terminal; `None` where there were none.
fn threads(seen: &Bystanders) -> Option<String> {
    let names: Vec<String> = seen.thread_names.iter().map(|name| escape::terminal(name)).collect();
    let names = if names.is_empty() { String::new() } else { format!(" ({})", names.join(", ")) };
    (seen.most_threads > 0)
        .then(|| format!("{}{}{names}", at_least(seen), count(seen.most_threads.into(), "further thread")))
}

/// The most sockets that were seen.
fn sockets(seen: &Bystanders) -> Option<String> {
    let noun =
        if seen.most_sockets == 1 { "socket that does not listen" } else { "sockets that do not listen" };
    (seen.most_sockets > 0).then(|| format!("{}{} {noun}", at_least(seen), seen.most_sockets))
}

const fn at_least(seen: &Bystanders) -> &'static str {
    if seen.at_least { "at least " } else { "" }
}

/// What to look at before a finding is followed; nothing where it says to load nothing earlier.
#[must_use]
pub fn notes<'a>(program: &'a ProgramReport, finding: &Finding) -> Vec<Note<'a>> {
    if finding.verdict != Verdict::Preload {
        return Vec::new();
    }
    let mut notes: Vec<Note<'a>> = Vec::new();
    for load in finding.tree.iter().flat_map(Node::loads).filter_map(|index| program.loads.get(index)) {
        let Some(found) = hazard(&load.path) else { continue };
        let known = |note: &Note<'_>| matches!(note, Note::Known(known) if known.name == found.name);
        if !notes.iter().any(known) {
            notes.push(Note::Known(found));
        }
    }
    // Each fork between the process that should load it and those that did.
    let forks = role::ancestry(&program.roles, finding.role);
    let forks = forks.into_iter().take_while(|role| Some(*role) != finding.load_in);
    notes.extend(forks.filter_map(|role| {
        let role = program.roles.get(role)?;
        let seen = role.bystanders.as_ref().filter(|seen| !seen.is_harmless())?;
        Some(Note::Bystanders {
            seen,
            place: role.forked_at().unwrap_or_else(|| "an unknown place".to_owned()),
        })
    }));
    notes
}

#[cfg(test)]
mod tests {
    use super::{HAZARDS, Note, hazard};
    use alive_store::model::Bystanders;

    #[test]
    fn files_are_known_wherever_they_are_installed() {
        let site = "/srv/venv/lib/python3.11/site-packages";
        for (path, name) in [
            (format!("{site}/grpc/_cython/cygrpc.cpython-311-x86_64-linux-gnu.so"), "gRPC for Python"),
            ("/var/lib/gems/3.1.0/gems/grpc-1.60.0/src/ruby/lib/grpc/3.1/grpc_c.so".into(), "gRPC for Ruby"),
            ("/usr/lib/x86_64-linux-gnu/libvips.so.42.16.1".into(), "libvips"),
            (format!("{site}/scikit_learn.libs/libgomp-a34b3233.so.1.0.0"), "GNU OpenMP"),
            ("/usr/lib/x86_64-linux-gnu/libgomp.so.1".into(), "GNU OpenMP"),
            ("/usr/lib/x86_64-linux-gnu/libsqlite3.so.0.8.6".into(), "SQLite"),
            ("/usr/lib/x86_64-linux-gnu/perl5/5.36/DBI.pm".into(), "DBI"),
        ] {
            assert_eq!(hazard(path.as_bytes()).map(|hazard| hazard.name), Some(name), "{path}");
        }
        for path in [
            "/usr/lib/libpqxx.so.7",
            "/usr/lib/libgompertz.so",
            "/usr/share/perl5/DBIx/Class.pm",
            "libgomp",
            "",
        ] {
            assert_eq!(hazard(path.as_bytes()).map(|hazard| hazard.name), None, "{path}");
        }
    }

    #[test]
    fn every_entry_names_its_source() {
        for (index, hazard) in HAZARDS.iter().enumerate() {
            assert!(hazard.source.starts_with("https://"), "{}", hazard.name);
            assert!(!hazard.what.ends_with('.') && !hazard.files.is_empty(), "{}", hazard.name);
            assert!(HAZARDS.iter().skip(index + 1).all(|other| other.name != hazard.name), "{}", hazard.name);
        }
    }

    #[test]
    fn a_note_says_what_becomes_of_what_was_there() {
        let text = |most_threads, most_sockets, at_least| {
            let thread_names = if most_threads > 0 { vec![b"ti\x1bmer".to_vec()] } else { Vec::new() };
            let seen =
                Bystanders { most_threads, most_sockets, at_least, thread_names, ..Bystanders::default() };
            Note::Bystanders { seen: &seen, place: "arbiter.py:589".into() }.text()
        };
        assert_eq!(
            text(3, 2, false),
            "at the fork at arbiter.py:589 there were 3 further threads (ti\\x1bmer), which no worker has, and 2 \
             sockets that do not listen, which every worker shares"
        );
        assert_eq!(
            text(0, 1, true),
            "at the fork at arbiter.py:589 there were at least 1 socket that does not listen, which every \
             worker shares"
        );
    }
}
