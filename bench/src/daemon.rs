//! A real preforking daemon with one worker, started anew for each measurement: a worker has its first
//! request only once.

use std::ffi::OsStr;
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;

use crate::driver::Surroundings;
use crate::error::Error;
use crate::processors;

/// Longest wait for a daemon to be there, and for an answer: a tracer slows both about tenfold.
const PATIENCE: Duration = Duration::from_secs(60);

/// A server and the application it is given.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Server {
    /// gunicorn, for Python.
    Gunicorn,
    /// Starman, for Perl.
    Starman,
}

impl Server {
    /// Its name.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Gunicorn => "gunicorn",
            Self::Starman => "starman",
        }
    }

    /// The interpreter and the program it runs, as Debian installs them.
    const fn program(self) -> [&'static str; 2] {
        match self {
            Self::Gunicorn => ["/usr/bin/python3", "/usr/bin/gunicorn"],
            Self::Starman => ["/usr/bin/perl", "/usr/bin/starman"],
        }
    }

    /// Name and text of an application that loads much at a request for `/burst`.
    const fn application(self) -> (&'static str, &'static str) {
        match self {
            Self::Gunicorn => ("burst.py", include_str!("../programs/burst.py")),
            Self::Starman => ("burst.psgi", include_str!("../programs/burst.psgi")),
        }
    }

    /// Puts its application into `folder`.
    ///
    /// # Errors
    /// When the server is not installed, or the folder cannot be written.
    pub(crate) fn install(self, folder: &Path) -> Result<Installed, Error> {
        if let Some(missing) = self.program().into_iter().find(|program| !Path::new(program).is_file()) {
            let name = self.name();
            let why = format!("{missing} is not there (Debian: apt install {name})");
            return Err(Error::Unavailable(why));
        }
        let (name, text) = self.application();
        let file = folder.join(name);
        std::fs::write(&file, text).map_err(Error::io("writing an application"))?;
        Ok(Installed { server: self, folder: folder.to_owned(), file })
    }
}

/// A server that can be started.
#[derive(Debug)]
pub(crate) struct Installed {
    server: Server,
    folder: PathBuf,
    file: PathBuf,
}

impl Installed {
    /// Starts it with one worker, on the processor of all drivers, and waits until the worker answers.
    pub(crate) fn start(&self, surroundings: &Surroundings) -> Result<Daemon, Error> {
        let address = free_address()?;
        let listen = address.to_string();
        let [interpreter, program] = self.server.program();
        let arguments: Vec<&OsStr> = match self.server {
            Server::Gunicorn => {
                let chdir = self.folder.as_os_str();
                let words = [program, "--workers", "1", "--bind", &listen, "--chdir"].map(OsStr::new);
                words.into_iter().chain([chdir, OsStr::new("burst:application")]).collect()
            }
            Server::Starman => {
                let words = [program, "--workers", "1", "--listen", &listen].map(OsStr::new);
                words.into_iter().chain([self.file.as_os_str()]).collect()
            }
        };
        let mut command = surroundings.command(Path::new(interpreter), &arguments);
        command.env("PYTHONDONTWRITEBYTECODE", "1").current_dir(&self.folder).process_group(0);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let name = program.to_owned();
        let child = processors::on_one(|| command.spawn())?
            .map_err(|source| Error::Start { program: name.clone(), source })?;
        let mut daemon = Daemon { name, child, address };
        daemon.await_worker()?;
        Ok(daemon)
    }
}

/// A daemon that serves. It and all its processes end when it is dropped.
#[derive(Debug)]
pub(crate) struct Daemon {
    name: String,
    child: Child,
    address: SocketAddr,
}

/// What a worker's first burst of loading came to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Burst {
    /// From the connection to the end of the answer.
    pub(crate) nanos: f64,
    /// What the daemon's processes, and a tracer above them, were on a processor meanwhile.
    pub(crate) busy_nanos: f64,
    /// Modules that it brought in, by the application's own count.
    pub(crate) modules: usize,
}

impl Daemon {
    /// The request that makes the worker load.
    pub(crate) fn burst(&self) -> Result<Burst, Error> {
        let group = self.child.id();
        let before = busy_nanos(group)?;
        let begin = Instant::now();
        let said = get(self.address, "/burst").map_err(Error::io(format!("asking {}", self.name)))?;
        let nanos = begin.elapsed().as_secs_f64() * 1e9;
        let busy_nanos = busy_nanos(group)? - before;
        let modules = answered(&said).filter(|&modules| modules > 0);
        let modules = modules.ok_or_else(|| Error::Driver { program: self.name.clone(), said })?;
        Ok(Burst { nanos, busy_nanos, modules })
    }

