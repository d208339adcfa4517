//! Servers whose workers import at their requests.

use std::path::Path;
use std::process::Command;

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
const PAGES: &[&str] = &["/documents", "/numbers", "/database", "/threads", "/task", "/text"];
const TIMES: usize = 2;

/// Files that one worker loads at least for all pages.
const LEAST: usize = 60;

/// Serves the application, asks for all of its pages, and compares.
#[track_caller]
fn assert_lines(what: &str, program: &str, arguments: impl Fn(&str) -> Vec<String>) {
    let scene = Scene::start();
    let address = free_address();
    let mut command: Command = scene.traced_command(Path::new(program));
    command
        .args(arguments(&address.to_string()))
        .arg("--chdir")
        .arg(artifacts::source("daemons/python"))
        .env("PYTHONPATH", artifacts::source("programs/python"))
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("ALIVE_ACCOUNT", scene.path("account"));
    let server = Served::start(&scene, &mut command, address);
    for page in PAGES {
        server.ask_all(&[page], TIMES);
    }
    server.stop(Signal::SIGTERM);
    let events = scene.events();
    Account::read(&scene.path("account")).assert_agrees(what, &events, LEAST);
    assert_share(what, &events);
}

fn gunicorn(what: &str, options: &[&str]) {
    assert_lines(what, PYTHON, |address| {
        let first = [GUNICORN, "--workers", "2", "--bind", address, "app:application"];
        [&first, options].concat().into_iter().map(str::to_owned).collect()
    });
}

fn uwsgi(what: &str, options: &[&str]) {
    if !needs::installed("uwsgi-core uwsgi-plugin-python3", &[UWSGI, UWSGI_PLUGIN]) {
        return;
    }
    assert_lines(what, UWSGI, |address| {
        let first = ["--plugin", "python3", "--http-socket", address, "--master", "--processes", "2"];
        let rest = ["--enable-threads", "--die-on-term", "--module", "app:application"];
        [&first[..], &rest, options].concat().into_iter().map(str::to_owned).collect()
    });
}

#[test]
fn gunicorn_with_processes() {
    if needs::installed("gunicorn", &[PYTHON, GUNICORN]) {
        gunicorn("gunicorn", &[]);
        gunicorn("gunicorn --preload", &["--preload"]);
    }
}

#[test]
fn gunicorn_with_greenlets() {
    if needs::installed("gunicorn python3-gevent", &[PYTHON, GUNICORN, GEVENT]) {
        gunicorn("gunicorn, gevent", &["--worker-class", "gevent"]);
    }
}

#[test]
fn gunicorn_with_threads() {
    if needs::installed("gunicorn", &[PYTHON, GUNICORN]) {
        gunicorn("gunicorn, threads", &["--worker-class", "gthread", "--threads", "4"]);
    }
}

#[test]
fn uwsgi_with_the_application_in_the_master_or_in_each_worker() {
    uwsgi("uwsgi", &[]);
    uwsgi("uwsgi --lazy-apps", &["--lazy-apps"]);
}
