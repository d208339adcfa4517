//! The page that a collector serves: it keeps itself up to date, and keeps what its reader did.

use std::path::PathBuf;

use alive_tests::artifacts;
use alive_tests::browser::{Looks, Page};
use alive_tests::running::Running;
use alive_tests::scene::Scene;

use crate::screenshots;

/// A daemon whose workers load what is put into its folder.
struct Daemon {
    folder: PathBuf,
    _running: Running,
}

impl Daemon {
    fn start(scene: &Scene, name: &str) -> Self {
        let folder = scene.path(name);
        std::fs::create_dir(&folder).expect("a folder in the scene");
        let mut perl = scene.traced_command(std::path::Path::new("/usr/bin/perl"));
        perl.arg(artifacts::source("daemons/live/daemon.pl")).arg("3").arg(&folder).env("ALIVE_NAME", name);
        Self { folder, _running: Running::start(scene, &mut perl) }
    }

    /// Lets every worker load a module of so many bytes.
    fn load(&self, name: &str, bytes: usize) {
        // Named when it is whole.
        let text = format!("{}\n1;\n", "#".repeat(bytes));
        std::fs::write(self.folder.join("whole"), text).expect("a file in the scene");
        std::fs::rename(self.folder.join("whole"), self.folder.join(name)).expect("the same folder");
    }
}

/// Opens the page, and marks it so that a reload would show.
fn open(scene: &Scene) -> Option<Page> {
    let mut page = Page::visit(&scene.url("/"))?;
    page.until("it says that it is live", "document.getElementById('live').textContent === 'live'");
    page.value("window.opened = 'once'");
    Some(page)
}

const ROWS: &str = "[...document.querySelectorAll('.program:not([hidden]) .findings tbody .fold')].map((row) => row.textContent)";

fn await_row(page: &mut Page, name: &str) {
    page.until(&format!("{name} is there"), &format!("{ROWS}.some((row) => row.endsWith('/{name}'))"));
    assert_eq!(page.value("window.opened"), "once", "without a reload");
}

#[test]
fn a_page_that_was_opened_before_there_was_anything_fills_itself() {
    let scene = Scene::serving();
    let Some(mut page) = open(&scene) else { return };
    assert!(page.texts(".begin").join("").contains(&format!("ALIVE_ADDR={}", scene.address())));
    let daemon = Daemon::start(&scene, "shop");
    daemon.load("first.pm", 5_000);
    await_row(&mut page, "first.pm");
    assert_eq!(page.texts("h1"), ["shop"]);
    assert!(page.texts(".begin").is_empty());
    assert_eq!(page.texts(".card .what b"), ["first.pm"]);
    daemon.load("<img src=x onerror=alert(1)>.pm", 9_000);
    await_row(&mut page, "<img src=x onerror=alert(1)>.pm");
    assert_eq!(page.value("document.querySelectorAll('img').length + document.scripts.length"), 2);
    assert_eq!(page.complaints(), [""; 0]);
}

/// What the reader of the page has done to it.
fn state(page: &mut Page) -> serde_json::Value {
    page.value(
        "({ sorted: document.querySelector('th[aria-sort]').textContent + ' ' + document.querySelector('th[aria-sort]').getAttribute('aria-sort'), \
         filter: document.querySelector('input[type=search]').value, \
         chip: document.querySelector('.controls .preload').getAttribute('aria-pressed'), \
         unfolded: [...document.querySelectorAll('tr.detail')].map((row) => row.previousSibling.dataset.what.split('/').pop()), \
         frames: document.querySelector('tr.detail details').open, \
         zoom: document.querySelector('.told').textContent.split(':')[0].split('/').pop(), \
         width: document.querySelector('[data-measure][aria-pressed=true]').dataset.measure, \
         theme: document.documentElement.dataset.theme, \
         focus: document.activeElement.type + ' ' + document.activeElement.selectionStart })",
    )
}

