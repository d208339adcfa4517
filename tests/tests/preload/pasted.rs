//! A real daemon is run, `alive preload` makes its list, the list goes where its comments say, and the
//! daemon is run once more. What was pasted is then loaded by no worker.
//!
//! Memory is printed, not asserted: it is the machine's.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use alive_tests::daemon::{Start, free_address};
use alive_tests::running::Running;
use alive_tests::scene::Scene;
use alive_tests::served::{Result, Served};
use alive_tests::{artifacts, needs, targets};
use serde_json::Value;

const PYTHON: &[&str] =
    &["/", "/json", "/xml", "/sql", "/native", "/threads", "/process", "/late", "/optional"];
const PERL: &[&str] =
    &["/", "/json", "/native", "/text", "/dump", "/files", "/process", "/late", "/optional"];
const RUBY: &[&str] =
    &["/", "/json", "/erb", "/native", "/text", "/framework", "/auto", "/late", "/optional"];
const PHP: &[&str] = &["/", "/include", "/class", "/no-class", "/no-file", "/"];

/// Runs a web server and asks for its pages.
fn run(scene: &Scene, name: &'static str, start: Start, pages: &[&str]) -> Result {
    let served = Served::start(scene, name, start);
    served.ask(pages);
    served.end()
}

fn every_role(_: &Value) -> bool {
    false
}

/// Files and processes: one for each file that a process loaded.
fn loads(result: &Result, without: impl Fn(&Value) -> bool) -> u64 {
    result.late(without).values().sum()
}

/// Asserts that of the `pasted` files no worker loads one any more, and prints the comparison.
#[track_caller]
fn assert_gone(
    what: &str,
    [before, after]: [&Result; 2],
    pasted: &BTreeSet<PathBuf>,
    without: impl Fn(&Value) -> bool + Copy,
) {
    assert!(!pasted.is_empty(), "{what}: nothing was pasted");
    let late = after.late(without);
    let still: Vec<&PathBuf> = pasted.iter().filter(|path| late.contains_key(*path)).collect();
    assert!(still.is_empty(), "{what}: still loaded late: {still:#?}");
    let [was, is] = [loads(before, without), loads(after, without)];
    println!("{what}: late loads {was} -> {is}; {} -> {}", before.memory, after.memory);
    println!("{what}: left late: {:?}", late.keys().filter_map(|path| path.file_name()).collect::<Vec<_>>());
    assert!(is < was, "{what}: {was} late loads before, {is} after");
}

/// Asserts that a list has these lines, whatever comment stands behind them. Lines are named that no other
/// page could bring: which of two pages a worker answers first is chance.
#[track_caller]
fn assert_lines(list: &str, lines: &[&str]) {
    for line in lines {
        let of_line = |written: &&str| {
            written
                .trim_start()
                .strip_prefix(line)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with(' '))
        };
        assert_eq!(list.lines().filter(|written| of_line(written)).count(), 1, "{line}: {list}");
    }
}

/// Every file of the findings that should be preloaded.
fn all_to_preload(result: &Result) -> BTreeSet<PathBuf> {
    let roots = result.to_preload();
    roots
        .into_iter()
        .flat_map(|(root, mut files)| {
            files.insert(root);
            files
        })
        .collect()
}

#[test]
fn gunicorn() {
    let scene = Scene::without_collector();
    let Some(start) = targets::gunicorn(&scene, &[], false) else { return };
    let before = run(&scene, "before", start, PYTHON);
    let file = scene.path("gunicorn.conf.py");
    let list = before.list(&scene, "gunicorn");
    assert_lines(&list, &["preload_app = True", "import sqlite3", "import colorsys"]);
    std::fs::write(&file, &list).expect("a file in the scene");
    let Some(start) = targets::gunicorn(&scene, &["--config", &file.display().to_string()], false) else {
        return;
    };
    let after = run(&scene, "after", start, PYTHON);
    assert_gone("gunicorn", [&before, &after], &all_to_preload(&before), every_role);
}

