//! The daemons that are tested: their commands, and their applications copied into a scene.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;

use crate::daemon::{STRACE, Start, free_address};
use crate::scene::Scene;
use crate::{artifacts, needs};

/// Copies a daemon's application into the scene, where it may be read and written by anybody: what
/// a daemon changes to another user for must find it.
fn copied(scene: &Scene, name: &str) -> PathBuf {
    let to = scene.path(name);
    copy_folder(&artifacts::source(&format!("daemons/{name}")), &to);
    open_to_all(&scene.path(""));
    to
}

fn copy_folder(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("a folder in the scene");
    open_to_all(to);
    for entry in std::fs::read_dir(from).expect("the application's folder").flatten() {
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy_folder(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), &target).expect("a file in the scene");
        }
    }
}

/// Lets every user look into a folder.
///
/// # Panics
/// When it is not this user's.
pub fn open_to_all(folder: &Path) {
    std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o755)).expect("the scene's own folder");
}

/// A copy of the shim that any user can read.
///
/// # Panics
/// When the shim is not built.
#[must_use]
pub fn shim_for_all(scene: &Scene) -> PathBuf {
    let copy = scene.path("libpostfork.so");
    std::fs::copy(artifacts::shim(), &copy).expect("a file in the scene");
    open_to_all(&scene.path(""));
    std::fs::set_permissions(&copy, std::fs::Permissions::from_mode(0o644)).expect("the scene's own file");
    copy
}

fn word(path: &Path) -> String {
    path.display().to_string()
}

/// gunicorn with a Flask application and two workers; `None` when it is not installed.
#[must_use]
pub fn gunicorn(scene: &Scene, options: &[&str], eager: bool) -> Option<Start> {
    let programs = [STRACE, "/usr/bin/python3", "/usr/bin/gunicorn", "/usr/lib/python3/dist-packages/flask"];
    if !needs::installed("strace gunicorn python3-flask", &programs) {
        return None;
    }
    let folder = word(&copied(scene, "gunicorn"));
    let address = free_address();
    let bind = address.to_string();
    let first =
        ["/usr/bin/python3", "/usr/bin/gunicorn", "--workers", "2", "--bind", &bind, "--chdir", &folder];
    let mut start = Start::new(&[&first, options, &["app:app"]].concat(), address);
    if eager {
        start.variables.push(("EAGER", "1".to_owned()));
    }
    Some(start)
}

/// starman with a PSGI application and two workers; `None` when it is not installed.
#[must_use]
pub fn starman(scene: &Scene, options: &[&str]) -> Option<Start> {
    if !needs::installed("strace starman", &[STRACE, "/usr/bin/perl", "/usr/bin/starman"]) {
        return None;
    }
    let application = word(&copied(scene, "starman").join("app.psgi"));
    let address = free_address();
    let listen = address.to_string();
    let first = ["/usr/bin/perl", "/usr/bin/starman", "--workers", "2", "--listen", &listen];
    Some(Start::new(&[&first, options, &[&application]].concat(), address))
}

/// puma with a Rack application, two workers and further lines of configuration; `None` when it is
/// not installed.
#[must_use]
pub fn puma(scene: &Scene, configuration: &str, eager: bool) -> Option<Start> {
    if !needs::installed("strace puma", &[STRACE, "/usr/bin/ruby", "/usr/bin/puma"]) {
        return None;
    }
    let specification = "/usr/share/rubygems-integration/all/specifications/sinatra-*";
    let _ = needs::versioned("ruby-sinatra", specification)?;
    let folder = copied(scene, "puma");
    let address = free_address();
    let common = format!("workers 2\nthreads 1, 1\nbind \"tcp://{address}\"\nenvironment \"production\"\n");
    let file = folder.join("puma.rb");
    std::fs::write(&file, common + configuration).expect("a file in the scene");
    let (file, rackup) = (word(&file), word(&folder.join("config.ru")));
    let mut start = Start::new(&["/usr/bin/ruby", "/usr/bin/puma", "-C", &file, &rackup], address);
    if eager {
        start.variables.push(("EAGER", "1".to_owned()));
    }
    Some(start)
}

