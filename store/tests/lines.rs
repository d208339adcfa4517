//! The lines of interpreted languages: a role's identity, what could be read, and each kept once.

mod sample;

use alive_store::model::{
    Batch, Interpreter, LineCount, LoadKey, LoadRow, Program, RoleCount, TreeRow, UNTOLD,
};
use alive_store::{Writer, snapshot};
use sample::{forked_at, line, load, role, stack, tree};

/// Writes each batch and reads the one program back.
fn stored(batches: &[Batch]) -> Program {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.db");
    let mut writer = Writer::open(&path).unwrap();
    for batch in batches {
        writer.write(batch).unwrap();
    }
    writer.close().unwrap();
    let mut programs = snapshot(&path).unwrap().programs;
    assert_eq!(programs.len(), 1);
    programs.remove(0)
}

/// A process of a role loads a file, and tells of its role.
fn told(pid: u32, number: u16, line: Option<u32>) -> Batch {
    let chain = forked_at(line);
    Batch {
        trees: vec![tree(pid)],
        roles: vec![RoleCount { chain: chain.clone(), ..role(pid, &[], number, 2) }],
        loads: vec![LoadRow {
            key: LoadKey { chain, ..load(pid, &[], b"/a.pm").key },
            ..load(pid, &[], b"/a.pm")
        }],
        ..Batch::default()
    }
}

/// The lines that fork each role but the root's, with its processes and the processes that loaded.
fn roles(program: &Program) -> Vec<(Option<u32>, u64, u64)> {
    let loads = |role| program.loads.iter().filter(move |load| load.role == role);
    (1..program.roles.len())
        .map(|index| {
            let role = &program.roles[index];
            let line = role.line.as_ref().map(|line| line.line);
            (line, role.processes, loads(index).map(|load| load.processes).sum())
        })
        .collect()
}

#[test]
fn two_lines_that_fork_through_one_function_are_two_roles() {
    let program = stored(&[told(1, 1, Some(589)), told(1, 2, Some(700))]);
    assert_eq!(roles(&program), [(Some(589), 2, 1), (Some(700), 2, 1)]);
    assert_eq!(program.roles[1].line, Some(line(589)));
    assert_eq!(program.roles[1].site, program.roles[2].site);
}

#[test]
fn a_role_without_a_line_gets_the_one_that_its_number_is_told_with() {
    assert_eq!(roles(&stored(&[told(1, 1, None), told(1, 1, Some(589))])), [(Some(589), 2, 2)]);
}

#[test]
fn an_event_without_its_roles_line_does_not_make_another_role() {
    assert_eq!(roles(&stored(&[told(1, 1, Some(589)), told(1, 1, None)])), [(Some(589), 2, 2)]);
}

#[test]
fn it_does_not_matter_which_of_one_batch_comes_first() {
    for order in [[None, Some(589)], [Some(589), None]] {
        let [mut first, second] = order.map(|line| told(1, 1, line));
        let child = [forked_at(None), forked_at(None)].concat();
        first.roles.insert(0, RoleCount { chain: child, ..role(1, &[], 2, 1) });
        first.roles.extend(second.roles);
        first.loads.extend(second.loads);
        let program = stored(&[first]);
        assert_eq!(program.roles.len(), 3, "{order:?}");
        assert_eq!(program.roles[2].parent, Some(1), "{order:?}");
        assert_eq!(roles(&program)[0], (Some(589), 2, 2), "{order:?}");
    }
}

#[test]
fn a_line_told_late_joins_the_role_that_has_it_under_another_number() {
    let program = stored(&[told(1, 1, Some(589)), told(1, 4, None), told(1, 4, Some(589))]);
    assert_eq!(roles(&program), [(Some(589), 4, 3)], "two forks under each number");
    let below = |number: u16, line: Option<u32>| {
        let chain = [forked_at(line), forked_at(None)].concat();
        Batch {
            trees: vec![tree(1)],
            roles: vec![RoleCount { chain, ..role(1, &[], number + 1, 1) }],
            ..Batch::default()
        }
    };
    let both = [told(1, 1, Some(589)), told(1, 4, None), below(4, None), below(1, Some(589))];
    let program = stored(&[&both[..], &[told(1, 4, Some(589))]].concat());
    let parents: Vec<_> = program.roles.iter().map(|role| (role.parent, role.processes)).collect();
    assert_eq!(parents, [(None, 1), (Some(0), 4), (Some(1), 2)], "what hung from both hangs from the one");
}

#[test]
fn a_role_of_another_number_that_never_tells_its_line_stays_apart() {
    let program = stored(&[told(1, 1, None), told(1, 2, Some(589)), told(1, 1, None)]);
    assert_eq!(roles(&program), [(None, 2, 2), (Some(589), 2, 1)]);
}

#[test]
fn a_role_without_a_line_that_has_two_numbers_is_not_named_after_one_of_them() {
    let program = stored(&[told(1, 1, None), told(1, 2, None), told(1, 2, Some(589))]);
    assert_eq!(roles(&program), [(None, 4, 2), (Some(589), 2, 1)]);
}