    /// Waits for an answer that needs nothing to be loaded.
    fn await_worker(&mut self) -> Result<(), Error> {
        let begin = Instant::now();
        while begin.elapsed() < PATIENCE {
            if get(self.address, "/").is_ok_and(|said| answered(&said).is_some()) {
                return Ok(());
            }
            if self.child.try_wait().map_err(Error::io("looking after a daemon"))?.is_some() {
                break;
            }
            sleep(Duration::from_millis(5));
        }
        Err(Error::Driver { program: self.name.clone(), said: String::new() })
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // The group holds the workers and a tracer, too; what a daemon does in its end is not measured.
        let _ = killpg(Pid::from_raw(self.child.id().cast_signed()), Signal::SIGKILL);
        let _ = self.child.wait();
        // The workers are nobody's children any more; the last one takes the socket along.
        let begin = Instant::now();
        while TcpStream::connect(self.address).is_ok() && begin.elapsed() < PATIENCE {
            sleep(Duration::from_millis(1));
        }
    }
}

/// Nanoseconds that the processes of a group have been on a processor so far.
fn busy_nanos(group: u32) -> Result<f64, Error> {
    let processes = std::fs::read_dir("/proc").map_err(Error::io("reading /proc"))?;
    let mut sum = 0.0;
    for process in processes.flatten().map(|entry| entry.path()) {
        // What is no process, or has ended meanwhile, has no such files.
        let Ok(stat) = std::fs::read_to_string(process.join("stat")) else { continue };
        if group_of(&stat) == Some(group) {
            let threads = std::fs::read_dir(process.join("task")).into_iter().flatten().flatten();
            sum += threads.filter_map(|thread| time_of(&thread.path())).sum::<f64>();
        }
    }
    Ok(sum)
}

/// The process group in a line of `/proc/PID/stat`: the third word behind the name, which is in parentheses.
fn group_of(stat: &str) -> Option<u32> {
    stat.rsplit_once(')')?.1.split_whitespace().nth(2)?.parse().ok()
}

/// Nanoseconds of a thread on a processor.
fn time_of(thread: &Path) -> Option<f64> {
    let numbers = std::fs::read_to_string(thread.join("schedstat")).ok()?;
    numbers.split_whitespace().next()?.parse().ok()
}

/// A TCP address on this machine that nobody uses now.
fn free_address() -> Result<SocketAddr, Error> {
    let bound = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|listener| listener.local_addr());
    bound.map_err(Error::io("looking for a free port"))
}

/// One HTTP request; the whole answer.
fn get(address: SocketAddr, path: &str) -> io::Result<String> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.write_all(format!("GET {path} HTTP/1.0\r\nHost: localhost\r\n\r\n").as_bytes())?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}

/// The number in the body of an answer that is well.
fn answered(said: &str) -> Option<usize> {
    let (head, body) = said.split_once("\r\n\r\n")?;
    let status = head.split(' ').nth(1)?;
    if status == "200" { body.trim().parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::{Server, answered, group_of};
    use crate::driver::Surroundings;
    use crate::error::Error;
    use std::net::TcpStream;

    /// Starts a server, has its worker load, and ends it.
    fn serves(server: Server) {
        let folder = tempfile::tempdir().expect("a folder");
        let installed = match server.install(folder.path()) {
            Err(Error::Unavailable(why)) if std::env::var_os("CI").is_none() => {
                eprintln!("skipped: {why}");
                return;
            }
            installed => installed.expect("the server is installed"),
        };
        let daemon = installed.start(&Surroundings::default()).expect("it answers");
        let address = daemon.address;
        let modules = daemon.burst().map(|burst| burst.modules).expect("the worker loads");
        assert!(modules > 50, "{modules}");
        assert_eq!(daemon.burst().ok(), None, "a second request has nothing to load");
        drop(daemon);
        assert!(TcpStream::connect(address).is_err(), "nobody serves any more");
    }

    #[test]
    fn gunicorns_worker_loads_at_its_first_request_and_then_no_more() {
        serves(Server::Gunicorn);
    }

    #[test]
    fn starmans_worker_loads_at_its_first_request_and_then_no_more() {
        serves(Server::Starman);
    }

    #[test]
    fn a_processs_group_is_found_whatever_its_name_is() {
        assert_eq!(group_of("4711 (python3) S 4710 4709 4708 0 -1 4194560"), Some(4709));
        assert_eq!(group_of("4711 (a) S 1 2 (b)) R 7 8 9 0"), Some(8));
        assert_eq!(group_of(""), None);
    }

    #[test]
    fn an_answer_is_a_number_behind_a_status_that_is_well() {
        assert_eq!(answered("HTTP/1.1 200 OK\r\nServer: x\r\n\r\n193"), Some(193));
        assert_eq!(answered("HTTP/1.1 500 Internal Server Error\r\n\r\n193"), None);
        assert_eq!(answered("HTTP/1.1 200 OK\r\n\r\nwell"), None);
        assert_eq!(answered(""), None);
    }
}
