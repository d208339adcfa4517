//! Commands that cannot be traced are refused in words, with exit status 5, before they run.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::Output;

use crate::scene::{Scene, text};
use nix::unistd::getuid;

/// Somebody without any privilege.
const NOBODY: u32 = 65534;

#[track_caller]
fn assert_refused(output: &Output, words: &[&str]) {
    let err = text(&output.stderr);
    assert_eq!(output.status.code(), Some(5), "{err}");
    for word in words {
        assert!(err.contains(word), "{word:?} is not in: {err}");
    }
    assert_eq!(text(&output.stdout), "", "it must not have run, and there is no report");
}

#[track_caller]
fn assert_runs(output: &Output) {
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
}

#[test]
fn a_static_program_is_refused() {
    let scene = Scene::new();
    for flags in [&["-static"][..], &["-static-pie"]] {
        let program = scene.program("prog-static", flags);
        assert_refused(
            &scene.run(&[], &[&program]),
            &["prog-static", "statically linked", "dynamically linked build"],
        );
    }
}

#[test]
fn a_script_is_refused_for_its_interpreter() {
    let scene = Scene::new();
    let program = scene.program("interpreter", &["-static"]);
    let direct = scene.script("direct", &format!("#!{} -x\n", program.display()));
    assert_refused(&scene.run(&[], &[&direct]), &["direct runs by ", "interpreter", "statically linked"]);
    let by_env = scene.script("by-env", "#!/usr/bin/env -S LC_ALL=C interpreter -x\n");
    let path = format!("{}:/usr/bin:/bin", scene.folder.path().display());
    let output = scene.alive().env("PATH", path).args(["run", "by-env"]).output().unwrap();
    assert!(by_env.exists());
    assert_refused(&output, &["by-env runs by ", "interpreter", "statically linked"]);
    let twice = scene.script("twice", &format!("#!{}\n", direct.display()));
    assert_refused(&scene.run(&[], &[&twice]), &["twice runs by ", "statically linked"]);
}

#[test]
fn a_program_of_another_architecture_is_refused() {
    const E_MACHINE: usize = 18;
    const RISC_V: [u8; 2] = [243, 0];
    let scene = Scene::new();
    let program = scene.program("foreign", &[]);
    let mut bytes = fs::read(&program).unwrap();
    bytes[E_MACHINE..E_MACHINE + 2].copy_from_slice(&RISC_V);
    fs::write(&program, bytes).unwrap();
    assert_refused(&scene.run(&[], &[&program]), &["foreign", "RISC-V", "one architecture"]);
}

#[test]
fn a_musl_program_is_refused() {
    let scene = Scene::new();
    let program = scene.program("prog-musl", &["-Wl,--dynamic-linker=/lib/ld-musl-x86_64.so.1"]);
    assert_refused(&scene.run(&[], &[&program]), &["prog-musl", "musl", "glibc build"]);
}

#[test]
fn a_setuid_program_is_refused_where_it_raises_privilege() {
    let scene = Scene::new();
    let program = scene.program("prog-setuid", &[]);
    let mode = |mode| fs::set_permissions(&program, fs::Permissions::from_mode(mode)).unwrap();
    mode(0o4755);
    assert_runs(&scene.run(&[], &[&program]));
    if getuid().is_root() {
        chown(&program, Some(NOBODY), None).unwrap();
        // A change of owner takes the bit away.
        mode(0o4755);
        assert_refused(
            &scene.run(&[], &[&program]),
            &["prog-setuid", "setuid program", "ignores LD_PRELOAD"],
        );
        chown(&program, Some(0), Some(NOBODY)).unwrap();
        mode(0o2755);
        assert_refused(&scene.run(&[], &[&program]), &["prog-setuid", "setgid program"]);
        mode(0o755);
        assert_runs(&scene.run(&[], &[&program]));
    } else {
        assert_refused(&scene.run(&[], &["/usr/bin/passwd", "--help"]), &["passwd", "setuid program"]);
    }
}