#[test]
fn where_processes_number_roles_for_themselves_only_the_line_tells() {
    let program = stored(&[told(1, 0, None), told(1, 0, Some(589)), told(1, 0, Some(589))]);
    assert_eq!(roles(&program), [(None, 2, 1), (Some(589), 2, 2)]);
}

/// Numbers come with counts, and a count comes when something was forked.
#[test]
fn a_writer_that_starts_again_knows_a_role_without_its_line() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.db");
    let silent = || Batch { roles: Vec::new(), ..told(1, 1, None) };
    for batch in [told(1, 1, Some(589)), told(1, 1, None), silent()] {
        let mut writer = Writer::open(&path).unwrap();
        writer.write(&batch).unwrap();
        writer.close().unwrap();
    }
    let program = snapshot(&path).unwrap().programs.remove(0);
    assert_eq!(roles(&program), [(Some(589), 2, 3)]);
}

#[test]
fn another_run_without_lines_is_of_the_only_role_that_forks_there() {
    for batches in [[told(1, 1, None), told(2, 1, Some(589))], [told(1, 1, Some(589)), told(2, 1, None)]] {
        assert_eq!(roles(&stored(&batches)), [(Some(589), 4, 2)]);
    }
    let program = stored(&[told(1, 1, None), told(2, 1, Some(589)), told(2, 2, Some(700))]);
    assert_eq!(roles(&program).len(), 3, "of which of the two nobody can say");
}

#[test]
fn interpreters_and_what_they_let_be_read_come_back() {
    let interpreter = |language: &str, version: &[u8], no_lines: Option<&str>| Interpreter {
        language: language.into(),
        version: version.to_vec(),
        no_lines: no_lines.map(Into::into),
    };
    let count = |language: &str, no_lines: Option<&str>, loads| LineCount {
        language: language.into(),
        no_lines: no_lines.map(Into::into),
        loads,
    };
    let batch = |pid, interpreters: &[Interpreter], counts: &[LineCount]| Batch {
        trees: vec![TreeRow { interpreters: interpreters.to_vec(), ..tree(pid) }],
        lines: counts.iter().map(|count| (tree(pid).key, count.clone())).collect(),
        ..Batch::default()
    };
    let perl = interpreter("perl", b"5.38.2", Some("unknown-version"));
    let ruby = interpreter("ruby", b"3.1.2\xff", None);
    let program = stored(&[
        batch(1, std::slice::from_ref(&perl), &[count("perl", Some("unknown-version"), 3)]),
        batch(
            1,
            &[perl.clone(), ruby.clone()],
            &[count("ruby", None, 5), count("ruby", Some(UNTOLD), u64::MAX)],
        ),
        batch(
            2,
            std::slice::from_ref(&perl),
            &[count("perl", Some("unknown-version"), 4), count("ruby", None, 2)],
        ),
    ]);
    assert_eq!(program.interpreters, [perl, ruby]);
    let largest = i64::MAX.unsigned_abs();
    let expected = [
        count("perl", Some("unknown-version"), 7),
        count("ruby", None, 7),
        count("ruby", Some(UNTOLD), largest),
    ];
    assert_eq!(program.lines, expected);
    let off = interpreter("ruby", b"3.1.2\xff", Some("unexpected"));
    let later = stored(&[
        batch(1, &[program.interpreters[1].clone()], &[]),
        batch(1, std::slice::from_ref(&off), &[]),
    ]);
    assert_eq!(later.interpreters, [off], "the last word counts");
}

#[test]
fn a_line_that_stands_in_many_stacks_is_kept_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.db");
    let mut writer = Writer::open(&path).unwrap();
    let loads = (0..50).map(|file| LoadRow {
        stacks: vec![stack(b"/srv/app.pl", 7)],
        ..load(1, &["w"], format!("/{file}.pm").as_bytes())
    });
    writer.write(&Batch { trees: vec![tree(1)], loads: loads.collect(), ..Batch::default() }).unwrap();
    writer.close().unwrap();
    let program = &snapshot(&path).unwrap().programs[0];
    assert!(program.loads.iter().all(|load| load.stacks == [stack(b"/srv/app.pl", 7)]));
    let db = rusqlite::Connection::open(&path).unwrap();
    let lines: i64 = db.query_row("SELECT count(*) FROM line", [], |row| row.get(0)).unwrap();
    assert_eq!(lines, 1);
}

#[test]
fn a_library_that_is_replaced_while_its_daemon_runs_forks_the_same_role() {
    let replaced = |number, line| {
        let mut batch = told(1, number, line);
        for chain in [&mut batch.roles[0].chain, &mut batch.loads[0].key.chain] {
            chain[0].site.build_id = vec![9];
            chain[0].site.symbol = None;
        }
        batch
    };
    let program = stored(&[replaced(1, None), told(1, 2, None), replaced(3, None)]);
    assert_eq!(roles(&program), [(None, 6, 3)]);
    // Of the two builds the one whose symbol is known stands for both.
    assert_eq!(program.roles[1].site.as_ref().unwrap().build_id, [1, 2, 3]);
    assert_eq!(program.roles[1].trees, 1);

    let told_late = stored(&[replaced(1, None), told(1, 1, Some(589)), replaced(2, Some(589))]);
    assert_eq!(roles(&told_late), [(Some(589), 4, 3)]);
}
