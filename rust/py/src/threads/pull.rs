//! The loop of a thread: the next step, its function, its end.

use std::sync::atomic::Ordering;

use hocket_core::{LaneId, Next, Scheduler};
use pyo3::prelude::*;

use super::class::{Action, ThreadDriver};
use super::contexts::Contexts;
use super::crowd::Place;
use super::desk::Told;
use super::manners::{self, Stretch};
use crate::clock::{Anchor, Moment};
use crate::coroutine::{async_in_thread, programming_error};
use crate::errors::out_of_memory;
use crate::event::Happened;
use crate::faults::fault;
use crate::ffi;
use crate::pool::Pool;
use crate::run::Run;
use crate::work::Call;
use crate::worker::Worker;

/// A step that runs: which one, and its entry in the ledger.
#[derive(Clone, Copy)]
pub struct Step {
    pub index: u32,
    pub slot: hocket_core::SlotId,
}

/// What the thread does, from where its task has sent it to where it returns.
pub struct Shift<'a, 'py> {
    pub driver: &'a ThreadDriver,
    pub py: Python<'py>,
    contexts: Contexts<'py>,
    pub anchor: Option<Anchor>,
    pub stretch: Stretch,
    /// Its place among the run's threads at work; None where these do not share a lock.
    place: Option<Place<'a>>,
    /// What the scheduler has already said about the time after the step that just ended.
    pub next: Option<Next>,
    /// Whether a function runs: a panic in there is not ours.
    pub in_step: bool,
    /// The step of whose start the observer was told, and not of its end yet.
    pub begun: Option<Begun<'py>>,
}

/// A step whose start the observer was told of.
pub struct Begun<'py> {
    pub id: Bound<'py, PyAny>,
    pub started_ns: u64,
    pub attempt: u32,
}

/// What has to follow when the scheduler has answered, and its lock is free again.
#[derive(Default)]
pub struct Following {
    alarm: Option<u64>,
    grows: bool,
    is_exhausted: bool,
    /// Who is to be woken. Named together with the answer: of what is granted later that knows nothing.
    pub wakes: Vec<LaneId>,
}

impl Following {
    /// Nothing but these wakes.
    pub fn waking(wakes: Vec<LaneId>) -> Self {
        Self {
            wakes,
            ..Self::default()
        }
    }
}

impl<'a, 'py> Shift<'a, 'py> {
    pub fn begin(driver: &'a ThreadDriver, py: Python<'py>) -> PyResult<Self> {
        manners::somebody_has_come();
        let crowd = &driver.run.get().crowd;
        Ok(Self {
            driver,
            py,
            contexts: Contexts::of_thread(py)?,
            anchor: None,
            stretch: Stretch::default(),
            place: manners::has_gil(py)?.then(|| crowd.enter(py)),
            next: None,
            in_step: false,
            begun: None,
        })
    }

    pub fn end(&self) {
        debug_assert!(
            self.driver.worker.get().slot().is_some()
                || !matches!(self.next, Some(Next::Start { .. })),
            "a lost slot"
        );
    }

