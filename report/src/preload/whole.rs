//! Tests of whole lists, from a report to the page.

use alive_store::model::{Load, Missing, Program};

use super::samples::{Files, asked, load, program, report};
use super::{Ecosystem, NoList, Wish, list};

fn wish(ecosystem: Ecosystem) -> Wish {
    Wish { ecosystem, role: None, all: false }
}

fn perl(module: &str, first_seen_micros: u64) -> Load {
    let path = format!("/usr/share/perl5/{module}.pm");
    Load { language: "perl".into(), first_seen_micros, ..load(path) }
}

#[track_caller]
fn written(programs: Vec<Program>, wish: &Wish) -> String {
    list(&report(programs), wish, &Files::default()).expect("a list")
}

/// The lines that are no comment.
fn code(page: &str) -> Vec<&str> {
    page.lines().filter(|line| !line.starts_with('#') && !line.is_empty()).collect()
}

#[test]
fn what_was_needed_first_stands_first_and_each_name_once() {
    let xs = Load { kind: "library".into(), first_seen_micros: 4, ..load("/usr/lib/perl5/auto/B/B.so") };
    let loads = vec![perl("C", 3), perl("B", 3), xs, perl("A", 7), perl("D", 1)];
    let page = written(vec![program("shop", 2, loads)], &wish(Ecosystem::ModPerl));
    assert_eq!(code(&page), ["PerlModule D", "PerlModule B", "PerlModule C", "PerlModule A"]);
}

