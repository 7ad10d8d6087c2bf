//! What a step's error must not keep: the frames that the step was run from, or cancelled from.
//!
//! An error keeps the frames in its traceback, and a frame that has ended keeps the one that it was
//! called from. From CPython 3.12 on that is so for coroutines too, which the step's first frame
//! and the awaits of the driver are: so the error would keep the run, the results of all steps and
//! the frames of the caller, and close a circle with them. The same goes for the frames in which
//! Trio makes a `Cancelled`, where our supervisor has asked for it. Both are cut off where ours begin.

use pyo3::intern;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyDict, PyTuple};

use crate::ffi;

/// More errors than that in one error's history are not looked at.
const MOST: usize = 100;

/// Cut off the frames of ours below those of an error, and of all that it came from.
pub fn forget_callers(py: Python<'_>, error: &PyErr) -> PyResult<()> {
    let mut todo = vec![error.value(py).clone().into_any()];
    for _ in 0..MOST {
        let Some(error) = todo.pop() else { break };
        let mut traceback = error.getattr(intern!(py, "__traceback__"))?;
        let mut last = None;
        while !traceback.is_none() {
            let frame = traceback.getattr(intern!(py, "tb_frame"))?;
            if last.is_none() {
                cut(&frame)?;
            }
            last = Some(frame);
            traceback = traceback.getattr(intern!(py, "tb_next"))?;
        }
        if let Some(frame) = last {
            cut(&frame)?;
        }
        let cause = error.getattr(intern!(py, "__cause__"))?;
        let context = error.getattr(intern!(py, "__context__"))?;
        if !context.is(&cause) {
            todo.push(context);
        }
        todo.push(cause);
        if let Ok(errors) = error.getattr(intern!(py, "exceptions")) {
            todo.extend(errors.cast::<PyTuple>().into_iter().flatten());
        }
        todo.retain(|error| !error.is_none());
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
