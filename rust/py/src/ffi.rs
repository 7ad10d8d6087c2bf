//! The only `unsafe` of the project: sending into coroutines, entering contexts, a few
//! attributes, how much stack is left, and what a thread has computed.
//!
//! PyO3 has no safe form of these. Sending through the C API makes no `StopIteration` and no
//! Python frame: 99 ns against 248 ns for a coroutine that returns at once.

use std::cell::Cell;
use std::ffi::{c_int, c_void};
use std::{mem, ptr, thread};

use crate::faults::fault;
use pyo3::exceptions::PyTypeError;
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PySendResult, PyType};

/// Whether this is a plain coroutine, which can be sent into as it is.
pub fn is_coroutine(object: &Bound<'_, PyAny>) -> PyResult<bool> {
    static CLASS: PyOnceLock<Py<PyType>> = PyOnceLock::new();
    let class = CLASS.import(object.py(), "types", "CoroutineType")?;
    Ok(object.get_type().is(class))
}

/// Whether anybody else has a reference to this object.
pub fn is_shared(object: &Bound<'_, PyAny>) -> bool {
    references(object) > 1
}

/// How many references there are to this object, ours included.
pub fn references(object: &Bound<'_, PyAny>) -> isize {
    // SAFETY: it only reads the count of an object that we hold.
    unsafe { ffi::Py_REFCNT(object.as_ptr()) as isize }
}

/// What a coroutine has yielded, returned or raised. Boxed, so that what returns does not pay for
/// the size of an error.
pub type Sent<'py> = Result<PySendResult<'py>, Box<PyErr>>;

/// Resume a coroutine, or the iterator of an awaitable.
pub fn send<'py>(coroutine: &Bound<'py, PyAny>, value: &Bound<'py, PyAny>) -> Sent<'py> {
    let py = coroutine.py();
    let mut result = ptr::null_mut();
    let hang = HangIfUnwound;
    // SAFETY: `PyIter_Send` takes any object: it uses `am_send` where the type has it, as
    // coroutines do, `tp_iternext` for None, and otherwise calls the object's `send` method. It
    // writes a new reference, or null with an exception set. If it unwinds, the guard stops that.
    let how = unsafe { PyIter_Send(coroutine.as_ptr(), value.as_ptr(), &mut result) };
    mem::forget(hang);
    // SAFETY: see above.
    let result = unsafe { Bound::from_owned_ptr_or_err(py, result)? };
    Ok(match how {
        ffi::PySendResult::PYGEN_NEXT => PySendResult::Next(result),
        _ => PySendResult::Return(result),
    })
}

/// Call a function with one argument or none, in a thread that may be a daemon.
pub fn call<'py>(
    function: &Bound<'py, PyAny>,
    argument: Option<&Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, PyAny>> {
    let hang = HangIfUnwound;
    // SAFETY: both take any objects, and return a new reference or null with an exception set. If
    // they unwind, the guard stops that.
    let result = unsafe {
        match argument {
            Some(argument) => PyObject_CallOneArg(function.as_ptr(), argument.as_ptr()),
            None => PyObject_CallNoArgs(function.as_ptr()),
        }
    };
    mem::forget(hang);
    // SAFETY: see above.
    unsafe { Bound::from_owned_ptr_or_err(function.py(), result) }
}

// Windows ends threads without unwinding.
#[cfg(windows)]
use ffi::{PyIter_Send, PyObject_CallNoArgs, PyObject_CallOneArg};

// PyO3 declares them as functions that never unwind.
#[cfg(not(windows))]
unsafe extern "C-unwind" {
    fn PyIter_Send(
        iterator: *mut ffi::PyObject,
        value: *mut ffi::PyObject,
        result: *mut *mut ffi::PyObject,
    ) -> ffi::PySendResult;
    fn PyObject_CallOneArg(
        function: *mut ffi::PyObject,
        argument: *mut ffi::PyObject,
    ) -> *mut ffi::PyObject;
    fn PyObject_CallNoArgs(function: *mut ffi::PyObject) -> *mut ffi::PyObject;
}

/// Before 3.14, CPython ends a daemon thread that computes at the program's end with
/// `pthread_exit`, which unwinds the stack; Rust frames end in `abort` then. The thread is made to
/// hang instead, as newer versions do themselves (python/cpython#87135).
struct HangIfUnwound;

impl Drop for HangIfUnwound {
    fn drop(&mut self) {
        loop {
            thread::park();
        }
    }
}

/// An attribute of a class with slots, such as Trio's `Task`, by its descriptor.
///
/// Every step needs the name and the context of its task. The ordinary way looks the descriptor up
/// each time, and goes through a slot of Python's for writing: 200 instructions instead of 40.
pub struct Slot {
    descriptor: Py<PyAny>,
    get: ffi::descrgetfunc,
    set: ffi::descrsetfunc,
}

