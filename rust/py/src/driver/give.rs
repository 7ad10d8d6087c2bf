//! One turn that the carrier gives another worker.
//!
//! What its step comes to is done as Trio would do it: a checkpoint puts it back into the ring, a
//! wait goes into Trio's tables. Where it is anything else the worker keeps it, and says it itself
//! as soon as Trio resumes it. Whatever fails here that is not a step's affair costs nobody his
//! turn: Trio gives it.

use std::panic::{AssertUnwindSafe, catch_unwind};

use pyo3::intern;
use pyo3::prelude::*;

use super::carry::Carry;
use super::class::Driver;
use super::kept::Kept;
use super::turn::Message;
use crate::faults::fault;
use crate::ffi::Entered;
use crate::panics::{guarded, quietly};
use crate::ring::{Member, Ready};

impl<'py> Carry<'_, 'py> {
    pub fn give_turn(&mut self, ready: Ready) {
        let (py, ring) = (self.py, self.ring);
        match self.turn_of(&ready) {
            Ok(Some(said)) => self.take_in(ready.member, said),
            Ok(None) => drop(ring.leave_to_trio(py, &ready)),
            Err(error) => {
                error.write_unraisable(py, None);
                ring.leave_to_trio(py, &ready);
            }
        }
    }

    /// None if somebody else runs the task's coroutine now.
    fn turn_of(&mut self, ready: &Ready) -> PyResult<Option<Kept>> {
        let (py, member) = (self.py, ready.member.get());
        let task = member.task.bind(py);
        let entered = guarded(py, || {
            fault!(py, GiveTurn);
            match self.ring.inside.runs(task, &member.coroutine)? {
                true => self.enter(task).map(Some),
                false => Ok(None),
            }
        })?;
        let Some(context) = entered else {
            return Ok(None);
        };
        let value = ready.value.as_ref().map(|value| value.bind(py).clone());
        let driver = member.driver.bind(py).cast::<Driver>()?;
        self.resume(driver.get(), context.as_ref(), value).map(Some)
    }

    /// The task is the current one from here on. Returns its context, if Trio has not entered it.
    pub fn enter(&self, task: &Bound<'py, PyAny>) -> PyResult<Option<Bound<'py, PyAny>>> {
        let inside = &self.ring.inside;
        inside.begin_turn(task)?;
        inside.set_current(task)?;
        let context = inside.context(task)?;
        Ok((!context.is(&self.context)).then_some(context))
    }

    /// An error here is one of a turn that could not begin.
    pub fn resume(
        &mut self,
        driver: &Driver,
        context: Option<&Bound<'py, PyAny>>,
        value: Option<Bound<'py, PyAny>>,
    ) -> PyResult<Kept> {
        let py = self.py;
        let entered = guarded(py, || context.map(Entered::new).transpose())?;
        let memory = driver.take_memory()?;
        let message = Message::Send(value.unwrap_or_else(|| self.ring.done(py)));
        let pace = &mut self.pace;
        let turn = || driver.turn(py, memory, message, pace, false);
        let driven = catch_unwind(AssertUnwindSafe(turn));
        drop(entered);
        Ok(Kept::of(driven))
    }

    fn take_in(&mut self, member: Py<Member>, said: Kept) {
        let (py, inside) = (self.py, &self.ring.inside);
        let task = member.get().task.bind(py);
        let is_observed = inside.is_observed(py);
        quietly(py, || {
            fault!(py, GaveTurn);
            Ok(())
        });
        match said {
            Kept::Trap(trap) if inside.is_wait(trap.bind(py)) => inside.waits(task, trap.bind(py)),
            Kept::Trap(trap) if inside.is_checkpoint(trap.bind(py)) => {
                let counted = guarded(py, || inside.gave_way(task, member.get().send.bind(py)));
                let ready = Ready {
                    member: member.clone_ref(py),
                    value: None,
                };
                match counted.is_err() || is_observed {
                    true => drop(self.ring.leave_to_trio(py, &ready)),
                    false => self.ready.push_back(ready),
                }
            }
            said => self.keep(member.clone_ref(py), said),
        }
        if is_observed {
            // The instrument came in the middle of this turn.
            self.is_told = true;
            quietly(py, || {
                inside.tell_of_turn(task, intern!(py, "after_task_step"))
            });
        }
    }

    /// Trio resumes the task in its next tick, and the driver then says this.
    fn keep(&self, member: Py<Member>, kept: Kept) {
        let py = self.py;
        quietly(py, || {
            let driver = member.get().driver.bind(py).cast::<Driver>()?;
            driver
                .get()
                .with_memory(|memory| memory.kept = Some(kept))?;
            let value = Some(self.ring.done(py).unbind());
            self.ring.leave_to_trio(py, &Ready { member, value });
            Ok(())
        });
    }
}
