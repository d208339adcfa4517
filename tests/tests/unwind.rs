//! Places where a stack cannot be walked, or only in part: the event arrives with the frames that
//! can be had, and the program is what it is without the shim.

use std::net::UdpSocket;
use std::path::PathBuf;
use std::process::Command;

use alive_tests::artifacts;
use alive_tests::damage;
use alive_tests::events::{Event, Events};
use alive_tests::scene::Scene;
use alive_tests::seeds::seeds;

/// Damaged copies that one seed makes.
const COPIES: u64 = 100;

/// What a linker does that leaves a gap between two segments, which may not be touched.
const GAP: &str = "-Wl,-z,noseparate-code,-z,max-page-size=0x10000";

/// Copies of a library, each of them with damaged unwind tables.
fn damaged(scene: &Scene, link: &[&str], seed: u64) -> Vec<PathBuf> {
    let whole = scene.path("libframes.so");
    artifacts::library("frames", &whole, link);
    let target = damage::Target::read(&whole);
    let first = seed * COPIES;
    (first..first + COPIES)
        .map(|number| {
            let copy = scene.path(format!("libdamaged-{number}.so"));
            target.write_damaged(number, &copy);
            copy
        })
        .collect()
}

/// What the children that went through these libraries came to: as without the shim, and every
/// load was told.
fn assert_told_through(scene: &Scene, libraries: &[PathBuf]) -> Events {
    let code = scene.file("late.pm");
    // So few at once that a socket's usual buffer holds what they tell.
    for some in libraries.chunks(20) {
        let run = |mut command: Command| scene.run(command.arg(&code).args(some)).well();
        let without = run(scene.plain("through_library"));
        let with = run(scene.traced("through_library"));
        assert_eq!(without.said(), "0 ".repeat(some.len()) + "\n");
        assert_eq!(with.said(), without.said(), "{some:?}");
        assert_eq!(with, without);
        let _ = scene.events();
    }
    let events = scene.events();
    for library in libraries {
        let _ = events.the_load_of(library);
    }
    // One through the library, and one after it was closed.
    assert_eq!(events.loads_of(&code).len(), 2 * libraries.len(), "{}", events.told());
    events
}

/// Modules of an event's stack by their base names, runs of the same one as one; `?` for an address
/// that lies in none.
fn modules(load: &Event) -> Vec<String> {
    let stack = load.member("stack").as_array();
    let paths = stack.into_iter().flatten().map(|frame| frame["module"].as_str().unwrap_or("?"));
    let mut names: Vec<_> =
        paths.map(|path| path.rsplit('/').next().unwrap_or_default().to_owned()).collect();
    names.dedup();
    names
}

/// Stacks of the loads of a program that loads from odd places and then once from main, in that order.
/// It must end the same with and without the shim, and no load may be lost.
fn stacks_of_odd_frames(how: &str, libraries: &[PathBuf]) -> Vec<Vec<String>> {
    let scene = Scene::start();
    let code = scene.file("late.pm");
    let run = |mut command: Command| scene.run(command.arg(how).arg(&code).args(libraries)).well();
    let without = run(scene.plain("odd_frames"));
    let with = run(scene.traced("odd_frames"));
    assert_eq!(with, without, "{how}");
    let events = scene.events();
    let stacks: Vec<_> = events.loads_of(&code).into_iter().map(modules).collect();
    assert_eq!(format!("{} loads\n", stacks.len()), with.said(), "{how}: {}", events.told());
    assert_eq!(stacks.last().map(Vec::as_slice), Some(&MAIN.map(str::to_owned)[..]), "{how}");
    stacks
}

/// The program's own frames, main's caller in libc, and where the program begins.
const MAIN: [&str; 3] = ["odd_frames", "libc.so.6", "odd_frames"];

#[test]
fn a_library_with_whole_tables_is_walked_through() {
    let scene = Scene::start();
    let library = scene.path("libframes.so");
    artifacts::library("frames", &library, &["-fomit-frame-pointer"]);
    let events = assert_told_through(&scene, std::slice::from_ref(&library));
    let code = scene.path("late.pm");
    let stacks: Vec<_> = events.loads_of(&code).into_iter().map(modules).collect();
    let program = ["through_library", "libc.so.6", "through_library"];
    assert_eq!(stacks, [[&["libframes.so"], &program[..]].concat(), program.to_vec()]);
}

#[test]
fn damaged_unwind_tables_make_the_stack_shorter_and_nothing_else() {
    for seed in seeds(1) {
        let scene = Scene::start();
        let libraries = damaged(&scene, &["-fomit-frame-pointer"], seed);
        let _ = assert_told_through(&scene, &libraries);
    }
}

/// Memory that may not be touched lies within such a library's own range.
#[test]
fn damaged_tables_that_lead_into_the_gap_between_two_segments_do_not_either() {
    for seed in seeds(1) {
        let scene = Scene::start();
        let libraries = damaged(&scene, &["-fomit-frame-pointer", GAP], seed);
        let _ = assert_told_through(&scene, &libraries);
    }
}