impl Slot {
    pub fn of(class: &Bound<'_, PyType>, name: &str) -> PyResult<Self> {
        let descriptor = class.getattr(name)?;
        // SAFETY: it only reads what the descriptor's type is made of.
        let (get, set) = unsafe {
            let kind = ffi::Py_TYPE(descriptor.as_ptr());
            ((*kind).tp_descr_get, (*kind).tp_descr_set)
        };
        match (get, set) {
            (Some(get), Some(set)) => Ok(Self {
                descriptor: descriptor.unbind(),
                get,
                set,
            }),
            _ => Err(PyTypeError::new_err(format!(
                "{class:?}.{name} is no descriptor"
            ))),
        }
    }

    pub fn get<'py>(&self, object: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        // SAFETY: this is what `type(descriptor).__get__(descriptor, object)` calls. It checks the
        // object, and returns a new reference or null with an exception set.
        unsafe {
            let found = (self.get)(self.descriptor.as_ptr(), object.as_ptr(), ptr::null_mut());
            Bound::from_owned_ptr_or_err(object.py(), found)
        }
    }

    pub fn set(&self, object: &Bound<'_, PyAny>, value: &Bound<'_, PyAny>) -> PyResult<()> {
        // SAFETY: as above; it keeps a reference of its own to the value.
        let set = unsafe { (self.set)(self.descriptor.as_ptr(), object.as_ptr(), value.as_ptr()) };
        match set {
            0 => Ok(()),
            _ => Err(PyErr::fetch(object.py())),
        }
    }
}

/// A new object of a class that derives from `object` alone, with nothing in its slots: neither `__new__`
/// nor `__init__` is called.
pub fn blank<'py>(class: &Bound<'py, PyType>) -> PyResult<Bound<'py, PyAny>> {
    // SAFETY: this is all that `object.__new__` does for such a class. It returns a new reference to an
    // object whose slots are empty, or null with an exception set.
    unsafe {
        let made = ffi::PyType_GenericAlloc(class.as_type_ptr(), 0);
        Bound::from_owned_ptr_or_err(class.py(), made)
    }
}

/// A copy of the context that this thread is in.
pub fn current_context(py: Python<'_>) -> PyResult<Bound<'_, PyAny>> {
    // SAFETY: it returns a new reference, or null with an exception set.
    unsafe { Bound::from_owned_ptr_or_err(py, ffi::PyContext_CopyCurrent()) }
}

/// A copy of a context, as a step gets it.
pub fn copy_context<'py>(base: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    fault!(base.py(), CopyContext);
    // SAFETY: `PyContext_Copy` raises TypeError for anything but a context, and returns a new
    // reference or null with an exception set.
    unsafe { Bound::from_owned_ptr_or_err(base.py(), ffi::PyContext_Copy(base.as_ptr())) }
}

/// Where an object is, to be compared and never followed.
#[derive(Clone, Copy, PartialEq)]
pub struct Address(*mut ffi::PyObject);

// SAFETY: it is only a number.
unsafe impl Send for Address {}
// SAFETY: see above.
unsafe impl Sync for Address {}

/// Where the variables of a context are. They are never changed in place: setting one makes the
/// context refer to others. None while the context is entered, or where it is built otherwise.
pub fn variables(context: &Bound<'_, PyAny>) -> Option<Address> {
    unsafe extern "C" fn count(object: *mut ffi::PyObject, found: *mut c_void) -> c_int {
        // SAFETY: `found` is what was given to `traverse` below.
        let (number, last) = unsafe { &mut *found.cast::<(u32, *mut ffi::PyObject)>() };
        *number += 1;
        *last = object;
        0
    }
    let mut found: (u32, *mut ffi::PyObject) = (0, ptr::null_mut());
    // SAFETY: `tp_traverse` calls `count` with each object that the context refers to, with the
    // pointer that it was given, and runs nothing else.
    unsafe {
        let traverse = (*ffi::Py_TYPE(context.as_ptr())).tp_traverse?;
        traverse(context.as_ptr(), count, ptr::from_mut(&mut found).cast());
    }
    (found.0 == 1).then_some(Address(found.1))
}

/// A context entered on this thread; left when dropped.
pub struct Entered<'a, 'py>(&'a Bound<'py, PyAny>);

impl<'a, 'py> Entered<'a, 'py> {
    pub fn new(context: &'a Bound<'py, PyAny>) -> PyResult<Self> {
        fault!(context.py(), EnterContext);
        // SAFETY: `context` is a context (made by `copy_context`) and the thread is attached;
        // an error (it is entered already) leaves the thread's context as it was.
        match unsafe { ffi::PyContext_Enter(context.as_ptr()) } {
            0 => Ok(Self(context)),
            _ => Err(PyErr::fetch(context.py())),
        }
    }
}

impl Drop for Entered<'_, '_> {
    fn drop(&mut self) {
        let py = self.0.py();
        // An exception that is being carried (a panic may unwind through here) is set aside.
        // SAFETY: entered by `new`, on this thread, and left exactly once. It fails only when
        // the step has left some other context entered; that is reported and not raised.
        if unsafe { ffi::PyContext_Exit(self.0.as_ptr()) } != 0 {
            PyErr::fetch(py).write_unraisable(py, Some(self.0));
        }
    }
}

