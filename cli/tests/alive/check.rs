//! `alive check` and `alive run --baseline`: the gate against new late loads.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

use crate::scene::{Scene, text};

/// One of two workers is enough: the scene's load is done by one.
const STRICT: &[&str] = &["--min-processes", "1"];

/// A database with one late load of `/srv/late.pm`, by one of two workers.
fn stored(scene: &Scene) -> PathBuf {
    let db = scene.path("alive.db");
    let send = scene.report_a_load();
    let output = scene.run(&["--db", db.to_str().unwrap()], &["bash", "-c", &send]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    db
}

fn check(scene: &Scene, db: &Path, flags: &[&str]) -> Output {
    let baseline = scene.path("late.txt");
    let mut command = scene.alive();
    command.args(["check", "--db"]).arg(db).arg("--baseline").arg(baseline).args(flags);
    command.output().unwrap()
}

fn strict<'a>(flags: &[&'a str]) -> Vec<&'a str> {
    [STRICT, flags].concat()
}

#[test]
fn a_baseline_is_written_and_holds() {
    let scene = Scene::new();
    let db = stored(&scene);
    let written = check(&scene, &db, &strict(&["--write"]));
    assert_eq!(written.status.code(), Some(0), "{}", text(&written.stderr));
    let said = text(&written.stdout);
    assert!(said.ends_with("late.txt: 1 accepted, 1 of them new, 0 taken out\n"), "{said}");
    let file = fs::read_to_string(scene.path("late.txt")).unwrap();
    assert!(file.contains("\nprogram testd\n") && file.contains("\n    late /srv/late.pm\n"), "{file}");

    let held = check(&scene, &db, STRICT);
    assert_eq!(text(&held.stdout), "Late loads: 1 accepted, 0 new.\n");
    assert_eq!((held.status.code(), text(&held.stderr)), (Some(0), String::new()));
}

#[test]
fn a_new_late_load_fails_and_what_is_gone_does_not() {
    let scene = Scene::new();
    let db = stored(&scene);
    let accepted = "alive-baseline 1\nprogram testd\nrole **\n# The old one.\nlate /srv/gone.pm\n";
    fs::write(scene.path("late.txt"), accepted).unwrap();
    let failed = check(&scene, &db, STRICT);
    assert_eq!(failed.status.code(), Some(1));
    let out = text(&failed.stdout);
    assert!(out.starts_with("+ testd, ") && out.contains(": /srv/late.pm\n    1 of 2 processes"), "{out}");
    assert!(out.contains("\n- testd, **: /srv/gone.pm\n"), "{out}");
    assert!(out.ends_with("Late loads: 0 accepted, 1 new, 1 gone.\n"), "{out}");
    assert!(text(&failed.stderr).contains("--write --baseline"), "{}", text(&failed.stderr));

    fs::write(scene.path("late.txt"), format!("{accepted}late /srv/*.pm\n")).unwrap();
    let passed = check(&scene, &db, STRICT);
    assert_eq!(passed.status.code(), Some(0), "{}", text(&passed.stdout));
}

#[test]
fn an_update_keeps_what_somebody_wrote_by_hand() {
    let scene = Scene::new();
    let db = stored(&scene);
    let by_hand = "# Ours.\nalive-baseline 1\n\nprogram other\n  role *\n    late /x\n\n\
                   program testd\n  role **\n    # Needed.\n    late /srv/*.pm\n";
    fs::write(scene.path("late.txt"), by_hand).unwrap();
    let updated = check(&scene, &db, &["--write"]);
    assert_eq!(updated.status.code(), Some(0), "{}", text(&updated.stderr));
    assert_eq!(fs::read_to_string(scene.path("late.txt")).unwrap(), by_hand);
}

