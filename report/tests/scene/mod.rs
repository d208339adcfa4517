//! Snapshots as the store would hand them out.

pub(crate) mod tree;

use alive_store::model::{
    Bystanders, Epoch, Executed, Interpreter, LanguageFrame, LineCount, Load, Loss, MemoryFigures, Missing,
    PingRow, Program, Role, RoleMemory, Site, Snapshot, Stack, UNTOLD,
};

/// When everything here was seen: 2026-01-01 12:00 UTC in microseconds since 1970.
pub(crate) const NOON: u64 = 1_767_268_800_000_000;

fn site(module: &str, symbol: Option<&str>) -> Site {
    Site { module: module.into(), build_id: vec![0xab], offset: 0x1b2f0, symbol: symbol.map(Into::into) }
}

fn native(symbol: &str) -> Stack {
    let libperl = "/usr/lib/x86_64-linux-gnu/libperl.so.5.36";
    Stack {
        language: Vec::new(),
        native: vec![
            site("/usr/lib/x86_64-linux-gnu/libc.so.6", Some("fopen64+0xa")),
            site(libperl, Some("PerlIOUnix_open+0x92")),
            site(libperl, Some(symbol)),
        ],
    }
}

fn perl(file: &str, line: u32, function: &str) -> Stack {
    Stack {
        language: vec![LanguageFrame {
            language: "perl".into(),
            file: file.into(),
            line,
            function: function.into(),
        }],
        native: Vec::new(),
    }
}

fn interpreter(language: &str, version: impl AsRef<[u8]>, no_lines: Option<&str>) -> Interpreter {
    Interpreter {
        language: language.into(),
        version: version.as_ref().into(),
        no_lines: no_lines.map(Into::into),
    }
}

fn lines(language: &str, no_lines: Option<&str>, loads: u64) -> LineCount {
    LineCount { language: language.into(), no_lines: no_lines.map(Into::into), loads }
}

fn load(path: impl AsRef<[u8]>, processes: u64, bytes: u64) -> Load {
    let path = path.as_ref();
    let library = path.windows(3).any(|part| part == b".so");
    Load {
        role: 1,
        path: path.into(),
        name: Vec::new(),
        kind: if library { "library" } else { "module" }.into(),
        language: if library { "native" } else { "perl" }.into(),
        outcome: "loaded".into(),
        via: if library { "dlopen" } else { "open" }.into(),
        pulled_in_by: Vec::new(),
        events: processes,
        processes,
        bytes,
        nanos: 0,
        respawned: 0,
        spans: 0,
        span_nanos: 0,
        span_cpu_nanos: 0,
        span_faults: 0,
        bound_nanos: 0,
        first_seen_micros: NOON - 1_500_000,
        last_seen_micros: NOON,
        stacks: vec![native("Perl_pp_require+0x1b2")],
    }
}

fn root(processes: u64) -> Role {
    Role {
        parent: None,
        site: None,
        line: None,
        processes,
        trees: 1,
        fork_nanos: 0,
        forker_resident_kib: 0,
        memory: RoleMemory::default(),
        bystanders: None,
    }
}

fn worker(processes: u64) -> Role {
    let fork = site("/usr/lib/x86_64-linux-gnu/libperl.so.5.36", Some("Perl_pp_fork+0x3c"));
    Role { parent: Some(0), site: Some(fork), ..root(processes) }
}

fn program(label: impl AsRef<[u8]>, roles: Vec<Role>, loads: Vec<Load>) -> Program {
    Program {
        label: label.as_ref().into(),
        trees: 1,
        roles,
        loads,
        missing: Vec::new(),
        executed: Vec::new(),
        sequence_gaps: 0,
        not_sent: Vec::new(),
        interpreters: Vec::new(),
        lines: Vec::new(),
    }
}

fn snapshot(program: Program) -> Snapshot {
    Snapshot { programs: vec![program], datagrams: 100, events: 120, ..Snapshot::default() }
}

