//! The driver itself, and its memory, which is taken out while it runs.

use std::collections::TryReserveError;
use std::sync::Mutex;
use std::sync::atomic::AtomicBool;

use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;

use super::memory::Memory;
use crate::errors::out_of_memory;
use crate::panics::lock;
use crate::run::Run;
use crate::worker::Worker;

/// Look whether there is memory for a worker and the little that its step asks for. There may be as
/// many as the caller likes, and where one of them finds no memory for a box the process aborts.
fn take_breath() -> Result<(), TryReserveError> {
    const BYTES: usize = 64 * 1024;
    std::hint::black_box(&mut Vec::<u8>::new()).try_reserve_exact(BYTES)
}

fn running_already() -> PyErr {
    PyRuntimeError::new_err("the driver is running already")
}

/// A worker's coroutine.
#[pyclass(frozen, weakref, module = "hocket._core")]
pub struct Driver {
    pub run: Py<Run>,
    pub worker: Py<Worker>,
    /// Whether code of a step's, or of an observer's, runs: a panic in there is not ours.
    pub in_step: AtomicBool,
    /// Taken out while the driver runs, so that no lock is held while Python code does. Boxed, so
    /// that taking it out moves a pointer.
    pub memory: Mutex<Option<Box<Memory>>>,
}

impl Driver {
    /// The driver of one more worker.
    pub fn hire(py: Python<'_>, run: Py<Run>) -> PyResult<Self> {
        take_breath().map_err(out_of_memory)?;
        let worker = run.get().crew().hire(py)?;
        Ok(Self {
            run,
            worker,
            in_step: AtomicBool::new(false),
            memory: Mutex::new(Some(Box::new(Memory::new()))),
        })
    }

    /// From here on the driver runs, until the memory is put back.
    pub fn take_memory(&self) -> PyResult<Box<Memory>> {
        lock(&self.memory).take().ok_or_else(running_already)
    }

    pub fn put_back(&self, memory: Box<Memory>) {
        let before = lock(&self.memory).replace(memory);
        drop(before);
    }

    /// Look at the memory while the driver is not running.
    pub fn with_memory<T>(&self, look: impl FnOnce(&mut Memory) -> T) -> PyResult<T> {
        let mut memory = lock(&self.memory);
        let memory = memory.as_deref_mut();
        memory.map(look).ok_or_else(running_already)
    }
}
