//! Python's searches, which make no call that could be hooked.
//!
//! Python lists the folders of `sys.path` once and looks a name up in those lists, so a module that
//! is nowhere leaves no failed call. But the interpreter itself tells of every import that is not
//! in `sys.modules` yet, through an audit hook (PEP 578).
//!
//! An import is over when an event comes from a place no deeper on the same thread's stack: what it
//! imports itself, its parent package before all, comes from deeper. By then it was loaded from a
//! file, or it stands in `sys.modules` (built-in and frozen modules, namespace packages), or it is
//! missing.
//!
//! The hook runs with the interpreter's lock held. What it asks of Python neither allocates nor
//! changes a reference count. `ALIVE_PYTHON_AUDIT=0` leaves it out, and so does a free-threaded
//! build, whose objects are laid out differently.

use super::{linkmap, search};
use crate::cell::{Alone, Bytes};
use crate::emit::{self, Missing};
use crate::process::fork::{self, Speaker};
use crate::process::heir;
use crate::stack::Trace;
use crate::stack::lang::lines::Lines;
use crate::stack::lang::python::current::{self, Announced};
use crate::{arch, config, real};
use alive_wire::{CodeKind, Language, Outcome};
use core::ffi::{CStr, c_char, c_int, c_void};
use core::sync::atomic::{AtomicBool, Ordering};

/// Imports that are followed at the same time, nested ones and those of other threads included.
const OPEN: usize = 12;

/// Longest module name that is followed.
const LONGEST: usize = 160;

/// Frames kept of who imports.
const FRAMES: usize = 12;

/// Bytes kept of its lines.
const LINES: usize = 256;

/// A Python object, borrowed and only passed on.
type Object = *mut c_void;

/// One import whose end was not seen yet. All zeros is a free place.
#[derive(Clone, Copy)]
struct Import {
    /// Who imports; 0 when the place is free.
    thread: u64,
    /// The dotted name.
    name: Bytes<LONGEST>,
    /// Where on the stack it began.
    stack_at: usize,
    frames: usize,
    addresses: [u64; FRAMES],
    lines: Lines<LINES>,
}

/// Imports of a process that are under way; zeros in a fresh child.
pub(crate) struct Imports([Import; OPEN]);

impl Imports {
    pub(crate) const NONE: Self = Self(
        [Import {
            thread: 0,
            name: Bytes::EMPTY,
            stack_at: 0,
            frames: 0,
            addresses: [0; FRAMES],
            lines: Lines::NONE,
        }; OPEN],
    );
}

/// Functions of the interpreter that the hook calls; all exported.
#[derive(Clone, Copy)]
#[repr(C)]
struct Python {
    tuple_size: unsafe extern "C" fn(Object) -> isize,
    tuple_item: unsafe extern "C" fn(Object, isize) -> Object,
    text_length: unsafe extern "C" fn(Object) -> isize,
    text_character: unsafe extern "C" fn(Object, isize) -> u32,
    modules: unsafe extern "C" fn() -> Object,
    dict_next: unsafe extern "C" fn(Object, *mut isize, *mut Object, *mut Object) -> c_int,
    text_equals: unsafe extern "C" fn(Object, *const c_char) -> c_int,
    current: unsafe extern "C" fn() -> *mut c_void,
    main: unsafe extern "C" fn() -> *mut c_void,
    is_finalizing: unsafe extern "C" fn() -> c_int,
    /// Address of the type of strings.
    text_type: usize,
}

static PYTHON: Alone<Option<Python>> = Alone::new(None);
static INSTALLED: AtomicBool = AtomicBool::new(false);

/// Installs the hook in a program that is, or links to, something called Python; called by the
/// constructor. The names are looked at first because to ask the linker for a symbol that is not
/// there costs as much as everything else that the constructor does.
pub(crate) fn install_at_start() {
    let is_python = |name: &[u8]| name.windows(6).any(|word| word == b"python");
    if config::command().is_some_and(is_python) || linkmap::any(is_python) {
        install(core::ptr::null_mut());
    }
}

