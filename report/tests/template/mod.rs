//! Verdicts on trees in which others than the first process are forked from.

use alive_report::{Report, Selection, Verdict};
use alive_store::model::{LanguageFrame, Role, Site, Snapshot};

use crate::scene::tree::{Tree, load};

/// Verdict, processes that share it and the role that should load it, of each load by role and path.
fn verdicts(tree: Tree) -> Vec<(usize, String, Verdict, u64, Option<usize>)> {
    let report = Report::new(tree.snapshot(), &Selection::default());
    let mut out: Vec<_> = report.programs[0]
        .findings
        .iter()
        .map(|finding| {
            let what = String::from_utf8(finding.what.clone()).unwrap();
            (finding.role, what, finding.verdict, finding.shared_by, finding.load_in)
        })
        .collect();
    out.sort_by_key(|(role, what, ..)| (what.clone(), *role));
    out
}

const MASTER: usize = 0;
const TEMPLATE: usize = 1;
const WORKER: usize = 2;

/// puma with `fork_worker`: worker 0 boots the application and forks workers 1 to 3.
fn puma() -> Tree {
    Tree::new().role(MASTER, 1).role(TEMPLATE, 3)
}

#[test]
fn what_a_template_loads_and_its_children_do_not_is_shared_by_them() {
    let tree = puma().load(load(TEMPLATE, "/app.rb", 1));
    assert_eq!(verdicts(tree), [(TEMPLATE, "/app.rb".into(), Verdict::AlreadyShared, 3, None)]);
}

#[test]
fn not_even_a_slow_load_of_a_template_is_blamed() {
    let mut slow = load(TEMPLATE, "/app.so", 1);
    slow.nanos = 900_000_000;
    assert_eq!(verdicts(puma().load(slow))[0].2, Verdict::AlreadyShared);
}

#[test]
fn what_children_load_belongs_into_their_template() {
    let tree = puma().load(load(WORKER, "/late.rb", 3));
    assert_eq!(verdicts(tree), [(WORKER, "/late.rb".into(), Verdict::Preload, 0, Some(TEMPLATE))]);
}

#[test]
fn what_children_load_again_was_forked_too_early_and_the_template_counts_as_one_of_them() {
    // Worker 0 and one of three others: 2 of 4.
    let tree = puma().load(load(TEMPLATE, "/late.rb", 1)).load(load(WORKER, "/late.rb", 1));
    assert_eq!(
        verdicts(tree),
        [
            (TEMPLATE, "/late.rb".into(), Verdict::Preload, 0, Some(MASTER)),
            (WORKER, "/late.rb".into(), Verdict::Preload, 0, Some(MASTER)),
        ]
    );
    // Worker 0 and one of nine others: 2 of 10.
    let tree = Tree::new().role(MASTER, 1).role(TEMPLATE, 9);
    let tree = tree.load(load(TEMPLATE, "/rare.rb", 1)).load(load(WORKER, "/rare.rb", 1));
    assert!(verdicts(tree).iter().all(|finding| finding.2 == Verdict::LeaveLazy));
}

#[test]
fn what_a_template_shares_and_what_it_repeats_are_two_findings_though_one_brought_the_other() {
    let mut helper = load(TEMPLATE, "/helper.so", 1);
    helper.pulled_in_by = b"/app.so".to_vec();
    let mut again = load(WORKER, "/helper.so", 3);
    again.pulled_in_by = b"/app.so".to_vec();
    let tree = puma().load(load(TEMPLATE, "/app.so", 1)).load(helper).load(again);
    let found = verdicts(tree);
    let told: Vec<_> =
        found.iter().map(|(role, what, verdict, ..)| (*role, what.as_str(), *verdict)).collect();
    assert_eq!(
        told,
        [
            (TEMPLATE, "/app.so", Verdict::AlreadyShared),
            (TEMPLATE, "/helper.so", Verdict::Preload),
            (WORKER, "/helper.so", Verdict::Preload),
        ]
    );
}

#[test]
fn a_generation_of_which_one_became_the_mould_is_judged_as_workers() {
    // pitchfork: four workers; one is promoted and forks four more.
    let tree = Tree::new().role(MASTER, 4).role(TEMPLATE, 4);
    let tree = tree.load(load(TEMPLATE, "/all.rb", 4)).load(load(TEMPLATE, "/one.rb", 1));
    assert_eq!(
        verdicts(tree),
        [
            (TEMPLATE, "/all.rb".into(), Verdict::Preload, 0, Some(MASTER)),
            (TEMPLATE, "/one.rb".into(), Verdict::LeaveLazy, 0, Some(MASTER)),
        ]
    );
}