/// Two workers that load the same files, one that only one of them needs, and an optional module.
pub(crate) fn starman() -> Snapshot {
    let agent = "/usr/share/perl5/LWP/UserAgent.pm";
    let re = "/usr/lib/x86_64-linux-gnu/perl/5.36/auto/re/re.so";
    let mut app = load(agent, 2, 66_560);
    app.stacks = vec![perl("/srv/example/lib/Example/Frontend/Controller/Orders.pm", 12, "main::handler")];
    let mut request = load("/usr/share/perl5/HTTP/Request.pm", 2, 7_168);
    request.stacks = vec![perl(agent, 9, "LWP::UserAgent::BEGIN")];
    let mut message = load("/usr/share/perl5/HTTP/Message.pm", 2, 27_000);
    message.stacks = vec![perl("/usr/share/perl5/HTTP/Request.pm", 8, "")];
    let mut xs = load(re, 2, 658_432);
    xs.nanos = 2_900_000;
    let mut dependency = load("/usr/lib/x86_64-linux-gnu/libexample.so.1", 2, 1_437_000);
    dependency.via = "linkmap".into();
    dependency.pulled_in_by = re.into();
    dependency.stacks.clear();
    let rare =
        load("/usr/lib/x86_64-linux-gnu/perl/5.36/unicore/lib/Digit/Only/Seen/Once/Long.pl", 1, 12_000);
    let mut program =
        program("starman", vec![root(1), worker(2)], vec![app, request, message, xs, dependency, rare]);
    program.missing.push(Missing {
        role: 1,
        name: b"Acme/NotInstalled/Optional.pm".to_vec(),
        language: "perl".into(),
        searches: 8,
        probes: 144,
        processes: 2,
        stacks: vec![perl("/srv/example/app.psgi", 31, "main::handler")],
    });
    program.interpreters = vec![interpreter("perl", "5.36.0", None)];
    program.lines =
        vec![lines("perl", None, 9), lines("perl", Some("interrupted"), 1), lines("perl", Some(UNTOLD), 1)];
    program.sequence_gaps = 3;
    program.not_sent = vec![("sandbox".into(), 4)];
    let mut snapshot = snapshot(program);
    snapshot.programs.push(self::program("uname", vec![root(2)], Vec::new()));
    snapshot.loss = Loss { kernel_drops: 12, sequence_gaps: 3, not_sent: 4, malformed: 1, ..Loss::default() };
    snapshot.unclean_ends = 1;
    snapshot
}

/// Every name is chosen to do harm: a terminal's escape sequence, a forged row, a raw C1 control,
/// a reversed suffix, bytes that are no text.
pub(crate) fn hostile() -> Snapshot {
    let mut first = load(b"/tmp/\x1b]0;owned\x07\nleave-lazy  9 of 9  /forged.pm", 2, 10);
    first.stacks = vec![perl("/tmp/\u{9b}2J.pm", 1, "f\u{202e}cexe")];
    let mut second = load(b"/tmp/\xff\xfe\x9b31m.so", 2, 20);
    second.pulled_in_by = b"/tmp/\xff.so".to_vec();
    second.name = b"\xffname".to_vec();
    second.stacks = vec![native("evil\x1b[31m+0x1")];
    let mut program = program(b"evil\x1b[2J\xff", vec![root(1), worker(2)], vec![first, second]);
    program.missing.push(Missing {
        role: 1,
        name: "missing\u{2066}\r\n".into(),
        language: "perl".into(),
        searches: 1,
        probes: 2,
        processes: 1,
        stacks: Vec::new(),
    });
    program.interpreters = vec![interpreter("ruby", b"3.1\x1b[2J\xff", Some("unknown-version\x07"))];
    program.lines = vec![lines("ruby", Some("unknown-version\x07"), 2)];
    program.roles[1].line = Some(LanguageFrame {
        language: "ruby".into(),
        file: b"/srv/\x1b[31mmaster\xff.rb".to_vec(),
        line: 7,
        function: "run\u{202e}".into(),
    });
    snapshot(program)
}

/// Eight workers of which the first is hot and the last load nothing.
pub(crate) fn skewed() -> Snapshot {
    let mut slow = load("/app/slow.so", 1, 500);
    slow.nanos = 25_000_000;
    let loads = vec![
        load("/app/hot.pm", 1, 9_000),
        load("/app/common.pm", 4, 5_000),
        load("/app/three.pm", 3, 5_000),
        slow,
    ];
    snapshot(program("skewed", vec![root(1), worker(8)], loads))
}

/// Looks at processes that each hold `private_kib` alone and twice as much in all.
pub(crate) fn looks(processes: u64, private_kib: u64, unreadable: u64) -> RoleMemory {
    let sum = MemoryFigures {
        pss_kib: 2 * private_kib * processes,
        uss_kib: private_kib * processes,
        private_dirty_kib: private_kib * processes,
        shared_kib: 20_000 * processes,
        swap_kib: 0,
    };
    RoleMemory {
        processes,
        unreadable,
        sum,
        max_pss_kib: 3 * private_kib,
        max_uss_kib: 2 * private_kib,
        max_private_dirty_kib: 2 * private_kib,
        seen_micros: NOON,
    }
}

