//! Lines of interpreted languages, from the datagram to the database and the events file.

mod scene;

use std::fs;

use alive_collector::EventsTarget;
use alive_store::model::{Interpreter, LineCount, Program, UNTOLD};
use alive_wire::record::{Lineage, Module, types};
use alive_wire::{Encoder, Kind, Language, LanguageStack, MAX_SENT, NoLines};
use scene::{Folder, PERL, Tree, collect, event, packed, sender};
use serde_json::{Value, json};

/// What a collector makes of datagrams: the program in its database, and the events file.
fn collected(datagrams: &[Vec<u8>]) -> (Program, Vec<Value>) {
    let folder = Folder::new();
    let mut options = folder.options();
    options.events = Some(EventsTarget::File(folder.events()));
    let progress = collect(&options, |collector| {
        let socket = sender(collector.addresses()[0]);
        for datagram in datagrams {
            socket.send(datagram).unwrap();
        }
    });
    assert_eq!(progress.loss, alive_store::model::Loss::default());
    let text = fs::read_to_string(folder.events()).unwrap();
    (folder.program(), text.lines().map(|line| serde_json::from_str(line).unwrap()).collect())
}

/// A worker loads a file; `line` forked it, and `more` tells of the load's lines.
fn load(tree: &mut Tree, role: u16, line: &[u8], more: impl FnOnce(&mut Encoder<'_>)) -> Vec<u8> {
    event(tree.header(Kind::Load, role.into()), |encoder| {
        encoder.string(types::PATH, b"/lib/Heavy.pm");
        encoder.code(PERL);
        encoder.lineage(&Lineage {
            role,
            forks: 2,
            ordinal: 1,
            forker_pid: 100,
            module: 0,
            offset: 0x20,
            fork_nanos: 0,
            resident_kib: 0,
            line: stack(Language::Python, line),
        });
        encoder.module(&Module { build_id: b"\x01", path: b"/no/such/python" });
        more(encoder);
    })
}

fn stack(language: Language, packed: &[u8]) -> LanguageStack<'_> {
    LanguageStack { language: Some(language), packed }
}

/// Line and processes of each role but the root's.
fn roles(program: &Program) -> Vec<(Option<u32>, u64)> {
    let line = |role: &alive_store::model::Role| role.line.as_ref().map(|line| line.line);
    program.roles[1..].iter().map(|role| (line(role), role.processes)).collect()
}

#[test]
fn the_caller_is_the_line_outside_of_the_import_machinery() {
    let lines = packed(&[
        (1, "/usr/share/perl5/Module/Runtime.pm", "require_module"),
        (2, "/usr/share/perl5/Class/Load.pm", ""),
        (42, "/srv/cart.pl", "main::checkout"),
    ]);
    let mut tree = Tree::new(100);
    let load =
        load(&mut tree, 1, b"", |encoder| encoder.language_stack(&stack(Language::Perl, &lines), MAX_SENT));
    let (program, events) = collected(&[load]);
    let caller = json!({"file": "/srv/cart.pl", "line": 42, "function": "main::checkout"});
    assert_eq!(events[0]["caller"], caller);
    let files: Vec<_> =
        events[0]["frames"].as_array().unwrap().iter().map(|frame| frame["file"].clone()).collect();
    assert_eq!(
        files,
        ["/usr/share/perl5/Module/Runtime.pm", "/usr/share/perl5/Class/Load.pm", "/srv/cart.pl"]
    );
    let stored: Vec<_> = program.loads[0].stacks[0].language.iter().map(|frame| frame.line).collect();
    assert_eq!(stored, [1, 2, 42]);
}

#[test]
fn a_role_is_named_by_the_line_that_forks_it_outside_of_the_fork_machinery() {
    let line = packed(&[
        (66, "/usr/lib/python3.11/multiprocessing/popen_fork.py", "_launch"),
        (589, "/usr/lib/python3/dist-packages/gunicorn/arbiter.py", "spawn_worker"),
    ]);
    let mut tree = Tree::new(100);
    let (program, events) = collected(&[load(&mut tree, 1, &line, |_| ())]);
    assert_eq!(events[0]["role"], "worker forked at arbiter.py:589 in spawn_worker()");
    let line = program.roles[1].line.as_ref().unwrap();
    assert_eq!(line.file, b"/usr/lib/python3/dist-packages/gunicorn/arbiter.py");
    assert_eq!(
        (line.language.as_str(), line.line, line.function.as_slice()),
        ("python", 589, &b"spawn_worker"[..])
    );
    assert_eq!(program.roles[1].site.as_ref().unwrap().module, b"/no/such/python");
}

#[test]
fn two_lines_that_call_one_fork_are_two_roles() {
    let (one, other) = (packed(&[(589, "/srv/a.py", "")]), packed(&[(600, "/srv/a.py", "")]));
    let mut tree = Tree::new(100);
    let (program, _) = collected(&[
        load(&mut tree, 1, &one, |_| ()),
        load(&mut tree, 2, &other, |_| ()),
        load(&mut tree, 1, &one, |_| ()),
    ]);
    assert_eq!(roles(&program), [(Some(589), 2), (Some(600), 2)]);
}

