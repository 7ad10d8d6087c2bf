//! The clerk's work: what threads have left on the run's desk, done on Trio's thread.

use pyo3::prelude::*;

use super::desk::{Orders, Told};
use crate::faults::fault;
use crate::run::Run;
use crate::slice::Slice;

impl Run {
    /// Do it. Whether there is more, and others are to have their turn.
    pub fn clear_desk(&self, py: Python<'_>) -> PyResult<bool> {
        fault!(py, Attend);
        let Orders {
            bring,
            dismiss,
            decided,
            alarm,
        } = self.desk.take_orders();
        for _ in 0..bring {
            self.crew().has_come();
        }
        // By now those that are at work may have started everything.
        if bring > 0 && !self.pool.get().lock(py)?.is_exhausted(self.lane) {
            self.crew().bring_worker(py)?;
        }
        if let Some((step, alone)) = decided {
            self.crew().announce_verdict(py, step, alone)?;
        }
        if dismiss {
            self.crew().dismiss(py)?;
        }
        if let Some(deadline) = alarm {
            self.crew().set_alarm(py, &self.work.clock, deadline)?;
        }
        let slice = Slice::begin(&self.work.clock);
        while let Some(told) = self.desk.next_told() {
            self.pass_on(py, told)?;
            if slice.is_over() {
                break;
            }
        }
        Ok(self.desk.has_more())
    }

    fn pass_on(&self, py: Python<'_>, told: Told) -> PyResult<()> {
        match told {
            Told::Event(event) => match &self.work.observer {
                Some(observer) => observer.call1(py, (event,)).map(drop),
                None => Ok(()),
            },
            Told::Landed {
                step,
                ended,
                figures,
            } => {
                let id = self.work.id(py, step)?;
                let error = |error: Py<_>| PyErr::from_value(error.into_bound(py).into_any());
                match ended {
                    Ok(value) => self.work.record(step, &id, Ok(value.bind(py)), figures),
                    Err(it) => self.work.record(step, &id, Err(&error(it)), figures),
                }
            }
            Told::Late { slot, error } => {
                match error {
                    Some(late) => {
                        let late = PyErr::from_value(late.into_bound(py).into_any());
                        self.raised_late(py, slot, late);
                    }
                    None => drop(self.desk.error_of(slot)),
                }
                Ok(())
            }
        }
    }
}
