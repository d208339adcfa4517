//! Looks at the memory of processes: at whom, and at whom not.

mod scene;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::Duration;

use alive_collector::{MemoryOptions, Options};
use alive_store::model::RoleMemory;
use scene::{Folder, Tree, collect, sender, until};

/// A process that does nothing. Ended when dropped.
struct Sleeper(Child);

impl Sleeper {
    fn start(preload: Option<&Path>) -> Self {
        let mut command = Command::new("sleep");
        if let Some(library) = preload {
            command.env("LD_PRELOAD", library);
        }
        let sleeper = Self(command.arg("1000").spawn().unwrap());
        // Before it has executed its program it is a copy of this one.
        let name = format!("/proc/{}/comm", sleeper.pid());
        until("it sleeps", || fs::read(&name).is_ok_and(|name| name == b"sleep\n"));
        let maps = format!("/proc/{}/maps", sleeper.pid());
        if let Some(library) = preload {
            let path = library.display().to_string();
            until("the library is mapped", || {
                fs::read_to_string(&maps).is_ok_and(|maps| maps.contains(&path))
            });
        }
        sleeper
    }

    fn pid(&self) -> u32 {
        self.0.id()
    }
}

impl Drop for Sleeper {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A library that does nothing, called like the shim: one of this program's own, copied.
fn shim(folder: &Folder) -> PathBuf {
    let maps = fs::read_to_string("/proc/self/maps").unwrap();
    let own = maps
        .lines()
        .find_map(|line| Some(&line[line.find("/").filter(|_| line.contains("/libgcc_s.so"))?..]));
    let copy = folder.0.path().join("libpostfork.so");
    fs::copy(own.expect("Rust's programs need it"), &copy).unwrap();
    copy
}

fn options(folder: &Folder) -> Options {
    let memory = MemoryOptions { quiet: Duration::from_millis(20), ..MemoryOptions::default() };
    Options { memory: Some(memory), ..folder.options() }
}

/// What is known of the workers; nothing while there are none.
fn workers(folder: &Folder) -> RoleMemory {
    let programs = folder.snapshot().programs;
    let role = programs.iter().flat_map(|program| &program.roles).find(|role| role.parent.is_some());
    role.map(|role| role.memory).unwrap_or_default()
}

#[test]
fn whoever_spoke_is_looked_at_and_whoever_cannot_have_spoken_is_not() {
    let folder = Folder::new();
    let (stranger, worker) = (Sleeper::start(None), Sleeper::start(Some(&shim(&folder))));
    collect(&options(&folder), |collector| {
        let socket = sender(collector.addresses()[0]);
        let mut tree = Tree::new(100);
        // The longer it waits the sooner it is looked at, so the worker's look comes last.
        for (node, pid) in [(1, stranger.pid()), (2, std::process::id()), (3, u32::MAX), (4, worker.pid())] {
            socket.send(&tree.load_by(pid, node, b"/lib/Heavy.pm")).unwrap();
            until("it was received", || collector.progress().datagrams == u64::from(node));
            std::thread::sleep(Duration::from_millis(60));
        }
        until("the worker was looked at", || workers(&folder).processes > 0);
    });
    let memory = workers(&folder);
    assert_eq!((memory.processes, memory.unreadable), (1, 0));
    assert!(memory.sum.uss_kib > 0 && memory.sum.pss_kib >= memory.sum.uss_kib, "{memory:?}");
    assert_eq!(memory.max_pss_kib, memory.sum.pss_kib);
}

/// Its pid may be anybody's by the time of the look.
#[test]
fn a_process_that_started_after_the_event_did_not_send_it() {
    let folder = Folder::new();
    let shim = shim(&folder);
    collect(&options(&folder), |collector| {
        let socket = sender(collector.addresses()[0]);
        let mut tree = Tree::new(100);
        let mut early = tree.load(1, b"/lib/Heavy.pm");
        // Two clock ticks later.
        std::thread::sleep(Duration::from_millis(30));
        let (late, worker) = (Sleeper::start(Some(&shim)), Sleeper::start(Some(&shim)));
        early[12..16].copy_from_slice(&late.pid().to_le_bytes());
        socket.send(&early).unwrap();
        until("it was received", || collector.progress().datagrams == 1);
        std::thread::sleep(Duration::from_millis(60));
        socket.send(&tree.load_by(worker.pid(), 2, b"/lib/Heavy.pm")).unwrap();
        until("the worker was looked at", || workers(&folder).processes > 0);
    });
    assert_eq!(workers(&folder).processes, 1);
}

#[test]
fn who_is_in_a_hurry_waits_for_no_silence() {
    let folder = Folder::new();
    let worker = Sleeper::start(Some(&shim(&folder)));
    collect(&folder.options(), |collector| {
        let socket = sender(collector.addresses()[0]);
        socket.send(&Tree::new(100).load_by(worker.pid(), 1, b"/lib/Heavy.pm")).unwrap();
        until("it was received", || collector.progress().datagrams == 1);
        collector.look_at_memory(Duration::from_secs(10));
    });
    assert_eq!(workers(&folder).processes, 1);
}

#[test]
fn who_does_not_want_looks_gets_none() {
    let folder = Folder::new();
    let worker = Sleeper::start(Some(&shim(&folder)));
    collect(&Options { memory: None, ..folder.options() }, |collector| {
        let socket = sender(collector.addresses()[0]);
        socket.send(&Tree::new(100).load_by(worker.pid(), 1, b"/lib/Heavy.pm")).unwrap();
        until("it was received", || collector.progress().datagrams == 1);
        collector.look_at_memory(Duration::from_secs(10));
    });
    assert_eq!(workers(&folder), RoleMemory::default());
}
