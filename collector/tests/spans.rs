//! How long a load took is told by its thread's next one, and by nothing where that is in doubt.

mod scene;

use std::collections::BTreeMap;

use alive_collector::aggregate::Aggregate;
use alive_collector::moment::Moment;
use alive_store::model::LoadRow;
use alive_wire::header::{Header, flags};
use alive_wire::record::{Code, Frame, Usage, types};
use alive_wire::{CodeKind, Kind, Language, LanguageStack, MAX_SENT, Outcome, Via};
use proptest::prelude::*;
use scene::{PERL, Tree, event, packed, take};

/// Lines, innermost first.
type Lines<'l> = &'l [(u32, &'l str, &'l str)];

/// A load that a worker tells of; times in microseconds.
#[derive(Debug, Clone, Copy)]
struct Told<'l> {
    worker: u32,
    thread: u32,
    at: u64,
    cpu: u64,
    faults: u64,
    path: &'l str,
    lines: Lines<'l>,
    /// Offsets of the machine's stack, innermost first.
    native: &'l [u64],
    dlopen: Option<u64>,
    pulled_in_by: &'l str,
    flags: u16,
}

const HANDLER: Lines<'_> = &[(10, "/app.pl", "main::handle"), (90, "/app.pl", "main::serve")];

const LOAD: Told<'_> = Told {
    worker: 1,
    thread: 7,
    at: 0,
    cpu: 0,
    faults: 0,
    path: "/A.pm",
    lines: HANDLER,
    native: &[],
    dlopen: None,
    pulled_in_by: "",
    flags: 0,
};

/// Inside of the handler's statement.
fn inside<'l>(lines: Lines<'l>) -> Vec<(u32, &'l str, &'l str)> {
    [lines, HANDLER].concat()
}

struct Scene {
    tree: Tree,
    aggregate: Aggregate,
}

impl Scene {
    fn new() -> Self {
        Self { tree: Tree::new(100), aggregate: Aggregate::new(0, []) }
    }

    fn compose(&mut self, told: Told<'_>) -> Vec<u8> {
        let header = Header {
            flags: told.flags,
            monotonic_nanos: 1_000_000_000 + told.at * 1_000,
            ..self.tree.header(Kind::Load, told.worker)
        };
        event(header, |encoder| {
            let code = if told.dlopen.is_some() || !told.pulled_in_by.is_empty() { LIBRARY } else { PERL };
            scene::fork_site(encoder, told.worker);
            encoder.string(types::PATH, told.path.as_bytes());
            encoder.code(code);
            if !told.pulled_in_by.is_empty() {
                encoder.string(types::PULLED_IN_BY, told.pulled_in_by.as_bytes());
            }
            if let Some(dlopen) = told.dlopen {
                encoder.number(types::DURATION, dlopen * 1_000);
            }
            encoder.usage(Usage {
                faults: 500 + told.faults,
                thread: told.thread,
                cpu_nanos: 77_000 + told.cpu * 1_000,
            });
            let lines = packed(told.lines);
            encoder
                .language_stack(&LanguageStack { language: Some(Language::Perl), packed: &lines }, MAX_SENT);
            encoder.frames(told.native.iter().map(|&offset| Frame { module: 0, offset }));
        })
    }

    fn hear(&mut self, datagram: &[u8]) {
        self.aggregate.hear(datagram, Moment { wall_micros: 1_000, monotonic_nanos: 1_000_000_000 });
    }

    fn tell(&mut self, told: Told<'_>) {
        let datagram = self.compose(told);
        self.hear(&datagram);
    }

    /// A worker says that it was forked.
    fn fork(&mut self, worker: u32, at: u64) {
        let header =
            Header { monotonic_nanos: 1_000_000_000 + at * 1_000, ..self.tree.header(Kind::Fork, worker) };
        self.hear(&event(header, |encoder| scene::fork_site(encoder, worker)));
    }

    /// The loads by file.
    fn loads(&mut self) -> BTreeMap<String, LoadRow> {
        let batch = take(&mut self.aggregate).unwrap_or_default();
        let loads = batch.loads.into_iter();
        loads.map(|load| (String::from_utf8(load.key.path.clone()).unwrap(), load)).collect()
    }
}

