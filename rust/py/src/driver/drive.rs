//! The loop that runs one step after another, and passes on what Trio and the steps say.
//!
//! Trio resumes a driver with a value or an exception, which goes down, unchanged, into the
//! coroutine that the driver has suspended in: a step's, or one of its own (a checkpoint, the wait
//! for a slot). What that yields, a trap, goes up to Trio, unchanged. Between the end of one step
//! and the trap of another the loop runs here, in Rust, and no Python code of ours with it:
//!
//! - Nothing is in flight: the scheduler says whether to start a step, to wait, or to leave. A
//!   stretch that has lasted long enough is ended by a checkpoint first (`stretch`).
//! - A step starts: the task gets its name and context, and its coroutine is made and sent into.
//! - A step suspends for the first time: Trio runs it in the task's context from then on, its
//!   deadline is armed, and where one more step could start a worker is brought for it.
//! - A step ends: it is judged (`judge`), settled (`settle`), and the loop goes on. Where the
//!   worker has to leave its scope or its task the driver returns, and says so by its `action`.
//!
//! Only a trap leaves a coroutine behind on purpose: on every other way out what is in flight is
//! abandoned and the task put back as it was. The exception is a driver that fails while its step
//! is about to wait in Trio's tables, which the step must not be torn out of: Trio cancels it, and
//! the error goes on when it has ended (`fail_later`).

use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::Ordering;

use hocket_core::Next;
use pyo3::prelude::*;
use pyo3::types::PySendResult;

use super::class::Driver;
use super::kept::Driven;
use super::memory::{Action, Inner, Memory, Step};
use super::settle::End;
use super::stretch::Pace;
use super::turn::{Begun, Message, Turn};
use crate::coroutine::throw;
use crate::crew::Crew;
use crate::errors::{self, out_of_memory};
use crate::event::Happened;
use crate::faults::fault;
use crate::ffi;
use crate::panics::{guarded, panicked, quietly};
use crate::pool::Pool;
use crate::trio;

impl Driver {
    /// One turn, with the memory that was taken out for it.
    pub fn turn<'py>(
        &self,
        py: Python<'py>,
        memory: Box<Memory>,
        message: Message<'py>,
        pace: &mut Pace,
        in_portal: bool,
    ) -> Driven<'py> {
        let mut turn = Turn::with(self, py, memory, *pace);
        turn.in_portal = in_portal;
        let mut result = catch_unwind(AssertUnwindSafe(|| turn.drive(message)));
        let foreign = result.is_err() && self.in_step.swap(false, Ordering::Relaxed);
        if !matches!(result, Ok(Ok(Some(_)))) {
            // Only a trap leaves a coroutine behind on purpose.
            turn.abandon();
            match (guarded(py, || turn.restore_task()), &result) {
                (Ok(()), _) => {}
                (Err(error), Ok(Ok(_))) => result = Ok(Err(error)),
                (Err(error), _) => error.write_unraisable(py, None),
            }
        }
        *pace = turn.pace;
        turn.end();
        fault!(py, Return);
        match result {
            Ok(result) => result,
            // PyO3 turns a PanicException of this extension that it meets into a panic again: one
            // that came out of a step, or an observer, passes through as what it was.
            Err(panic) if foreign => resume_unwind(panic),
            Err(panic) => Err(panicked(py, &*panic)),
        }
    }
}