/// php-fpm with two workers, which change their user when this is root; `None` when it is not installed.
#[must_use]
pub fn php_fpm(scene: &Scene, mode: &str) -> Option<Start> {
    let client = "/usr/bin/cgi-fcgi";
    if !needs::installed("strace libfcgi-bin", &[STRACE, client]) {
        return None;
    }
    let program = needs::versioned("php-fpm", "/usr/sbin/php-fpm*")?;
    let folder = copied(scene, "php");
    let address = free_address();
    let user = if nix::unistd::geteuid().is_root() { "user = www-data\ngroup = www-data\n" } else { "" };
    let pid_file = scene.path("php.pid");
    let text = format!(
        "[global]\npid = {}\nerror_log = {}\n[www]\n{user}listen = {address}\npm = static\npm.max_children = 2\n",
        pid_file.display(),
        scene.path("php.log").display(),
    );
    let file = folder.join("fpm.conf");
    std::fs::write(&file, text).expect("a file in the scene");
    let mut start = Start::new(&[&word(&program), mode, "-y", &word(&file)], address);
    start.pid_file = Some(pid_file);
    start.end = Signal::SIGQUIT;
    Some(start)
}

/// Asks php-fpm for every path at the same time, each by a client of its own; tells which workers answered.
///
/// # Panics
/// When an answer is an error.
pub fn ask_php(scene: &Scene, address: SocketAddr, paths: &[&str]) -> BTreeSet<u32> {
    let script = scene.path("php/index.php");
    let address = address.to_string();
    let ask = |path: &str| {
        let mut client = scene.command(Path::new("/usr/bin/cgi-fcgi"));
        client.args(["-bind", "-connect", &address]);
        client.env("SCRIPT_FILENAME", &script).env("PATH_INFO", path).env("REQUEST_METHOD", "GET");
        let said = scene.run(&mut client).well().said();
        assert!(said.contains("Content-type") && !said.contains("Status:"), "{path}: {said}");
        said.rsplit(' ').next().and_then(|pid| pid.trim().parse().ok()).expect("who answered")
    };
    std::thread::scope(|scope| {
        let asked: Vec<_> = paths.iter().map(|path| scope.spawn(|| ask(path))).collect();
        asked.into_iter().map(|thread| thread.join().expect("an answer")).collect()
    })
}

/// spamd in the background with local rules only; `None` when it is not installed or this is not root.
#[must_use]
pub fn spamd(scene: &Scene) -> Option<Start> {
    let programs = [STRACE, "/usr/sbin/spamd", "/usr/bin/spamc"];
    if !needs::installed("strace spamd spamc", &programs) || !needs::root() {
        return None;
    }
    open_to_all(&scene.path(""));
    let pid_file = scene.path("spamd.pid");
    let file = word(&pid_file);
    let address = free_address();
    let port = address.port().to_string();
    let children = "--max-children=2";
    let words =
        ["/usr/bin/perl", "-T", "/usr/sbin/spamd", "--daemonize", "--local", children, "--port", &port];
    let mut start =
        Start::new(&[&words[..], &["--listen", "127.0.0.1", "--pidfile", &file]].concat(), address);
    start.pid_file = Some(pid_file);
    Some(start)
}

/// sshd with a key of its own, without passwords; `None` when it is not installed or this is not root.
///
/// # Panics
/// When no key can be made.
#[must_use]
pub fn sshd(scene: &Scene) -> Option<Start> {
    let programs = [STRACE, "/usr/sbin/sshd", "/usr/bin/ssh-keygen", "/usr/bin/ssh-keyscan"];
    if !needs::installed("strace openssh-server openssh-client", &programs) || !needs::root() {
        return None;
    }
    // Where Debian's sshd locks up who has not logged in yet; its service makes it at each start.
    std::fs::create_dir_all("/run/sshd").expect("root may do that");
    let key = word(&scene.path("host_key"));
    let mut keygen = scene.command(Path::new("/usr/bin/ssh-keygen"));
    let _ = scene.run(keygen.args(["-q", "-t", "ed25519", "-N", "", "-f", &key])).well();
    let address = free_address();
    let listen = format!("ListenAddress={address}");
    let host_key = format!("HostKey={key}");
    let words = ["/usr/sbin/sshd", "-D", "-e", "-f", "/dev/null", "-o", &listen, "-o", &host_key];
    let mut start = Start::new(&[&words[..], &["-o", "PidFile=none", "-o", "UsePAM=no"]].concat(), address);
    start.shim = shim_for_all(scene);
    Some(start)
}

