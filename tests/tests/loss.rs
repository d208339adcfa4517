//! What is sent arrives and is numbered without a gap; what is lost is known to be lost.

use std::collections::BTreeSet;

use alive_tests::scene::Scene;

#[test]
fn every_event_of_a_tree_has_its_own_number_and_none_is_left_out() {
    let scene = Scene::start();
    let code = scene.file("late.pm");
    let (workers, times) = (4_u64, 50_u64);
    let _ =
        scene.run(scene.traced("workers").args([workers.to_string(), times.to_string()]).arg(&code)).well();
    let events = scene.events();
    let loads = events.loads_of(&code);
    assert_eq!(loads.len() as u64, workers * times, "{}", events.told());
    let root = loads[0].root();
    let numbers: BTreeSet<u64> = ["start", "load", "missing", "fork"]
        .into_iter()
        .flat_map(|kind| events.of(kind))
        .filter(|event| event.root() == root)
        .map(|event| event.number("seq"))
        .collect();
    let last = *numbers.last().expect("there are events");
    // Forks announce themselves at times; what the events file does not show of them is few.
    assert!(numbers.len() as u64 > workers * times, "{}", events.told());
    assert!(last - numbers.len() as u64 <= workers, "{last} is the last of {} numbers", numbers.len());
}

#[test]
fn what_was_sent_before_anybody_listened_harms_nothing_and_later_loads_arrive() {
    let mut scene = Scene::without_collector();
    let (early, late) = (scene.file("early.pm"), scene.file("late.pm"));
    let _ = scene.run(scene.traced("fork").arg(&early)).well();
    scene.start_collector();
    let _ = scene.run(scene.traced("fork").arg(&late)).well();
    let events = scene.events();
    assert!(events.loads_of(&early).is_empty());
    let _ = events.the_load_of(&late);
}

#[test]
fn a_collector_that_is_stopped_and_started_goes_on_where_it_was() {
    let mut scene = Scene::start();
    let (before, after) = (scene.file("before.pm"), scene.file("after.pm"));
    let _ = scene.run(scene.traced("fork").arg(&before)).well();
    let _ = scene.events().the_load_of(&before);
    scene.stop_collector();
    scene.start_collector();
    let _ = scene.run(scene.traced("fork").arg(&after)).well();
    let _ = scene.events().the_load_of(&after);
}
