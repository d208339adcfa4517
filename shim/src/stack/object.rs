//! Which mapped object holds an address, asked of glibc's `_dl_find_object`: lock-free and safe in
//! a signal handler. It came with glibc 2.35; without it there are no native frames.

use crate::{config, real, sys};
use alive_wire::record::Module;
use core::ffi::{CStr, c_char, c_int, c_ulonglong, c_void};
use core::sync::atomic::{AtomicPtr, AtomicUsize, Ordering};

/// The public head of glibc's `struct link_map`.
#[repr(C)]
pub(crate) struct LinkMap {
    /// Load bias.
    pub(crate) bias: usize,
    pub(crate) name: *const c_char,
    pub(crate) dynamic: *const c_void,
    pub(crate) next: *const Self,
    pub(crate) previous: *const Self,
}

impl LinkMap {
    /// A copy of an entry that may have been freed.
    pub(crate) fn copy_if_mapped(pid: u32, address: *const Self) -> Option<Self> {
        let mut raw = [0u8; size_of::<Self>()];
        if sys::copy_if_mapped(pid, address as usize, &mut raw) != raw.len() {
            return None;
        }
        let mut words = raw.as_chunks::<8>().0.iter().map(|word| usize::from_ne_bytes(*word));
        Some(Self {
            bias: words.next()?,
            name: words.next()? as *const c_char,
            dynamic: words.next()? as *const c_void,
            next: words.next()? as *const Self,
            previous: words.next()? as *const Self,
        })
    }
}

/// glibc's `struct dl_find_object`.
#[repr(C)]
struct Found {
    flags: c_ulonglong,
    map_start: usize,
    map_end: usize,
    link_map: *const LinkMap,
    eh_frame: usize,
    reserved: [c_ulonglong; 7],
}

/// A mapped object.
#[derive(Clone, Copy)]
pub(crate) struct Object {
    /// First mapped address.
    pub(crate) start: usize,
    /// Behind the last mapped address.
    pub(crate) end: usize,
    /// Address of `.eh_frame_hdr`, 0 when it has none.
    pub(crate) frame_header: usize,
    pub(crate) link_map: *const LinkMap,
}

static FIND_OBJECT: AtomicPtr<c_void> = AtomicPtr::new(core::ptr::null_mut());
static OWN: Landmark = Landmark::new();
static LIBC: Landmark = Landmark::new();
/// The shim's own link map.
static OWN_LINK_MAP: AtomicPtr<LinkMap> = AtomicPtr::new(core::ptr::null_mut());

/// Where an object lies that is never unmapped: found once, then known without asking.
struct Landmark {
    start: AtomicUsize,
    end: AtomicUsize,
}

impl Landmark {
    const fn new() -> Self {
        Self { start: AtomicUsize::new(0), end: AtomicUsize::new(0) }
    }

    /// Notes the object that holds `address`.
    fn note(&self, address: u64) {
        let (start, end) = find(address).map_or((0, 0), |object| (object.start, object.end));
        self.start.store(start, Ordering::Relaxed);
        self.end.store(end, Ordering::Relaxed);
    }

    fn holds(&self, address: u64) -> bool {
        let (start, end) = (self.start.load(Ordering::Relaxed), self.end.load(Ordering::Relaxed));
        usize::try_from(address).is_ok_and(|address| (start..end).contains(&address))
    }
}

/// Looks the one symbol up; called by the constructor.
pub(crate) fn begin() {
    FIND_OBJECT.store(real::symbol(c"_dl_find_object"), Ordering::Relaxed);
}

/// Notes where the shim and libc lie, which stay where they are; before the first fork or the first tap, or
/// in a child that was not announced.
pub(crate) fn find_landmarks() {
    OWN.note(begin as *const () as u64);
    // No interposer has a reason to stand in for this one.
    LIBC.note(libc::dlerror as *const () as u64);
}

/// Whether an address lies in the shim itself.
pub(crate) fn is_own(address: u64) -> bool {
    OWN.holds(address)
}

/// Whether the landmarks are noted.
pub(crate) fn knows_landmarks() -> bool {
    LIBC.end.load(Ordering::Relaxed) != 0
}

/// Whether an address lies in libc.
pub(crate) fn is_libc(address: u64) -> bool {
    LIBC.holds(address)
}

/// The shim's own link map, which is never removed from the list.
pub(crate) fn own_link_map() -> *const LinkMap {
    let known = OWN_LINK_MAP.load(Ordering::Relaxed);
    if !known.is_null() {
        return known;
    }
    let found = find(begin as *const () as u64).map_or(core::ptr::null(), |object| object.link_map);
    OWN_LINK_MAP.store(found.cast_mut(), Ordering::Relaxed);
    found
}