/// A master that went into the background, loading on the way what it is to share, and whose workers still
/// load something. Each fork was measured.
pub(crate) fn daemonised() -> Snapshot {
    let mut early = load("/usr/lib/python3/flask.pyc", 1, 40_000);
    early.role = 0;
    let mut failed = load("/usr/lib/python3/optional.so", 1, 0);
    failed.role = 0;
    failed.outcome = "failed".into();
    let mut workers = worker(8);
    workers.fork_nanos = 9_600_000;
    workers.forker_resident_kib = 45_000;
    workers.memory = looks(4, 32_305, 1);
    workers.line = Some(LanguageFrame {
        language: "python".into(),
        file: b"/usr/lib/python3/dist-packages/gunicorn/arbiter.py".to_vec(),
        line: 589,
        function: b"spawn_worker".to_vec(),
    });
    let mut helpers = worker(1);
    helpers.site = Some(site("/usr/bin/python3.11", None));
    helpers.fork_nanos = 350_000;
    helpers.memory = looks(0, 0, 1);
    let mut unmeasured = worker(2);
    unmeasured.memory = looks(1, 512, 0);
    unmeasured.site = Some(site("/usr/bin/python3.11", Some("fork_exec+0x2")));
    let mut program = program("gunicorn", vec![root(1), workers, helpers, unmeasured], vec![early, failed]);
    program.interpreters = vec![interpreter("python", "3.15.0", Some("unknown-version"))];
    program.lines = vec![lines("python", Some("unknown-version"), 2)];
    program.missing.push(Missing {
        role: 0,
        name: b"sitecustomize".to_vec(),
        language: "python".into(),
        searches: 1,
        probes: 5,
        processes: 1,
        stacks: Vec::new(),
    });
    snapshot(program)
}

/// The same with something that is late.
pub(crate) fn daemonised_and_lazy() -> Snapshot {
    let mut snapshot = daemonised();
    let mut shared = load("/usr/lib/python3/flask.pyc", 4, 40_000);
    shared.role = 1;
    snapshot.programs[0].loads.extend([load("/srv/lazy.pyc", 5, 9_000), shared]);
    snapshot
}

/// Workers that load what is known to dislike a fork, from a master that has threads and sockets.
pub(crate) fn endangered() -> Snapshot {
    let mut workers = worker(8);
    workers.fork_nanos = 9_600_000;
    workers.forker_resident_kib = 45_000;
    workers.bystanders = Some(Bystanders {
        threads: 1,
        sockets: 2,
        most_threads: 3,
        most_sockets: 2,
        at_least: false,
        thread_names: vec![b"grpc_poll\x1b[2J".to_vec(), b"timer".to_vec()],
    });
    let mut helpers = worker(1);
    helpers.site = Some(site("/usr/bin/python3.11", None));
    helpers.fork_nanos = 350_000;
    helpers.bystanders = Some(Bystanders::default());
    let cygrpc = "/srv/venv/lib/python3.11/site-packages/grpc/_cython/cygrpc.cpython-311-x86_64-linux-gnu.so";
    let openmp = "/srv/venv/lib/python3.11/site-packages/scikit_learn.libs/libgomp-a34b3233.so.1.0.0";
    let loads = vec![load(cygrpc, 8, 12_000_000), load(openmp, 1, 250_000), load("/srv/app.pyc", 8, 9_000)];
    let run = |executable: &str, label: &str, runs, cpu_nanos| Executed {
        role: 1,
        executable: executable.into(),
        program: label.into(),
        runs,
        cpu_nanos,
        wall_nanos: cpu_nanos * 2,
        resident_kib: 12_288,
        first_seen_micros: NOON - 1_500_000,
        last_seen_micros: NOON,
    };
    let mut program = program("gunicorn", vec![root(1), workers, helpers], loads);
    program.executed = vec![
        run("/usr/bin/uname", "uname", 2, 9_000_000),
        run("/usr/bin/perl", "report.pl\x1b", 40, 1_400_000_000),
    ];
    snapshot(program)
}

/// Two taps and no fork: one of a shop that was hit a minute ago, one of a cron job three days ago.
pub(crate) fn tapped() -> Snapshot {
    let hit = |name: &str, service: &str, ago_seconds: u64| PingRow {
        name: name.into(),
        service: service.into(),
        host: b"web1".to_vec(),
        hits: 3,
        processes: 2,
        first_seen_micros: NOON - 400_000_000_000,
        last_seen_micros: NOON - ago_seconds * 1_000_000,
        ..PingRow::default()
    };
    let legacy = PingRow {
        file: b"/srv/shop/cart.pl".to_vec(),
        line: 42,
        function: b"main::total".to_vec(),
        caller: b"/srv/shop/orders.pl:7 main::index".to_vec(),
        context: vec![(b"order".to_vec(), b"17".to_vec())],
        ..hit("checkout.legacy", "shop", 60)
    };
    Snapshot {
        pings: vec![legacy, hit("report.yearly", "cron", 3 * 86_400)],
        epochs: vec![Epoch { opened_micros: NOON - 500_000_000_000, until_micros: NOON, is_open: true }],
        until_micros: NOON,
        ..Snapshot::default()
    }
}
