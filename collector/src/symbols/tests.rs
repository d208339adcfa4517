//! Names of places in real files: stripped ones, debugging information beside them, and files that are no program.

use std::os::unix::fs::symlink;
use std::path::PathBuf;

use super::*;

/// A function of this program, and where it lies in its file.
#[inline(never)]
fn here() -> u64 {
    std::hint::black_box(7)
}

fn program() -> PathBuf {
    std::env::current_exe().unwrap()
}

/// The place `behind` bytes behind the beginning of [`here`].
fn place(behind: u64) -> Site {
    let maps = fs::read_to_string("/proc/self/maps").unwrap();
    let program = program();
    // The first mapping of the file begins at its load bias.
    let line = maps.lines().find(|line| line.ends_with(program.to_str().unwrap())).unwrap();
    let bias = u64::from_str_radix(line.split('-').next().unwrap(), 16).unwrap();
    let address = u64::try_from(here as *const () as usize).unwrap();
    Site {
        module: program.as_os_str().as_bytes().to_vec(),
        build_id: read_elf_build_id(&program).unwrap().unwrap_or_default().to_vec(),
        offset: address - bias + behind,
        symbol: None,
    }
}

fn symbol(mut site: Site) -> Option<String> {
    Symbols::new().fill(&mut site);
    site.symbol
}

#[test]
fn a_return_address_belongs_to_the_call_before_it() {
    let name = "alive_collector::symbols::tests::here";
    assert_eq!(here(), 7);
    assert_eq!(symbol(place(1)), Some(format!("{name}+0x1")));
    // The address where the function begins is where the one before it called and never came back.
    assert_ne!(symbol(place(0)), Some(format!("{name}+0x0")));
}

#[test]
fn only_the_file_that_was_mapped_is_asked() {
    assert_eq!(symbol(Site { build_id: b"another".to_vec(), ..place(1) }), None);
    assert_eq!(symbol(Site { module: b"/no/such/file".to_vec(), ..place(1) }), None);
    assert_eq!(symbol(Site { module: b"linux-vdso.so.1".to_vec(), ..place(1) }), None);
    assert_eq!(symbol(Site { module: Vec::new(), ..place(1) }), None);
}

#[test]
fn what_is_no_regular_file_is_not_opened() {
    let folder = tempfile::tempdir().unwrap();
    let fifo = folder.path().join("fifo");
    let status = std::process::Command::new("mkfifo").arg(&fifo).status().unwrap();
    assert!(status.success());
    // Opening it would wait for somebody who writes to it, for ever.
    let module = fifo.as_os_str().as_bytes().to_vec();
    assert_eq!(symbol(Site { module, ..place(1) }), None);
    let link = folder.path().join("link");
    symlink(program(), &link).unwrap();
    let module = link.as_os_str().as_bytes().to_vec();
    assert!(symbol(Site { module, ..place(1) }).is_some(), "a link to a file is one");
}

#[test]
fn what_was_forgotten_is_found_again() {
    let mut symbols = Symbols::new();
    let mut site = place(1);
    symbols.fill(&mut site);
    symbols.places = MAX_PLACES;
    let mut again = place(1);
    symbols.fill(&mut again);
    assert_eq!(again, site);
    assert_eq!(symbols.places, 1);
}

#[test]
fn a_name_that_must_not_be_stored_is_taken_out_also_when_that_is_asked_later() {
    let mut symbols = Symbols::new();
    symbols.fill(&mut place(1));
    let redact = Redact::new(vec![Redact::pattern("tests::h[a-z]+").unwrap()]);
    symbols.follow(&Arc::new(redact));
    for _ in 0..2 {
        let mut site = place(1);
        symbols.fill(&mut site);
        assert_eq!(site.symbol.as_deref(), Some("alive_collector::symbols::[redacted]+0x1"));
        symbols.places = MAX_PLACES;
    }
}

/// A library with a function that it exports and one that it keeps to itself.
struct Library {
    folder: tempfile::TempDir,
    build_id: Vec<u8>,
    /// A return address in each.
    exported: u64,
    hidden: u64,
}