/// The object that holds `address`.
pub(crate) fn find(address: u64) -> Option<Object> {
    let function = FIND_OBJECT.load(Ordering::Relaxed);
    if function.is_null() {
        return None;
    }
    // SAFETY: `_dl_find_object` has this type since it exists.
    let function: unsafe extern "C" fn(*mut c_void, *mut Found) -> c_int =
        unsafe { core::mem::transmute(function) };
    let mut found = Found {
        flags: 0,
        map_start: 0,
        map_end: 0,
        link_map: core::ptr::null(),
        eh_frame: 0,
        reserved: [0; 7],
    };
    // SAFETY: any address may be asked for; `found` is valid for the write.
    let result = unsafe { function(address as *mut c_void, &raw mut found) };
    (result == 0).then_some(Object {
        start: found.map_start,
        end: found.map_end,
        frame_header: found.eh_frame,
        link_map: found.link_map,
    })
}

impl Object {
    /// What offsets in the object count from.
    pub(crate) fn bias(&self) -> u64 {
        if self.link_map.is_null() {
            return self.start as u64;
        }
        // SAFETY: code of the object is on this thread's stack, so its link map is alive.
        unsafe { (*self.link_map).bias as u64 }
    }

    /// Its name and build id for the wire.
    pub(crate) fn module(&self) -> Module<'static> {
        Module { build_id: self.build_id(), path: self.path() }
    }

    fn path(&self) -> &'static [u8] {
        if self.link_map.is_null() {
            return &[];
        }
        // SAFETY: as in `bias`.
        let name = unsafe { (*self.link_map).name };
        if name.is_null() {
            return &[];
        }
        // SAFETY: glibc's names are C strings that live as long as the link map.
        match unsafe { CStr::from_ptr(name) }.to_bytes() {
            b"" => config::executable(),
            path => path,
        }
    }

    /// The program headers, where they lie in the object's first page; else none.
    fn program_headers(&self) -> &'static [libc::Elf64_Phdr] {
        // The file header is mapped first in every object that a linker of our time made.
        // SAFETY: the object is mapped from `start` on, at least a page.
        let header: &'static libc::Elf64_Ehdr = unsafe { &*(self.start as *const libc::Elf64_Ehdr) };
        if header.e_ident.get(..4) != Some(&[0x7f, b'E', b'L', b'F']) || header.e_phnum > 64 {
            return &[];
        }
        let Ok(headers_at) = usize::try_from(header.e_phoff) else { return &[] };
        let bytes = usize::from(header.e_phnum).saturating_mul(size_of::<libc::Elf64_Phdr>());
        if headers_at.saturating_add(bytes) > 4096 {
            return &[];
        }
        let first = self.start.wrapping_add(headers_at) as *const libc::Elf64_Phdr;
        // SAFETY: the program headers lie within the object's first page, as was checked.
        unsafe { core::slice::from_raw_parts(first, usize::from(header.e_phnum)) }
    }

    /// First address and end of the readable segment that holds `address`.
    pub(super) fn readable_segment(&self, address: usize) -> Option<(usize, usize)> {
        let bias = usize::try_from(self.bias()).ok()?;
        self.program_headers().iter().find_map(|segment| {
            let start = bias.wrapping_add(usize::try_from(segment.p_vaddr).ok()?);
            // What is not in the file is no table.
            let end = start.checked_add(usize::try_from(segment.p_filesz).ok()?)?;
            let readable = segment.p_type == libc::PT_LOAD && segment.p_flags & libc::PF_R != 0;
            let inside = start >= self.start && end <= self.end && (start..end).contains(&address);
            (readable && inside).then_some((start, end))
        })
    }

    /// The GNU build id in the object's notes.
    fn build_id(&self) -> &'static [u8] {
        const NT_GNU_BUILD_ID: u32 = 3;
        for segment in self.program_headers().iter().filter(|segment| segment.p_type == libc::PT_NOTE) {
            let Some(mut notes) = self.slice(segment.p_vaddr, segment.p_memsz) else { continue };
            while let Some((name_size, description_size, kind, body)) = note_head(notes) {
                let name = body.get(..name_size).unwrap_or_default();
                let described = body.get(name_size.next_multiple_of(4)..).unwrap_or_default();
                let description = described.get(..description_size).unwrap_or_default();
                if kind == NT_GNU_BUILD_ID && name == b"GNU\0" {
                    return description;
                }
                notes = described.get(description_size.next_multiple_of(4)..).unwrap_or_default();
            }
        }
        &[]
    }

    /// Bytes at a virtual address of the object, when they lie within its mapping.
    fn slice(&self, virtual_address: u64, bytes: u64) -> Option<&'static [u8]> {
        let start = usize::try_from(self.bias().wrapping_add(virtual_address)).ok()?;
        let bytes = usize::try_from(bytes).ok()?;
        let inside = start >= self.start && start.checked_add(bytes)? <= self.end;
        // SAFETY: a loadable segment's notes are mapped readable within the object's range.
        inside.then(|| unsafe { core::slice::from_raw_parts(start as *const u8, bytes) })
    }
}

/// Sizes and type of the first note, and what follows its head.
fn note_head(notes: &[u8]) -> Option<(usize, usize, u32, &[u8])> {
    let (head, body) = notes.split_first_chunk::<12>()?;
    let word = |at: usize| {
        head.get(at..).and_then(|rest| rest.first_chunk::<4>()).map(|word| u32::from_le_bytes(*word))
    };
    Some((usize::try_from(word(0)?).ok()?, usize::try_from(word(4)?).ok()?, word(8)?, body))
}