#[test]
fn a_page_tells_what_it_is_and_what_was_left_out() {
    let mut rare = perl("Rare", 5);
    rare.processes = 1;
    let psgi = Load { path: "/srv/app.psgi".into(), ..perl("x", 1) };
    let json = asked(perl("JSON/PP", 2), "perl", "/srv/app.psgi", 12, "");
    let library = Load { kind: "library".into(), ..load("/usr/lib/libz.so.1") };
    let mut shop = program("shop", 4, vec![rare, psgi, json, library]);
    shop.missing.push(Missing {
        role: 1,
        name: "Log/Agent".into(),
        language: "perl".into(),
        searches: 2,
        probes: 18,
        processes: 2,
        stacks: Vec::new(),
    });
    insta::assert_snapshot!(written(vec![shop], &wish(Ecosystem::Perl)), @r"
    # Perl modules to load before the fork.
    # Written by `alive preload --for perl`.
    #
    # Save it as AlivePreload.pm, and have the master load it before it forks:
    #   starman -I FOLDER -M AlivePreload --preload-app app.psgi
    # or `use AlivePreload;` in a daemon's own script. --preload-app loads the application there, too.
    # Modules that open connections, start threads or seed random numbers must do that in the worker.
    #
    # Program: shop
    # Loaded late by: worker (4 processes)
    # To be loaded in: master
    # Chosen: loaded by at least 2 processes and 50 % of a role (10 % after respawns), or slow (10 ms)
    # Left out (few workers load it; --all takes it in): /usr/share/perl5/Rare.pm
    # Left out (for another list): /usr/lib/libz.so.1
    # Left out (optional, searched for and never found): Log/Agent
    # Left out (the application itself, which --preload-app loads before the fork): /srv/app.psgi

    package AlivePreload;
    use JSON::PP (); # 2 of 4, app.psgi:12
    1;
    ");
}

#[test]
fn a_root_that_has_no_name_leaves_its_place_to_what_it_brought() {
    let psgi = Load { path: "/srv/app.psgi".into(), ..perl("x", 1) };
    let used = asked(perl("Plack", 2), "perl", "/srv/app.psgi", 1, "main::BEGIN");
    let below = asked(perl("Plack/Util", 3), "perl", "/usr/share/perl5/Plack.pm", 1, "Plack::BEGIN");
    let page = written(vec![program("shop", 2, vec![psgi, used, below])], &wish(Ecosystem::ModPerl));
    assert_eq!(code(&page), ["PerlModule Plack"]);
}

/// The first worker compiles a source and keeps it, the second one finds what was kept.
#[test]
fn two_files_of_one_module_are_one_module() {
    let half = |path: &str| Load { language: "python".into(), processes: 1, ..load(path) };
    let source = "/usr/lib/python3/dist-packages/shop.py";
    let kept = "/usr/lib/python3/dist-packages/__pycache__/shop.cpython-311.pyc";
    let page = written(vec![program("shop", 2, vec![half(source), half(kept)])], &wish(Ecosystem::Python));
    assert_eq!(page.matches("\nimport shop ").count(), 1, "{page}");
    let alone = report(vec![program("shop", 2, vec![half(source)])]);
    assert!(list(&alone, &wish(Ecosystem::Python), &Files::default()).is_err(), "one of two");
}

/// All processes of PostgreSQL are forked by one function, so sessions are few of many.
#[test]
fn two_sessions_are_enough_for_postgres() {
    let plpgsql = Load { kind: "library".into(), ..load("/usr/lib/postgresql/15/lib/plpgsql.so") };
    let page = written(vec![program("postgres", 13, vec![plpgsql])], &wish(Ecosystem::Postgres));
    assert_eq!(code(&page), ["shared_preload_libraries = 'plpgsql'"]);
}

#[test]
fn a_list_is_for_one_program_and_its_roles() {
    let both = || vec![program("shop", 2, vec![perl("A", 1)]), program("\x1bx", 2, vec![perl("B", 1)])];
    let refused = list(&report(both()), &wish(Ecosystem::Perl), &Files::default());
    let programs = "\\x1bx, shop".to_owned();
    assert_eq!(refused, Err(NoList::SeveralPrograms { word: "perl", programs }));
    let of = |role: &str| Wish { role: Some(role.into()), ..wish(Ecosystem::ModPerl) };
    let one = || vec![program("shop", 2, vec![perl("A", 1)])];
    assert_eq!(code(&written(one(), &of("worker"))), ["PerlModule A"]);
    let words = |role| list(&report(one()), &of(role), &Files::default()).unwrap_err().to_string();
    assert_eq!(words("master"), "nothing to preload for mod-perl");
    assert_eq!(words("thread"), "no role is called thread: name one of master, worker with --role");
}

/// Every label, path and line of a page is behind its comment's beginning, whoever chose it.
#[test]
fn nothing_leaves_its_comment() {
    let label = "x\n# coding: utf-7\nimport os; \u{202e} ?> \\";
    let line = |load, language| asked(load, language, "/srv/a\n?>\\.x", 1, "f\n()");
    for (ecosystem, path, language) in [
        (Ecosystem::Perl, "/usr/share/perl5/A.pm", "perl"),
        (Ecosystem::ModPerl, "/usr/share/perl5/A.pm", "perl"),
        (Ecosystem::Gunicorn, "/usr/lib/python3.11/a.py", "python"),
        (Ecosystem::Uwsgi, "/usr/lib/python3.11/a.py", "python"),
        (Ecosystem::Puma, "/usr/lib/ruby/3.1.0/a.rb", "ruby"),
        (Ecosystem::Php, "/srv/a.php", "php"),
    ] {
        let one = line(Load { language: language.into(), ..load(path) }, language);
        let page = written(vec![program(label, 2, vec![one])], &wish(ecosystem));
        let head: Vec<&str> = page.lines().take_while(|line| line.starts_with(['#', '/', '<'])).collect();
        let told = head.iter().position(|line| line.contains("Program: x")).expect("the label");
        assert!(told >= 2, "{page}");
        assert!(
            !page.contains("\nimport os") && !page.contains("\n()") && !page.contains('\u{202e}'),
            "{page}"
        );
        assert!(ecosystem != Ecosystem::Php || !page.contains("?>"), "{page}");
        let goes_on = |line: &&str| line.starts_with('#') && line.ends_with('\\');
        assert_eq!(page.lines().find(goes_on), None, "{page}");
    }
}
