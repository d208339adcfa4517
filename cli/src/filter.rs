//! Whether a seccomp filter is in force, behind which the preload library stays silent.

use std::fs;

/// `Seccomp:` of a process that has a filter.
const FILTER: &str = "2";

/// Whether this process, and so the command, has a filter; false where the kernel does not say.
pub(crate) fn is_in_force() -> bool {
    fs::read_to_string("/proc/self/status").is_ok_and(|status| tells_of_a_filter(&status))
}

fn tells_of_a_filter(status: &str) -> bool {
    status.lines().find_map(|line| line.strip_prefix("Seccomp:")).is_some_and(|mode| mode.trim() == FILTER)
}

#[cfg(test)]
mod tests {
    use super::tells_of_a_filter;

    #[test]
    fn the_kernel_tells_of_a_filter() {
        assert!(tells_of_a_filter("Name:\talive\nSeccomp:\t2\nSeccomp_filters:\t1\n"));
        assert!(!tells_of_a_filter("Name:\talive\nSeccomp:\t0\nSeccomp_filters:\t0\n"));
        assert!(!tells_of_a_filter("Name:\talive\n"));
    }
}
