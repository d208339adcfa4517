//! The words both sides share: kinds of event, languages, outcomes, routes.
//!
//! Each is one byte on the wire. A reader that meets a byte it does not know keeps the event and
//! shows the word as unknown; so a sender may grow a new word without a new major version.

/// Declares a one-byte enumeration with its wire value and its name in the events file.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $value:literal, $word:literal;)+ }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[non_exhaustive]
        #[repr(u8)]
        pub enum $name { $($(#[$vdoc])* $variant = $value),+ }

        impl $name {
            /// Every word, in the order of the wire values.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The byte on the wire.
            #[must_use]
            pub const fn byte(self) -> u8 { self as u8 }

            /// The word for a byte, if this reader knows it.
            #[must_use]
            pub const fn from_byte(byte: u8) -> Option<Self> {
                match byte { $($value => Some(Self::$variant),)+ _ => None }
            }

            /// The word in the events file, the store and the report.
            #[must_use]
            pub const fn word(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }

            /// The value for a word.
            #[must_use]
            pub fn from_word(word: &str) -> Option<Self> {
                match word { $($word => Some(Self::$variant),)+ _ => None }
            }
        }
    };
}

words! {
    /// What an event tells.
    Kind {
        /// A program image that runs under the shim is about to fork; sent once, before its first fork.
        Start = 1, "start";
        /// A forked process loaded code.
        Load = 2, "load";
        /// A forked process searched for code and never found it.
        Missing = 3, "missing";
        /// Code said that it is alive.
        Ping = 4, "ping";
        /// A process forked; carries nothing but the lineage with its fresh counts.
        Fork = 5, "fork";
        /// A program image that never forked ends; belongs to no tree, and so takes no number of a sequence.
        End = 6, "end";
    }
}

words! {
    /// What sort of code was loaded.
    CodeKind {
        /// Native code mapped by the dynamic linker.
        Library = 1, "library";
        /// Source, bytecode or data that an interpreter reads as code.
        Module = 2, "module";
    }
}

words! {
    /// Whose code it is.
    Language {
        /// Machine code.
        Native = 1, "native";
        /// Perl.
        Perl = 2, "perl";
        /// Python.
        Python = 3, "python";
        /// Ruby.
        Ruby = 4, "ruby";
        /// PHP.
        Php = 5, "php";
        /// Lua.
        Lua = 6, "lua";
        /// JavaScript.
        JavaScript = 7, "javascript";
        /// Tcl.
        Tcl = 8, "tcl";
        /// R.
        R = 9, "r";
        /// Guile or Emacs Lisp.
        Lisp = 10, "lisp";
        /// Java.
        Java = 11, "java";
        /// LLVM bitcode.
        Llvm = 12, "llvm";
        /// A suffix that the user added with `ALIVE_MATCH`.
        Other = 13, "other";
    }
}

words! {
    /// What became of the attempt.
    Outcome {
        /// The code is there now.
        Loaded = 1, "loaded";
        /// The shim could not learn it.
        Unknown = 2, "unknown";
        /// The attempt failed.
        Failed = 3, "failed";
    }
}

words! {
    /// Why an interpreter's lines are not read.
    NoLines {
        /// This version is not one whose layout is known.
        UnknownVersion = 1, "unknown-version";
        /// The version is known, but it was built in a way that is not: free-threaded, thread-safe, for debugging.
        UnknownBuild = 2, "unknown-build";
        /// It does not export what is needed.
        NoSymbols = 3, "no-symbols";
        /// Its memory did not look as it should; from then on it was left alone in that process.
        Unexpected = 4, "unexpected";
        /// The thread does not hold the lock without which nothing may be looked at.
        NoLock = 5, "no-lock";
        /// The load came from a signal handler that interrupted the interpreter.
        Interrupted = 6, "interrupted";
        /// The interpreter was not running any code.
        NotRunning = 7, "not-running";
    }
}

words! {
    /// Which route brought the code in.
    Via {
        /// A function of the open family.
        Open = 1, "open";
        /// A function of the fopen family.
        Fopen = 2, "fopen";
        /// dlopen or dlmopen.
        Dlopen = 3, "dlopen";
        /// Found by comparing the link map: a dependency, or glibc's own dlopen.
        LinkMap = 4, "linkmap";
    }
}

#[cfg(test)]
mod tests {
    use super::{CodeKind, Kind, Language, NoLines, Outcome, Via};

    /// Each word is found again by its byte and by its spelling, and no other byte means anything.
    macro_rules! closed {
        ($($words:ident)+) => {$({
            for (word, byte) in $words::ALL.iter().zip(1..) {
                assert_eq!(word.byte(), byte, "bytes count up from 1; 0 stands for unknown");
                assert_eq!($words::from_byte(byte), Some(*word));
                assert_eq!($words::from_word(word.word()), Some(*word));
            }
            let known = (0..=u8::MAX).filter(|&byte| $words::from_byte(byte).is_some()).count();
            assert_eq!(known, $words::ALL.len());
            assert_eq!($words::from_word("?"), None);
        })+};
    }

    #[test]
    fn words_and_bytes_are_one_to_one() {
        closed!(Kind CodeKind Language NoLines Outcome Via);
    }
}
