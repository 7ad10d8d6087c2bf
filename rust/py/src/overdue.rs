//! A look at the steps of a run that are past their time limit.

use pyo3::prelude::*;

use crate::faults::fault;
use crate::run::Run;
use crate::slice::Slice;

impl Run {
    /// Cancel the scope of each worker whose step is past its limit. Returns the time of Trio's
    /// clock at which to look again, or None to wait for the alarm. No later step of the same worker
    /// is struck: on Trio's thread nothing else runs between the scheduler's answer and `cancel`, and a
    /// thread whose step ends meanwhile finds it marked as overdue, under the same lock as the answer, and
    /// starts no other one in that scope.
    ///
    /// After a while it stops, and the time to look again has come: others run in between. A
    /// foreign clock stands still meanwhile, and then all that is due at one time is done at once.
    /// It has come as well where there is something to be told that only the watchdog tells.
    pub fn look_for_overdue(&self, py: Python<'_>) -> PyResult<Option<f64>> {
        fault!(py, Look);
        let clock = &self.work.clock;
        let now = clock.now(py)?;
        let due = clock.due(now);
        let slice = Slice::begin(clock);
        let mut is_to_tell = false;
        loop {
            let mut scheduler = self.pool.get().lock(py)?;
            let (overdue, earliest) = scheduler.take_overdue(self.lane, due, 1);
            let was_last = overdue.is_empty();
            let strike = |&worker: &u32| self.strike(&mut scheduler, worker, now.ns);
            let hits: Vec<_> = overdue.iter().filter_map(strike).collect();
            drop(scheduler);
            is_to_tell |= !(hits.is_empty() || self.in_threads);
            for hit in hits {
                self.struck(py, hit)?;
            }
            for worker in overdue {
                self.crew().cancel_overdue(py, worker)?;
            }
            if was_last || slice.is_over() {
                fault!(py, Return);
                let again = if is_to_tell { Some(due) } else { earliest };
                return again.map(|at| clock.in_trio(py, at)).transpose();
            }
        }
    }
}