const LIBRARY: Code = Code {
    kind: Some(CodeKind::Library),
    language: Some(Language::Native),
    outcome: Some(Outcome::Loaded),
    via: Some(Via::Dlopen),
};

/// Spans, microseconds and faults of a file.
#[track_caller]
fn spent(loads: &BTreeMap<String, LoadRow>, path: &str) -> (u64, u64, u64, u64) {
    let load = &loads[path];
    (load.spans, load.span_nanos / 1_000, load.span_cpu_nanos / 1_000, load.span_faults)
}

/// Microseconds within which a file's load ended; 0 when that was not told.
#[track_caller]
fn bound(loads: &BTreeMap<String, LoadRow>, path: &str) -> u64 {
    loads[path].bound_nanos / 1_000
}

const NO_SPAN: (u64, u64, u64, u64) = (0, 0, 0, 0);

#[test]
fn what_is_loaded_from_a_file_ends_the_time_of_the_one_before() {
    let mut scene = Scene::new();
    scene.tell(LOAD);
    let lines = inside(&[(3, "/A.pm", "A::BEGIN")]);
    scene.tell(Told { at: 300, cpu: 200, faults: 4, path: "/B.pm", lines: &lines, ..LOAD });
    let deeper = inside(&[(8, "/B.pm", "B::BEGIN"), (3, "/A.pm", "A::BEGIN")]);
    scene.tell(Told { at: 450, cpu: 350, faults: 9, path: "/C.pm", lines: &deeper, ..LOAD });
    let sibling = inside(&[(4, "/A.pm", "A::BEGIN")]);
    scene.tell(Told { at: 950, cpu: 400, faults: 9, path: "/D.pm", lines: &sibling, ..LOAD });
    let loads = scene.loads();
    assert_eq!(spent(&loads, "/A.pm"), (1, 300, 200, 4));
    assert_eq!(spent(&loads, "/B.pm"), (1, 150, 150, 5));
    assert_eq!(spent(&loads, "/C.pm"), (1, 500, 50, 0), "also when it had to wait: it is being loaded");
    assert_eq!(spent(&loads, "/D.pm"), NO_SPAN, "nothing tells when it was done");
    assert_eq!(bound(&loads, "/D.pm"), 0);
}

#[test]
fn another_statement_begins_another_burst() {
    let mut scene = Scene::new();
    scene.tell(LOAD);
    let next = [(11, "/app.pl", "main::handle"), (90, "/app.pl", "main::serve")];
    scene.tell(Told { at: 400, cpu: 400, path: "/B.pm", lines: &next, ..LOAD });
    let inside = [(2, "/B.pm", "B::BEGIN"), next[0], next[1]];
    scene.tell(Told { at: 500, cpu: 500, path: "/C.pm", lines: &inside, ..LOAD });
    let loads = scene.loads();
    assert_eq!(spent(&loads, "/A.pm"), NO_SPAN);
    assert_eq!(bound(&loads, "/A.pm"), 400, "but it did not take longer");
    assert_eq!(spent(&loads, "/B.pm"), (1, 100, 100, 0));
}

#[test]
fn code_that_runs_from_the_same_line_is_not_the_files_body() {
    let mut scene = Scene::new();
    scene.tell(LOAD);
    let serving = inside(&[(7, "/server.pl", "main::run")]);
    scene.tell(Told { at: 400, cpu: 400, path: "/B.pm", lines: &serving, ..LOAD });
    assert_eq!(spent(&scene.loads(), "/A.pm"), NO_SPAN);
}

#[test]
fn one_line_may_load_several_files_while_it_is_busy() {
    let mut scene = Scene::new();
    scene.tell(LOAD);
    scene.tell(Told { at: 400, cpu: 390, path: "/B.pm", ..LOAD });
    scene.tell(Told { at: 800, cpu: 400, path: "/C.pm", ..LOAD });
    scene.tell(Told { at: 50_000, cpu: 49_000, path: "/D.pm", ..LOAD });
    let loads = scene.loads();
    assert_eq!(spent(&loads, "/A.pm"), (1, 400, 390, 0));
    assert_eq!(spent(&loads, "/B.pm"), NO_SPAN, "it was idle");
    assert_eq!(spent(&loads, "/C.pm"), NO_SPAN, "that is long for what came between");
}