/// Installs the hook where an interpreter is there and has not begun; called at the start, and
/// after a dlopen that may have brought one (its symbols may be visible through `handle` only).
pub(crate) fn install(handle: *mut c_void) {
    if !config::get().python_audit {
        return;
    }
    let symbol = |name: &CStr| real::symbol_of(handle, name);
    let add: *mut c_void = symbol(c"PySys_AddAuditHook");
    if add.is_null() || INSTALLED.swap(true, Ordering::Relaxed) {
        return;
    }
    if !has_not_begun(symbol(c"Py_IsInitialized")) || is_free_threaded(symbol(c"Py_GetVersion")) {
        return;
    }
    let wanted = [
        c"PyTuple_Size",
        c"PyTuple_GetItem",
        c"PyUnicode_GetLength",
        c"PyUnicode_ReadChar",
        c"PyImport_GetModuleDict",
        c"PyDict_Next",
        c"PyUnicode_CompareWithASCIIString",
        c"PyInterpreterState_Get",
        c"PyInterpreterState_Main",
        c"_Py_IsFinalizing",
        c"PyUnicode_Type",
    ]
    .map(|name| match symbol(name) {
        // Its name since 3.13.
        missing if missing.is_null() && name == c"_Py_IsFinalizing" => symbol(c"Py_IsFinalizing"),
        // Its name before 3.9.
        missing if missing.is_null() && name == c"PyInterpreterState_Get" => {
            symbol(c"_PyInterpreterState_Get")
        }
        address => address,
    });
    if wanted.iter().any(|address| address.is_null()) {
        return;
    }
    // SAFETY: the exported names above stand in the order of the fields and have had these types
    // since Python 3.8.
    let python = unsafe { core::mem::transmute::<[*mut c_void; 11], Python>(wanted) };
    // SAFETY: the hook that looks at this is installed below, and once only.
    unsafe { PYTHON.change(|slot| *slot = Some(python)) };
    // SAFETY: PySys_AddAuditHook has this type since 3.8, where it came.
    let add: unsafe extern "C" fn(Hook, *mut c_void) -> c_int = unsafe { core::mem::transmute(add) };
    // SAFETY: the interpreter has not begun, so no lock is needed; the hook is never unloaded.
    unsafe { add(audit, core::ptr::null_mut()) };
}

type Hook = unsafe extern "C" fn(*const c_char, Object, *mut c_void) -> c_int;

/// After the interpreter began, a hook may be added with its lock held only.
fn has_not_begun(is_initialized: *mut c_void) -> bool {
    if is_initialized.is_null() {
        return false;
    }
    // SAFETY: Py_IsInitialized takes nothing, and may be called at any time.
    let function: unsafe extern "C" fn() -> c_int = unsafe { core::mem::transmute(is_initialized) };
    // SAFETY: as above.
    unsafe { function() == 0 }
}

/// Whether the version says so. What does not tell its version counts as yes.
fn is_free_threaded(get_version: *mut c_void) -> bool {
    if get_version.is_null() {
        return true;
    }
    // SAFETY: Py_GetVersion takes nothing, and may be called before the interpreter begins.
    let function: unsafe extern "C" fn() -> *const c_char = unsafe { core::mem::transmute(get_version) };
    // SAFETY: as above.
    let version = unsafe { function() };
    // SAFETY: a static string of the interpreter's.
    let version = unsafe { CStr::from_ptr(version) }.to_bytes();
    version.windows(14).any(|words| words == b"free-threading")
}

/// The audit hook: returns 0 always, which lets the event pass.
unsafe extern "C" fn audit(event: *const c_char, arguments: Object, _: *mut c_void) -> c_int {
    let here = 0u8;
    if fork::forked()
        && let Some(python) = PYTHON.get()
        && let Some(speaker) = fork::speaker()
    {
        // SAFETY: the interpreter passes a C string.
        let event = unsafe { CStr::from_ptr(event) }.to_bytes();
        let import = event == b"import";
        current::heard(python.announced(event, arguments));
        if import || (!event.starts_with(b"cpython.") && python.has_modules()) {
            heard(&speaker, python, import, arguments, &raw const here as usize);
        }
    }
    0
}

/// One event, from so deep on the stack.
fn heard(speaker: &Speaker, python: &Python, import: bool, arguments: Object, stack_at: usize) {
    let name = if import { python.text_of(python.item(arguments, 0)) } else { None };
    if let Some(name) = &name
        && python.text_of(python.item(arguments, 1)).is_some()
    {
        // The second event of an extension module, with its file: it was found.
        forget(|import| import.name.as_slice() == name.as_slice());
        return;
    }
    settle(speaker, python, stack_at);
    if let Some(name) = name {
        begin(name, stack_at);
    }
}

/// Notes an import that begins.
fn begin(name: Bytes<LONGEST>, stack_at: usize) {
    let stack = Trace::capture();
    let mut addresses = [0; FRAMES];
    for (slot, address) in addresses.iter_mut().zip(stack.native.addresses()) {
        *slot = *address;
    }
    let frames = stack.native.addresses().len().min(FRAMES);
    let import =
        Import { thread: arch::thread(), name, stack_at, frames, addresses, lines: stack.lines.shortened() };
    fork::page().imports.with(|Imports(imports)| {
        if let Some(place) = imports.iter_mut().find(|place| place.thread == 0) {
            *place = import;
        }
    });
}

/// A file was loaded: an import of its name found what it looked for.
pub(crate) fn loaded(stem: &[u8], folder: &[u8]) {
    if INSTALLED.load(Ordering::Relaxed) {
        let name = if stem == b"__init__" {
            // `pkg/__pycache__/__init__.cpython-311.pyc` is `pkg`.
            config::base_name(folder.strip_suffix(b"/__pycache__").unwrap_or(folder))
        } else {
            stem
        };
        forget(|import| import.name.as_slice().rsplit(|byte| *byte == b'.').next() == Some(name));
    }
}

/// Ends imports of this thread that found what they looked for.
fn forget(found: impl Fn(&Import) -> bool) {
    let thread = arch::thread();
    fork::page().imports.with(|Imports(imports)| {
        for import in imports.iter_mut().filter(|import| import.thread == thread && found(import)) {
            import.thread = 0;
        }
    });
}

