//! Perl's servers: who asked for each module in their workers, against the account of an @INC hook.
//!
//! The hook stands first in the search path and writes down who asks before it looks on. What puts a
//! folder in front of it is not in the account; its callers are counted all the same.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use alive_tests::daemon::free_address;
use alive_tests::scene::Scene;
use alive_tests::{artifacts, needs};
use nix::sys::signal::Signal;

use super::account::{self, Agreement};
use crate::served::Served;

const PAGES: [&str; 8] = ["/", "/json", "/native", "/text", "/dump", "/files", "/late", "/optional"];

#[track_caller]
fn starman(what: &str, options: &[&str], at_least: usize) {
    if !needs::installed("starman", &["/usr/bin/perl", "/usr/bin/starman"]) {
        return;
    }
    let scene = Scene::start();
    let address = free_address();
    let mut command = scene.traced_command(Path::new("/usr/bin/perl"));
    command.args(["/usr/bin/starman", "--workers", "2", "--listen", &address.to_string()]);
    command.args(options).arg(artifacts::source("daemons/starman/app.psgi"));
    let served = Served::start(&scene, account::watch(&scene, &mut command), address);
    served.ask_all(&PAGES, 2);
    served.stop(Signal::SIGTERM);
    let events = scene.events();
    Agreement::of(&scene, &events).assert_whole(what, at_least);
    for load in events.of("load").filter(|load| load.path().ends_with("Text/Abbrev.pm")) {
        let caller = load.member("caller");
        let file = caller["file"].as_str().unwrap_or_default();
        assert!(file.ends_with("app.psgi"), "{caller}");
    }
}

#[test]
fn starman_with_an_application_of_each_worker() {
    starman("starman", &[], 40);
}

#[test]
fn starman_with_an_application_of_its_master() {
    starman("starman --preload-app -M", &["--preload-app", "-MJSON::PP", "-MStorable", "-MEncode::JP"], 10);
}

#[test]
fn processes_from_a_template_of_anyevent() {
    let module = "/usr/share/perl5/AnyEvent/Fork.pm";
    if !needs::installed("libanyevent-fork-perl", &["/usr/bin/perl", module]) {
        return;
    }
    let scene = Scene::start();
    let work = "package Pool; sub work { require Text::Abbrev; require Storable; syswrite $_[0], \"$$ \" } 1";
    let mut command = scene.traced_command(Path::new("/usr/bin/perl"));
    command.arg(artifacts::source("daemons/templates/pool.pl")).arg(work);
    let _ = scene.run(account::watch(&scene, &mut command)).well();
    Agreement::of(&scene, &scene.events()).assert_whole("AnyEvent::Fork", 4);
}

/// spamd runs with taint checks, so that the variables of Perl do not count.
#[test]
fn spamd() {
    if !needs::installed("spamd spamc", &["/usr/sbin/spamd", "/usr/bin/spamc"]) || !needs::root() {
        return;
    }
    let scene = Scene::start();
    let open_to_all = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(scene.path(""), open_to_all).expect("the scene's own folder");
    let address = free_address();
    let port = address.port().to_string();
    let mut command = scene.traced_command(Path::new("/usr/bin/perl"));
    command.arg("-T").arg("-I").arg(account::folder()).arg("-MAccount=watch").arg("/usr/sbin/spamd");
    command.args(["--local", "--max-children=2", "--listen", "127.0.0.1", "--port", &port]);
    let served = Served::start(&scene, command.env("ACCOUNT", account::file(&scene)), address);
    std::fs::write(scene.path("message"), "Subject: x\n\nwell\n").expect("a file in the scene");
    let message = std::fs::File::open(scene.path("message")).expect("the message");
    let mut client = scene.command(Path::new("/usr/bin/spamc"));
    let told = client.args(["-d", "127.0.0.1", "-p", &port, "-E"]).stdin(message).output();
    let told = told.expect("spamc is a program");
    assert!(told.stdout.windows(7).any(|part| part == b"X-Spam-"), "{told:?}");
    served.stop(Signal::SIGTERM);
    Agreement::of(&scene, &scene.events()).assert_whole("spamd", 1);
}

/// Perl inside of Apache, which calls it from C for each request.
#[test]
fn mod_perl() {
    let modules = "/usr/lib/apache2/modules";
    let module = format!("{modules}/mod_perl.so");
    if !needs::installed("libapache2-mod-perl2", &["/usr/sbin/apache2", &module]) {
        return;
    }
    let scene = Scene::start();
    let open_to_all = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(scene.path(""), open_to_all).expect("the scene's own folder");
    // The workers are another user, who may not read where it was built.
    let shim = scene.path("libpostfork.so");
    std::fs::copy(artifacts::shim(), &shim).expect("a file in the scene");
    std::fs::copy(account::folder().join("Account.pm"), scene.path("Account.pm"))
        .expect("a file in the scene");
    let shop = "package Shop;\nuse Apache2::RequestRec ();\nuse Apache2::RequestIO ();\n\
                sub handler {\n    my ($request) = @_;\n    cart();\n    $request->print(\"well\");\n    0;\n}\n\
                sub cart {\n    require Text::Wrap;\n    require Storable;\n}\n1;\n";
    std::fs::write(scene.path("Shop.pm"), shop).expect("a file in the scene");
    let address = free_address();
    let folder = scene.path("").display().to_string();
    let user = if nix::unistd::geteuid().is_root() { "User www-data\nGroup www-data\n" } else { "" };
    let configuration = format!(
        "ServerRoot {folder}\nPidFile {folder}/apache.pid\nErrorLog {folder}/apache.log\nServerName localhost\n\
         LoadModule mpm_prefork_module {modules}/mod_mpm_prefork.so\n\
         LoadModule authz_core_module {modules}/mod_authz_core.so\nLoadModule perl_module {module}\n\
         Listen {address}\nStartServers 2\nMinSpareServers 1\nMaxSpareServers 2\nMutex pthread\n{user}\
         PerlSwitches -I{folder} -MAccount=watch\nPerlModule Shop\n\
         <Location />\nSetHandler perl-script\nPerlResponseHandler Shop\n</Location>\n"
    );
    std::fs::write(scene.path("apache.conf"), configuration).expect("a file in the scene");
    let mut command = scene.traced_command(Path::new("/usr/sbin/apache2"));
    command.arg("-f").arg(scene.path("apache.conf")).arg("-DFOREGROUND");
    command.env("LD_PRELOAD", shim).env("ACCOUNT", account::file(&scene));
    let served = Served::start(&scene, &mut command, address);
    served.ask_all(&["/"], 6);
    served.stop(Signal::SIGTERM);
    let events = scene.events();
    // Perl takes what it has compiled last for the caller of the handler; nobody is that.
    Agreement::of(&scene, &events).assert_callers("mod_perl", 8);
    for load in account::module_loads(&events) {
        let (file, line, function) = account::frames(load).pop().expect("frames");
        assert_eq!((line, function.as_str()), (6, "Shop::handler"), "{file}; {}", events.told());
    }
}
