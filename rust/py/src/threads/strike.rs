//! The end of a step's time, seen from Trio's thread, while its function goes on in another.

use hocket_core::{Scheduler, SlotId, Struck};
use pyo3::exceptions::PyBaseException;
use pyo3::prelude::*;

use super::desk::Told;
use crate::clock::seconds;
use crate::errors;
use crate::event::Happened;
use crate::outcome::Figures;
use crate::run::Run;

/// A step that has timed out, and its limit.
pub struct Hit {
    struck: Struck,
    slot: SlotId,
    limit_ns: u64,
}

impl Run {
    /// The time of the step that this worker runs is up. The scheduler has just said so, and its lock
    /// is held since: it is that very step.
    ///
    /// None where that step can be cancelled, or may be tried again.
    pub fn strike(&self, scheduler: &mut Scheduler, worker: u32, now_ns: u64) -> Option<Hit> {
        let slot = self.crew().slot_in_thread(worker, self.in_threads)?;
        let (limit_ns, _) = scheduler.attempt_limit_ns(slot)?;
        let struck = scheduler.strike(slot, now_ns)?;
        Some(Hit {
            struck,
            slot,
            limit_ns,
        })
    }

    /// Note that a step has timed out, and tell who has to know, after what is still to be told.
    pub fn struck(&self, py: Python<'_>, hit: Hit) -> PyResult<()> {
        let Hit {
            struck,
            slot,
            limit_ns,
        } = hit;
        let Struck {
            step,
            waited_ns,
            run_ns,
            verdict,
        } = struck;
        let id = self.work.id(py, step)?;
        let error = errors::step_timeout(py, &id, seconds(limit_ns), "step");
        let value: Py<PyBaseException> = error.clone_ref(py).into_value(py);
        let figures = Figures {
            waited_ns,
            ran_ns: run_ns,
            attempt: 1,
        };
        let event = match &self.work.observer {
            Some(_) => Some(Happened::TimedOut(&error).event(&id, &self.work.group, run_ns, 1)?),
            None => None,
        };
        let landed = self.work.landing.is_some();
        if !landed {
            self.work.record(step, &id, Err(&error), figures)?;
        }
        // Those that wait for it in a graph, and count it for a success, may start now.
        let grows = !self.in_threads && self.ready(py)? > 0 && !self.crew().expects_worker();
        if grows {
            self.crew().is_coming();
        }
        let left = self.desk.put(py, |papers| {
            papers.struck(slot, value.clone_ref(py));
            if grows {
                papers.bring();
            }
            if landed {
                papers.tell(Told::Landed {
                    step,
                    ended: Err(value),
                    figures,
                });
            }
            if let Some(event) = event {
                papers.tell(Told::Event(event.unbind()));
            }
            if verdict.is_some() {
                papers.decided(step, false);
            }
        });
        if verdict.is_some() {
            self.crew().note_winner(step);
        }
        left
    }

    /// The function of a step that had timed out has raised this: it goes to the error that there is.
    pub fn raised_late(&self, py: Python<'_>, slot: SlotId, late: PyErr) {
        if let Some(struck) = self.desk.error_of(slot) {
            PyErr::from_value(struck.into_bound(py).into_any()).set_cause(py, Some(late));
        }
    }
}