#[test]
fn an_event_that_lacks_its_roles_line_is_of_the_role_that_its_number_says() {
    let line = packed(&[(589, "/srv/a.py", "")]);
    for told in [[&line[..], b""], [b"", &line[..]]] {
        let mut tree = Tree::new(100);
        let [first, second] = told.map(|line| load(&mut tree, 1, line, |_| ()));
        let (program, _) = collected(&[first, second]);
        assert_eq!(roles(&program), [(Some(589), 2)]);
        assert_eq!(program.loads.len(), 1);
        assert_eq!((program.loads[0].events, program.loads[0].processes), (2, 1));
    }
}

#[test]
fn a_start_tells_which_interpreters_are_there_and_what_of_them_can_be_read() {
    let mut tree = Tree::new(100);
    let start = event(tree.header(Kind::Start, 0), |encoder| {
        encoder.string(types::PROGRAM, b"shop");
        encoder.interpreter(Language::Perl, None, b"5.36.0");
        encoder.interpreter(Language::Python, Some(NoLines::UnknownVersion), b"3.15.0\xff");
        encoder.string(types::INTERPRETER, b"\xc8\xc9");
    });
    let (program, events) = collected(&[start]);
    assert_eq!(
        events[0]["interpreters"],
        json!([
            {"language": "perl", "version": "5.36.0", "lines": "read"},
            {"language": "python", "version": "3.15.0\\xff", "lines": "unknown-version"},
            {"language": "unknown", "lines": "reason-201"},
        ])
    );
    assert!(events[0].get("no_lines").is_none());
    let interpreter = |language: &str, version: &[u8], no_lines: Option<&str>| Interpreter {
        language: language.into(),
        version: version.to_vec(),
        no_lines: no_lines.map(Into::into),
    };
    assert_eq!(
        program.interpreters,
        [
            interpreter("", b"", Some("reason-201")),
            interpreter("perl", b"5.36.0", None),
            interpreter("python", b"3.15.0\xff", Some("unknown-version")),
        ]
    );
}

#[test]
fn loads_without_lines_say_why_and_are_counted() {
    let lines = packed(&[(42, "/srv/cart.pl", "")]);
    let mut tree = Tree::new(100);
    let read = |encoder: &mut Encoder<'_>| encoder.language_stack(&stack(Language::Perl, &lines), MAX_SENT);
    let unread =
        |encoder: &mut Encoder<'_>| encoder.interpreter(Language::Perl, Some(NoLines::Interrupted), b"");
    let missing = event(tree.header(Kind::Missing, 1), |encoder| {
        encoder.string(types::NAME, b"Optional::XS");
        encoder.interpreter(Language::Perl, Some(NoLines::NoLock), b"");
    });
    let (program, events) = collected(&[
        load(&mut tree, 1, b"", read),
        load(&mut tree, 1, b"", read),
        load(&mut tree, 1, b"", unread),
        load(&mut tree, 1, b"", |_| ()),
        missing,
    ]);
    let reasons: Vec<_> = events.iter().map(|event| event.get("no_lines").cloned()).collect();
    assert_eq!(reasons, [None, None, Some(json!("interrupted")), None, Some(json!("no-lock"))]);
    let count = |no_lines: Option<&str>, loads| LineCount {
        language: "perl".into(),
        no_lines: no_lines.map(Into::into),
        loads,
    };
    assert_eq!(program.lines, [count(None, 2), count(Some("interrupted"), 1), count(Some(UNTOLD), 1)]);
    assert_eq!(program.interpreters, [], "only a start tells which are there");
}

#[test]
fn what_is_told_of_lines_obeys_the_schema() {
    let lines = packed(&[(42, "/srv/cart.pl", "main::checkout")]);
    let mut tree = Tree::new(100);
    let start = event(tree.header(Kind::Start, 0), |encoder| {
        encoder.interpreter(Language::Perl, None, b"5.36.0");
        encoder.string(types::INTERPRETER, b"\xc8\xc9");
    });
    let mut datagrams = vec![
        start,
        load(&mut tree, 1, &lines, |encoder| {
            encoder.language_stack(&stack(Language::Perl, &lines), MAX_SENT);
        }),
        load(&mut tree, 1, b"", |_| ()),
    ];
    for reason in NoLines::ALL {
        datagrams
            .push(load(&mut tree, 1, b"", |encoder| encoder.interpreter(Language::Perl, Some(*reason), b"")));
    }
    let (_, events) = collected(&datagrams);
    let schema = serde_json::from_str(include_str!("../../docs/schema/events.schema.json")).unwrap();
    let schema = jsonschema::validator_for(&schema).unwrap();
    for event in &events {
        schema.validate(event).unwrap();
    }
    let mut broken = events.last().unwrap().clone();
    broken["no_lines"] = json!("perhaps");
    assert!(!schema.is_valid(&broken), "a schema that lets everything pass proves nothing");
}