impl<'py> Turn<'_, 'py> {
    fn drive(&mut self, message: Message<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        let py = self.py;
        let mut message = Some(message);
        loop {
            let coroutine = match &self.memory.inner {
                Inner::Nothing => {
                    // What was sent before there was a coroutine has no receiver (the first None).
                    if let Some(Message::Throw(error)) = message.take() {
                        return Err(error);
                    }
                    match self.prepare_next()? {
                        Begun::Nothing => return Ok(None),
                        Begun::Own => continue,
                        Begun::Step(step) => match self.first_segment(step)? {
                            Some(trap) => return Ok(Some(trap)),
                            None if self.memory.action == Action::Leave => continue,
                            None => return Ok(None),
                        },
                    }
                }
                Inner::Own(coroutine) => coroutine.bind(py).clone(),
                Inner::Step(held) => held.coroutine.bind(py).clone(),
            };
            let message = message.take();
            fault!(py, Send);
            let in_step = matches!(self.memory.inner, Inner::Step(_));
            self.memory.thrown = matches!(message, Some(Message::Throw(_)));
            self.driver.in_step.store(in_step, Ordering::Relaxed);
            let sent = match message {
                None => ffi::send(&coroutine, &py.None().into_bound(py)),
                Some(Message::Send(value)) => ffi::send(&coroutine, &value),
                Some(Message::Throw(error)) => throw(&coroutine, error).map_err(Box::new),
            };
            self.driver.in_step.store(false, Ordering::Relaxed);
            drop(coroutine);
            let result = match sent {
                Ok(PySendResult::Next(trap)) => return Ok(Some(trap)),
                Ok(PySendResult::Return(value)) => Ok(value),
                Err(error) => Err(*error),
            };
            match mem::take(&mut self.memory.inner) {
                Inner::Step(held) if self.memory.failure.is_some() => {
                    return Err(self.late_failure(held, result));
                }
                Inner::Step(held) => {
                    match result {
                        Ok(value) => self.returned(held.step, true, &value)?,
                        Err(error) => self.raised(held.step, Some(held), error)?,
                    }
                    if self.memory.action != Action::Leave {
                        return Ok(None);
                    }
                }
                _ => self.own_ended(result)?,
            }
        }
    }

    /// A checkpoint or the wait for a slot is over.
    fn own_ended(&mut self, result: PyResult<Bound<'py, PyAny>>) -> PyResult<()> {
        let (py, run) = (self.py, self.run());
        run.crew().unpark(self.worker().number);
        if let Some(at_ns) = self.memory.asleep_ns.take() {
            self.pool().lock(py)?.woke(run.lane, at_ns);
        }
        if let Err(error) = result {
            if error.is_instance(py, trio::cancelled(py)?) {
                run.abandon_rest(py)?;
            }
            return Err(error);
        }
        if let Some(seat) = &self.memory.seat {
            // Granted a slot and cancelled in the same moment: cancelled.
            self.memory.must_checkpoint = seat.is_cancelled(py)?;
        }
        Ok(())
    }

    /// Find out what to do next.
    fn prepare_next(&mut self) -> PyResult<Begun> {
        fault!(self.py, Begin);
        let (py, run, pool) = (self.py, self.run(), self.pool());
        pool.check_fork()?;
        if mem::take(&mut self.memory.must_checkpoint) {
            if pool.lock(py)?.ready(run.lane) == 0 {
                // What is done is done: a cancellation must not reach it any more.
                return Ok(Begun::Nothing);
            }
            self.restore_task()?;
            fault!(py, Checkpoint);
            self.memory.inner = Inner::Own(trio::checkpoint(py)?.call0()?.unbind());
            self.now = None;
            if !mem::replace(&mut self.memory.entering, true) {
                // It comes back for the next step: nobody need start one more worker meanwhile.
                run.crew().is_coming();
            }
            return Ok(Begun::Own);
        }
        if mem::take(&mut self.memory.entering) {
            run.crew().has_come();
        }
        let now = match self.now {
            Some(now) => now,
            None => run.work.clock.soon(py, &mut self.memory.anchor)?,
        };
        let now_ns = now.ns;
        let next = match self.next.take() {
            Some(next) => next,
            None => {
                let mut scheduler = pool.lock(py)?;
                let reserved = scheduler.make_room(run.lane, self.worker().number);
                reserved.map_err(out_of_memory)?;
                let next = scheduler.next(run.lane, now_ns);
                // Together with the answer: what is granted later it does not know of.
                let wakes = scheduler.take_wakes();
                drop(scheduler);
                if !wakes.is_empty() {
                    // Until it is taken over below, `abandon` gives its slot back.
                    self.next = Some(next);
                    Pool::wake_those(&run.pool, py, wakes, Some(run.lane))?;
                    self.next = None;
                }
                next
            }
        };
        match next {
            Next::Leave => Ok(Begun::Nothing),
            Next::Wait => self.park(None),
            Next::WaitUntil { at_ns } => self.park(Some(at_ns)),
            Next::Start { step, slot } => {
                // Taken over at once: from here on `abandon` gives the slot back.
                self.worker().set_slot(Some(slot));
                self.pace.since_ns.get_or_insert(now_ns);
                self.started = now;
                self.name_task(step)?;
                fault!(py, Started);
                if run.crew().has_parked() && pool.lock(py)?.is_exhausted(run.lane) {
                    run.crew().dismiss(py)?;
                }
                if let Some(observer) = &run.work.observer {
                    let submitted_ns = pool.lock(py)?.submitted_ns(run.lane, step);
                    let wait_ns = now_ns.saturating_sub(submitted_ns);
                    let id = run.work.id(py, step)?;
                    let attempt = self.attempt(step)?;
                    let told = self.observe(observer, Happened::Started, &id, wait_ns, attempt);
                    if let Err(error) = told {
                        // Whoever was told of the start is told of the end.
                        let step = Step { index: step, slot };
                        quietly(py, || self.settle(step, End::Cancelled));
                        return Err(error);
                    }
                }
                Ok(Begun::Step(Step { index: step, slot }))
            }
        }
    }

    /// Wait until a slot is granted, or until this time.
    fn park(&mut self, until_ns: Option<u64>) -> PyResult<Begun> {
        self.restore_task()?;
        let (py, run, number) = (self.py, self.run(), self.worker().number);
        let Some(seat) = &self.memory.seat else {
            return Err(errors::not_seated(py));
        };
        run.crew().reserve_parking()?;
        let task = seat.task.clone_ref(py);
        let clock = &run.work.clock;
        let until = until_ns.map(|at_ns| clock.moment_in_trio(py, at_ns));
        let wait = Crew::wait_for_slot(run.crew.bind(py), number, until.transpose()?)?;
        fault!(py, Park);
        self.memory.entering = true;
        self.memory.inner = Inner::Own(wait.unbind());
        self.now = None;
        self.memory.asleep_ns = until_ns;
        run.crew().park(number, task);
        Ok(Begun::Own)
    }
}