#[test]
fn a_file_that_is_opened_again_before_it_is_read_is_loaded_once() {
    let mut scene = Scene::new();
    scene.tell(LOAD);
    scene.tell(Told { at: 20, cpu: 15, ..LOAD });
    let lines = inside(&[(3, "/A.pm", "")]);
    scene.tell(Told { at: 100, cpu: 90, faults: 7, path: "/B.pm", lines: &lines, ..LOAD });
    scene.tell(Told { at: 120, cpu: 91, faults: 7, path: "/B.pm", lines: &lines, ..LOAD });
    scene.tell(Told { at: 900_120, cpu: 200, faults: 7, path: "/C.pm", ..LOAD });
    let loads = scene.loads();
    assert_eq!((spent(&loads, "/A.pm"), loads["/A.pm"].events), ((2, 100, 90, 7), 2));
    assert_eq!((spent(&loads, "/B.pm"), bound(&loads, "/B.pm")), (NO_SPAN, 900_020), "its end was not seen");
}

#[test]
fn a_thread_that_waits_for_work_does_not_load() {
    let mut scene = Scene::new();
    scene.tell(LOAD);
    let lines = inside(&[(500, "/A.pm", "A::main_loop")]);
    scene.tell(Told { at: 60_000_000, cpu: 900, path: "/B.pm", lines: &lines, ..LOAD });
    let loads = scene.loads();
    assert_eq!((spent(&loads, "/A.pm"), bound(&loads, "/A.pm")), (NO_SPAN, 60_000_000));
}

#[test]
fn each_thread_has_its_own_time() {
    let mut scene = Scene::new();
    let in_a = inside(&[(3, "/A.pm", "")]);
    let in_x = inside(&[(3, "/X.pm", "")]);
    scene.tell(LOAD);
    scene.tell(Told { thread: 8, at: 10, cpu: 5, path: "/X.pm", ..LOAD });
    scene.tell(Told { worker: 2, at: 15, path: "/A.pm", ..LOAD });
    scene.tell(Told { at: 100, cpu: 90, path: "/B.pm", lines: &in_a, ..LOAD });
    scene.tell(Told { thread: 8, at: 210, cpu: 105, path: "/Y.pm", lines: &in_x, ..LOAD });
    scene.tell(Told { worker: 2, at: 315, cpu: 300, path: "/B.pm", lines: &in_a, ..LOAD });
    let loads = scene.loads();
    assert_eq!(spent(&loads, "/A.pm"), (2, 400, 390, 0), "two workers");
    assert_eq!(spent(&loads, "/X.pm"), (1, 200, 100, 0));
}

#[test]
fn a_dlopen_has_the_time_that_it_took_and_the_loader_of_it_the_rest() {
    let mut scene = Scene::new();
    let lines = inside(&[(3, "/A.pm", "")]);
    scene.tell(LOAD);
    scene.tell(Told {
        at: 400,
        cpu: 400,
        faults: 40,
        path: "/A.so",
        lines: &lines,
        dlopen: Some(300),
        ..LOAD
    });
    let needed = Told { at: 410, cpu: 405, path: "/libneeded.so", lines: &lines, ..LOAD };
    scene.tell(Told { pulled_in_by: "/A.so", ..needed });
    scene.tell(Told { at: 500, cpu: 480, faults: 41, path: "/B.pm", lines: &lines, ..LOAD });
    let loads = scene.loads();
    assert_eq!(spent(&loads, "/A.pm"), (1, 100, 100, 10));
    assert_eq!(spent(&loads, "/A.so"), (1, 400, 380, 31), "its dlopen, and what ran until the next load");
    assert_eq!(spent(&loads, "/libneeded.so"), NO_SPAN, "it is part of the dlopen");
}

#[test]
fn a_dlopen_longer_than_all_the_time_there_was_takes_that_alone() {
    let mut scene = Scene::new();
    scene.tell(LOAD);
    scene.tell(Told { at: 100, cpu: 80, path: "/A.so", dlopen: Some(9_000), ..LOAD });
    let loads = scene.loads();
    assert_eq!(spent(&loads, "/A.so"), (1, 100, 80, 0));
    assert_eq!(spent(&loads, "/A.pm").1, 0);
}

