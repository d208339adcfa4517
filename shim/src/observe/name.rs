//! What interpreters search for: the part of a path that is a module's name.

use crate::config;

/// How many bytes two paths share at their end, counted in whole components.
pub(super) fn shared_end(one: &[u8], other: &[u8]) -> usize {
    let same = one.iter().rev().zip(other.iter().rev()).take_while(|(a, b)| a == b).count();
    if same == one.len() && (same == other.len() || other.iter().rev().nth(same) == Some(&b'/')) {
        return same;
    }
    // Back to behind the last slash within what is shared.
    let shared = one.get(one.len().saturating_sub(same)..).unwrap_or_default();
    shared
        .iter()
        .position(|byte| *byte == b'/')
        .map_or(0, |slash| same.saturating_sub(slash.saturating_add(1)))
}

/// Whether `whole` is `name` behind some folder, or `name` itself.
pub(super) fn ends_with_name(whole: &[u8], name: &[u8]) -> bool {
    whole.strip_suffix(name).is_some_and(|folder| matches!(folder.last(), None | Some(b'/')))
}

/// A path without its suffix, and that without its folders.
pub(super) fn name_and_stem(path: &[u8]) -> (&[u8], &[u8]) {
    let base = config::base_name(path);
    let mut stem = base;
    // `x.cpython-311-x86_64-linux-gnu.so` and `libx.so.1.2` have more than one; a module's own
    // name holds no dot but in front of those.
    if let Some(at) = find(base, b".so").or_else(|| find(base, b".cpython-")) {
        stem = base.get(..at).unwrap_or(base);
    } else if let Some(dot) = base.iter().rposition(|byte| *byte == b'.') {
        stem = base.get(..dot).unwrap_or(base);
    }
    for tag in [&b".cpython-"[..], b".abi3"] {
        if let Some(at) = find(stem, tag) {
            stem = stem.get(..at).unwrap_or(stem);
        }
    }
    let cut = base.len().saturating_sub(stem.len());
    (path.get(..path.len().saturating_sub(cut)).unwrap_or(path), stem)
}

fn find(text: &[u8], wanted: &[u8]) -> Option<usize> {
    text.windows(wanted.len()).position(|window| window == wanted)
}

/// Probes that interpreters make beside every name, found or not: Perl's compiled modules and
/// bootstrap files, Python's extension modules in place of a package's `__init__`.
pub(super) fn is_noise(path: &[u8], stem: &[u8]) -> bool {
    path.ends_with(b".pmc") || path.ends_with(b".bs") || stem == b"__init__"
}

/// FNV-1a; never 0.
pub(crate) fn hash(name: &[u8]) -> u64 {
    name.iter()
        .fold(0xcbf2_9ce4_8422_2325u64, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
        .max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_loses_its_suffix_and_its_folders() {
        assert_eq!(name_and_stem(b"/a/Acme/Optional.pm"), (&b"/a/Acme/Optional"[..], &b"Optional"[..]));
        assert_eq!(name_and_stem(b"/a/x.cpython-311-x86_64-linux-gnu.so"), (&b"/a/x"[..], &b"x"[..]));
        assert_eq!(name_and_stem(b"/a/x.abi3.so"), (&b"/a/x"[..], &b"x"[..]));
        assert_eq!(name_and_stem(b"/a/__pycache__/x.cpython-311.pyc"), (&b"/a/__pycache__/x"[..], &b"x"[..]));
        assert_eq!(name_and_stem(b"/l/libx.so.1.2"), (&b"/l/libx"[..], &b"libx"[..]));
    }

    #[test]
    fn probes_share_whole_components_only() {
        let shared = |one: &str, other: &str| {
            let end = shared_end(one.as_bytes(), other.as_bytes());
            one[one.len() - end..].to_owned()
        };
        assert_eq!(shared("/etc/perl/Acme/Optional", "/usr/share/perl/5.36/Acme/Optional"), "Acme/Optional");
        assert_eq!(shared("/etc/perl/Acme/Optional", "/usr/share/perl5/Acme/Optional"), "Acme/Optional");
        assert_eq!(shared("/a/xfoo", "/b/yfoo"), "");
        assert_eq!(shared("Acme/Optional", "/x/Acme/Optional"), "Acme/Optional");
        assert_eq!(shared("Acme/Optional", "/x/NotAcme/Optional"), "Optional");
        assert_eq!(shared("/same", "/same"), "/same");
    }

    #[test]
    fn noise_is_no_search() {
        assert!(is_noise(b"/a/Foo.pmc", b"Foo"));
        assert!(is_noise(b"/a/pkg/__init__.abi3.so", b"__init__"));
        assert!(!is_noise(b"/a/Foo.pm", b"Foo"));
    }
}