/// uWSGI in the background with the Flask application, loaded before the fork; `None` when it is not
/// installed.
#[must_use]
pub fn uwsgi(scene: &Scene) -> Option<Start> {
    let (program, flask) = ("/usr/bin/uwsgi-core", "/usr/lib/python3/dist-packages/flask");
    let plugin = "/usr/lib/uwsgi/plugins/python3_plugin.so";
    let packages = "strace uwsgi-core uwsgi-plugin-python3 python3-flask";
    if !needs::installed(packages, &[STRACE, program, plugin, flask]) {
        return None;
    }
    let folder = word(&copied(scene, "gunicorn"));
    let (pid_file, log) = (scene.path("uwsgi.pid"), word(&scene.path("uwsgi.log")));
    let file = word(&pid_file);
    let address = free_address();
    let listen = address.to_string();
    let words = [program, "--plugin", "python3", "--http-socket", &listen, "--master", "--processes", "2"];
    let files = ["--pidfile2", &file, "--chdir", &folder, "--module", "app:app", "--daemonize", &log];
    let mut start = Start::new(&[&words[..], &files].concat(), address);
    start.variables.push(("EAGER", "1".to_owned()));
    start.pid_file = Some(pid_file);
    // SIGTERM would make it load everything anew.
    start.end = Signal::SIGQUIT;
    Some(start)
}

/// uWSGI in the foreground, with the Flask application loaded in each of two workers and further lines in
/// its ini file; `None` when it is not installed.
#[must_use]
pub fn uwsgi_lazy(scene: &Scene, lines: &str) -> Option<Start> {
    let Start { address, .. } = uwsgi(scene)?;
    let folder = word(&scene.path("gunicorn"));
    let text = format!(
        "[uwsgi]\nplugin = python3\nhttp-socket = {address}\nmaster = true\nprocesses = 2\nlazy-apps = true\n\
         chdir = {folder}\nmodule = app:app\n{lines}"
    );
    let file = scene.path("uwsgi.ini");
    std::fs::write(&file, text).expect("a file in the scene");
    let mut start = Start::new(&["/usr/bin/uwsgi-core", "--ini", &word(&file)], address);
    start.end = Signal::SIGQUIT;
    Some(start)
}

/// A postgres server with a fresh cluster, as the user that its package made; `None` when it is not installed
/// or this is not root.
#[must_use]
pub fn postgres(scene: &Scene) -> Option<Start> {
    let setpriv = "/usr/bin/setpriv";
    if !needs::installed("strace util-linux", &[STRACE, setpriv]) {
        return None;
    }
    let server = needs::versioned("postgresql", "/usr/lib/postgresql/*/bin/postgres")?;
    if !needs::root() {
        return None;
    }
    let as_user = [setpriv, "--reuid=postgres", "--regid=postgres", "--init-groups"];
    let cluster = scene.path("cluster");
    std::fs::create_dir_all(&cluster).expect("a folder in the scene");
    open_to_all(&scene.path(""));
    let owner = nix::unistd::User::from_name("postgres").expect("the users can be read").expect("its user");
    std::os::unix::fs::chown(&cluster, Some(owner.uid.as_raw()), Some(owner.gid.as_raw()))
        .expect("root may do that");
    let cluster = word(&cluster);
    let mut initdb = scene.command(Path::new(setpriv));
    initdb.args(&as_user[1..]).arg(server.with_file_name("initdb"));
    let _ = scene.run(initdb.args(["-D", &cluster, "-A", "trust", "-U", "postgres", "--no-sync"])).well();
    let address = free_address();
    let port = address.port().to_string();
    let sockets = "unix_socket_directories=";
    let server = [&word(&server), "-D", &cluster, "-p", &port, "-c", "listen_addresses=127.0.0.1"];
    let mut start =
        Start::new(&[&as_user[..], &server, &["-c", sockets, "-c", "fsync=off"]].concat(), address);
    start.shim = shim_for_all(scene);
    start.end = Signal::SIGINT;
    Some(start)
}

/// Waits until the server takes clients in, which it does only some time after it began to listen.
///
/// # Panics
/// When it never does.
pub fn await_postgres(address: SocketAddr) {
    let begun = Instant::now();
    let mut ready = Command::new("/usr/bin/pg_isready");
    ready.args(["-h", "127.0.0.1", "-p", &address.port().to_string(), "-q"]);
    while !ready.status().expect("pg_isready").success() {
        assert!(begun.elapsed() < Duration::from_secs(60), "PostgreSQL takes nobody in");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// A client of the server that goes through files of commands.
#[must_use]
pub fn psql(scene: &Scene, address: SocketAddr, files: &[&Path]) -> Command {
    let mut client = scene.command(Path::new("/usr/bin/psql"));
    client.args(["-h", "127.0.0.1", "-p", &address.port().to_string(), "-U", "postgres", "-XAtq"]);
    for file in files {
        client.arg("-f").arg(file);
    }
    client.arg("postgres");
    client
}