/// Whether this is the interpreter that the process started with.
pub fn is_main_interpreter(_py: Python<'_>) -> bool {
    // SAFETY: the thread is attached, as the token proves, so it has a current interpreter.
    unsafe { ffi::PyInterpreterState_GetID(ffi::PyInterpreterState_Get()) == 0 }
}

/// Whether less than half of this thread's stack is left.
///
/// CPython 3.12 allows no more than 1,500 calls between C and Python, whatever the stack's size, and
/// may abort beyond that. Steps inside steps need two each, and 3 KiB of the stack: there, 1 MiB.
///
/// Python counts its own frames, and knows nothing of ours between them. The other half is for
/// what comes without a step of its own: a step's own calls, and the way back through all of them.
pub fn is_stack_short(py: Python<'_>) -> bool {
    thread_local! {
        static LOWEST: Cell<usize> = const { Cell::new(0) };
    }
    if LOWEST.get() == 0 {
        let version = py.version_info();
        let most = match (version.major, version.minor) {
            (3, 12) => 1 << 20,
            _ => usize::MAX,
        };
        LOWEST.set(lowest_of_stack(most));
    }
    here() < LOWEST.get()
}

/// Where the stack is now. It grows downwards.
#[inline(never)]
fn here() -> usize {
    let mark = 0_u8;
    (&raw const mark).addr()
}

fn lowest_of_stack(most: usize) -> usize {
    match stack() {
        Some((lowest, size)) => lowest + size - (size / 2).min(most),
        // It is at least so large everywhere.
        None => here().saturating_sub(128 << 10),
    }
}

/// This thread's stack: its lowest address and its size; None where nobody says.
#[cfg(target_os = "linux")]
fn stack() -> Option<(usize, usize)> {
    let mut attributes = mem::MaybeUninit::uninit();
    let (mut lowest, mut size) = (ptr::null_mut(), 0);
    // SAFETY: the attributes are read and destroyed only if they were made.
    unsafe {
        if libc::pthread_getattr_np(libc::pthread_self(), attributes.as_mut_ptr()) != 0 {
            return None;
        }
        let found = libc::pthread_attr_getstack(attributes.as_ptr(), &mut lowest, &mut size);
        libc::pthread_attr_destroy(attributes.as_mut_ptr());
        (found == 0).then_some((lowest.addr(), size))
    }
}

#[cfg(target_vendor = "apple")]
fn stack() -> Option<(usize, usize)> {
    // SAFETY: both only read what the present thread is made of.
    let (highest, size) = unsafe {
        let thread = libc::pthread_self();
        (
            libc::pthread_get_stackaddr_np(thread).addr(),
            libc::pthread_get_stacksize_np(thread),
        )
    };
    Some((highest.checked_sub(size)?, size))
}

#[cfg(windows)]
fn stack() -> Option<(usize, usize)> {
    #[link(name = "kernel32")]
    unsafe extern "system" {
        fn GetCurrentThreadStackLimits(lowest: *mut usize, highest: *mut usize);
    }
    let (mut lowest, mut highest) = (0, 0);
    // SAFETY: it writes two addresses.
    unsafe { GetCurrentThreadStackLimits(&mut lowest, &mut highest) };
    Some((lowest, highest.checked_sub(lowest)?))
}

#[cfg(not(any(target_os = "linux", target_vendor = "apple", windows)))]
fn stack() -> Option<(usize, usize)> {
    None
}

/// For how long this thread has had a processor; None where nobody counts that.
#[cfg(unix)]
pub fn thread_time_ns() -> Option<u64> {
    let mut time = mem::MaybeUninit::<libc::timespec>::uninit();
    // SAFETY: it is read only if it was written.
    let time = unsafe {
        match libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, time.as_mut_ptr()) {
            0 => time.assume_init(),
            _ => return None,
        }
    };
    Some(time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64)
}

#[cfg(not(unix))]
pub fn thread_time_ns() -> Option<u64> {
    None
}

/// Let a frame forget the frame that it was called from, `back`, if it has ended. See `frames`.
pub fn forget_back(frame: &Bound<'_, PyAny>, back: &Bound<'_, PyAny>) {
    let field = frame.as_ptr().wrapping_add(1).cast::<*mut ffi::PyObject>();
    // SAFETY: `frame` is a frame object, as `tb_frame` and `f_back` always are. The word behind the
    // header lies inside of every frame object, and is `f_back` in every CPython that we build for;
    // it is touched only where it holds the very pointer that `f_back` has, which is a reference
    // of its own then. It is taken over here. A frame that still runs has null there.
    let kept = unsafe {
        match *field == back.as_ptr() {
            true => {
                *field = ptr::null_mut();
                Some(Bound::from_owned_ptr(back.py(), back.as_ptr()))
            }
            false => None,
        }
    };
    drop(kept);
}