#[test]
fn what_is_new_appears_while_everything_that_the_reader_did_stays() {
    let mut scene = Scene::serving();
    let daemon = Daemon::start(&scene, "shop");
    daemon.load("alpha.pm", 40_000);
    daemon.load("omega.pm", 10_000);
    daemon.load("elsewhere.pm", 7_000);
    let Some(mut page) = open(&scene) else { return };
    for name in ["alpha.pm", "omega.pm", "elsewhere.pm"] {
        await_row(&mut page, name);
    }
    page.look(Looks { width: 1280, dark: false });
    page.click("#theme");
    page.click("[data-measure=workers]");
    page.click(".icicle g.preload");
    page.click(".findings th:nth-child(2) button");
    page.click(".findings th:nth-child(2) button");
    page.click(".controls .preload");
    page.click(".findings tr[data-what$='/alpha.pm'] .fold");
    page.value("document.querySelector('tr.detail details').open = !document.querySelector('tr.detail details').open");
    page.value(
        "(() => { const search = document.querySelector('input[type=search]'); search.value = 'a.pm'; \
         search.dispatchEvent(new Event('input')); search.focus(); search.setSelectionRange(2, 2); return 1; })()",
    );
    page.value("document.querySelector(\"tr[data-what$='/omega.pm']\").scrollIntoView()");
    let row_top =
        "Math.round(document.querySelector(\"tr[data-what$='/omega.pm']\").getBoundingClientRect().top)";
    let (before, top) = (state(&mut page), page.value(row_top));
    assert_eq!(before["unfolded"], serde_json::json!(["alpha.pm"]), "{before}");
    assert_eq!(before["focus"], "search 2");

    daemon.load("gamma.pm", 20_000);
    await_row(&mut page, "gamma.pm");
    assert_eq!(state(&mut page), before);
    assert_eq!(page.value(row_top), top, "what is looked at stays where it is");
    let shown = page.value(&format!("{ROWS}.map((row) => row.split('/').pop())"));
    assert_eq!(shown, serde_json::json!(["omega.pm", "gamma.pm", "alpha.pm"]), "sorted and filtered");
    assert_eq!(page.complaints(), [""; 0]);
    page.value("window.scrollTo(0, 0)");
    std::fs::write(screenshots().join("live.png"), page.screenshot()).expect("the folder is there");

    scene.kill_collector();
    page.until(
        "the page says that nobody answers",
        "/^the collector is not answering since \\d\\d:\\d\\d; trying again$/.test(document.getElementById('live').textContent)",
    );
    assert_eq!(state(&mut page), before, "the last report stays");
    std::fs::write(screenshots().join("live-lost.png"), page.screenshot()).expect("the folder is there");
    page.look(Looks { width: 390, dark: false });
    assert_eq!(page.value("document.documentElement.scrollWidth"), 390, "nothing sticks out of a phone");
    page.look(Looks { width: 1280, dark: false });
    scene.start_collector();
    page.until("it is live again", "document.getElementById('live').textContent === 'live'");
    daemon.load("beta.pm", 30_000);
    await_row(&mut page, "beta.pm");
    assert_eq!(state(&mut page), before);
    let complaints = page.complaints();
    assert!(complaints.iter().all(|said| said.contains("ERR_CONNECTION_REFUSED")), "{complaints:?}");
}

#[test]
fn the_program_that_is_looked_at_stays_when_another_one_comes_to_the_top() {
    let scene = Scene::serving();
    let (shop, mail) = (Daemon::start(&scene, "shop"), Daemon::start(&scene, "mail"));
    shop.load("cart.pm", 50_000);
    mail.load("mime.pm", 10_000);
    let Some(mut page) = open(&scene) else { return };
    let programs =
        "[...document.querySelectorAll('header nav a.program')].map((link) => link.textContent).join()";
    page.until("both are there", &format!("{programs} === 'shop,mail'"));
    page.value("location.hash = '#program-1'");
    await_row(&mut page, "mime.pm");
    mail.load("heavy.pm", 900_000);
    await_row(&mut page, "heavy.pm");
    page.until("it is the first now", &format!("{programs} === 'mail,shop'"));
    assert_eq!(page.texts(".program:not([hidden]) h1"), ["mail"]);
    assert_eq!(page.texts("header nav a[aria-current]"), ["mail"]);
    assert_eq!(page.value("location.hash"), "#program-0");
    shop.load("more.pm", 2_000_000);
    page.until("it is the second again", &format!("{programs} === 'shop,mail'"));
    assert_eq!(page.texts(".program:not([hidden]) h1"), ["mail"]);
    assert_eq!(page.complaints(), [""; 0]);
}

#[test]
fn a_database_that_is_taken_away_is_told_in_the_page_that_is_open() {
    let scene = Scene::serving();
    let daemon = Daemon::start(&scene, "shop");
    daemon.load("first.pm", 5_000);
    let Some(mut page) = open(&scene) else { return };
    await_row(&mut page, "first.pm");
    std::fs::rename(scene.path("alive.db"), scene.path("away.db")).expect("it is there");
    // With nothing in its place the collector would begin another one.
    std::fs::create_dir(scene.path("alive.db")).expect("a folder in the scene");
    page.until(
        "the page says why there is no report",
        "/^the collector has no report \\(.* is not a database: .*\\) since \\d\\d:\\d\\d; trying again$/.test(document.getElementById('live').textContent)",
    );
    await_row(&mut page, "first.pm");
    std::fs::remove_dir(scene.path("alive.db")).expect("it is empty");
    std::fs::rename(scene.path("away.db"), scene.path("alive.db")).expect("it is there");
    page.until("it is live again", "document.getElementById('live').textContent === 'live'");
}
