//! Files of a language that stand between a program and what it wants: its import machinery, between the
//! line that wants code and the file that is opened; its fork machinery, between the line that wants a
//! process and fork.
//!
//! One row for each language in [`TABLE`]; a file that is in a row is passed over when the line that asked
//! is chosen. What decides in the program's name belongs to the program: a framework, a server's master.

use alive_store::model::LanguageFrame;

/// Which files, by name as the interpreter has it.
#[derive(Debug, Clone, Copy)]
enum Files {
    /// Names that begin so: code that is compiled into the interpreter has no path.
    Beginning(&'static str),
    /// This file, with the folders that are told here above it.
    Named(&'static str),
    /// Everything below a folder.
    Below(&'static str),
}

use Files::{Beginning, Below, Named};

impl Files {
    fn contain(self, file: &[u8]) -> bool {
        match self {
            Beginning(start) => file.starts_with(start.as_bytes()),
            Named(name) => file
                .strip_suffix(name.as_bytes())
                .is_some_and(|folder| folder.is_empty() || folder.ends_with(b"/")),
            Below(folder) => {
                let folder = folder.as_bytes();
                file.strip_prefix(folder).is_some_and(|rest| rest.starts_with(b"/"))
                    || file.windows(folder.len() + 2).any(|part| {
                        part.first() == Some(&b'/')
                            && part.ends_with(b"/")
                            && &part[1..=folder.len()] == folder
                    })
            }
        }
    }
}

/// A language's machinery.
struct Machinery {
    /// Its word on the wire.
    language: &'static str,
    imports: &'static [Files],
    forks: &'static [Files],
}

const TABLE: &[Machinery] = &[
    Machinery {
        language: "python",
        imports: &[
            Beginning("<frozen importlib"),
            Beginning("<frozen zipimport"),
            Beginning("<frozen runpy"),
            Below("importlib"),
            Below("importlib_metadata"),
            Named("imp.py"),
            Named("pkgutil.py"),
            Named("runpy.py"),
            Named("zipimport.py"),
        ],
        forks: &[
            Below("multiprocessing"),
            Below("concurrent/futures"),
            Below("billiard"),
            Named("pty.py"),
            Named("subprocess.py"),
            Named("gevent/os.py"),
            Named("eventlet/green/os.py"),
        ],
    },
    Machinery {
        language: "ruby",
        imports: &[
            Beginning("<internal:"),
            Below("rubygems"),
            Below("zeitwerk"),
            Below("bootsnap"),
            Below("bundler"),
            Named("bundler.rb"),
            Below("active_support/dependencies"),
            Named("active_support/dependencies.rb"),
        ],
        forks: &[Beginning("<internal:"), Named("active_support/fork_tracker.rb"), Named("lib/parallel.rb")],
    },
    Machinery {
        language: "perl",
        imports: &[
            Named("Module/Runtime.pm"),
            Named("Module/Load.pm"),
            Named("Module/Load/Conditional.pm"),
            Named("Module/Implementation.pm"),
            Named("Module/Pluggable.pm"),
            Below("Module/Pluggable"),
            Named("Class/Load.pm"),
            Below("Class/Load"),
            Named("Class/Loader.pm"),
            Named("Class/C3/Componentised.pm"),
            Named("Mojo/Loader.pm"),
            Named("UNIVERSAL/require.pm"),
            Named("XSLoader.pm"),
            Named("DynaLoader.pm"),
            Named("AutoLoader.pm"),
            Named("SelfLoader.pm"),
            Named("aliased.pm"),
            Named("autouse.pm"),
            Named("base.pm"),
            Named("if.pm"),
            Named("parent.pm"),
        ],
        forks: &[
            Named("Parallel/ForkManager.pm"),
            Named("Parallel/Prefork.pm"),
            Named("Proc/Daemon.pm"),
            Named("Proc/Fork.pm"),
        ],
    },
    Machinery {
        language: "php",
        imports: &[
            Named("composer/ClassLoader.php"),
            Named("composer/autoload_real.php"),
            Named("vendor/autoload.php"),
            Named("DebugClassLoader.php"),
            Named("Zend/Loader.php"),
            Below("Zend/Loader"),
        ],
        forks: &[Below("spatie/fork")],
    },
];

/// The line that wants code: the innermost outside of its language's import machinery, or the innermost
/// when all are inside.
#[must_use]
pub fn asking_line(stack: &[LanguageFrame]) -> Option<&LanguageFrame> {
    outside(stack, |machinery| machinery.imports)
}

/// The line that wants a process: the innermost outside of its language's fork machinery, or the innermost
/// when all are inside.
#[must_use]
pub fn forking_line(stack: &[LanguageFrame]) -> Option<&LanguageFrame> {
    outside(stack, |machinery| machinery.forks)
}

fn outside(
    stack: &[LanguageFrame],
    files: impl Fn(&Machinery) -> &'static [Files],
) -> Option<&LanguageFrame> {
    let inside = |frame: &LanguageFrame| {
        TABLE
            .iter()
            .filter(|machinery| machinery.language == frame.language)
            .any(|machinery| files(machinery).iter().any(|files| files.contain(&frame.file)))
    };
    stack.iter().find(|frame| !inside(frame)).or_else(|| stack.first())
}

#[cfg(test)]
mod tests {
    use super::{asking_line, forking_line};
    use alive_store::model::LanguageFrame;

    fn stack(language: &str, files: &[&str]) -> Vec<LanguageFrame> {
        let frame = |file: &&str| LanguageFrame {
            language: language.into(),
            file: (*file).into(),
            line: 1,
            function: Vec::new(),
        };
        files.iter().map(frame).collect()
    }

    /// With `inside` between it and the load, the line of `program` is the one that asked.
    #[track_caller]
    fn asks(language: &str, inside: &[&str], program: &str) {
        let frames = stack(language, &[inside, &[program, "/usr/bin/server"]].concat());
        assert_eq!(asking_line(&frames).map(|line| line.file.as_slice()), Some(program.as_bytes()));
        for file in inside {
            let frames = stack(language, &[file, program]);
            let asking = asking_line(&frames).map(|line| line.file.as_slice());
            assert_eq!(asking, Some(program.as_bytes()), "{file} is import machinery");
            let others = stack("lua", &[file, program]);
            assert_eq!(asking_line(&others), others.first(), "{file} is nothing special in another language");
        }
    }

    #[track_caller]
    fn forks(language: &str, inside: &[&str], program: &str) {
        for file in inside {
            let frames = stack(language, &[file, program]);
            let forking = forking_line(&frames).map(|line| line.file.as_slice());
            assert_eq!(forking, Some(program.as_bytes()), "{file} is fork machinery");
        }
    }

    #[test]
    fn python_imports() {
        asks(
            "python",
            &[
                "<frozen importlib._bootstrap_external>",
                "<frozen importlib._bootstrap>",
                "<frozen zipimport>",
                "<frozen runpy>",
                "/usr/lib/python3.11/importlib/__init__.py",
                "/usr/lib/python3.11/importlib/metadata/__init__.py",
                "/venv/lib/python3.9/site-packages/importlib_metadata/__init__.py",
                "/usr/lib/python3.11/imp.py",
                "/usr/lib/python3.11/pkgutil.py",
                "/usr/lib/python3.8/runpy.py",
                "/usr/lib/python3.7/zipimport.py",
            ],
            "/srv/app/views.py",
        );
    }

    #[test]
    fn ruby_imports() {
        asks(
            "ruby",
            &[
                "<internal:/usr/lib/ruby/vendor_ruby/rubygems/core_ext/kernel_require.rb>",
                "/usr/lib/ruby/vendor_ruby/rubygems/core_ext/kernel_require.rb",
                "/usr/lib/ruby/3.1.0/rubygems/specification.rb",
                "/var/lib/gems/3.1.0/gems/zeitwerk-2.6.1/lib/zeitwerk/kernel.rb",
                "/usr/lib/ruby/vendor_ruby/bootsnap/load_path_cache/core_ext/kernel_require.rb",
                "/usr/lib/ruby/vendor_ruby/bundler/runtime.rb",
                "/usr/lib/ruby/vendor_ruby/bundler.rb",
                "/gems/activesupport-6.1.7/lib/active_support/dependencies.rb",
                "/gems/activesupport-6.1.7/lib/active_support/dependencies/zeitwerk_integration.rb",
            ],
            "/srv/app/models/cart.rb",
        );
    }

    #[test]
    fn perl_imports() {
        asks(
            "perl",
            &[
                "/usr/share/perl5/Module/Runtime.pm",
                "/usr/share/perl5/Class/Load.pm",
                "/usr/share/perl5/Class/Load/PP.pm",
                "/usr/share/perl5/Class/Loader.pm",
                "/usr/share/perl/5.36/Module/Load.pm",
                "/usr/share/perl/5.36/Module/Load/Conditional.pm",
                "/usr/share/perl5/Module/Implementation.pm",
                "/usr/share/perl5/Module/Pluggable.pm",
                "/usr/share/perl5/Module/Pluggable/Object.pm",
                "/usr/share/perl5/Class/C3/Componentised.pm",
                "/usr/share/perl5/Mojo/Loader.pm",
                "/usr/share/perl5/UNIVERSAL/require.pm",
                "/usr/share/perl/5.36/XSLoader.pm",
                "/usr/lib/x86_64-linux-gnu/perl-base/DynaLoader.pm",
                "/usr/share/perl/5.36/AutoLoader.pm",
                "/usr/share/perl/5.36/SelfLoader.pm",
                "/usr/share/perl5/aliased.pm",
                "/usr/share/perl/5.36/autouse.pm",
                "/usr/share/perl/5.36/base.pm",
                "/usr/share/perl/5.36/if.pm",
                "parent.pm",
            ],
            "/srv/app.psgi",
        );
    }

    #[test]
    fn php_imports() {
        asks(
            "php",
            &[
                "/srv/vendor/composer/ClassLoader.php",
                "/srv/vendor/composer/autoload_real.php",
                "/srv/vendor/autoload.php",
                "/srv/vendor/symfony/error-handler/DebugClassLoader.php",
                "/usr/share/php/Zend/Loader.php",
                "/usr/share/php/Zend/Loader/StandardAutoloader.php",
            ],
            "/srv/index.php",
        );
    }

    #[test]
    fn python_forks() {
        forks(
            "python",
            &[
                "/usr/lib/python3.11/multiprocessing/popen_fork.py",
                "/usr/lib/python3.11/concurrent/futures/process.py",
                "/usr/lib/python3/dist-packages/billiard/popen_fork.py",
                "/usr/lib/python3.11/pty.py",
                "/usr/lib/python3.11/subprocess.py",
                "/usr/lib/python3/dist-packages/gevent/os.py",
                "/usr/lib/python3/dist-packages/eventlet/green/os.py",
            ],
            "/usr/lib/python3/dist-packages/gunicorn/arbiter.py",
        );
    }

    #[test]
    fn ruby_forks() {
        forks(
            "ruby",
            &[
                "<internal:process>",
                "/gems/activesupport-7.0.4/lib/active_support/fork_tracker.rb",
                "/gems/parallel-1.22.1/lib/parallel.rb",
            ],
            "/usr/lib/ruby/vendor_ruby/puma/cluster.rb",
        );
    }

    #[test]
    fn perl_forks() {
        forks(
            "perl",
            &[
                "/usr/share/perl5/Parallel/ForkManager.pm",
                "/usr/share/perl5/Parallel/Prefork.pm",
                "/usr/share/perl5/Proc/Daemon.pm",
                "/usr/share/perl5/Proc/Fork.pm",
            ],
            "/usr/share/perl5/Net/Server/PreFork.pm",
        );
    }

    #[test]
    fn php_forks() {
        forks("php", &["/srv/vendor/spatie/fork/src/Fork.php"], "/srv/worker.php");
    }

    #[test]
    fn a_name_that_only_looks_like_it_is_the_programs_own() {
        for (language, file) in [
            ("python", "/srv/app/blimp.py"),
            ("python", "/srv/myimportlib/x.py"),
            ("python", "/srv/importlib"),
            ("python", "<frozen os>"),
            ("ruby", "/usr/share/rubygems-integration/all/gems/rack-2.2/lib/rack.rb"),
            ("perl", "/srv/lib/Database.pm"),
            ("php", "/srv/composer/Install.php"),
            ("python", ""),
        ] {
            let frames = stack(language, &[file, "/usr/bin/server"]);
            assert_eq!(asking_line(&frames), frames.first(), "{file}");
        }
    }

    #[test]
    fn machinery_alone_is_better_than_nobody() {
        let frames = stack("python", &["<frozen runpy>", "<frozen importlib._bootstrap>"]);
        assert_eq!(asking_line(&frames), frames.first());
        assert_eq!(asking_line(&[]), None);
        assert_eq!(forking_line(&[]), None);
    }
}