#[test]
fn without_lines_a_deeper_stack_of_a_busy_thread_goes_on() {
    let mut scene = Scene::new();
    let bare = Told { lines: &[], ..LOAD };
    scene.tell(Told { native: &[20, 30, 40, 50, 60], ..bare });
    scene.tell(Told { at: 100, cpu: 90, path: "/B.pm", native: &[20, 31, 9, 30, 40, 50, 60], ..bare });
    scene.tell(Told { at: 900, cpu: 100, path: "/C.pm", native: &[20, 32, 9, 30, 40, 50, 60], ..bare });
    scene.tell(Told { at: 990, cpu: 190, path: "/D.pm", native: &[1, 2, 3, 4, 5, 60], ..bare });
    let loads = scene.loads();
    assert_eq!(spent(&loads, "/A.pm"), (1, 100, 90, 0));
    assert_eq!(spent(&loads, "/B.pm"), NO_SPAN, "it was idle, and no line says that it was loading");
    assert_eq!(spent(&loads, "/C.pm"), NO_SPAN, "another stack");
}

/// A stack of frames from `from` on, outwards, of which the innermost 30 came.
fn nest(inner: Lines<'static>, from: u32) -> Vec<(u32, &'static str, &'static str)> {
    let outer = (from..from + 30).map(|line| (line, "/deep.pl", "main::deep"));
    inner.iter().copied().chain(outer).take(30).collect()
}

#[test]
fn a_stack_that_lost_its_outer_frames_is_known_by_what_is_left() {
    let mut scene = Scene::new();
    let cut = Told { flags: flags::FRAMES_CUT, ..LOAD };
    scene.tell(Told { lines: &nest(&[], 5), ..cut });
    scene.tell(Told { at: 100, cpu: 1, path: "/B.pm", lines: &nest(&[(3, "/A.pm", "")], 5), ..cut });
    scene.tell(Told { at: 300, cpu: 2, path: "/C.pm", lines: &nest(&[(3, "/A.pm", "")], 50), ..cut });
    let loads = scene.loads();
    assert_eq!(spent(&loads, "/A.pm"), (1, 100, 1, 0));
    assert_eq!(spent(&loads, "/B.pm"), NO_SPAN, "another place altogether");
}

#[test]
fn a_nest_so_deep_that_its_first_statement_is_cut_off_goes_on() {
    let mut scene = Scene::new();
    let cut = Told { flags: flags::FRAMES_CUT, ..LOAD };
    // Twenty files deep at once, so that a quarter of the statement's stack is left; then ten more.
    let mut at = 0;
    for (path, depth) in [("/A.pm", 0), ("/B.pm", 20), ("/C.pm", 32), ("/D.pm", 44), ("/E.pm", 40)] {
        let files = (1..=depth).rev().map(|file| (file, if file == 1 { "/A.pm" } else { "/nest.pl" }, ""));
        let handler = (100..140).map(|line| (line, "/app.pl", "main::deep"));
        let lines: Vec<_> = files.chain(handler).take(30).collect();
        scene.tell(Told { at, cpu: at / 10, path, lines: &lines, ..cut });
        at += 100;
    }
    let loads = scene.loads();
    for path in ["/A.pm", "/B.pm", "/C.pm", "/D.pm"] {
        assert_eq!(spent(&loads, path), (1, 100, 10, 0), "{path}");
    }
}

#[test]
fn an_event_that_never_came_leaves_no_span() {
    let mut scene = Scene::new();
    let lines = inside(&[(3, "/A.pm", "")]);
    scene.tell(LOAD);
    let _lost = scene.compose(Told { at: 50, path: "/lost.pm", lines: &lines, ..LOAD });
    scene.tell(Told { at: 100, cpu: 90, path: "/B.pm", lines: &lines, ..LOAD });
    scene.tell(Told { at: 300, cpu: 290, path: "/C.pm", lines: &lines, ..LOAD });
    let loads = scene.loads();
    assert_eq!((spent(&loads, "/A.pm"), bound(&loads, "/A.pm")), (NO_SPAN, 0));
    assert_eq!(spent(&loads, "/B.pm"), (1, 200, 200, 0));
}