#[test]
fn a_program_with_file_capabilities_is_refused_except_to_root() {
    if !getuid().is_root() {
        eprintln!("SKIPPED: only root can give a file capabilities");
        return;
    }
    let scene = Scene::new();
    let program = scene.program("prog-caps", &[]);
    // struct vfs_cap_data, revision 2, effective: CAP_NET_BIND_SERVICE permitted
    let mut capabilities = [0u8; 20];
    capabilities[..4].copy_from_slice(&0x0200_0001u32.to_le_bytes());
    capabilities[4..8].copy_from_slice(&(1u32 << 10).to_le_bytes());
    xattr::set(&program, "security.capability", &capabilities).unwrap();
    assert_runs(&scene.run(&[], &[&program]));
    let other = scene.path("for-nobody");
    fs::create_dir(&other).unwrap();
    chown(&other, Some(NOBODY), Some(NOBODY)).unwrap();
    let alive = other.join("alive");
    fs::copy(env!("CARGO_BIN_EXE_alive"), &alive).unwrap();
    let output = std::process::Command::new(&alive)
        .env("ALIVE_SHIM", &scene.shim)
        .env("TMPDIR", &other)
        .args(["run", "--"])
        .arg(&program)
        .uid(NOBODY)
        .gid(NOBODY)
        .output()
        .unwrap();
    assert_refused(&output, &["prog-caps", "file-capability program"]);
}

#[test]
fn commands_that_are_not_there_or_cannot_be_executed_end_as_in_a_shell() {
    let scene = Scene::new();
    let missing = scene.run(&[], &["no-such-command-anywhere"]);
    assert_eq!(missing.status.code(), Some(127));
    assert!(text(&missing.stderr).contains("no such command"), "{}", text(&missing.stderr));
    let plain = scene.path("plain");
    fs::write(&plain, "").unwrap();
    fs::set_permissions(&plain, fs::Permissions::from_mode(0o644)).unwrap();
    let refused = scene.run(&[], &[&plain]);
    assert_eq!(refused.status.code(), Some(126));
    assert!(text(&refused.stderr).contains("cannot be executed"), "{}", text(&refused.stderr));
    let folder = scene.run(&[], &[Path::new("/usr")]);
    assert_eq!(folder.status.code(), Some(126));
}

#[test]
fn a_script_without_a_first_line_runs_by_the_shell() {
    let scene = Scene::new();
    let script = scene.script("bare", "exit 4\n");
    let output = scene.run(&[], &[&script]);
    assert_eq!(output.status.code(), Some(4), "{}", text(&output.stderr));
}

#[test]
fn the_dynamic_linker_itself_may_be_the_command() {
    let scene = Scene::new();
    let program = scene.program("prog", &[]);
    let maps = fs::read_to_string("/proc/self/maps").unwrap();
    let linker = maps
        .lines()
        .filter_map(|line| line.split_ascii_whitespace().nth(5))
        .find(|path| path.rsplit('/').next().is_some_and(|name| name.starts_with("ld-")))
        .unwrap();
    assert_runs(&scene.run(&[], &[Path::new(linker), &program]));
}

#[test]
fn a_library_that_is_not_there_or_cannot_be_preloaded_is_an_error_of_the_environment() {
    let scene = Scene::new();
    let missing = scene.alive().env("ALIVE_SHIM", "/nowhere/lib.so").args(["run", "true"]).output().unwrap();
    assert_refused(&missing, &["ALIVE_SHIM", "/nowhere/lib.so"]);
    let spaced = scene.path("with space.so");
    fs::copy(&scene.shim, &spaced).unwrap();
    let output = scene.alive().env("ALIVE_SHIM", &spaced).args(["run", "true"]).output().unwrap();
    assert_refused(&output, &["LD_PRELOAD cannot hold ' '", "copy or link"]);
}
