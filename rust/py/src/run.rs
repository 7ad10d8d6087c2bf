//! One run: a group, a workflow or a single step.

use std::sync::OnceLock;
use std::thread::{self, ThreadId};

use hocket_core::{Cause, LaneId, Verdict};
use pyo3::exceptions::PyRuntimeError;
use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::PyList;

use crate::clock::seconds;
use crate::crew::{Crew, Host};
use crate::errors::{self, out_of_memory};
use crate::faults::fault;
use crate::panics::guarded;
use crate::pool::Pool;
use crate::request::Request;
use crate::runs::Open;
use crate::tally::Tally;
use crate::threads::crowd::Crowd;
use crate::threads::desk::Desk;
use crate::trio;
use crate::work::Work;

thread_local! {
    /// `thread::current` counts a reference each time, and this is asked at each resumption.
    static THREAD: ThreadId = thread::current().id();
}

/// A run. It is open from when it is made until `close`.
#[pyclass(frozen, module = "hocket._core")]
pub struct Run {
    pub pool: Py<Pool>,
    pub lane: LaneId,
    pub work: Work,
    pub isolated: bool,
    /// Whether its steps are plain functions, which run in threads.
    #[pyo3(get)]
    pub in_threads: bool,
    /// What the threads leave for Trio's thread, and which of them are at work.
    pub desk: Desk,
    pub crowd: Crowd,
    pub has_one_step: bool,
    /// Whether any step has a time limit.
    #[pyo3(get)]
    pub has_timeouts: bool,
    pub opened_ns: u64,
    pub thread: ThreadId,
    pub crew: Py<Crew>,
    /// What its steps have come to, once it is closed.
    tally: OnceLock<Tally>,
}

impl Run {
    pub fn crew(&self) -> &Crew {
        self.crew.get()
    }

    pub fn is_closed(&self) -> bool {
        self.tally.get().is_some()
    }

    pub fn check_thread(&self) -> PyResult<()> {
        if THREAD.with(|thread| *thread == self.thread) {
            return Ok(());
        }
        Err(PyRuntimeError::new_err(
            "a run belongs to the trio.run that started it; this is another thread",
        ))
    }
}

#[pymethods]
impl Run {
    /// Open a run in the pool, for this task of the `trio.run` with this token; `clock` is None
    /// for Trio's own, and `spec` is Python's `RunSpec`. Raises QueueFull, without any effect,
    /// when it may not wait, and RuntimeError when the pool is busy elsewhere.
    ///
    /// `spec.run` is the run from the moment it is open. A signal handler may raise as soon as
    /// this returns, before Python has put its value anywhere: whoever has to close the run finds
    /// it there all the same.
    #[new]
    fn new<'py>(
        pool: Bound<'py, Pool>,
        token: &Bound<'py, PyAny>,
        task: &Bound<'py, PyAny>,
        base: Py<PyAny>,
        clock: Option<Py<PyAny>>,
        spec: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, Self>> {
        let py = pool.py();
        let clock = pool.get().clock(token, clock)?;
        let request = guarded(py, || Request::read(spec, base, clock))?;
        let Request {
            mut lane,
            work,
            isolated,
            in_threads,
        } = request;
        close_torn(pool.get(), token)?;
        let entry = pool.get().admit(token, &work.clock)?;
        fault!(py, Open);
        let now_ns = work.clock.now_ns(py)?;
        lane.parent = pool.get().parent(task)?;
        let has_one_step = lane.steps == 1;
        let has_timeouts = lane.has_timeouts();
        let opened = {
            let mut scheduler = pool.get().lock(py)?;
            let opened = scheduler.open(lane, now_ns);
            opened.map_err(|full| (full.queue_size, scheduler.is_paused()))
        };
        let lane = opened.map_err(|(size, paused)| errors::queue_full(py, size, paused))?;
        // From here on the lane is closed again if anything fails.
        let made = guarded(py, || {
            fault!(py, Opened);
            let run = Self {
                pool: pool.clone().unbind(),
                lane,
                work,
                isolated,
                in_threads,
                desk: Desk::default(),
                crowd: Crowd::default(),
                has_one_step,
                has_timeouts,
                opened_ns: now_ns,
                thread: thread::current().id(),
                crew: Py::new(py, Crew::default())?,
                tally: OnceLock::new(),
            };
            let run = Bound::new(py, run)?;
            spec.setattr(intern!(py, "run"), &run)?;
            Ok(run)
        });
        match &made {
            Ok(made) => {
                let run = made.get();
                let open = Open {
                    run: made.clone().into_any().unbind(),
                    crew: run.crew.clone_ref(py),
                    ids: run.work.ids.clone_ref(py),
                    clock: run.work.clock.clone_ref(py),
                };
                entry.stay(lane, open);
            }
            Err(_) => {
                pool.get().lock(py)?.close(lane, Cause::Ended, now_ns);
            }
        }
        fault!(py, Return);
        made
    }