#[test]
fn an_event_of_another_process_may_come_late() {
    let mut scene = Scene::new();
    let lines = inside(&[(3, "/A.pm", "")]);
    scene.tell(LOAD);
    let late = scene.compose(Told { worker: 2, at: 50, path: "/X.pm", ..LOAD });
    scene.tell(Told { at: 100, cpu: 90, path: "/B.pm", lines: &lines, ..LOAD });
    scene.hear(&late);
    scene.tell(Told { at: 300, cpu: 290, path: "/C.pm", lines: &lines, ..LOAD });
    let loads = scene.loads();
    assert_eq!(spent(&loads, "/A.pm"), (1, 100, 90, 0));
    assert_eq!(spent(&loads, "/B.pm"), (1, 200, 200, 0));
}

#[test]
fn events_of_a_thread_that_overtake_each_other_tell_nothing() {
    let mut scene = Scene::new();
    let lines = inside(&[(3, "/A.pm", "")]);
    let first = scene.compose(LOAD);
    let second = scene.compose(Told { at: 100, cpu: 90, path: "/B.pm", lines: &lines, ..LOAD });
    scene.hear(&second);
    scene.hear(&first);
    scene.tell(Told { at: 150, cpu: 140, path: "/C.pm", lines: &lines, ..LOAD });
    let loads = scene.loads();
    assert_eq!(spent(&loads, "/A.pm"), NO_SPAN);
    assert_eq!(spent(&loads, "/B.pm"), (1, 50, 50, 0), "it began the burst, for all that is known");
}

#[test]
fn clocks_that_run_backwards_or_too_fast_tell_nothing() {
    let lines = inside(&[(3, "/A.pm", "")]);
    let begun = Told { at: 1_000, cpu: 900, faults: 9, ..LOAD };
    let nested = Told { path: "/B.pm", lines: &lines, ..LOAD };
    for odd in [
        Told { at: 999, cpu: 950, faults: 9, ..nested },
        Told { at: 1_100, cpu: 899, faults: 9, ..nested },
        Told { at: 1_100, cpu: 950, faults: 8, ..nested },
        Told { at: 1_100, cpu: 9_900, faults: 9, ..nested },
    ] {
        let mut scene = Scene::new();
        scene.tell(begun);
        scene.tell(odd);
        assert_eq!(spent(&scene.loads(), "/A.pm"), NO_SPAN, "{odd:?}");
    }
}

#[test]
fn what_was_seen_later_or_by_an_older_shim_has_no_moment() {
    let mut scene = Scene::new();
    let lines = inside(&[(3, "/A.pm", "")]);
    scene.tell(LOAD);
    let later = Told { at: 50, cpu: 50, path: "/lib.so", flags: flags::SEEN_LATER, ..LOAD };
    scene.tell(Told { dlopen: Some(1), ..later });
    scene.tell(Told { thread: 0, at: 70, cpu: 70, path: "/old.pm", lines: &lines, ..LOAD });
    scene.tell(Told { at: 100, cpu: 90, path: "/B.pm", lines: &lines, ..LOAD });
    let loads = scene.loads();
    assert_eq!(spent(&loads, "/A.pm"), (1, 100, 90, 0));
    assert_eq!((spent(&loads, "/lib.so"), spent(&loads, "/old.pm")), (NO_SPAN, NO_SPAN));
}

#[test]
fn a_span_that_is_told_after_its_load_was_written_is_added() {
    let mut scene = Scene::new();
    scene.tell(LOAD);
    let first = scene.loads();
    assert_eq!((first["/A.pm"].events, first["/A.pm"].spans), (1, 0));
    let lines = inside(&[(3, "/A.pm", "")]);
    scene.tell(Told { at: 100, cpu: 90, path: "/B.pm", lines: &lines, ..LOAD });
    let second = scene.loads();
    let load = &second["/A.pm"];
    assert_eq!((load.events, load.processes, load.spans, load.span_nanos), (0, 0, 1, 100_000));
    assert_eq!((&load.key, &load.language), (&first["/A.pm"].key, &first["/A.pm"].language));
    assert_eq!(load.first_seen_micros, first["/A.pm"].first_seen_micros);
}