#[test]
fn uwsgi_with_lazy_apps() {
    let scene = Scene::without_collector();
    let Some(start) = targets::uwsgi_lazy(&scene, "") else { return };
    let before = run(&scene, "before", start, PYTHON);
    let list = before.list(&scene, "uwsgi");
    assert_lines(&list, &["shared-import = app", "shared-import = sqlite3", "shared-import = colorsys"]);
    let Some(start) = targets::uwsgi_lazy(&scene, &list) else { return };
    let after = run(&scene, "after", start, PYTHON);
    assert_gone("uWSGI", [&before, &after], &all_to_preload(&before), every_role);
}

#[test]
fn starman() {
    let scene = Scene::without_collector();
    let Some(start) = targets::starman(&scene, &[]) else { return };
    let before = run(&scene, "before", start, PERL);
    let list = before.list(&scene, "perl");
    assert_lines(&list, &["use JSON::PP ();", "use Text::Abbrev ();"]);
    std::fs::write(scene.path("AlivePreload.pm"), &list).expect("a file in the scene");
    let folder = scene.path("").display().to_string();
    let options = ["-I", &folder, "-M", "AlivePreload", "--preload-app"];
    let Some(start) = targets::starman(&scene, &options) else { return };
    let after = run(&scene, "after", start, PERL);
    assert_gone("starman", [&before, &after], &all_to_preload(&before), every_role);
}

#[test]
fn starman_with_prefork() {
    let scene = Scene::without_collector();
    if !needs::installed("libprefork-perl", &["/usr/share/perl5/prefork.pm"]) {
        return;
    }
    let Some(start) = targets::starman(&scene, &["--preload-app"]) else { return };
    let before = run(&scene, "before", start, PERL);
    let list = before.list(&scene, "prefork");
    assert_lines(&list, &["use prefork 'JSON::PP';", "use prefork 'Text::Abbrev';"]);
    let Some(mut start) = targets::starman(&scene, &["--preload-app"]) else { return };
    let application = scene.path("starman/app.psgi");
    let code = std::fs::read_to_string(&application).expect("the application");
    std::fs::write(&application, list + &code).expect("a file in the scene");
    start.command.insert(1, "-Mprefork=:enable".to_owned());
    let after = run(&scene, "after", start, PERL);
    assert_gone("starman with prefork.pm", [&before, &after], &all_to_preload(&before), every_role);
}

#[test]
fn mod_perl() {
    let scene = Scene::without_collector();
    let Some(start) = apache(&scene, "") else { return };
    let before = run(&scene, "before", start, &["/"]);
    let list = before.list(&scene, "mod-perl");
    assert_lines(&list, &["PerlModule Text::Wrap", "PerlModule Storable", "PerlModule Shop::Cart"]);
    let Some(start) = apache(&scene, &list) else { return };
    let after = run(&scene, "after", start, &["/"]);
    let perl = |path: &PathBuf| {
        path.extension().is_some_and(|suffix| suffix == "pm") || path.display().to_string().contains("/auto/")
    };
    let pasted = all_to_preload(&before).into_iter().filter(perl).collect();
    assert_gone("mod_perl", [&before, &after], &pasted, every_role);
}

