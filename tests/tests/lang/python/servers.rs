//! Servers whose workers import at their requests.

use std::path::Path;

use alive_tests::daemon::free_address;
use alive_tests::scene::Scene;
use alive_tests::{artifacts, needs};
use nix::sys::signal::Signal;

use super::PYTHON;
use super::account::{Account, assert_share};
use crate::served::Served;

const GUNICORN: &str = "/usr/bin/gunicorn";
const GEVENT: &str = "/usr/lib/python3/dist-packages/gevent";
const UWSGI: &str = "/usr/bin/uwsgi-core";
const UWSGI_PLUGIN: &str = "/usr/lib/uwsgi/plugins/python3_plugin.so";

/// Pages of the application, and how often each is asked for at the same time.
const PAGES: &[&str] = &["/documents", "/numbers", "/database", "/threads", "/text", "/task"];
const TIMES: usize = 2;

/// Files that one worker loads at least for all pages.
const LEAST: usize = 20;

/// Serves the application, asks for pages of it, ends it by this signal, and compares.
#[track_caller]
fn assert_lines(what: &str, pages: &[&str], end: Signal, command: impl Fn(&str) -> Vec<String>) {
    let scene = Scene::start();
    let address = free_address();
    let words = command(&address.to_string());
    let mut command = scene.traced_command(Path::new(&words[0]));
    command
        .args(&words[1..])
        .arg("--chdir")
        .arg(artifacts::source("daemons/python"))
        .env("PYTHONPATH", artifacts::source("programs/python"))
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("ACCOUNT", scene.path("account"));
    let server = Served::start(&scene, &mut command, address);
    for page in pages {
        server.ask_all(&[page], TIMES);
    }
    server.stop(end);
    let events = scene.events();
    Account::read(&scene.path("account")).assert_agrees(what, &events, LEAST);
    assert_share(what, &events);
}

fn gunicorn(pages: &[&str], options: &[&str]) {
    if !needs::installed("gunicorn", &[PYTHON, GUNICORN]) {
        return;
    }
    assert_lines(&format!("gunicorn {}", options.join(" ")), pages, Signal::SIGQUIT, |address| {
        // A worker that has just begun may not hear the signal: nobody waits long for it.
        let first = [PYTHON, GUNICORN, "--workers", "2", "--graceful-timeout", "2"];
        let first = [&first[..], &["--bind", address, "app:application"]].concat();
        [&first[..], options].concat().into_iter().map(str::to_owned).collect()
    });
}

fn uwsgi(options: &[&str]) {
    if !needs::installed("uwsgi-core uwsgi-plugin-python3", &[UWSGI, UWSGI_PLUGIN]) {
        return;
    }
    // A worker that is about to be done with a request forgets the signals that would end it.
    assert_lines(&format!("uwsgi {}", options.join(" ")), PAGES, Signal::SIGKILL, |address| {
        let first = [UWSGI, "--plugin", "python3", "--http-socket", address, "--master", "--processes", "2"];
        let rest = ["--enable-threads", "--module", "app:application"];
        [&first[..], &rest, options].concat().into_iter().map(str::to_owned).collect()
    });
}

#[test]
fn gunicorn_with_the_application_in_each_worker() {
    gunicorn(PAGES, &["--worker-class", "sync"]);
}

#[test]
fn gunicorn_with_the_application_in_the_master() {
    gunicorn(PAGES, &["--preload"]);
}

#[test]
fn gunicorn_with_greenlets() {
    if needs::installed("python3-gevent", &[GEVENT]) {
        // Two greenlets of one thread cannot both have an event loop.
        let pages: Vec<&str> = PAGES.iter().copied().filter(|page| *page != "/task").collect();
        gunicorn(&pages, &["--worker-class", "gevent"]);
    }
}

#[test]
fn gunicorn_with_threads() {
    gunicorn(PAGES, &["--worker-class", "gthread", "--threads", "4"]);
}

#[test]
fn uwsgi_with_the_application_in_each_worker() {
    uwsgi(&["--lazy-apps"]);
}

#[test]
fn uwsgi_with_the_application_in_the_master() {
    uwsgi(&["--threads", "2"]);
}