#[test]
fn a_worker_forked_after_a_sibling_loaded_repeats_it() {
    let mut scene = Scene::new();
    scene.fork(1, 0);
    scene.fork(2, 1);
    scene.tell(Told { worker: 1, at: 100, ..LOAD });
    scene.tell(Told { worker: 2, at: 110, ..LOAD });
    scene.fork(3, 120);
    scene.tell(Told { worker: 3, at: 130, ..LOAD });
    scene.tell(Told { worker: 3, at: 140, ..LOAD });
    scene.tell(Told { worker: 4, at: 150, ..LOAD });
    scene.tell(Told { worker: 65, at: 160, ..LOAD });
    let load = &scene.loads()["/A.pm"];
    assert_eq!((load.processes, load.events), (5, 6));
    assert_eq!(load.respawned, 2, "the third, and one of those that no longer announce themselves");
}

/// A load out of a few: thread, microseconds since the one before, of CPU, faults, file, depth, dlopen.
type Step = (u32, u64, u64, u64, usize, usize, Option<u64>);

fn step() -> impl Strategy<Value = Step> {
    let dlopen = prop::option::of(0..3_000u64);
    (1..3u32, 0..5_000u64, 0..6_000u64, 0..50u64, 0..4usize, 0..6usize, dlopen)
}

proptest! {
    /// Whatever is told, in whatever order, and whatever of it is lost.
    #[test]
    fn no_thread_spends_more_than_there_was(
        steps in prop::collection::vec(step(), 0..40),
        lost in prop::collection::vec(any::<bool>(), 40),
        swaps in prop::collection::vec(any::<bool>(), 40),
        odd in prop::collection::vec(0..8u16, 40),
    ) {
        const FILES: [&str; 4] = ["/A.pm", "/B.pm", "/C.pm", "/D.pm"];
        let mut scene = Scene::new();
        let mut clocks = [(0, 0, 0); 3];
        let mut first_and_last: [Option<(u64, u64)>; 3] = [None; 3];
        let mut datagrams = Vec::new();
        let mut now = 0;
        for (index, &(thread, wall, cpu, faults, file, depth, dlopen)) in steps.iter().enumerate() {
            now += wall;
            let slot = usize::try_from(thread).unwrap();
            let clock = &mut clocks[slot];
            *clock = (now, clock.1 + cpu, clock.2 + faults);
            let lines: Vec<_> = (0..depth).map(|at| (u32::try_from(at % 3).unwrap(), FILES[at % 4], "")).collect();
            let datagram = scene.compose(Told {
                thread,
                at: clock.0,
                cpu: clock.1,
                faults: clock.2,
                path: FILES[file],
                lines: &inside(&lines),
                dlopen,
                flags: if odd[index] == 0 { flags::FRAMES_CUT } else { 0 },
                ..LOAD
            });
            if !lost[index] || index % 2 == 0 {
                let seen = first_and_last[slot].get_or_insert((now, now));
                seen.1 = now;
                datagrams.push(datagram);
            }
        }
        for (index, swap) in swaps.iter().enumerate().take(datagrams.len().saturating_sub(1)) {
            if *swap {
                datagrams.swap(index, index + 1);
            }
        }
        for datagram in &datagrams {
            scene.hear(datagram);
        }
        let loads = scene.loads();
        let sum = |of: fn(&LoadRow) -> u64| loads.values().map(of).sum::<u64>();
        let elapsed: u64 = first_and_last.iter().flatten().map(|(first, last)| last - first).sum();
        let all: (u64, u64) = clocks.iter().fold((0, 0), |sum, clock| (sum.0 + clock.1, sum.1 + clock.2));
        prop_assert!(sum(|load| load.span_nanos) <= elapsed * 1_000);
        prop_assert!(sum(|load| load.span_cpu_nanos) <= sum(|load| load.span_nanos));
        prop_assert!(sum(|load| load.span_cpu_nanos) <= all.0 * 1_000);
        prop_assert!(sum(|load| load.span_faults) <= all.1);
        prop_assert!(loads.values().all(|load| load.spans <= load.events));
    }
}