    /// Lend the run its ways to act on the nursery.
    fn attach(&self, spawn: Py<PyAny>, stop: Py<PyAny>, alarm: Py<PyAny>, limited: bool) {
        let host = Host {
            spawn,
            stop,
            alarm,
            limited,
        };
        self.crew().attach(host);
    }

    /// Start the first worker, if there is anything to do.
    fn start(&self, py: Python<'_>) -> PyResult<()> {
        if self.ready(py)? == 0 {
            return Ok(());
        }
        if self.in_threads {
            // It takes a thread a while to come and ask: the run has its place in line from now on.
            self.pool.get().lock(py)?.request(self.lane);
        }
        self.crew().bring_worker(py)
    }

    /// A worker retires: another one takes its place while there is something to start.
    fn replace(&self, py: Python<'_>) -> PyResult<()> {
        match self.ready(py)? {
            0 => Ok(()),
            _ => self.crew().bring_worker(py),
        }
    }

    /// Cancel what is past its limit. Returns the time of Trio's clock at which to look again, or None to
    /// wait for the alarm.
    fn cancel_overdue(&self, py: Python<'_>) -> PyResult<Option<f64>> {
        self.look_for_overdue(py)
    }

    /// Give a step its own time limit, before it suspends for the first time. For runs that were given
    /// a list of such limits.
    fn set_step_timeout(&self, py: Python<'_>, step: u32, timeout_ns: Option<u64>) -> PyResult<()> {
        let mut scheduler = self.pool.get().lock(py)?;
        scheduler.set_step_timeout(self.lane, step, timeout_ns);
        Ok(())
    }

    /// There is a clerk from now on, who attends when this is called; None: there is none any more.
    fn employ(&self, call: Option<Py<PyAny>>) {
        self.desk.employ(call);
    }

    /// Do what threads have left to be done on Trio's thread. Whether there is more.
    fn attend(&self, py: Python<'_>) -> PyResult<bool> {
        self.clear_desk(py)
    }

    /// The run is being cancelled: nothing more of it starts.
    fn abandon(&self, py: Python<'_>) -> PyResult<()> {
        self.abandon_rest(py)
    }

    /// Whether its workers may have their turns from others.
    #[getter]
    fn takes_turns(&self) -> bool {
        self.pool.get().turns
    }

    /// How many steps are ready and have not started.
    #[getter]
    pub fn ready(&self, py: Python<'_>) -> PyResult<usize> {
        Ok(self.pool.get().lock(py)?.ready(self.lane))
    }

    /// Whether the join policy has spoken: True, False, or None for not yet.
    #[getter]
    fn verdict(&self, py: Python<'_>) -> PyResult<Option<bool>> {
        let verdict = self.pool.get().lock(py)?.verdict(self.lane);
        Ok(verdict.map(|verdict| verdict == Verdict::Success))
    }

    /// Whether a cancellation has nothing left to take away: the join policy has spoken, or every
    /// step has returned or failed.
    #[getter]
    fn decided(&self, py: Python<'_>) -> PyResult<bool> {
        let settled = self.work.completed.bind(py).len() + self.work.failed.bind(py).len();
        Ok(settled == self.work.ids.bind(py).len() || self.verdict(py)?.is_some())
    }

