//! Trio resumes a driver; before Trio is told what its turn has come to, others may have theirs.

use pyo3::prelude::*;

use super::carry::{Native, carry};
use super::class::Driver;
use super::kept::{Driven, Kept};
use super::stretch::Pace;
use super::turn::Message;
use crate::portal;

impl Driver {
    /// Returns a trap, or None where the driver returns.
    pub fn resume<'py>(&self, py: Python<'py>, message: Message<'py>) -> Driven<'py> {
        self.run.get().check_thread()?;
        let mut memory = self.take_memory()?;
        let thrown = matches!(message, Message::Throw(_));
        match memory.kept.take() {
            None => {}
            Some(Kept::Trap(_)) if thrown => {}
            Some(kept) => {
                self.put_back(memory);
                return self.leaving(py, kept.say(py));
            }
        }
        let message = match memory.stash.take() {
            Some(value) if !thrown => Message::Send(value.into_bound(py)),
            _ => message,
        };
        memory.round.enter();
        let mut pace = Pace {
            round: memory.round,
            ..Pace::default()
        };
        let in_portal = portal::is_open(py);
        let member = memory.member.as_ref().map(|member| member.clone_ref(py));
        let Some(member) = member else {
            return self.turn(py, memory, message, &mut pace, in_portal);
        };
        let (inside, task) = (&member.get().ring.get().inside, member.get().task.bind(py));
        let is_here = inside.is_current(task).unwrap_or(false);
        let entered = inside.context(task);
        let queued = inside.queued(py).unwrap_or_default();
        let driven = self.turn(py, memory, message, &mut pace, in_portal);
        // Resumed by `throw`, on a greenlet or in another's task it is not in a frame where the steps
        // of others may run.
        let entered = entered.ok().filter(|_| is_here && !thrown && !in_portal);
        let native = Native {
            context: entered,
            queued,
        };
        let driven = carry(self, py, &member, native, pace, driven);
        self.leaving(py, driven)
    }

    /// A driver that returns is in the ring no longer: what its task does then is not its turn.
    fn leaving<'py>(&self, py: Python<'py>, driven: Driven<'py>) -> Driven<'py> {
        if !matches!(driven, Ok(Some(_))) {
            if let Err(error) = self.leave_ring(py) {
                error.write_unraisable(py, None);
            }
        }
        driven
    }

    /// A member gets up.
    pub fn leave_ring(&self, py: Python<'_>) -> PyResult<()> {
        let member = self.with_memory(|memory| memory.member.take())?;
        member.map_or(Ok(()), |member| {
            member.get().ring.get().leave(py, member.get())
        })
    }
}
