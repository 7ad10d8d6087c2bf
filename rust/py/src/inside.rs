//! Trio's private side, as far as turns need it. `hocket._engine.turns` looks it up and tries it.

use std::collections::VecDeque;

use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString, PyType};

use crate::ffi::Slot;
use crate::panics::{guarded, quietly};
use crate::trio;

/// What one `trio.run` has for its tasks.
pub struct Inside {
    /// The attributes of Trio's global run context on this thread; `task` is the current task.
    current: Py<PyDict>,
    runner: Py<PyAny>,
    /// A deque: the tasks that Trio resumes in its next tick.
    queue: Py<PyAny>,
    instruments: Py<PyAny>,
    /// What the instruments want to be told of.
    hooks: Py<PyDict>,
    /// What a task yields that only lets others have a turn.
    checkpoint: Py<PyAny>,
    /// The class of what a task yields that waits.
    wait: Py<PyType>,
    /// The class of what Trio resumes a task with, unless with an error.
    value: Py<PyType>,
    /// Trio's generator of numbers from 0 to 1, by which it mixes its tasks, and whether it makes the
    /// most of it: for tests that replay an order.
    random: Py<PyAny>,
    is_seeded: bool,
    /// Functions of `hocket._engine.turns`, in which no KeyboardInterrupt strikes.
    deliver: Py<PyAny>,
    tell: Py<PyAny>,
    is_due: Py<PyAny>,
    task: TaskSlots,
}

struct TaskSlots {
    coro: Slot,
    next_send: Slot,
    next_send_fn: Slot,
    abort_func: Slot,
    schedule_points: Slot,
    cancel_points: Slot,
}

impl Inside {
    pub fn new(found: &Bound<'_, PyDict>) -> PyResult<Self> {
        let py = found.py();
        let item = |name: &str| found.as_any().get_item(name);
        let class = item("Task")?;
        let slot = |name: &str| Slot::of(class.cast()?, name);
        let runner = item("runner")?;
        let instruments = runner.getattr(intern!(py, "instruments"))?;
        let hooks = instruments.getattr(intern!(py, "data"))?;
        Ok(Self {
            current: item("current")?.cast_into()?.unbind(),
            queue: runner.getattr(intern!(py, "runq"))?.unbind(),
            instruments: instruments.unbind(),
            hooks: hooks.cast_into()?.unbind(),
            runner: runner.unbind(),
            checkpoint: item("checkpoint")?.unbind(),
            wait: item("wait")?.cast_into()?.unbind(),
            value: item("value")?.cast_into()?.unbind(),
            random: item("random")?.unbind(),
            is_seeded: item("is_seeded")?.extract()?,
            deliver: item("deliver")?.unbind(),
            tell: item("tell")?.unbind(),
            is_due: item("is_due")?.unbind(),
            task: TaskSlots {
                coro: slot("coro")?,
                next_send: slot("_next_send")?,
                next_send_fn: slot("_next_send_fn")?,
                abort_func: slot("_abort_func")?,
                schedule_points: slot("_schedule_points")?,
                cancel_points: slot("_cancel_points")?,
            },
        })
    }

    /// Whether somebody observes Trio's steps. There is an entry of no instrument in particular.
    pub fn is_observed(&self, py: Python<'_>) -> bool {
        self.hooks.bind(py).len() > 1
    }

    /// Tell the instruments what Trio would: `hook` says what has become of the task's turn.
    pub fn tell_of_turn(
        &self,
        task: &Bound<'_, PyAny>,
        hook: &Bound<'_, PyString>,
    ) -> PyResult<()> {
        let py = task.py();
        if self.hooks.bind(py).contains(hook)? {
            self.tell.call1(py, (&self.instruments, hook, task))?;
        }
        Ok(())
    }