    /// The id of the step that gave the verdict.
    #[getter]
    fn winner<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        let winner = self.crew().winner();
        winner.map(|step| self.work.id(py, step)).transpose()
    }

    #[getter]
    fn completed(&self, py: Python<'_>) -> Py<PyList> {
        self.work.completed.clone_ref(py)
    }

    #[getter]
    fn failed(&self, py: Python<'_>) -> Py<PyList> {
        self.work.failed.clone_ref(py)
    }

    /// Seconds since the run was opened.
    #[getter]
    fn age(&self, py: Python<'_>) -> PyResult<f64> {
        Ok(seconds(
            self.work.clock.now_ns(py)?.saturating_sub(self.opened_ns),
        ))
    }

    /// What its steps have come to, so far or, once it is closed, in the end.
    fn tally(&self, py: Python<'_>) -> PyResult<Tally> {
        if let Some(&tally) = self.tally.get() {
            return Ok(tally);
        }
        let scheduler = self.pool.get().lock(py)?;
        Ok(Tally {
            sum: scheduler.tally(self.lane).unwrap_or_default(),
            running: u64::from(scheduler.holding(self.lane)),
            ready: scheduler.ready(self.lane) as u64,
        })
    }

    /// End the run: every slot goes back and every step gets its final state. Returns the ids of
    /// the steps that are skipped, in their own order, and of those that were stopped from
    /// outside; with `timed_out` it was the run's time limit that stopped these, and they are not
    /// among the skipped. Once is enough: of a closed run it returns nothing, and has no effect.
    fn close<'py>(
        &self,
        py: Python<'py>,
        timed_out: bool,
    ) -> PyResult<(Bound<'py, PyList>, Bound<'py, PyList>)> {
        if self.is_closed() {
            return Ok((PyList::empty(py), PyList::empty(py)));
        }
        let cause = match timed_out {
            true => Cause::TimedOut,
            false => Cause::Ended,
        };
        // What the pool has of the run goes first, and all of it, whatever fails.
        let now = guarded(py, || self.work.clock.now_ns(py));
        let now_ns = *now.as_ref().unwrap_or(&self.opened_ns);
        let pool = self.pool.get();
        let states = guarded(py, || {
            let mut scheduler = pool.lock(py)?;
            let mut states = Vec::new();
            let reserved = states.try_reserve_exact(scheduler.states(self.lane).len());
            if reserved.is_ok() {
                states.extend_from_slice(scheduler.states(self.lane));
            }
            if let Some(sum) = scheduler.close(self.lane, cause, now_ns) {
                let tally = Tally {
                    sum,
                    ..Tally::default()
                };
                self.tally.get_or_init(|| tally);
            }
            reserved.map_err(out_of_memory)?;
            Ok(states)
        });
        let crew = self.crew().disband();
        // Workers that were torn away by something fatal, before they could get up.
        let left = crew
            .workers
            .into_iter()
            .flatten()
            .map(|worker| guarded(py, || worker.get().leave_task(py, pool.tasks(py))));
        let left = left.fold(Ok(()), PyResult::and);
        let woken = guarded(py, || Pool::wake(&self.pool, py, None));
        // Forgotten last: from then on the pool may serve another `trio.run`.
        pool.forget(self.lane);
        let closed = now.and(left).and(woken).and(states);
        let result = closed.and_then(|states| self.skipped_and_stopped(py, states, timed_out));
        fault!(py, Return);
        result
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.pool)?;
        self.work.traverse(&visit)?;
        self.desk.traverse(&visit)?;
        visit.call(&self.crew)
    }
}

/// Where something has torn another `trio.run`, whoever had runs open in it may never come to
/// close them (an exception that is kept keeps the tasks). Once that `trio.run` is over we do.
fn close_torn(pool: &Pool, token: &Bound<'_, PyAny>) -> PyResult<()> {
    let py = token.py();
    let runs = pool.lock_runs();
    if runs.serves(token) {
        return Ok(());
    }
    let other = runs.token.as_ref().map(|token| token.clone_ref(py));
    drop(runs);
    pool.check_fork()?;
    let over = trio::is_over(py)?.call1((&other,))?.is_truthy()?;
    let runs = pool.lock_runs();
    let same = runs.token.as_ref().map(Py::as_ptr) == other.as_ref().map(Py::as_ptr);
    if !over || !same {
        return Ok(());
    }
    let torn = runs.open.values().map(|open| open.run.clone_ref(py));
    let torn: Vec<_> = torn.collect();
    drop(runs);
    let cast = |run: Py<PyAny>| Ok(run.into_bound(py).cast_into::<Run>()?.unbind());
    let torn: Vec<_> = torn.into_iter().map(cast).collect::<PyResult<_>>()?;
    // All are stopped before the first one is closed: a slot that one gives back must not
    // wake a task of another, which no Trio runs any more.
    let mut scheduler = pool.lock(py)?;
    torn.iter().for_each(|run| scheduler.stop(run.get().lane));
    drop(scheduler.take_wakes());
    drop(scheduler);
    torn.iter()
        .try_for_each(|run| run.get().close(py, false).map(drop))
}
