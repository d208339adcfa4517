//! Which load brought which, by what a daemon may tell.

use super::{MAX_DEPTH, Node, grow, python_source};
use alive_store::model::{LanguageFrame, Load, Stack};

pub(crate) fn load(path: &str, processes: u64) -> Load {
    Load {
        role: 1,
        path: path.into(),
        name: Vec::new(),
        kind: if path.contains(".so") { "library" } else { "module" }.into(),
        language: "python".into(),
        outcome: "loaded".into(),
        via: "open".into(),
        pulled_in_by: Vec::new(),
        events: processes,
        processes,
        bytes: 100,
        nanos: 0,
        respawned: 0,
        spans: 0,
        span_nanos: 0,
        span_cpu_nanos: 0,
        span_faults: 0,
        bound_nanos: 0,
        first_seen_micros: 0,
        last_seen_micros: 0,
        stacks: Vec::new(),
    }
}

fn asked(mut load: Load, file: &str, function: &str) -> Load {
    load.stacks.push(Stack {
        language: vec![LanguageFrame {
            language: "python".into(),
            file: file.into(),
            line: 1,
            function: function.into(),
        }],
        native: Vec::new(),
    });
    load
}

fn linked(mut load: Load, by: &str) -> Load {
    load.pulled_in_by = by.into();
    load
}

fn trees(loads: &[Load]) -> Vec<Node> {
    grow(loads, &(0..loads.len()).collect::<Vec<_>>())
}

fn leaf(load: usize) -> Node {
    Node { load, children: Vec::new() }
}

#[test]
fn a_dependency_hangs_from_the_library_that_pulled_it_in() {
    let loads = [
        load("/usr/lib/python3/_sqlite3.so", 2),
        linked(load("/usr/lib/libsqlite3.so.0", 2), "/usr/lib/python3/_sqlite3.so"),
    ];
    assert_eq!(trees(&loads), [Node { load: 0, children: vec![leaf(1)] }]);
}

#[test]
fn a_library_is_known_by_its_file_name_when_the_link_map_names_another_path() {
    let loads = [load("/usr/lib/a.so", 2), linked(load("/usr/lib/b.so", 2), "/lib/a.so")];
    assert_eq!(trees(&loads), [Node { load: 0, children: vec![leaf(1)] }]);
    let twice =
        [load("/usr/lib/a.so", 2), load("/opt/a.so", 2), linked(load("/usr/lib/b.so", 2), "/lib/a.so")];
    assert_eq!(trees(&twice).len(), 3, "two files of that name: neither is the one for sure");
}

#[test]
fn an_import_hangs_from_the_module_whose_body_asked() {
    let loads = [
        load("/app/__pycache__/django.cpython-311.pyc", 2),
        asked(load("/app/__pycache__/urls.cpython-311.pyc", 2), "/app/django.py", "<module>"),
        asked(load("/app/__pycache__/late.cpython-311.pyc", 2), "/app/django.py", "handler"),
    ];
    assert_eq!(trees(&loads), [Node { load: 0, children: vec![leaf(1)] }, leaf(2)]);
}

/// A Perl module, asked for by these lines, innermost first; functions are not told.
fn perl(path: &str, asked_by: &[(&str, u32)]) -> Load {
    let line = |&(file, line): &(&str, u32)| LanguageFrame {
        language: "perl".into(),
        file: file.into(),
        line,
        function: Vec::new(),
    };
    let mut load = load(path, 2);
    load.stacks.push(Stack { language: asked_by.iter().map(line).collect(), native: Vec::new() });
    load
}

#[test]
fn without_functions_the_lines_outside_tell_whether_a_file_is_being_loaded() {
    let loads = [
        perl("/A.pm", &[("/app.psgi", 12), ("/app.psgi", 12), ("/Server.pm", 300)]),
        perl("/Used.pm", &[("/A.pm", 3), ("/A.pm", 3), ("/app.psgi", 12), ("/app.psgi", 12)]),
        perl("/Later.pm", &[("/A.pm", 90), ("/app.psgi", 30), ("/Server.pm", 300)]),
        perl("/Eval.pm", &[("(eval 7)", 1), ("/A.pm", 4), ("/app.psgi", 12)]),
    ];
    assert_eq!(trees(&loads), [Node { load: 0, children: vec![leaf(1), leaf(3)] }, leaf(2)]);
}

#[test]
fn a_block_belongs_to_its_file_while_the_file_is_on_the_stack() {
    let ruby = |load: Load, function| {
        let mut load = asked(load, "/config.ru", function);
        load.stacks.iter_mut().flat_map(|stack| &mut stack.language).for_each(|frame| {
            frame.language = "ruby".into();
        });
        load
    };
    let mut early = ruby(load("/early.rb", 2), "block in <main>");
    let around = ruby(load("", 2), "<main>").stacks.remove(0).language.remove(0);
    early.stacks[0].language.push(around);
    let loads = [load("/config.ru", 2), early, ruby(load("/late.rb", 2), "block (2 levels) in <main>")];
    assert_eq!(trees(&loads), [Node { load: 0, children: vec![leaf(1)] }, leaf(2)]);
}

#[test]
fn a_file_is_known_by_the_name_that_the_program_calls_it() {
    let mut linked = perl("/usr/share/perl/5.36.0/Carp.pm", &[("/app.psgi", 12)]);
    linked.name = "/usr/share/perl/5.36/Carp.pm".into();
    let loads = [linked, perl("/Used.pm", &[("/usr/share/perl/5.36/Carp.pm", 3), ("/app.psgi", 12)])];
    assert_eq!(trees(&loads), [Node { load: 0, children: vec![leaf(1)] }]);
}

#[test]
fn a_load_of_fewer_processes_does_not_explain_one_of_more() {
    let loads = [load("/a.so", 1), linked(load("/b.so", 2), "/a.so")];
    assert_eq!(trees(&loads), [leaf(0), leaf(1)]);
}

#[test]
fn a_circle_has_one_root_and_loses_nobody() {
    let loads = [
        linked(load("/a.so", 2), "/c.so"),
        linked(load("/b.so", 2), "/a.so"),
        linked(load("/c.so", 2), "/b.so"),
        linked(load("/d.so", 2), "/a.so"),
    ];
    let trees = trees(&loads);
    assert_eq!(trees.len(), 1);
    let mut all = trees[0].loads();
    all.sort_unstable();
    assert_eq!(all, [0, 1, 2, 3]);
}

#[test]
fn a_chain_of_thousands_is_kept_shallow() {
    let mut loads = vec![load("/0.so", 2)];
    for index in 1..5000 {
        loads.push(linked(load(&format!("/{index}.so"), 2), &format!("/{}.so", index - 1)));
    }
    loads.reverse();
    let trees = trees(&loads);
    assert_eq!(trees.len(), 1);
    assert_eq!(trees[0].loads().len(), 5000);
    let mut depth = 0;
    let mut node = &trees[0];
    while let Some(next) = node.children.iter().max_by_key(|child| child.loads().len()) {
        node = next;
        depth += 1;
    }
    assert!(depth <= MAX_DEPTH, "{depth}");
}

#[test]
fn the_source_of_a_compiled_file() {
    assert_eq!(python_source(b"/a/__pycache__/b.cpython-311.opt-1.pyc").unwrap(), b"/a/b.py");
    assert_eq!(python_source(b"/a/b.pyc"), None);
    assert_eq!(python_source(b"/a/__pycache__/b.so"), None);
}
