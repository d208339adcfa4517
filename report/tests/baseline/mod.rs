//! Reports held against baselines.

use alive_report::baseline::Baseline;
use alive_report::baseline::compare::compare;
use alive_report::render::difference;
use alive_report::{Report, Selection};
use alive_store::model::{LanguageFrame, Snapshot};

use crate::scene;
use crate::scene::tree::{Tree, load};

const MASTER: usize = 0;
const WORKER: usize = 1;

fn report(snapshot: Snapshot) -> Report {
    Report::new(snapshot, &Selection::default())
}

/// The baseline that accepts everything in a snapshot.
fn accepting(snapshot: Snapshot) -> String {
    compare(&report(snapshot), &Baseline::default(), true).updated.to_string()
}

/// What is said of a snapshot that is held against a baseline.
fn difference(snapshot: Snapshot, baseline: &str) -> String {
    let baseline = Baseline::parse(baseline.as_bytes()).unwrap();
    let mut out = Vec::new();
    difference::render(&compare(&report(snapshot), &baseline, true), &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn a_baseline_of_a_report_accepts_it() {
    let text = accepting(scene::starman());
    insta::assert_snapshot!(text);
    assert_eq!(difference(scene::starman(), &text), "Late loads: 7 accepted, 0 new.\n");
}

#[test]
fn hostile_names_are_accepted_as_they_are() {
    let text = accepting(scene::hostile());
    assert!(text.bytes().all(|byte| byte == b'\n' || matches!(byte, b' '..=b'~')), "{text}");
    assert_eq!(difference(scene::hostile(), &text), "Late loads: 3 accepted, 0 new.\n");
    let told = difference(scene::hostile(), "alive-baseline 1\n");
    assert!(told.chars().all(|character| character == '\n' || !character.is_control()), "{told}");
}

#[test]
fn what_is_new_is_told_by_what_brought_it() {
    let everything = accepting(scene::starman());
    let without: Vec<&str> = everything.lines().filter(|line| !line.contains("/LWP/")).collect();
    insta::assert_snapshot!(difference(scene::starman(), "alive-baseline 1\n"));
    let text = difference(scene::starman(), &without.join("\n"));
    assert!(
        text.starts_with("+ starman, libperl.so:Perl_pp_fork: /usr/share/perl5/LWP/UserAgent.pm\n"),
        "{text}"
    );
    assert!(text.ends_with("Late loads: 6 accepted, 1 new.\n"), "{text}");
}

#[test]
fn another_version_of_everything_is_no_news() {
    let line = |number: u32| LanguageFrame {
        language: "python".into(),
        file: format!("/usr/lib/python3.{number}/gunicorn/arbiter.py").into_bytes(),
        line: number,
        function: b"spawn_worker".to_vec(),
    };
    let program = |number: u32| {
        let path = format!("/usr/lib/python3.{number}/__pycache__/uuid.cpython-3{number}.pyc");
        let mut tree = Tree::new().role(MASTER, 4).load(load(WORKER, &path, 4));
        tree.roles[WORKER].line = Some(line(number));
        tree.snapshot()
    };
    assert_eq!(difference(program(12), &accepting(program(11))), "Late loads: 1 accepted, 0 new.\n");
}

#[test]
fn the_same_file_in_another_role_is_new() {
    let tree = |role: usize| {
        let mut tree = Tree::new().role(MASTER, 4).role(MASTER, 4).load(load(role, "/late.pm", 4));
        for (index, name) in [(1, "web"), (2, "queue")] {
            tree.roles[index].site.get_or_insert_default().symbol = Some(format!("fork_{name}+0x1"));
        }
        tree.snapshot()
    };
    let text = difference(tree(2), &accepting(tree(1)));
    assert!(text.contains("+ tree, :fork_queue: /late.pm\n"), "{text}");
    assert!(text.contains("- tree, :fork_web: /late.pm\n"), "{text}");
}

#[test]
fn one_of_fifty_is_luck_and_what_is_shared_is_not_late() {
    let tree = Tree::new().role(MASTER, 50).load(load(WORKER, "/rare.pm", 1));
    assert_eq!(
        difference(tree.snapshot(), "alive-baseline 1\n"),
        "Late loads: 0 accepted, 0 new, 1 new but loaded by too few to fail.\n"
    );
    let mut slow = load(WORKER, "/slow.so", 1);
    slow.nanos = 900_000_000;
    let tree = Tree::new().role(MASTER, 50).load(slow);
    assert!(
        difference(tree.snapshot(), "alive-baseline 1\n").contains(" 0 new, 1 new but loaded by too few")
    );
    let template = Tree::new().role(MASTER, 1).role(WORKER, 3).load(load(WORKER, "/app.rb", 1));
    assert_eq!(difference(template.snapshot(), "alive-baseline 1\n"), "Late loads: 0 accepted, 0 new.\n");
}

#[test]
fn names_that_are_searched_for_are_left_alone_unless_asked_for() {
    let accepted = accepting(scene::starman());
    let baseline = Baseline::parse(accepted.as_bytes()).unwrap();
    let report = report(Snapshot { programs: scene::skewed().programs, ..scene::starman() });
    let mut other = report;
    other.programs[0].label = b"starman".to_vec();
    let without = compare(&other, &baseline, false);
    assert!(without.updated.to_string().contains("missing Acme/NotInstalled/Optional.pm"));
    let with = compare(&other, &baseline, true);
    assert!(!with.updated.to_string().contains("missing"));
    assert_eq!(with.gone.len(), without.gone.len() + 1);
}
