//! Names that would be obeyed if a page were careless.

use alive_tests::browser::Page;
use alive_tests::scene::Scene;
use alive_tests::{artifacts, running::Running};

use crate::{open, scene};

/// A folder's name with a file's behind it: a path that spells a script.
const SCRIPT: &str = "<script>alert(1)</script>.pm";

#[test]
fn a_path_that_spells_a_script_stays_text_from_the_daemon_to_the_page() {
    let scene = Scene::without_collector();
    let path = scene.path(SCRIPT);
    std::fs::create_dir(path.parent().expect("it has a folder")).expect("a folder of that name");
    std::fs::write(&path, "1;\n").expect("a file of that name");
    let forks = format!("for (1, 2) {{ fork or do {{ require '{}'; exit }} }} wait; wait", path.display());
    let mut command = scene.command(&artifacts::built("alive"));
    command.args(["run", "--html", "report.html", "--", "perl", "-e", &forks]);
    let ran = Running::start(&scene, &mut command).end().well().said();
    assert!(ran.contains(SCRIPT), "{ran}");

    let Some(mut page) = Page::open(&scene.path("report.html")) else { return };
    let card = page.value("document.querySelector('.card .what').title");
    assert!(card.as_str().is_some_and(|title| title.ends_with(SCRIPT)), "{card}");
    assert!(page.texts(".findings tbody .fold")[0].ends_with(SCRIPT));
    page.click(".findings tbody .fold");
    assert!(page.texts(".detail dd")[0].ends_with(SCRIPT));
    assert_eq!(page.value("document.scripts.length"), 2, "the data and the page's own");
    assert_eq!(page.complaints(), [""; 0]);
}

#[test]
fn no_name_ends_the_data_or_an_attribute_or_reverses_the_text() {
    let names: [&[u8]; 5] = [
        b"/a/</script><script>alert(2)</script>.py",
        b"/a/<!--<script>.py",
        b"/a/\" onmouseover=\"alert(3)\" x=\".py",
        "/a/\u{2028}\u{202e}yp.exe".as_bytes(),
        b"/a/\xff\x1b[2J&lt;b&gt;.py",
    ];
    let mut snapshot = scene::many(names.len() as u64);
    for (load, name) in snapshot.programs[0].loads.iter_mut().zip(names) {
        load.path = name.to_vec();
        load.stacks[0].language[0].file = name.to_vec();
        load.stacks[0].language[0].function = b"</style><img src=x onerror=alert(4)>".to_vec();
    }
    snapshot.programs[0].label = b"</title><script>alert(5)</script>".to_vec();
    let Some((_folder, mut page)) = open(snapshot) else { return };
    assert_eq!(page.texts("h1"), ["</title><script>alert(5)</script>"]);
    let mut shown = page.texts(".findings tbody .fold");
    shown.sort();
    assert_eq!(
        shown,
        [
            "/a/\" onmouseover=\"alert(3)\" x=\".py",
            "/a/<!--<script>.py",
            "/a/</script><script>alert(2)</script>.py",
            "/a/\\u2028\\u202eyp.exe",
            "/a/\\xff\\u001b[2J&lt;b&gt;.py",
        ]
    );
    let strangers = page.value("document.querySelectorAll('img, [onmouseover], [onerror]').length");
    assert_eq!(strangers, 0);
    assert_eq!(page.complaints(), [""; 0]);
}

/// Should a name ever pass for a script after all, the page's policy refuses it.
#[test]
fn the_pages_policy_lets_no_other_script_run() {
    let Some((_folder, mut page)) = open(scene::many(1)) else { return };
    page.value(
        "(() => { const stranger = document.createElement('script'); stranger.textContent = 'window.ran = 1'; \
         document.body.append(stranger); return 1; })()",
    );
    assert_eq!(page.value("window.ran === undefined"), true);
    assert!(page.complaints().iter().any(|said| said.contains("Content Security Policy")));
}