/// Apache with a Perl handler that requires at its first request, and further lines of configuration.
fn apache(scene: &Scene, lines: &str) -> Option<Start> {
    const HANDLER: &str = "package Shop;\nuse Apache2::RequestRec ();\nuse Apache2::RequestIO ();\nsub handler {\n    \
        my ($request) = @_;\n    require Text::Wrap;\n    require Storable;\n    require lib;\n    \
        lib->import($ENV{SHOP});\n    require Shop::Cart;\n    select undef, undef, undef, 0.05;\n    \
        $request->print('well');\n    0;\n}\n1;\n";
    let modules = "/usr/lib/apache2/modules";
    let module = format!("{modules}/mod_perl.so");
    if !needs::installed("libapache2-mod-perl2", &["/usr/sbin/apache2", &module]) {
        return None;
    }
    targets::open_to_all(&scene.path(""));
    std::fs::create_dir_all(scene.path("shop/Shop")).expect("a folder in the scene");
    std::fs::write(scene.path("Shop.pm"), HANDLER).expect("a file in the scene");
    std::fs::write(scene.path("shop/Shop/Cart.pm"), "package Shop::Cart;\n1;\n")
        .expect("a file in the scene");
    let address = free_address();
    let folder = scene.path("").display().to_string();
    let user = if nix::unistd::geteuid().is_root() { "User www-data\nGroup www-data\n" } else { "" };
    let configuration = format!(
        "ServerRoot {folder}\nPidFile {folder}/apache.pid\nErrorLog {folder}/apache.log\nServerName localhost\n\
         LoadModule mpm_prefork_module {modules}/mod_mpm_prefork.so\n\
         LoadModule authz_core_module {modules}/mod_authz_core.so\nLoadModule perl_module {module}\n\
         Listen {address}\nStartServers 2\nServerLimit 2\nMaxRequestWorkers 2\nMutex pthread\n{user}\
         PerlSwitches -I{folder}\nPerlSetEnv SHOP {folder}/shop\nPerlModule Shop\n\
         <Location />\nSetHandler perl-script\nPerlResponseHandler Shop\n</Location>\n{lines}"
    );
    std::fs::write(scene.path("apache.conf"), configuration).expect("a file in the scene");
    let file = scene.path("apache.conf").display().to_string();
    let mut start = Start::new(&["/usr/sbin/apache2", "-f", &file, "-DFOREGROUND"], address);
    start.shim = targets::shim_for_all(scene);
    Some(start)
}

#[test]
fn puma() {
    let scene = Scene::without_collector();
    let Some(start) = targets::puma(&scene, "", false) else { return };
    let before = run(&scene, "before", start, RUBY);
    let list = before.list(&scene, "puma");
    assert_lines(&list, &["preload_app!", "require \"abbrev\""]);
    let Some(start) = targets::puma(&scene, &list, false) else { return };
    let after = run(&scene, "after", start, RUBY);
    assert_gone("puma", [&before, &after], &all_to_preload(&before), every_role);
}

/// With `opcache.preload_user` the list is compiled by a process that `OPcache` forks for it alone: that is
/// the fix itself, and no worker.
fn compiles_the_list(role: &Value) -> bool {
    role["fork_site"]["module"].as_str().is_some_and(|module| module.ends_with("/opcache.so"))
}

#[test]
fn php_fpm() {
    let run = |scene: &Scene, name, start| {
        let served = Served::start(scene, name, start);
        // So often that both workers have to answer; its client is slower than a page.
        for _ in 0..12 {
            targets::ask_php(scene, served.address(), PHP);
        }
        served.end()
    };
    let scene = Scene::without_collector();
    let Some(start) = targets::php_fpm(&scene, "-F") else { return };
    let before = run(&scene, "before", start);
    let list = scene.path("php/preload.php");
    std::fs::write(&list, before.list(&scene, "php")).expect("a file in the scene");
    let Some(mut start) = targets::php_fpm(&scene, "-F") else { return };
    let user = if nix::unistd::geteuid().is_root() { "www-data" } else { "" };
    for setting in [format!("opcache.preload={}", list.display()), format!("opcache.preload_user={user}")] {
        start.command.extend(["-d".to_owned(), setting]);
    }
    let after = run(&scene, "after", start);
    // Few workers may have loaded a file, and it is in the list all the same.
    let pasted = before.late(every_role).into_keys();
    let pasted = pasted.filter(|path| path.extension().is_some_and(|suffix| suffix != "so" && suffix != "2"));
    assert_gone("php-fpm", [&before, &after], &pasted.collect(), compiles_the_list);
}