    pub fn run(&self) -> &'a Run {
        self.driver.run.get()
    }

    pub fn pool(&self) -> &'a Pool {
        self.run().pool.get()
    }

    pub fn worker(&self) -> &'a Worker {
        self.driver.worker.get()
    }

    /// Run steps until the worker's task has something to do.
    pub fn pull(&mut self) -> PyResult<()> {
        loop {
            let action = match self.ask()? {
                Next::Leave => Action::Leave,
                Next::Wait => Action::Wait(None),
                Next::WaitUntil { at_ns } => Action::Wait(Some(at_ns)),
                Next::Start { step, slot } => {
                    let step = Step { index: step, slot };
                    self.tell_start(step)?;
                    let made = self.call(step);
                    if self.ended(step, made)? {
                        continue;
                    }
                    Action::Again
                }
            };
            self.driver.act(action);
            return Ok(());
        }
    }

    /// Ask the scheduler what to do.
    fn ask(&mut self) -> PyResult<Next> {
        fault!(self.py, Begin);
        let (py, run, pool) = (self.py, self.run(), self.pool());
        pool.check_fork()?;
        if let Some(next) = self.next.take() {
            return Ok(next);
        }
        let now = run.work.clock.soon(py, &mut self.anchor)?;
        self.stretch.begin(now.ns);
        let mut scheduler = pool.lock(py)?;
        let reserved = scheduler.make_room(run.lane, self.worker().number);
        reserved.map_err(out_of_memory)?;
        self.driver.has_come();
        let next = scheduler.next(run.lane, now.ns);
        let following = self.take_over(&mut scheduler, &next, now);
        drop(scheduler);
        self.follow(following)?;
        Ok(next)
    }

    /// What the scheduler has answered is this worker's from here on; its lock is still held.
    pub fn take_over(&self, scheduler: &mut Scheduler, next: &Next, now: Moment) -> Following {
        let (run, worker) = (self.run(), self.worker());
        let mut following = Following::default();
        match *next {
            Next::Start { slot, .. } => {
                worker.set_slot(Some(slot));
                if run.has_timeouts {
                    let limit = scheduler.attempt_limit_ns(slot);
                    let deadline = limit.map(|(ns, _)| run.work.clock.deadline(now, ns));
                    let arm = |&it: &u64| scheduler.arm(slot, worker.number, it);
                    following.alarm = deadline.filter(arm);
                }
                let crew = run.crew();
                if !crew.expects_worker() && scheduler.request(run.lane) {
                    crew.is_coming();
                    following.grows = true;
                }
                following.is_exhausted = crew.has_parked() && scheduler.is_exhausted(run.lane);
            }
            Next::Wait | Next::WaitUntil { .. } => self.driver.sets_out(),
            Next::Leave => {}
        }
        following.wakes = scheduler.take_wakes();
        following
    }

    /// Our own run is not woken: it has its answer, or we are about to ask for its next step.
    pub fn follow(&self, following: Following) -> PyResult<()> {
        let Following {
            alarm,
            grows,
            is_exhausted,
            wakes,
        } = following;
        let (py, run) = (self.py, self.run());
        let mut left = Ok(());
        if alarm.is_some() || grows || is_exhausted {
            left = run.desk.put(py, |papers| {
                if grows {
                    papers.bring();
                }
                if is_exhausted {
                    papers.dismiss();
                }
                if let Some(deadline) = alarm {
                    papers.set_alarm(deadline);
                }
            });
        }
        Pool::wake_from_thread(&run.pool, py, wakes, Some(run.lane)).and(left)
    }

    fn tell_start(&mut self, step: Step) -> PyResult<()> {
        let (py, run) = (self.py, self.run());
        fault!(py, Started);
        if run.work.observer.is_none() {
            return Ok(());
        }
        let scheduler = self.pool().lock(py)?;
        let (waited_ns, started_ns) = scheduler.times_ns(step.slot).unwrap_or_default();
        let attempt = scheduler.attempt(run.lane, step.index);
        drop(scheduler);
        let id = run.work.id(py, step.index)?;
        let event = Happened::Started.event(&id, &run.work.group, waited_ns, attempt)?;
        self.begun = Some(Begun {
            id,
            started_ns,
            attempt,
        });
        run.desk
            .put(py, |papers| papers.tell(Told::Event(event.unbind())))
    }

    /// Have the observer told of the end of an attempt, on Trio's thread.
    pub fn tell_end(
        &mut self,
        happened: Happened<'_, 'py>,
        id: &Bound<'py, PyAny>,
        ns: u64,
        attempt: u32,
    ) -> PyResult<()> {
        let run = self.run();
        if run.work.observer.is_none() {
            return Ok(());
        }
        let event = happened.event(id, &run.work.group, ns, attempt)?;
        self.begun = None;
        run.desk
            .put(self.py, |papers| papers.tell(Told::Event(event.unbind())))
    }

    /// Call the step's function, in a context of its own.
    fn call(&mut self, step: Step) -> PyResult<Bound<'py, PyAny>> {
        let (py, work) = (self.py, &self.run().work);
        let context = self.contexts.take()?;
        let item = work.steps.bind(py).get_item(step.index as usize)?;
        let made = {
            let _entered = ffi::Entered::new(&context)?;
            let _running = self.run().crowd.begin();
            fault!(py, CallFunction);
            // From here on nothing of ours fails before it is over.
            self.in_step = true;
            match &work.call {
                Call::Executor(executor) => ffi::call(executor.bind(py), Some(&item)),
                Call::Functions => ffi::call(&item, None),
            }
        };
        self.in_step = false;
        self.contexts.put_back(context);
        made
    }

    /// A call that cannot work for any step is a mistake of the program.
    pub fn mistake(
        &self,
        step: Step,
        made: &PyResult<Bound<'py, PyAny>>,
    ) -> PyResult<Option<PyErr>> {
        let (py, work) = (self.py, &self.run().work);
        match made {
            Ok(value) if ffi::is_coroutine(value)? => {
                async_in_thread(py, work, step.index, value).map(Some)
            }
            Ok(_) => Ok(None),
            Err(error) => programming_error(py, work, step.index, error),
        }
    }

    /// A stretch is over: others have their turn, of the lock and of the thread's place.
    pub fn give_way(&mut self, now_ns: u64) {
        let past = self.stretch.end(now_ns);
        let Some(place) = &self.place else { return };
        if past.was_selfish() {
            self.py.detach(manners::stay_away);
        }
        if place.is_one_too_many(&past) {
            self.driver.is_coming();
            place.stand_in_line(self.py);
        }
    }

    /// Whether the worker is about to leave its scope, which was cancelled for a step.
    pub fn is_coming_back(&self) {
        self.driver.is_coming();
        debug_assert!(self.driver.entering.load(Ordering::Relaxed));
    }
}
