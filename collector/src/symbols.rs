//! Names for places in machine code, from the symbol tables of the files they lie in.
//!
//! Done in the threads that write, never in the one that receives: the first look into a large
//! library takes milliseconds.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use alive_store::model::{Batch, ForkSite, Site, Stack};
use blazesym::helper::read_elf_build_id;
use blazesym::symbolize::source::{Elf, Source};
use blazesym::symbolize::{Input, Symbolized, Symbolizer};
use hashbrown::HashMap;

/// Most places remembered; beyond it everything is forgotten, open files included.
const MAX_PLACES: usize = 65_536;

/// Places by module, and whether the module's file is the one that was mapped.
#[derive(Debug, Default)]
struct Module {
    readable: bool,
    names: HashMap<u64, Option<String>>,
}

/// Looks places up and remembers what it found.
#[derive(Debug)]
pub(crate) struct Symbols {
    symbolizer: Symbolizer,
    modules: HashMap<(Vec<u8>, Vec<u8>), Module>,
    places: usize,
}

impl Symbols {
    pub(crate) fn new() -> Self {
        let symbolizer = Symbolizer::builder().enable_code_info(false).enable_inlined_fns(false).build();
        Self { symbolizer, modules: HashMap::new(), places: 0 }
    }

    /// Fills in every place of a batch.
    pub(crate) fn fill_batch(&mut self, batch: &mut Batch) {
        for role in &mut batch.roles {
            self.fill_chain(&mut role.chain);
        }
        for load in &mut batch.loads {
            self.fill_chain(&mut load.key.chain);
            self.fill_stacks(&mut load.stacks);
        }
        for missing in &mut batch.missing {
            self.fill_chain(&mut missing.chain);
            self.fill_stacks(&mut missing.stacks);
        }
    }

    fn fill_chain(&mut self, chain: &mut [ForkSite]) {
        for link in chain {
            self.fill(&mut link.site);
        }
    }

    fn fill_stacks(&mut self, stacks: &mut [Stack]) {
        for stack in stacks {
            self.fill_all(&mut stack.native);
        }
    }

    /// Fills in places.
    pub(crate) fn fill_all(&mut self, sites: &mut [Site]) {
        for site in sites {
            self.fill(site);
        }
    }

    /// Fills in one place, if the file that it lies in is still there and still the same.
    pub(crate) fn fill(&mut self, site: &mut Site) {
        // A name that is not absolute is no file: the vdso, or a place in no module.
        if site.symbol.is_some() || !site.module.starts_with(b"/") {
            return;
        }
        if self.places >= MAX_PLACES {
            *self = Self::new();
        }
        let path = Path::new(OsStr::from_bytes(&site.module));
        let module = self.modules.entry((site.module.clone(), site.build_id.clone())).or_insert_with(|| {
            Module { readable: is_mapped_file(path, &site.build_id), names: HashMap::new() }
        });
        if !module.readable {
            return;
        }
        let symbolizer = &self.symbolizer;
        let name = module.names.entry(site.offset).or_insert_with(|| {
            self.places += 1;
            name(symbolizer, path, site.offset)
        });
        site.symbol.clone_from(name);
    }
}

/// Whether the file at `path` is the one that was mapped, by its build id. Only regular files are opened:
/// the path came over the network, and opening a FIFO would hang.
fn is_mapped_file(path: &Path, build_id: &[u8]) -> bool {
    fs::metadata(path).is_ok_and(|metadata| metadata.is_file())
        && read_elf_build_id(&path).is_ok_and(|found| found.as_deref().unwrap_or_default() == build_id)
}

/// The function that a return address lies in, and how far behind its beginning.
fn name(symbolizer: &Symbolizer, path: &Path, return_address: u64) -> Option<String> {
    // The call is the instruction before. When it is the last one of its function, as calls that never
    // return are, the return address lies in the next function.
    let call = return_address.checked_sub(1)?;
    let file = Elf { debug_syms: false, ..Elf::new(path) };
    match symbolizer.symbolize_single(&Source::Elf(file), Input::VirtOffset(call)) {
        Ok(Symbolized::Sym(symbol)) => Some(format!("{}+{:#x}", symbol.name, symbol.offset + 1)),
        Ok(Symbolized::Unknown(_)) | Err(_) => None,
    }
}

#[cfg(test)]
mod tests {
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
}
