//! The only `unsafe` of the project: sending into coroutines, entering contexts, and one attribute.
//!
//! PyO3 has no safe form of these. Sending through the C API makes no `StopIteration` and no
//! Python frame: 99 ns against 248 ns for a coroutine that returns at once.

use std::ffi::{c_int, c_void};
use std::{mem, ptr, thread};

use crate::faults::fault;
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PySendResult, PyString, PyType};

/// Whether this is a plain coroutine, which can be sent into as it is.
pub fn is_coroutine(object: &Bound<'_, PyAny>) -> PyResult<bool> {
    static CLASS: PyOnceLock<Py<PyType>> = PyOnceLock::new();
    let class = CLASS.import(object.py(), "types", "CoroutineType")?;
    Ok(object.get_type().is(class))
}

/// Whether anybody else has a reference to this object.
pub fn is_shared(object: &Bound<'_, PyAny>) -> bool {
    // SAFETY: it only reads the count of an object that we hold.
    unsafe { ffi::Py_REFCNT(object.as_ptr()) > 1 }
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

// Windows ends threads without unwinding.
#[cfg(windows)]
use ffi::PyIter_Send;

// PyO3 declares it as a function that never unwinds.
#[cfg(not(windows))]
unsafe extern "C-unwind" {
    fn PyIter_Send(
        iterator: *mut ffi::PyObject,
        value: *mut ffi::PyObject,
        result: *mut *mut ffi::PyObject,
    ) -> ffi::PySendResult;
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

/// Set an attribute as `object.__setattr__` does.
///
/// `Task` inherits that, but through a Python-level slot: the ordinary way costs 160 ns more, and a
/// step that suspends needs it four times.
pub fn set_attribute(
    object: &Bound<'_, PyAny>,
    name: &Bound<'_, PyString>,
    value: &Bound<'_, PyAny>,
) -> PyResult<()> {
    // SAFETY: this is what `object.__setattr__(object, name, value)` calls. It takes any three
    // objects and keeps its own references.
    let failed = unsafe {
        ffi::PyObject_GenericSetAttr(object.as_ptr(), name.as_ptr(), value.as_ptr()) != 0
    };
    match failed {
        true => Err(PyErr::fetch(object.py())),
        false => Ok(()),
    }
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