fn run(program: &str, args: &[&OsStr]) -> String {
    let output = std::process::Command::new(program).args(args).output().unwrap();
    assert!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

impl Library {
    fn build() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let source = folder.path().join("two.c");
        // Each calls something, so that its compiler cannot make it disappear.
        let text = "int abs(int);\n\
                    static __attribute__((noinline)) int hidden(int x) { return abs(x) + abs(x + 1); }\n\
                    int exported(int x) { return hidden(x) + hidden(x + 7); }\n";
        fs::write(&source, text).unwrap();
        let path = folder.path().join("libtwo.so");
        let flags = ["-shared", "-fPIC", "-O0", "-g", "-Wl,--build-id=sha1", "-o"].map(OsStr::new);
        run("gcc", &[&flags[..], &[path.as_os_str(), source.as_os_str()]].concat());
        let symbols = run("nm", &[path.as_os_str()]);
        let address = |name: &str| {
            let line = symbols.lines().find(|line| line.ends_with(&format!(" {name}"))).unwrap();
            u64::from_str_radix(line.split(' ').next().unwrap(), 16).unwrap() + 9
        };
        let build_id = read_elf_build_id(&path).unwrap().unwrap().to_vec();
        Self { build_id, exported: address("exported"), hidden: address("hidden"), folder }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("libtwo.so")
    }

    fn strip(&self) {
        run("strip", &["--strip-all".as_ref(), self.path().as_os_str()]);
    }

    /// Puts what a distribution would install as debugging information into a folder of that name.
    fn split(&self) {
        let file = debug_file(&self.folder.path().join("debug"), &self.build_id).unwrap();
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        run("objcopy", &["--only-keep-debug".as_ref(), self.path().as_os_str(), file.as_os_str()]);
    }

    /// The names of both functions, as far as they are found.
    fn names(&self) -> [Option<String>; 2] {
        let mut symbols = Symbols::with_debug_files(self.folder.path().join("debug"));
        [self.exported, self.hidden].map(|offset| {
            let module = self.path().as_os_str().as_bytes().to_vec();
            let mut site = Site { module, build_id: self.build_id.clone(), offset, symbol: None };
            symbols.fill(&mut site);
            site.symbol
        })
    }
}

fn named(name: &str) -> Option<String> {
    Some(format!("{name}+0x9"))
}

#[test]
fn an_unstripped_file_names_every_function() {
    assert_eq!(Library::build().names(), [named("exported"), named("hidden")]);
}

#[test]
fn a_stripped_file_names_what_it_exports_and_nothing_by_a_neighbours_name() {
    let library = Library::build();
    library.strip();
    assert_eq!(library.names(), [named("exported"), None]);
}

#[test]
fn debugging_information_that_is_installed_beside_a_stripped_file_names_the_rest() {
    let library = Library::build();
    library.split();
    library.strip();
    assert_eq!(library.names(), [named("exported"), named("hidden")]);
    fs::remove_file(library.path()).unwrap();
    assert_eq!(library.names(), [named("exported"), named("hidden")], "also when the file is gone");
}

#[test]
fn debugging_information_of_another_build_is_not_believed() {
    let (library, other) = (Library::build(), Library::build());
    library.split();
    library.strip();
    let debug =
        |library: &Library| debug_file(&library.folder.path().join("debug"), &library.build_id).unwrap();
    fs::write(debug(&library), fs::read(other.path()).unwrap()).unwrap();
    run("objcopy", &["--remove-section=.note.gnu.build-id".as_ref(), debug(&library).as_os_str()]);
    assert_eq!(library.names(), [named("exported"), None]);
}

#[test]
fn a_file_that_is_gone_or_was_replaced_names_nothing() {
    let library = Library::build();
    fs::write(library.path(), "replaced").unwrap();
    assert_eq!(library.names(), [None, None]);
    fs::remove_file(library.path()).unwrap();
    assert_eq!(library.names(), [None, None]);
}

#[test]
fn a_build_id_names_its_debugging_information() {
    let folder = Path::new("/d");
    assert_eq!(debug_file(folder, &[0x5a, 0x01, 0xff]), Some(PathBuf::from("/d/5a/01ff.debug")));
    assert_eq!(debug_file(folder, &[0x5a]), None);
    assert_eq!(debug_file(folder, b""), None);
}
