//! The findings: sorted, filtered, unfolded.

use alive_tests::browser::Page;

use crate::{open, scene};

/// Enough that a page must not take its time.
const MANY: u64 = 10_000;

fn paths(page: &mut Page) -> Vec<String> {
    page.texts(".findings tbody .fold")
}

#[test]
fn ten_thousand_loads_are_sorted_filtered_and_shown_in_parts() {
    let Some((_folder, mut page)) = open(scene::many(MANY)) else { return };
    assert_eq!(paths(&mut page).len(), 200);
    assert!(page.texts(".rest").join("").contains("200 of 10,000 findings"));
    page.click(".next");
    assert_eq!(paths(&mut page).len(), 1_200);

    page.click(".findings th:nth-child(2) button");
    let by_name = paths(&mut page);
    assert_eq!(by_name[..2], ["/srv/lib/module00000.py", "/srv/lib/module00001.py"]);
    page.click(".findings th:nth-child(2) button");
    assert_eq!(paths(&mut page)[0], "/srv/lib/module09999.py");
    let sorted = page.value("document.querySelector('.findings th:nth-child(2)').getAttribute('aria-sort')");
    assert_eq!(sorted, "descending");

    page.value(
        "document.querySelector('input[type=search]').value = 'app.py:4243', \
         document.querySelector('input[type=search]').dispatchEvent(new Event('input')), 1",
    );
    assert_eq!(paths(&mut page), ["/srv/lib/module04242.py"], "filtered by who asked");
    assert_eq!(page.complaints(), [""; 0]);
}

#[test]
fn a_row_unfolds_to_its_stacks_and_folds_again() {
    let Some((_folder, mut page)) = open(scene::shop()) else { return };
    assert!(page.texts(".detail").is_empty());
    page.click(".findings tbody .fold");
    let unfolded = page.texts(".detail").join("");
    assert!(unfolded.contains("/srv/shop/views.py:42 in checkout"), "{unfolded}");
    assert!(unfolded.contains("_PyEval_EvalFrameDefault"), "{unfolded}");
    assert_eq!(page.texts(".detail .brought code").len(), 24, "everything that it brought");
    // The keyboard goes on from there.
    page.press("Enter");
    page.until("the row is folded", "!document.querySelector('.detail')");
    assert_eq!(page.complaints(), [""; 0]);
}

#[test]
fn verdicts_are_chosen_by_their_chips() {
    let Some((_folder, mut page)) = open(scene::shop()) else { return };
    page.click(".controls .verdict.leave-lazy");
    assert_eq!(paths(&mut page), ["/usr/lib/python3.11/__pycache__/csv.cpython-311.pyc"]);
    page.click(".controls .verdict.optional");
    assert_eq!(paths(&mut page).len(), 2);
    page.click(".controls .verdict.leave-lazy");
    assert_eq!(paths(&mut page), ["ujson"]);
}
