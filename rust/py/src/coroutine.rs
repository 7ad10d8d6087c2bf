//! From a step to its coroutine.

use pyo3::exceptions::{PyRuntimeError, PyStopIteration, PyTypeError};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::PySendResult;

use crate::ffi;
use crate::panics::guarded;
use crate::trio;
use crate::work::{Call, Work};

pub fn make_coroutine<'py>(
    py: Python<'py>,
    work: &Work,
    index: u32,
    in_portal: bool,
) -> PyResult<Bound<'py, PyAny>> {
    let step = work.steps.bind(py).get_item(index as usize)?;
    if in_portal {
        // All of it, as what is not async may suspend there.
        let begin = trio::begin_in_portal(py)?;
        return match &work.call {
            Call::Executor(executor) => begin.call1((executor, step)),
            Call::Functions => begin.call1((step,)),
        };
    }
    let made = match &work.call {
        Call::Executor(executor) => executor.bind(py).call1((step,))?,
        Call::Functions => step.call0()?,
    };
    if ffi::is_coroutine(&made)? {
        // One that nobody else has is new. Any other may be in use: `await` refuses it, and so do we.
        if ffi::is_shared(&made) && !made.getattr(intern!(py, "cr_await"))?.is_none() {
            let text = "coroutine is being awaited already";
            return Err(PyRuntimeError::new_err(text));
        }
        return Ok(made);
    }
    if let Some(coroutine) = trio::adopt(py)?.call1((&made,))?.extract()? {
        return Ok(coroutine);
    }
    let kind = made.get_type().name()?;
    let text = format!(
        "running step {} gave {kind}, not an awaitable. Steps are async: write 'async def', or \
         run_in=\"thread\" for functions that block.",
        work.id(py, index)?.repr()?,
    );
    Err(NotAwaitable::new_err(text))
}

/// What is said of an async function that was to run in a thread. Its coroutine is closed.
pub fn async_in_thread(
    py: Python<'_>,
    work: &Work,
    index: u32,
    coroutine: &Bound<'_, PyAny>,
) -> PyResult<PyErr> {
    close_quietly(py, &coroutine.clone().unbind());
    let text = format!(
        "running step {} gave a coroutine, and run_in=\"thread\" is for functions that block: write \
         'def' instead of 'async def', or leave run_in out.",
        work.id(py, index)?.repr()?,
    );
    Ok(PyTypeError::new_err(text))
}

pyo3::create_exception!(hocket._core, NotAwaitable, PyTypeError);

/// A call that cannot work for any step is a mistake of the program, not a step's failure.
pub fn programming_error(
    py: Python<'_>,
    work: &Work,
    index: u32,
    error: &PyErr,
) -> PyResult<Option<PyErr>> {
    if error.is_instance_of::<NotAwaitable>(py) {
        let text = error.value(py).str()?.to_string();
        return Ok(Some(PyTypeError::new_err(text)));
    }
    // Python code that has run, be it a decorator's, was called: what it raises is the step's own.
    if !error.is_instance_of::<PyTypeError>(py) || error.traceback(py).is_some() {
        return Ok(None);
    }
    let explain = py
        .import("hocket._engine.callbacks")?
        .getattr(intern!(py, "explain_call"))?;
    let explained = match &work.call {
        Call::Executor(executor) => explain.call1((executor, "step_executor", "step"))?,
        Call::Functions => {
            let step = work.steps.bind(py).get_item(index as usize)?;
            let name = format!("step {}", work.id(py, index)?.repr()?);
            explain.call1((step, name))?
        }
    };
    if explained.is_none() {
        return Ok(None);
    }
    let found = PyTypeError::new_err(explained.unbind());
    found.set_cause(py, Some(error.clone_ref(py)));
    Ok(Some(found))
}

pub fn throw<'py>(coroutine: &Bound<'py, PyAny>, error: PyErr) -> PyResult<PySendResult<'py>> {
    let py = coroutine.py();
    match coroutine.call_method1(intern!(py, "throw"), (error.into_value(py),)) {
        Ok(trap) => Ok(PySendResult::Next(trap)),
        Err(error) if error.is_instance_of::<PyStopIteration>(py) => Ok(PySendResult::Return(
            error.value(py).getattr(intern!(py, "value"))?,
        )),
        Err(error) => Err(error),
    }
}

/// Close a coroutine. What its `finally` raises cannot reach anybody any more: it is reported.
pub fn close_quietly(py: Python<'_>, coroutine: &Py<PyAny>) {
    let close = || coroutine.call_method0(py, intern!(py, "close")).map(drop);
    if let Err(error) = guarded(py, close) {
        error.write_unraisable(py, Some(coroutine.bind(py)));
    }
}
