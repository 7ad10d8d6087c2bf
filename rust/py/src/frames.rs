//! What a step's error must not keep: the frames that the step was run from, or cancelled from.
//!
//! An error keeps the frames in its traceback, and a frame that has ended keeps the one that it was
//! called from. From CPython 3.12 on that is so for coroutines too, which the step's first frame
//! and the awaits of the driver are: so the error would keep the run, the results of all steps and
//! the frames of the caller, and close a circle with them. The same goes for the frames in which
//! Trio makes a `Cancelled`, where our supervisor has asked for it. Both are cut off where ours begin.

use pyo3::exceptions::PyBaseExceptionGroup;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyDict, PyTuple};

use crate::ffi;

/// More errors than that in one error's history are not looked at.
const MOST: usize = 100;

/// Cut off the frames of ours below those of an error, and of all that it came from.
pub fn forget_callers(py: Python<'_>, error: &PyErr) -> PyResult<()> {
    let mut todo = vec![error.clone_ref(py)];
    for _ in 0..MOST {
        let Some(error) = todo.pop() else { break };
        // By the interpreter's own fields: its class may refuse to be read.
        let mut traceback = error.traceback(py).map(Bound::into_any);
        let mut last = None;
        while let Some(entry) = traceback.filter(|entry| !entry.is_none()) {
            let frame = entry.getattr(intern!(py, "tb_frame"))?;
            if last.is_none() {
                cut(&frame)?;
            }
            last = Some(frame);
            traceback = Some(entry.getattr(intern!(py, "tb_next"))?);
        }
        if let Some(frame) = last {
            cut(&frame)?;
        }
        let cause = error.cause(py);
        let is_cause = |context: &PyErr| {
            let cause = cause.as_ref();
            cause.is_some_and(|cause| cause.value(py).is(context.value(py)))
        };
        todo.extend(error.context(py).filter(|context| !is_cause(context)));
        todo.extend(cause);
        if error.is_instance_of::<PyBaseExceptionGroup>(py)
            && let Ok(errors) = error.value(py).getattr(intern!(py, "exceptions"))
        {
            let errors = errors.cast::<PyTuple>().into_iter().flatten();
            todo.extend(errors.map(PyErr::from_value));
        }
    }
    Ok(())
}

/// Walk down from a frame, and cut where it comes to the supervisor's.
fn cut(frame: &Bound<'_, PyAny>) -> PyResult<()> {
    let py = frame.py();
    let ours = supervisor(py)?;
    let mut frame = frame.clone();
    loop {
        let back = frame.getattr(intern!(py, "f_back"))?;
        if back.is_none() {
            return Ok(());
        }
        if back.getattr(intern!(py, "f_globals"))?.is(ours) {
            ffi::forget_back(&frame, &back);
            return Ok(());
        }
        frame = back;
    }
}

/// The globals of `hocket._engine.supervisor`, by which its frames are known.
fn supervisor(py: Python<'_>) -> PyResult<&Bound<'_, PyDict>> {
    static CELL: PyOnceLock<Py<PyDict>> = PyOnceLock::new();
    let look = || Ok(py.import("hocket._engine.supervisor")?.dict().unbind());
    CELL.get_or_try_init(py, look).map(|dict| dict.bind(py))
}
