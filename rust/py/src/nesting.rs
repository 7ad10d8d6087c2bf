//! Which running step a task works for, so that its submissions are that step's own.

use hocket_core::SlotId;
use pyo3::intern;
use pyo3::prelude::*;

use crate::pool::Pool;
use crate::worker::Worker;

impl Pool {
    /// The running step of this pool that the task works for, if any: one that runs in the task
    /// itself, or in a task above it, inside a nursery that the step has opened.
    pub fn parent(&self, task: &Bound<'_, PyAny>) -> PyResult<Option<SlotId>> {
        let py = task.py();
        let tasks = self.tasks(py);
        if tasks.is_empty() {
            return Ok(None);
        }
        if let Some(worker) = tasks.get_item(task)? {
            let slot = worker.cast::<Worker>()?.get().slot();
            if slot.is_some() {
                return Ok(slot);
            }
        }
        let mut nursery = task.getattr(intern!(py, "parent_nursery"))?;
        while !nursery.is_none() {
            let task = nursery.getattr(intern!(py, "parent_task"))?;
            if let Some(worker) = tasks.get_item(&task)? {
                let open = task.getattr(intern!(py, "child_nurseries"))?;
                let position = open
                    .try_iter()?
                    .position(|n| n.is_ok_and(|n| n.is(&nursery)));
                let worker = worker.cast::<Worker>()?.get();
                let slot = position.and_then(|at| worker.slot_of_nursery(py, at));
                if slot.is_some() {
                    return Ok(slot);
                }
            }
            nursery = task.getattr(intern!(py, "parent_nursery"))?;
        }
        Ok(None)
    }
}
