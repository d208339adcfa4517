//! Taps on the page: the longest silent first, with what silence proves, beside loads and alone.

use alive_store::model::PingRow;
use alive_tests::browser::Looks;

use crate::{open, scene, screenshots};

const NAMES: &str = "#taps tbody th code";

#[test]
fn taps_are_told_the_longest_silent_first_with_what_silence_proves() {
    let Some((_folder, mut page)) = open(scene::tapped()) else { return };
    assert_eq!(page.texts("h1"), ["Taps: is this code still running?"]);
    assert_eq!(page.texts(NAMES), ["report.yearly", "voucher.old", "checkout.legacy"]);
    assert_eq!(page.texts("#taps .silence"), ["9 d 0 h", "3 d 0 h", "5 s"]);
    let told = page.texts("#taps tbody tr:last-child").join("");
    for words in ["checkout/legacy.pm:42", "in Shop::total_before_2019", "Orders.pm:7", "412", "shop on web1"]
    {
        assert!(told.contains(words), "{words:?} in {told}");
    }
    let caveat = page.texts("#taps .lead").join("");
    for words in ["listened for 13 d 0 h", "for 1 d 0 h in between nobody did", "Nothing is known to be lost"]
    {
        assert!(caveat.contains(words), "{words:?} in {caveat}");
    }
    assert!(
        !page.texts("main").join("").contains("No program was seen to fork"),
        "there is something to tell"
    );
    assert_eq!(page.complaints(), [""; 0]);
}

#[test]
fn taps_alone_fit_every_width_and_are_reached_by_the_keyboard() {
    let Some((_folder, mut page)) = open(scene::tapped()) else { return };
    for (name, looks) in [
        ("taps", Looks { width: 1280, dark: false }),
        ("taps-phone", Looks { width: 390, dark: false }),
        ("taps-dark", Looks { width: 1280, dark: true }),
    ] {
        page.look(looks);
        assert_eq!(page.value("document.documentElement.scrollWidth"), looks.width, "{name}");
        std::fs::write(screenshots().join(format!("{name}.png")), page.screenshot())
            .expect("the folder is there");
    }
    // What may be wider than its place is scrolled by the keyboard.
    assert_eq!(page.value("document.querySelector('#taps .scroll').tabIndex"), 0);
    assert_eq!(page.complaints(), [""; 0]);
}

#[test]
fn beside_loads_the_taps_are_a_click_away_and_the_program_stays() {
    let mut both = scene::shop();
    both.programs.extend(scene::many(3).programs);
    let taps = scene::tapped();
    (both.pings, both.epochs) = (taps.pings, taps.epochs);
    let Some((_folder, mut page)) = open(both) else { return };
    assert_eq!(page.texts("header nav a"), ["shop", "many", "Taps (3)"]);
    page.value("location.hash = '#program-1'");
    page.until("the other one is shown", "document.querySelector('#program-0').hidden");
    page.value("location.hash = '#taps'");
    page.until("the taps are in sight", "document.querySelector('#taps').getBoundingClientRect().top < 400");
    assert_eq!(page.value("document.querySelector('#program-0').hidden"), true, "the program stays");
    assert_eq!(page.texts(NAMES).len(), 3);
    assert_eq!(page.complaints(), [""; 0]);
}

#[test]
fn without_taps_nothing_is_said_of_them() {
    let Some((_folder, mut page)) = open(scene::shop()) else { return };
    assert!(page.texts("#taps, a[href='#taps']").is_empty());
}

#[test]
fn a_tap_whose_name_spells_a_script_stays_text() {
    let script = b"</code><script>alert(1)</script>\x1b[2J\xff";
    let mut hostile = scene::tapped();
    hostile.pings = vec![PingRow {
        name: script.to_vec(),
        file: script.to_vec(),
        function: script.to_vec(),
        caller: script.to_vec(),
        service: b"<img src=x onerror=alert(2)>".to_vec(),
        host: b"\" onmouseover=\"alert(3)".to_vec(),
        context: vec![(script.to_vec(), script.to_vec())],
        hits: u64::MAX,
        processes: u64::MAX,
        first_seen_micros: u64::MAX,
        last_seen_micros: 1,
        ..PingRow::default()
    }];
    let Some((_folder, mut page)) = open(hostile) else { return };
    assert_eq!(page.texts(NAMES), ["</code><script>alert(1)</script>\\x1b[2J\\xff"]);
    let strangers =
        page.value("document.querySelectorAll('img, [onmouseover], [onerror], main script').length");
    assert_eq!(strangers, 0);
    assert_eq!(page.complaints(), [""; 0]);
}
