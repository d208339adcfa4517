//! Names for places in machine code, from the symbol tables of the files they lie in.
//!
//! Done in the threads that write, never in the one that receives: the first look into a large
//! library takes milliseconds. A stripped file is asked for the symbols that it exports, after the file
//! of debugging information that its distribution may have installed beside it. A place without a name
//! stays one by module and offset.

use std::ffi::OsStr;
use std::fmt::Write as _;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use alive_store::model::{Batch, ForkSite, Site, Stack};
use blazesym::helper::read_elf_build_id;
use blazesym::symbolize::source::{Elf, Source};
use blazesym::symbolize::{Input, Symbolized, Symbolizer};
use hashbrown::HashMap;

use crate::redact::Redact;

/// Most places remembered; beyond it everything is forgotten, open files included.
const MAX_PLACES: usize = 65_536;

/// Where distributions install debugging information, by build id.
const DEBUG_FILES: &str = "/usr/lib/debug/.build-id";

/// Places by module, and the files that know it, best first.
#[derive(Debug, Default)]
struct Module {
    files: Vec<PathBuf>,
    names: HashMap<u64, Option<String>>,
}

/// Looks places up and remembers what it found.
#[derive(Debug)]
pub(crate) struct Symbols {
    symbolizer: Symbolizer,
    debug_files: PathBuf,
    modules: HashMap<(Vec<u8>, Vec<u8>), Module>,
    places: usize,
    /// What no name may hold.
    redact: Arc<Redact>,
}

impl Symbols {
    pub(crate) fn new() -> Self {
        Self::with_debug_files(PathBuf::from(DEBUG_FILES))
    }

    /// Takes out of the names what must not be stored.
    pub(crate) fn follow(&mut self, redact: &Arc<Redact>) {
        if !Arc::ptr_eq(&self.redact, redact) {
            *self = Self {
                redact: Arc::clone(redact),
                ..Self::with_debug_files(std::mem::take(&mut self.debug_files))
            };
        }
    }

    fn with_debug_files(debug_files: PathBuf) -> Self {
        let symbolizer = Symbolizer::builder().enable_code_info(false).enable_inlined_fns(false).build();
        Self { symbolizer, debug_files, modules: HashMap::new(), places: 0, redact: Arc::default() }
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

    /// Fills in one place, if the file that it lies in or its debugging information is there and the same.
    pub(crate) fn fill(&mut self, site: &mut Site) {
        // A name that is not absolute is no file: the vdso, or a place in no module.
        if site.symbol.is_some() || !site.module.starts_with(b"/") {
            return;
        }
        if self.places >= MAX_PLACES {
            let redact = Arc::clone(&self.redact);
            *self = Self { redact, ..Self::with_debug_files(std::mem::take(&mut self.debug_files)) };
        }
        let debug_files = &self.debug_files;
        let module = self.modules.entry((site.module.clone(), site.build_id.clone())).or_insert_with(|| {
            let file = PathBuf::from(OsStr::from_bytes(&site.module));
            let mut files = vec![file];
            files.extend(debug_file(debug_files, &site.build_id));
            files.retain(|file| is_mapped_file(file, &site.build_id));
            files.reverse();
            Module { files, names: HashMap::new() }
        });
        if module.files.is_empty() {
            return;
        }
        let name = module.names.entry(site.offset).or_insert_with(|| {
            self.places += 1;
            let name = module.files.iter().find_map(|file| name(&self.symbolizer, file, site.offset))?;
            Some(match self.redact.apply(name.as_bytes()) {
                Some(redacted) => String::from_utf8_lossy(&redacted).into_owned(),
                None => name,
            })
        });
        site.symbol.clone_from(name);
    }
}

/// Where debugging information is installed for a build id: `5a/0123.debug`. A shorter one names nothing.
fn debug_file(folder: &Path, build_id: &[u8]) -> Option<PathBuf> {
    let (first, rest) = build_id.split_first().filter(|(_, rest)| !rest.is_empty())?;
    let rest = rest.iter().fold(String::new(), |mut name, byte| {
        write!(name, "{byte:02x}").expect("a String takes everything");
        name
    });
    Some(folder.join(format!("{first:02x}")).join(format!("{rest}.debug")))
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
mod tests;