    pub fn checkpoint<'py>(&self, py: Python<'py>) -> Bound<'py, PyAny> {
        self.checkpoint.bind(py).clone()
    }

    pub fn is_checkpoint(&self, trap: &Bound<'_, PyAny>) -> bool {
        trap.is(&self.checkpoint)
    }

    pub fn is_wait(&self, trap: &Bound<'_, PyAny>) -> bool {
        trap.get_type().is(&self.wait)
    }

    /// How many tasks Trio resumes in its next tick.
    pub fn queued(&self, py: Python<'_>) -> PyResult<usize> {
        self.queue.bind(py).len()
    }

    pub fn queued_at<'py>(&self, py: Python<'py>, at: usize) -> PyResult<Bound<'py, PyAny>> {
        self.queue.bind(py).get_item(at)
    }

    /// The task that was queued last, and what it is resumed with; None where that is an error, or
    /// a mark of ours.
    pub fn last_queued<'py>(
        &self,
        py: Python<'py>,
    ) -> PyResult<Option<(Bound<'py, PyAny>, Bound<'py, PyAny>)>> {
        let task = self.queue.bind(py).get_item(-1)?;
        let value = self.task.next_send.get(&task)?;
        Ok(value.get_type().is(&self.value).then_some((task, value)))
    }

    /// Take the task that was queued last out of the queue. It stays one that is about to run.
    pub fn unqueue(&self, py: Python<'_>) -> PyResult<()> {
        self.queue
            .bind(py)
            .call_method0(intern!(py, "pop"))
            .map(drop)
    }

    /// Trio resumes the task in its next tick, with this value, or with None.
    pub fn queue(&self, task: &Bound<'_, PyAny>, value: Option<&Bound<'_, PyAny>>) -> PyResult<()> {
        let py = task.py();
        self.begin_turn(task)?;
        // The public one, which no KeyboardInterrupt breaks off half-way.
        let reschedule = trio::reschedule(py)?;
        match value {
            Some(value) => reschedule.call1((task, value)),
            None => reschedule.call1((task,)),
        }
        .map(drop)
    }

    /// Who has waited since the last round comes in an order that nobody can rely on, as in Trio.
    pub fn mix<T>(&self, py: Python<'_>, ready: &mut VecDeque<T>) -> PyResult<()> {
        let random = || self.random.bind(py).call0()?.extract::<f64>();
        let ready = ready.make_contiguous();
        if self.is_seeded {
            for last in (1..ready.len()).rev() {
                ready.swap(last, ((last + 1) as f64 * random()?) as usize);
            }
        } else if ready.len() > 1 && random()? < 0.5 {
            ready.reverse();
        }
        Ok(())
    }

    /// Whether Trio runs this coroutine in the task. The package greenback may put one around it.
    pub fn runs(&self, task: &Bound<'_, PyAny>, coroutine: &Py<PyAny>) -> PyResult<bool> {
        Ok(self.task.coro.get(task)?.is(coroutine))
    }

    pub fn coroutine<'py>(&self, task: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        self.task.coro.get(task)
    }

    /// Whether this is the current task: a coroutine that was taken out of its task may be run in
    /// another one.
    pub fn is_current(&self, task: &Bound<'_, PyAny>) -> PyResult<bool> {
        let py = task.py();
        let current = self.current.bind(py).get_item(intern!(py, "task"))?;
        Ok(current.is_some_and(|current| current.is(task)))
    }

    pub fn set_current(&self, task: &Bound<'_, PyAny>) -> PyResult<()> {
        let py = task.py();
        self.current.bind(py).set_item(intern!(py, "task"), task)
    }

    /// What Trio does with a task just before it resumes it.
    pub fn begin_turn(&self, task: &Bound<'_, PyAny>) -> PyResult<()> {
        let none = task.py().None().into_bound(task.py());
        self.task.next_send_fn.set(task, &none)?;
        self.task.next_send.set(task, &none)
    }

    /// What Trio does with a task that has yielded a checkpoint, but for the queue. `send` is its
    /// coroutine's.
    pub fn gave_way(&self, task: &Bound<'_, PyAny>, send: &Bound<'_, PyAny>) -> PyResult<()> {
        self.count_schedule_point(task, 1)?;
        self.is_to_run(task, send)
    }

    /// Let a task be seen as one that is about to run.
    pub fn is_to_run(&self, task: &Bound<'_, PyAny>, send: &Bound<'_, PyAny>) -> PyResult<()> {
        self.task.next_send_fn.set(task, send)
    }

    pub fn count_schedule_point(&self, task: &Bound<'_, PyAny>, by: i64) -> PyResult<()> {
        add(&self.task.schedule_points, task, by)
    }

    /// What Trio does with a task that has yielded a wait. Whoever is to wake the task knows it
    /// already, so there is no way back: what fails is tried once more, when it has all it needs.
    pub fn waits(&self, task: &Bound<'_, PyAny>, trap: &Bound<'_, PyAny>) {
        quietly(task.py(), || {
            let py = task.py();
            let abort = || trap.getattr(intern!(py, "abort_func"));
            self.task
                .abort_func
                .set(task, &abort().or_else(|_| abort())?)
        });
        quietly(task.py(), || self.count_schedule_point(task, 1));
        quietly(task.py(), || add(&self.task.cancel_points, task, 1));
        quietly(task.py(), || {
            let delivered = guarded(task.py(), || self.deliver(task));
            match self.is_scheduled(task)? {
                true => delivered,
                false => delivered.or_else(|_| self.deliver(task)),
            }
        });
    }

    /// Cancel the task, or raise KeyboardInterrupt in it, if that is due.
    fn deliver(&self, task: &Bound<'_, PyAny>) -> PyResult<()> {
        let py = task.py();
        self.deliver.call1(py, (&self.runner, task)).map(drop)
    }

    /// Whether a deadline has come that Trio sees in its next tick.
    pub fn is_due(&self, py: Python<'_>) -> PyResult<bool> {
        self.is_due.bind(py).call1((&self.runner,))?.is_truthy()
    }

    fn is_scheduled(&self, task: &Bound<'_, PyAny>) -> PyResult<bool> {
        Ok(!self.task.next_send_fn.get(task)?.is_none())
    }

    /// What tells Trio that the task goes on with a wait that we have begun by `waits`.
    pub fn still_waits<'py>(&self, task: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        self.count_schedule_point(task, -1)?;
        add(&self.task.cancel_points, task, -1)?;
        self.wait
            .bind(task.py())
            .call1((self.task.abort_func.get(task)?,))
    }

    pub fn context<'py>(&self, task: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        trio::task_context(task.py())?.get(task)
    }

    pub fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.current)?;
        visit.call(&self.runner)?;
        visit.call(&self.queue)?;
        visit.call(&self.instruments)?;
        visit.call(&self.hooks)?;
        visit.call(&self.random)
    }
}

fn add(slot: &Slot, task: &Bound<'_, PyAny>, by: i64) -> PyResult<()> {
    let before: i64 = slot.get(task)?.extract()?;
    let after = (before + by).into_pyobject(task.py())?;
    slot.set(task, after.as_any())
}