/// Two sessions at the same time, which stay; then the end.
fn run_postgres(scene: &Scene, name: &'static str, start: Start) -> Result {
    let [session, stay] = ["session.sql", "stay.sql"].map(|file| scene.path(file));
    std::fs::copy(artifacts::source("daemons/postgres/session.sql"), &session).expect("the session");
    std::fs::write(&stay, "select pg_sleep(600) as staying;\n").expect("a file in the scene");
    let ask = scene.path("ask.sql");
    let count = "select count(*) from pg_stat_activity where state = 'active' and query like '%as staying%' and pid <> pg_backend_pid();\n";
    std::fs::write(&ask, count).expect("a file in the scene");
    let served = Served::start(scene, name, start);
    let address = served.address();
    targets::await_postgres(address);
    let clients =
        [(); 2].map(|()| Running::start(scene, &mut targets::psql(scene, address, &[&session, &stay])));
    let until = Instant::now() + Duration::from_secs(60);
    while scene.run(&mut targets::psql(scene, address, &[&ask])).well().said().trim() != "2" {
        let told: Vec<String> = clients.iter().map(Running::told).collect();
        assert!(Instant::now() < until, "two sessions: {told:?}");
    }
    served.end()
}

#[test]
fn postgres() {
    let scene = Scene::without_collector();
    let Some(start) = targets::postgres(&scene) else { return };
    let before = run_postgres(&scene, "before", start);
    let list = before.list(&scene, "postgres");
    assert_lines(&list, &["shared_preload_libraries = 'plpgsql, dict_snowball, utf8_and_euc_jp, llvmjit'"]);
    let scene = Scene::without_collector();
    let Some(start) = targets::postgres(&scene) else { return };
    let file = scene.path("cluster/postgresql.conf");
    let mut configuration = std::fs::read_to_string(&file).expect("initdb makes it");
    configuration.push_str(&list);
    std::fs::write(&file, configuration).expect("root may do that");
    let after = run_postgres(&scene, "after", start);
    let pasted = before.late(every_role).into_keys();
    let pasted: BTreeSet<PathBuf> = pasted
        .filter(|path| path.file_stem().and_then(|stem| stem.to_str()).is_some_and(|stem| named(&list, stem)))
        .collect();
    assert_gone("postgres", [&before, &after], &pasted, every_role);
}

/// Whether a list has the setting with this library.
fn named(list: &str, library: &str) -> bool {
    let setting =
        list.lines().find_map(|line| line.strip_prefix("shared_preload_libraries = '")).unwrap_or_default();
    setting.trim_end_matches('\'').split(", ").any(|name| name == library)
}

/// A library that a process opens by itself, and whose place no interpreter's list is.
#[test]
fn the_dynamic_linker() {
    let scene = Scene::without_collector();
    let library = scene.path("libplain.so");
    artifacts::library("plain", &library, &[] as &[&str]);
    let run = |preload: Option<&str>| {
        let mut command = scene.command(&artifacts::built("alive"));
        command
            .args(["run", "--fail-on-late", "--db", "alive.db", "--"])
            .arg(artifacts::program("dlopen_in_child"));
        command.arg("now").arg(&library).envs(preload.map(|library| ("LD_PRELOAD", library)));
        scene.run(&mut command).status.code()
    };
    assert_eq!(run(None), Some(3), "the library is loaded late");
    let mut command = scene.command(&artifacts::built("alive"));
    let list = scene.run(command.args(["preload", "--all", "--db", "alive.db", "--for", "ld"])).well().said();
    let setting = list.lines().find_map(|line| line.strip_prefix("LD_PRELOAD=")).expect("a setting");
    std::fs::remove_file(scene.path("alive.db")).expect("the first run made it");
    assert_eq!(run(Some(setting)), Some(0), "{list}");
}
