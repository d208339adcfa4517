//! The report as a page, in a browser: what a reader sees, what the page does, and what it never does.

mod hostile;
mod live;
mod scene;
mod table;
mod taps;

use std::path::{Path, PathBuf};

use alive_report::render::html;
use alive_report::{Report, Selection};
use alive_store::model::Snapshot;
use alive_tests::browser::{Looks, Page};
use tempfile::TempDir;

/// Writes the page of a snapshot and opens it; `None` where there is no browser.
fn open(snapshot: Snapshot) -> Option<(TempDir, Page)> {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = write(snapshot, folder.path());
    Page::open(&file).map(|page| (folder, page))
}

fn write(snapshot: Snapshot, folder: &Path) -> PathBuf {
    let file = folder.join("report.html");
    let mut out = Vec::new();
    html::render(&Report::new(snapshot, &Selection::default()), &mut out).expect("memory takes everything");
    std::fs::write(&file, out).expect("the folder can be written");
    file
}

#[test]
fn the_first_thing_that_a_reader_sees_is_what_to_preload_and_what_that_spares() {
    let Some((_folder, mut page)) = open(scene::shop()) else { return };
    assert_eq!(page.texts("h1")[..1], ["shop"]);
    let cards = page.texts(".program:not([hidden]) .card .what b");
    assert_eq!(cards, ["django/__init__.py", "libsqlite3.so.0", "decimal.py"]);
    let heading = &page.texts(".program:not([hidden]) h2.first")[0];
    assert!(heading.starts_with("Preload these three: "), "{heading}");
    assert_eq!(page.texts(".program:not([hidden]) .more code"), ["alive preload --for python"]);
    assert!(!page.texts(".program:not([hidden]) .lead").join("").contains('`'), "names are set as code");
    // All of it within the first screen of a laptop.
    page.look(Looks { width: 1280, dark: false });
    let bottom = page.value("document.querySelector('ol.top').getBoundingClientRect().bottom");
    assert!(bottom.as_f64().expect("a number") < 900.0, "{bottom}");
    assert_eq!(page.complaints(), [""; 0]);
}

#[test]
fn the_page_fits_every_width_and_follows_the_light() {
    let Some((_folder, mut page)) = open(scene::shop()) else { return };
    let pictures = screenshots();
    for (name, looks) in [
        ("desktop", Looks { width: 1280, dark: false }),
        ("phone", Looks { width: 390, dark: false }),
        ("dark", Looks { width: 1280, dark: true }),
        ("phone-dark", Looks { width: 390, dark: true }),
    ] {
        page.look(looks);
        let wide = page.value("document.documentElement.scrollWidth");
        assert_eq!(wide, looks.width, "{name}: nothing sticks out of the page");
        let paper = page.value("getComputedStyle(document.body).backgroundColor");
        assert_eq!(paper == "rgb(20, 20, 22)", looks.dark, "{name}: {paper}");
        std::fs::write(pictures.join(format!("{name}.png")), page.screenshot()).expect("the folder is there");
    }
    page.click("#theme");
    assert_eq!(page.value("getComputedStyle(document.body).backgroundColor"), "rgb(247, 246, 243)");
    assert_eq!(page.complaints(), [""; 0]);
}

/// Where the pictures of this test go: `target/screenshots`.
fn screenshots() -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("../screenshots");
    std::fs::create_dir_all(&folder).expect("the target folder can be written");
    folder
}

#[test]
fn one_of_several_programs_is_shown_and_the_others_are_a_click_away() {
    let mut both = scene::shop();
    both.programs.extend(scene::many(3).programs);
    let Some((_folder, mut page)) = open(both) else { return };
    assert_eq!(page.texts(".program:not([hidden]) h1"), ["shop"]);
    page.click("header nav a:nth-child(2)");
    page.value("location.hash = '#program-1'");
    page.until("the other one is shown", "document.querySelector('#program-0').hidden");
    assert_eq!(page.texts(".program:not([hidden]) h1"), ["many"]);
    assert_eq!(page.texts(".program:not([hidden]) .findings tbody .verdict").len(), 3);
    assert_eq!(page.complaints(), [""; 0]);
}

#[test]
fn what_is_lost_is_said_at_the_top() {
    let Some((_folder, mut page)) = open(scene::shop()) else { return };
    assert!(page.texts(".floor").is_empty(), "nothing is lost, nothing is said");
    let mut lossy = scene::shop();
    lossy.loss.kernel_drops = 12;
    let Some((_folder, mut page)) = open(lossy) else { return };
    let said = page.texts(".floor").join("");
    assert!(said.contains("12 datagrams dropped by the kernel"), "{said}");
}

#[test]
fn causes_are_zoomed_by_click_and_by_keyboard() {
    let Some((_folder, mut page)) = open(scene::shop()) else { return };
    let told = |page: &mut Page| page.texts(".told")[0].clone();
    assert!(told(&mut page).starts_with("worker: "), "{}", told(&mut page));
    page.click(".icicle g.preload");
    assert!(told(&mut page).contains("django"), "{}", told(&mut page));
    assert_eq!(page.texts(".trail button"), ["worker"]);
    page.press("ArrowDown");
    page.press("Enter");
    assert!(told(&mut page).contains("/django/"), "{}", told(&mut page));
    assert_eq!(page.texts(".trail button"), ["worker", "django/__init__.py"]);
    page.press("Escape");
    page.press("Escape");
    assert!(page.texts(".trail button").is_empty());
    page.click("[data-measure=workers]");
    assert!(told(&mut page).contains("loads (100 %)"), "{}", told(&mut page));
    assert_eq!(page.complaints(), [""; 0]);
}
