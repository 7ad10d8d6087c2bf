//! The first segment of a step: from its coroutine's making until it suspends or ends.

use std::sync::atomic::Ordering;

use pyo3::prelude::*;
use pyo3::types::PySendResult;

use super::memory::{Inner, Step, Suspended};
use super::settle::End;
use super::turn::Turn;
use crate::coroutine::{make_coroutine, programming_error};
use crate::errors;
use crate::faults::fault;
use crate::ffi;
use crate::panics::guarded;
use crate::pool::Pool;
use crate::trio;

impl<'py> Turn<'_, 'py> {
    /// The task works for this step now, and has its name.
    pub fn name_task(&mut self, step: u32) -> PyResult<()> {
        let py = self.py;
        let Some(seat) = &self.memory.seat else {
            return Err(errors::not_seated(py));
        };
        self.memory.task_is_changed = true;
        let id = self.run().work.id(py, step)?;
        trio::task_name(py)?.set(seat.task.bind(py), &id)
    }

    /// Make the step's coroutine and send into it for the first time, inside its own context.
    pub fn first_segment(&mut self, step: Step) -> PyResult<Option<Bound<'py, PyAny>>> {
        let (py, run) = (self.py, self.run());
        let Some(seat) = &self.memory.seat else {
            return Err(errors::not_seated(py));
        };
        if ffi::is_stack_short(py) {
            let error = errors::too_deep();
            return self.raised(step, None, error).map(|()| None);
        }
        let task = seat.task.bind(py);
        let base = run.work.base.as_ref().map(|base| base.bind(py));
        let context = base.map(|base| self.memory.contexts.take(base, task));
        let context = match context.transpose() {
            Ok(context) => context,
            Err(error) => return self.raised(step, None, error).map(|()| None),
        };
        // A single step may sit in a scope of its caller's.
        let leftovers = &self.memory.baseline;
        self.tasks_before = (!run.has_one_step).then(|| leftovers.tasks_in_scope(py));
        let mut made = None;
        self.driver.in_step.store(true, Ordering::Relaxed);
        let sent = self.first_send(step, context.as_ref(), &mut made);
        self.driver.in_step.store(false, Ordering::Relaxed);
        if !matches!(sent, Ok(PySendResult::Next(_))) {
            self.leave_context()?;
        }
        let error = match (sent, made) {
            (Ok(PySendResult::Return(value)), _) => {
                if let (Some(context), Some(seat)) = (context, &self.memory.seat) {
                    let task = seat.task.bind(py);
                    self.memory.contexts.put_back(context, task)?;
                }
                return self.returned(step, false, &value).map(|()| None);
            }
            (Ok(PySendResult::Next(trap)), Some(coroutine)) => {
                self.memory.inner = Inner::Step(Suspended {
                    step,
                    coroutine: coroutine.unbind(),
                });
                self.memory.has_suspended = true;
                if let Err(error) = guarded(py, || self.suspended(step)) {
                    self.fail_later(error);
                }
                return Ok(Some(trap));
            }
            (Ok(PySendResult::Next(_)), None) => {
                return Err(errors::internal(py, "a step yielded before it was made"));
            }
            (Err(error), Some(_)) => error,
            (Err(error), None) => {
                if let Some(error) = programming_error(py, &run.work, step.index, &error)? {
                    self.settle(step, End::Cancelled)?;
                    return Err(error);
                }
                error
            }
        };
        self.raised(step, None, *error).map(|()| None)
    }

    fn first_send(
        &self,
        step: Step,
        context: Option<&Bound<'py, PyAny>>,
        made: &mut Option<Bound<'py, PyAny>>,
    ) -> ffi::Sent<'py> {
        let py = self.py;
        let _entered = context.map(ffi::Entered::new).transpose()?;
        fault!(py, MakeCoroutine);
        let coroutine = made.insert(make_coroutine(
            py,
            &self.run().work,
            step.index,
            self.in_portal,
        )?);
        fault!(py, FirstSend);
        ffi::send(coroutine, &py.None().into_bound(py))
    }

    /// A step has ended in its first segment, and the thread has left its context. An observer sees
    /// the same in the task.
    fn leave_context(&mut self) -> PyResult<()> {
        let (py, work) = (self.py, &self.run().work);
        let (Some(seat), Some(base), Some(_)) = (&self.memory.seat, &work.base, &work.observer)
        else {
            return Ok(());
        };
        let task = seat.task.bind(py);
        trio::task_context(py)?.set(task, base.bind(py))
    }

    /// The step is about to suspend for the first time.
    fn suspended(&mut self, step: Step) -> PyResult<()> {
        let (py, run) = (self.py, self.run());
        // From now on Trio runs the step in its context by itself; entering it here as well would
        // be wrong when a thread's message runs in this task.
        fault!(py, Suspend);
        let mut scheduler = self.pool().lock(py)?;
        let limit = scheduler.attempt_limit_ns(step.slot);
        let deadline = limit.map(|(limit_ns, _)| run.work.clock.deadline(self.started, limit_ns));
        // Trio has to cancel it before it goes on.
        self.pace.is_due |= deadline.is_some_and(|it| it <= run.work.clock.due(self.started));
        let worker = self.worker().number;
        // A scope that Trio cancels is a fresh one for each attempt, and knows of no earlier deadline.
        let fresh = self
            .memory
            .seat
            .as_ref()
            .is_some_and(|seat| seat.trio_cancels);
        let arm = |&deadline: &u64| scheduler.arm(step.slot, worker, deadline) || fresh;
        let earliest = deadline.filter(arm);
        let wanted = !run.crew().expects_worker() && scheduler.request(run.lane);
        let woken = scheduler.has_wakes();
        drop(scheduler);
        if woken {
            Pool::wake(&run.pool, py, Some(run.lane))?;
        }
        if let Some(deadline) = earliest {
            run.crew().set_alarm(py, &run.work.clock, deadline)?;
        }
        fault!(py, Suspended);
        match wanted {
            true => run.crew().bring_worker(py),
            false => Ok(()),
        }
    }
}