#[test]
fn in_a_chain_of_templates_each_shares_with_all_that_are_below() {
    // Zygote, a second one forked from it, and the applications of that.
    let tree = Tree::new().role(MASTER, 1).role(1, 1).role(2, 5);
    let tree = tree.load(load(1, "/boot.so", 1)).load(load(2, "/more.so", 1)).load(load(3, "/app.so", 5));
    assert_eq!(
        verdicts(tree),
        [
            (3, "/app.so".into(), Verdict::Preload, 0, Some(2)),
            (1, "/boot.so".into(), Verdict::AlreadyShared, 6, None),
            (2, "/more.so".into(), Verdict::AlreadyShared, 5, None),
        ]
    );
}

#[test]
fn a_role_whose_forks_were_not_told_is_as_large_as_the_number_that_spoke() {
    let mut tree = puma().load(load(TEMPLATE, "/app.rb", 5));
    tree.roles[TEMPLATE].processes = 0;
    assert_eq!(verdicts(tree)[0].2, Verdict::Preload);
}

#[test]
fn a_template_of_several_runs_is_one_in_each() {
    let mut tree = Tree::new().role(MASTER, 3).role(TEMPLATE, 9).load(load(TEMPLATE, "/app.rb", 3));
    for role in &mut tree.roles {
        role.trees = 3;
    }
    assert_eq!(verdicts(tree)[0].2, Verdict::AlreadyShared);
}

#[test]
fn children_that_are_forked_to_execute_something_share_nothing() {
    let run = |change: fn(&mut Role)| {
        let mut tree = puma().load(load(TEMPLATE, "/app.pl", 1));
        change(&mut tree.roles[WORKER]);
        verdicts(tree)[0].2
    };
    assert_eq!(run(|_| ()), Verdict::AlreadyShared);
    let by_symbol = run(|role| {
        role.site = Some(Site { symbol: Some("Perl_pp_system+0x17d".into()), ..Site::default() });
    });
    assert_eq!(by_symbol, Verdict::LeaveLazy);
    let by_line = run(|role| {
        role.line = Some(LanguageFrame {
            language: "python".into(),
            file: b"/usr/lib/python3.11/subprocess.py".to_vec(),
            line: 1901,
            function: b"_execute_child".to_vec(),
        });
    });
    assert_eq!(by_line, Verdict::LeaveLazy);
}

#[test]
fn one_worker_at_a_time_that_is_renewed_repeats_the_work() {
    let mut renewed = load(TEMPLATE, "/app.pm", 8);
    renewed.respawned = 7;
    let report = Report::new(Tree::new().role(MASTER, 8).load(renewed).snapshot(), &Selection::default());
    let finding = &report.programs[0].findings[0];
    assert_eq!((finding.verdict, finding.respawned, finding.load_in), (Verdict::Preload, 7, Some(MASTER)));
    // Two workers at a time, two hundred in a day, thirty of which load it.
    let mut often = load(TEMPLATE, "/often.pm", 30);
    often.respawned = 28;
    let mut seldom = load(TEMPLATE, "/seldom.pm", 4);
    seldom.respawned = 3;
    let found = verdicts(Tree::new().role(MASTER, 200).load(often).load(seldom));
    assert_eq!((found[0].2, found[1].2), (Verdict::Preload, Verdict::LeaveLazy));
}

#[test]
fn a_chain_of_roles_that_bites_its_tail_is_judged_to_its_end() {
    let mut tree = Tree::new().role(MASTER, 1).role(1, 1).load(load(1, "/a.so", 1)).load(load(2, "/a.so", 1));
    tree.roles[1].parent = Some(2);
    assert_eq!(verdicts(tree).len(), 2);
}

#[test]
fn a_snapshot_without_roles_is_judged() {
    let mut snapshot: Snapshot = Tree::new().load(load(7, "/a.so", 1)).snapshot();
    snapshot.programs[0].roles.clear();
    assert_eq!(Report::new(snapshot, &Selection::default()).programs[0].findings.len(), 1);
}
