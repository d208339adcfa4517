//! Where something is in doubt there is no span.

use alive_wire::header::flags;

use crate::{LOAD, NO_SPAN, Scene, Told, bound, inside, spent};

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
