//! To read an interpreter's lines allocates nothing, counted around every open of a program that asks
//! from everywhere.

use std::ffi::OsString;
use std::path::Path;

use alive_tests::scene::Scene;
use alive_tests::{artifacts, needs};

use crate::account::places;

/// Runs an interpreter with a counting library in front of the shim.
fn assert_none(scene: &Scene, interpreter: &str, words: &[&str], least: usize) {
    let counter = scene.path("libcounts.so");
    artifacts::library("counts", &counter, &[] as &[&str]);
    let preload: OsString = [counter.as_os_str(), artifacts::shim().as_os_str()].join(" ".as_ref());
    let mut command = scene.traced_command(Path::new(interpreter));
    command.args(words).env("LD_PRELOAD", preload);
    command.env("COUNTS", scene.path("counts")).env("ACCOUNT", scene.path("account"));
    let _ = scene.run(&mut command).well();
    let text = std::fs::read_to_string(scene.path("counts")).expect("what was counted");
    let mut opens = 0;
    for line in text.lines() {
        let (opened, allocated) = line.split_once(' ').expect("two numbers");
        opens += opened.parse::<usize>().expect("a number");
        assert_eq!(allocated, "0", "{interpreter}: {text}");
    }
    let with_lines = scene.events().of("load").filter(|load| !places(load).is_empty()).count();
    println!("{interpreter}: 0 allocations in {opens} opens, {with_lines} of them told with lines");
    assert!(opens >= with_lines && with_lines >= least, "{interpreter}: {with_lines} of {opens}");
}

#[test]
fn lines_of_ruby_take_none() {
    if needs::installed("ruby", &["/usr/bin/ruby"]) {
        let scene = Scene::start();
        crate::ruby::copy(&artifacts::source("programs/ruby"), &scene.path(""));
        assert_none(&scene, "/usr/bin/ruby", &["-W0", "asks.rb"], 50);
    }
}

#[test]
fn lines_of_php_take_none() {
    if needs::installed("php-cli", &["/usr/bin/php"]) {
        let scene = crate::php::scene();
        assert_none(&scene, "/usr/bin/php", &["php/asks.php"], 50);
    }
}
