//! `--html` and `--flame`, beside the report that is printed.

use std::ffi::OsStr;
use std::path::PathBuf;

/// The report in pictures, beside what is printed.
#[derive(Debug, Clone, Default, clap::Args)]
pub(crate) struct Pictures {
    /// Write the report as one self-contained page for a browser, too
    #[arg(long, value_name = "FILE")]
    pub(crate) html: Option<PathBuf>,
    /// Write who asked for what as a flame graph (FILE.svg) or as folded stacks (FILE.folded, FILE.txt), too
    #[arg(long, value_name = "FILE", value_parser = flame)]
    pub(crate) flame: Option<Flame>,
}

/// Where stacks go, and in which form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Flame {
    /// Drawn.
    Svg(PathBuf),
    /// One line each.
    Folded(PathBuf),
}

/// The form follows from the file's name.
fn flame(text: &str) -> Result<Flame, String> {
    let path = PathBuf::from(text);
    match path.extension().and_then(OsStr::to_str) {
        Some("svg") => Ok(Flame::Svg(path)),
        Some("folded" | "txt") => Ok(Flame::Folded(path)),
        _ => {
            Err("name a file that ends in .svg for a picture, or in .folded or .txt for folded stacks"
                .to_owned())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Flame, flame};

    #[test]
    fn the_form_of_stacks_follows_from_the_files_name() {
        assert_eq!(flame("a/b.svg").unwrap(), Flame::Svg("a/b.svg".into()));
        assert_eq!(flame("b.folded").unwrap(), Flame::Folded("b.folded".into()));
        assert_eq!(flame("b.txt").unwrap(), Flame::Folded("b.txt".into()));
        assert!(flame("b.png").is_err());
        assert!(flame("svg").is_err());
    }
}