/// The linker copies program headers that no segment holds; the shim has none to look at then.
#[test]
fn damaged_tables_of_a_library_whose_segments_cannot_be_known_do_not_either() {
    for seed in seeds(1) {
        let scene = Scene::start();
        let mut libraries = damaged(&scene, &["-fomit-frame-pointer", GAP], seed);
        libraries.push(scene.path("libframes.so"));
        for library in &libraries {
            damage::move_program_headers(library);
        }
        let events = assert_told_through(&scene, &libraries);
        // The last one's tables are whole, and found.
        let code = scene.path("late.pm");
        let whole = ["libframes.so", "through_library", "libc.so.6", "through_library"];
        let through: Vec<_> = events.loads_of(&code).into_iter().map(modules).collect();
        assert!(through.iter().any(|modules| *modules == whole), "{}", events.told());
    }
}

#[test]
fn a_library_without_symbols_or_without_tables_has_its_load_told() {
    let scene = Scene::start();
    let kinds: [(&str, &[&str]); 4] = [
        ("stripped", &["-s"]),
        ("unwound_by_nothing", &["-fno-asynchronous-unwind-tables", "-fno-unwind-tables"]),
        ("no_header", &["-Wl,--no-eh-frame-hdr"]),
        ("no_build_id", &["-Wl,--build-id=none"]),
    ];
    let libraries = kinds.map(|(name, link)| {
        let library = scene.path(format!("lib{name}.so"));
        artifacts::library("frames", &library, link);
        library
    });
    // The sorted table is gone, and the program header that leads to it is not.
    let removed = scene.path("libremoved.so");
    let done = Command::new("objcopy")
        .args(["--remove-section", ".eh_frame_hdr"])
        .args([&libraries[0], &removed])
        .output()
        .expect("objcopy of binutils");
    assert!(done.status.success(), "objcopy: {}", String::from_utf8_lossy(&done.stderr));
    let events = assert_told_through(&scene, &[&libraries[..], &[removed]].concat());
    let code = scene.path("late.pm");
    let through: Vec<_> = events.loads_of(&code).into_iter().map(modules).step_by(2).collect();
    let program = ["through_library", "libc.so.6", "through_library"];
    // Where the tables end, so does the walk; the frame that was found first is told all the same.
    assert_eq!(through[0], [&["libstripped.so"], &program[..]].concat());
    assert_eq!(through[1], ["libunwound_by_nothing.so"]);
    assert_eq!(through[2], ["libno_header.so"]);
    assert_eq!(through[3], [&["libno_build_id.so"], &program[..]].concat());
    assert_eq!(through[4], ["libremoved.so"]);
}

#[test]
fn a_stack_goes_as_far_as_code_that_was_made_at_run_time() {
    let stacks = stacks_of_odd_frames("generated", &[]);
    assert_eq!(stacks[0], ["odd_frames", "?"]);
}

#[test]
fn a_stack_of_a_coroutine_ends_where_the_coroutine_begins() {
    let stacks = stacks_of_odd_frames("coroutine", &[]);
    assert_eq!(stacks[0], ["odd_frames", "libc.so.6"]);
}

#[test]
fn a_stack_goes_on_from_the_signal_stack_to_the_interrupted_one() {
    let stacks = stacks_of_odd_frames("sigaltstack", &[]);
    assert_eq!(stacks[0], ["odd_frames", "libc.so.6", "odd_frames", "libc.so.6", "odd_frames"]);
}

#[test]
fn a_garbage_frame_pointer_ends_the_walk_and_not_the_program() {
    let stacks = stacks_of_odd_frames("frame_pointer", &[]);
    assert!(stacks.iter().all(|stack| stack[0] == "odd_frames"), "{stacks:?}");
}

#[test]
fn assembly_that_lies_about_its_frame_ends_the_walk_and_not_the_program() {
    let stacks = stacks_of_odd_frames("table", &[]);
    assert!(stacks.iter().all(|stack| stack[0] == "odd_frames"), "{stacks:?}");
}

/// Rows are remembered by address, and here another library's code is at the same one.
#[test]
fn a_library_at_the_place_of_another_is_walked_by_its_own_tables() {
    let scene = Scene::start();
    let kinds = [("first", "-DROOM=1024"), ("second", "-DROOM=2048")];
    let libraries = kinds.map(|(name, room)| {
        let library = scene.path(format!("lib{name}.so"));
        artifacts::library("frames", &library, &["-fomit-frame-pointer", room]);
        library
    });
    let stacks = stacks_of_odd_frames("reused", &libraries);
    for (stack, library) in stacks.iter().zip(["libfirst.so", "libsecond.so"]) {
        assert_eq!(*stack, [&[library], &MAIN[..]].concat());
    }
}

/// The header's flags say that frames were left out; the collector's line does not.
#[test]
fn a_stack_of_100_000_frames_is_cut_and_says_so() {
    const FLAGS: usize = 10;
    const FRAMES_CUT: u8 = 1;
    let scene = Scene::without_collector();
    let listener = UdpSocket::bind(scene.address()).expect("nobody has the scene's address");
    listener.set_nonblocking(true).expect("a socket");
    let code = scene.file("deep.pm");
    let ran = scene.run(scene.traced("odd_frames").arg("recursion").arg(&code)).well();
    assert_eq!(ran.said(), "2 loads\n");
    let mut datagram = [0u8; 2048];
    let mut cut = Vec::new();
    while let Ok(length) = listener.recv(&mut datagram) {
        if datagram[..length].windows(7).any(|window| window == b"deep.pm") {
            cut.push(datagram[FLAGS] & FRAMES_CUT != 0);
        }
    }
    assert_eq!(cut, [true, false], "the one from the depth, and the one from main");
}
