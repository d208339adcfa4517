//! The few facts of an ELF file that decide whether a library can be preloaded into it.

use std::fs::File;
use std::io;
use std::path::Path;

use object::elf::{FileHeader32, FileHeader64, PT_DYNAMIC};
use object::read::elf::{FileHeader, ProgramHeader as _};
use object::read::{FileKind, ReadCache, ReadRef};
use object::{Endianness, elf};

/// What kind of machine code a file holds, and who links it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Elf {
    /// What it runs on.
    pub(crate) platform: Platform,
    /// Path of the dynamic linker that it asks for; `None` for a static program or a library.
    pub(crate) interpreter: Option<Vec<u8>>,
    /// Whether it has a dynamic section: true of libraries, and of static programs never but for
    /// position-independent ones.
    pub(crate) dynamic: bool,
}

/// Two files of one platform can live in one process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Platform {
    is_64: bool,
    little_endian: bool,
    machine: elf::Machine,
}

impl Platform {
    /// `64-bit x86-64`, `32-bit ARM`.
    pub(crate) fn words(self) -> String {
        let machine = match self.machine {
            elf::EM_386 => "x86".to_owned(),
            elf::EM_X86_64 => "x86-64".to_owned(),
            elf::EM_AARCH64 => "AArch64".to_owned(),
            elf::EM_ARM => "ARM".to_owned(),
            elf::EM_RISCV => "RISC-V".to_owned(),
            elf::EM_PPC64 => "POWER".to_owned(),
            elf::EM_S390 => "s390".to_owned(),
            elf::EM_MIPS => "MIPS".to_owned(),
            elf::EM_LOONGARCH => "LoongArch".to_owned(),
            elf::Machine(other) => format!("ELF machine {other}"),
        };
        let order = if self.little_endian { "" } else { ", big-endian" };
        format!("{}-bit {machine}{order}", if self.is_64 { 64 } else { 32 })
    }
}

/// Reads a file's headers. `None` when it is no ELF file, or one too damaged to be executed.
///
/// # Errors
/// When the file cannot be opened.
pub(crate) fn read(path: &Path) -> io::Result<Option<Elf>> {
    let data = ReadCache::new(File::open(path)?);
    Ok(match FileKind::parse(&data) {
        Ok(FileKind::Elf64) => headers::<FileHeader64<Endianness>, _>(&data),
        Ok(FileKind::Elf32) => headers::<FileHeader32<Endianness>, _>(&data),
        _ => None,
    })
}

fn headers<'data, H: FileHeader<Endian = Endianness>, R: ReadRef<'data>>(data: R) -> Option<Elf> {
    let header = H::parse(data).ok()?;
    let endian = header.endian().ok()?;
    let programs = header.program_headers(endian, data).ok()?;
    Some(Elf {
        platform: Platform {
            is_64: header.is_class_64(),
            little_endian: header.is_little_endian(),
            machine: header.e_machine(endian),
        },
        interpreter: programs
            .iter()
            .find_map(|program| program.interpreter(endian, data).ok().flatten())
            .map(<[u8]>::to_vec),
        dynamic: programs.iter().any(|program| program.p_type(endian) == PT_DYNAMIC),
    })
}

#[cfg(test)]
mod tests {
    use super::read;
    use std::path::Path;

    #[test]
    fn this_program_is_of_this_machine_and_dynamic() {
        let own = read(&std::env::current_exe().unwrap()).unwrap().unwrap();
        assert!(own.platform.words().starts_with(if cfg!(target_pointer_width = "64") {
            "64"
        } else {
            "32"
        }));
        assert!(own.dynamic);
        assert!(own.interpreter.unwrap().starts_with(b"/"));
    }

    #[test]
    fn a_text_is_no_elf_file_and_a_missing_one_an_error() {
        assert_eq!(read(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"))).unwrap(), None);
        assert!(read(Path::new("/nowhere/at/all")).is_err());
    }
}