/// Looks what became of this thread's imports that are over.
fn settle(speaker: &Speaker, python: &Python, stack_at: usize) {
    let thread = arch::thread();
    loop {
        let ended = fork::page().imports.with(|Imports(imports)| {
            let over = |import: &&mut Import| import.thread == thread && import.stack_at <= stack_at;
            let import = imports.iter_mut().find(over)?;
            let ended = *import;
            import.thread = 0;
            Some(ended)
        });
        let Some(Some(import)) = ended else { return };
        conclude(speaker, python, &import);
    }
}

/// Tells what became of an import, if it is missing, or if it was told to be and is there now.
fn conclude(speaker: &Speaker, python: &Python, import: &Import) {
    let name = import.name.as_slice();
    let missing =
        |outcome| Missing { name, kind: CodeKind::Module, language: Language::Python, outcome, probes: 1 };
    if python.has_module(&import.name) {
        if search::take_back(name) {
            emit::missing(speaker, &missing(Outcome::Loaded), &Trace::NONE);
        }
    } else if !heir::settle(speaker) && !emit::must_only_count() && search::tell_once(name) {
        let stack = Trace::of(import.addresses.iter().take(import.frames).copied(), &import.lines);
        emit::missing(speaker, &missing(Outcome::Failed), &stack);
    }
}

impl Python {
    /// Whether `sys.modules` is sure to be there. Where it is not, to ask for it ends the program: in
    /// an interpreter that is being taken down, where destructors still raise events. While an import
    /// is under way it is there.
    fn has_modules(&self) -> bool {
        // SAFETY: takes nothing.
        let finalizing = unsafe { (self.is_finalizing)() };
        // SAFETY: takes nothing; the lock is held, so a thread state is current.
        let current = unsafe { (self.current)() };
        // SAFETY: takes nothing.
        let main = unsafe { (self.main)() };
        // Interpreters beside the main one end without a word; there only imports are listened to.
        finalizing == 0 && core::ptr::eq(current, main)
    }

    /// What is captured because of an event: the import itself, or the file that is opened next.
    fn announced(&self, event: &[u8], arguments: Object) -> Announced {
        let file = match event {
            b"open" => self.item(arguments, 0),
            b"import" => self.item(arguments, 1),
            _ => return Announced::Nothing,
        };
        if !file.is_null() && self.is_text(file) {
            Announced::File(file as usize)
        } else if event == b"import" {
            Announced::Capture
        } else {
            Announced::Nothing
        }
    }

    /// An item of the event's arguments; null when there are fewer. Python code may raise an event of
    /// this name with arguments of its own, and an item that is not there would set an exception.
    fn item(&self, tuple: Object, index: isize) -> Object {
        // SAFETY: audit events pass a tuple.
        let size = unsafe { (self.tuple_size)(tuple) };
        // SAFETY: an index within the tuple.
        if index < size { unsafe { (self.tuple_item)(tuple, index) } } else { core::ptr::null_mut() }
    }

    /// A string of ASCII that fits; names of other letters are not followed.
    fn text_of(&self, object: Object) -> Option<Bytes<LONGEST>> {
        if object.is_null() || !self.is_text(object) {
            return None;
        }
        // SAFETY: a string object.
        let length = unsafe { (self.text_length)(object) };
        let mut text = Bytes::EMPTY;
        for index in 0..length {
            // SAFETY: an index within the string, so no exception is set.
            let character = unsafe { (self.text_character)(object, index) };
            let byte = u8::try_from(character).ok().filter(u8::is_ascii)?;
            if !text.push(&[byte]) {
                return None;
            }
        }
        Some(text)
    }

    /// Whether an object is a string: its type is the second word of every object.
    fn is_text(&self, object: Object) -> bool {
        // SAFETY: an object's head is a count and its type, in every build but the free-threaded ones.
        let [_, kind] = unsafe { object.cast::<[usize; 2]>().read() };
        kind == self.text_type
    }

    /// Whether `sys.modules` has a module of this name.
    fn has_module(&self, name: &Bytes<LONGEST>) -> bool {
        let mut terminated = Bytes::<{ LONGEST + 1 }>::of(name.as_slice());
        terminated.push(&[0]);
        let Ok(wanted) = CStr::from_bytes_until_nul(terminated.as_slice()) else { return true };
        // SAFETY: the interpreter's lock is held; the dictionary is borrowed.
        let modules = unsafe { (self.modules)() };
        let mut position = 0isize;
        let mut key: Object = core::ptr::null_mut();
        let mut value: Object = core::ptr::null_mut();
        if modules.is_null() {
            return true;
        }
        // SAFETY: nothing changes the dictionary while the lock is held and no Python code runs.
        while unsafe { (self.dict_next)(modules, &raw mut position, &raw mut key, &raw mut value) } != 0 {
            // SAFETY: a string object and a C string.
            if self.is_text(key) && unsafe { (self.text_equals)(key, wanted.as_ptr()) } == 0 {
                return true;
            }
        }
        false
    }
}
