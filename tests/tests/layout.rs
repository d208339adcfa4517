//! How the shim lies in memory: what the dynamic linker maps is paid for at every start and fork.

use std::process::Command;

use alive_tests::artifacts;

/// A segment that is mapped, by `readelf --segments`.
#[derive(Debug)]
struct Segment {
    address: u64,
    in_file: u64,
    in_memory: u64,
}

/// The words of a `LOAD` line: type, offset, address, physical address, size in file, size in memory, ...
fn segment(line: &str) -> Option<Segment> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let number = |at: usize| u64::from_str_radix(words.get(at)?.strip_prefix("0x")?, 16).ok();
    (*words.first()? == "LOAD").then_some(())?;
    Some(Segment { address: number(2)?, in_file: number(4)?, in_memory: number(5)? })
}

#[test]
fn the_shim_is_two_segments_and_no_page_of_zeros() {
    let done = Command::new("readelf").args(["--segments", "--wide"]).arg(artifacts::shim()).output();
    let done = done.expect("readelf of binutils");
    let said = String::from_utf8(done.stdout).expect("segments are ASCII");
    let segments: Vec<Segment> = said.lines().filter_map(segment).collect();
    let [_code, data] = &segments[..] else { panic!("not two segments: {said}") };
    assert!(!said.contains("GNU_RELRO"), "a mapping of its own, made by mprotect: {said}");
    // What the file does not hold of its last page is zero without a further mapping.
    let page = |address: u64| address / 4096;
    assert_eq!(
        page(data.address + data.in_memory - 1),
        page(data.address + data.in_file - 1),
        "zeros beyond the file's last page: {data:?}"
    );
}