#[test]
fn what_one_of_many_happens_to_load_is_told_but_does_not_fail() {
    let scene = Scene::new();
    let db = stored(&scene);
    fs::write(scene.path("late.txt"), "alive-baseline 1\n").unwrap();
    let lucky = check(&scene, &db, &[]);
    assert_eq!(lucky.status.code(), Some(0), "{}", text(&lucky.stderr));
    assert_eq!(text(&lucky.stdout), "Late loads: 0 accepted, 0 new, 1 new but loaded by too few to fail.\n");
}

#[test]
fn a_baseline_that_cannot_be_read_is_wrong_usage_and_says_why() {
    let scene = Scene::new();
    let db = stored(&scene);
    let refused = |content: Option<&str>, words: &[&str]| {
        if let Some(content) = content {
            fs::write(scene.path("late.txt"), content).unwrap();
        }
        let output = check(&scene, &db, &[]);
        let err = text(&output.stderr);
        assert_eq!((output.status.code(), text(&output.stdout)), (Some(2), String::new()), "{err}");
        for word in words {
            assert!(err.contains(word), "{word:?} is not in: {err}");
        }
        assert_eq!(err.lines().count(), 1, "one sentence: {err}");
    };
    refused(None, &["there is no baseline", "--write"]);
    refused(Some("alive-baseline 2\n"), &["version 2", "newer alive"]);
    refused(Some("alive-baseline 1\nprogram x\nrole y\nlaet /z\n"), &["line 4", "`laet`"]);
    refused(Some("SELECT 1;\n"), &["no baseline"]);
}

#[test]
fn nothing_to_judge_is_no_pass() {
    let scene = Scene::new();
    fs::write(scene.path("late.txt"), "alive-baseline 1\n").unwrap();
    let missing = check(&scene, Path::new("/nowhere/alive.db"), &[]);
    assert_eq!(missing.status.code(), Some(4), "{}", text(&missing.stderr));
    let db = stored(&scene);
    let other = check(&scene, &db, &["--program", "other"]);
    assert_eq!(other.status.code(), Some(4));
    assert!(text(&other.stderr).contains("it knows testd"), "{}", text(&other.stderr));
}

#[test]
fn a_run_is_held_against_a_baseline() {
    let scene = Scene::new();
    let send = scene.report_a_load();
    let baseline = scene.path("late.txt");
    let run = |command: &str| {
        let flags = strict(&["--baseline", baseline.to_str().unwrap()]);
        scene.run(&flags, &["bash", "-c", command])
    };
    let refused = run("echo ran");
    assert_eq!((refused.status.code(), text(&refused.stdout)), (Some(2), String::new()), "nothing is run");

    fs::write(&baseline, "alive-baseline 1\n").unwrap();
    let failed = run(&send);
    assert_eq!(failed.status.code(), Some(3));
    assert!(text(&failed.stderr).contains("+ testd, "), "{}", text(&failed.stderr));
    assert!(!text(&failed.stdout).contains("+ testd, "), "the report alone goes to standard output");

    fs::write(&baseline, "alive-baseline 1\nprogram *\nrole **\nlate /srv/late.pm\n").unwrap();
    let passed = run(&format!("{send}; exit 6"));
    assert_eq!(passed.status.code(), Some(6), "the command's own: {}", text(&passed.stderr));
}

#[test]
fn a_report_comes_as_csv_and_by_other_thresholds() {
    let scene = Scene::new();
    let db = stored(&scene);
    let report = |flags: &[&str]| {
        let mut command = scene.alive();
        let output =
            command.args(["report", "--format", "csv", "--db"]).arg(&db).args(flags).output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
        text(&output.stdout)
    };
    assert!(report(&[]).contains("\ntestd,,leave-lazy,/srv/late.pm,,worker,"), "{}", report(&[]));
    assert!(report(STRICT).contains("\ntestd,,preload,/srv/late.pm,"));
    assert!(report(&["--min-processes", "1", "--min-share", "51"]).contains("leave-lazy"));
    assert!(report(&["--slow", "0us"]).contains("\ntestd,,preload,"), "no time is slow enough then");
}
