//! Memory that a process lends to its child until that executes another program.

use alive_tests::scene::Scene;
use alive_tests::words;
use alive_tests::worlds::same_in_every_world;

/// The program adds up every byte that the shim can write, before and after.
#[test]
fn a_child_in_borrowed_memory_holds_its_parent_up_and_changes_nothing_of_the_shims() {
    let mut scene = Scene::without_collector();
    let (code, absent) = (scene.file("late.pm"), scene.path("absent.pm"));
    let same = same_in_every_world(&mut scene, "borrowed_memory", words![&code, &absent]);
    assert_eq!(
        same.said(),
        "root, vfork: held up, memory unchanged, status 0\n\
         root, clone: held up, memory unchanged, status 0\n\
         worker, vfork: held up, memory unchanged, status 0\n\
         worker, clone: held up, memory unchanged, status 0\n"
    );
    // The worker's own two; nothing that the borrowers did.
    assert_eq!(same.events.loads_of(&code).len(), 2, "{}", same.events.told());
}
