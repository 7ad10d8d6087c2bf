//! The carrier: a driver that gives other workers their turns before it goes back to Trio.
//!
//! Trio takes two microseconds for a step that only lets others have a turn. Such a step is ready
//! again at once, and the others are mostly steps of ours: the driver that Trio is running resumes
//! them itself, each in its own task and context, in a circle, and goes back to Trio
//!
//! - after a fifth of a millisecond, or so many turns where the clock is not the real one,
//! - after each round in which somebody else came into Trio's queue, and the time after that
//!   again: a task that was there before any of ours has run once when each of ours has run twice,
//! - when nobody in the ring is ready, or an instrument wants to see each turn.
//!
//! A step that really waits does so in Trio, as if Trio had taken its trap; where a step of the ring
//! wakes it, it is taken out of Trio's queue again. What only Trio can take in is kept for it.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::thread;

use pyo3::prelude::*;

use super::class::Driver;
use super::drive::Driven;
use super::memory::Kept;
use super::stretch::Pace;
use super::turn::Message;
use crate::clock::Anchor;
use crate::ffi::Entered;
use crate::panics::guarded;
use crate::ring::{Member, Ready, Ring};

/// How long the carrier stays away from Trio. Half of it would cost 4 %.
const CARRY_NS: u64 = 200_000;
/// The same for a clock that is not the real one.
const CARRY_TURNS: u32 = 256;
/// The clock is looked at after so many turns.
const TURNS_A_LOOK: u32 = 4;

/// What the carrier's own step does.
enum Own<'py> {
    /// It is ready: after a checkpoint that Trio has not been told of, or with what it waited for.
    Ready(Option<Py<PyAny>>),
    /// It waits, and Trio's tables say so.
    Waits,
    /// For Trio.
    Over(Driven<'py>),
}

struct Carry<'a, 'py> {
    py: Python<'py>,
    driver: &'a Driver,
    member: &'a Py<Member>,
    ring: &'a Ring,
    task: &'a Bound<'py, PyAny>,
    /// The context that Trio has entered.
    context: Bound<'py, PyAny>,
    pace: Pace,
    anchor: Option<Anchor>,
    turns: u32,
    ready: VecDeque<Ready>,
    own: Own<'py>,
    /// Whether the others had to wait when the turns began, and whether they do now.
    others_waited: bool,
    others_wait: bool,
    /// Whether the time was up before each had its turn.
    is_cut: bool,
}

/// The driver's own turn has come to `driven`. Returns what Trio is told.
pub fn carry<'py>(
    driver: &Driver,
    py: Python<'py>,
    member: &Py<Member>,
    context: Option<Bound<'py, PyAny>>,
    pace: Pace,
    driven: Driven<'py>,
) -> Driven<'py> {
    let (ring, task) = (member.get().ring.get(), member.get().task.bind(py));
    let mut circle = ring.circle();
    let carries = circle
        .carrier
        .as_ref()
        .is_some_and(|carrier| carrier.is(member));
    if circle.is_turning || (!carries && circle.carrier.is_some()) {
        return driven;
    }
    let own = match &driven {
        Ok(Some(trap)) if ring.inside.is_checkpoint(trap) => Own::Ready(None),
        Ok(Some(trap)) if ring.inside.is_wait(trap) => Own::Waits,
        _ => Own::Over(Ok(None)),
    };
    if !carries && !matches!(own, Own::Ready(_)) {
        return driven;
    }
    let may = context.filter(|_| !matches!(own, Own::Over(_)) && !ring.inside.is_observed(py));
    let may = may.filter(|_| {
        ring.inside
            .runs(task, &member.get().coroutine)
            .unwrap_or(false)
    });
    let mut ready = std::mem::take(&mut circle.ready);
    let Some(context) = may else {
        circle.carrier = None;
        drop(circle);
        hand_over(py, ring, ready, ring.inside.is_observed(py));
        return driven;
    };
    circle.is_turning = true;
    circle.carrier = Some(member.clone_ref(py));
    let others_waited = std::mem::take(&mut circle.others_wait);
    drop(circle);
    let mut own = own;
    if let (Own::Waits, Ok(Some(trap))) = (&own, &driven) {
        let woken = ring.take_woken(py, &mut ready);
        let waits = match woken {
            Ok(()) if ready.is_empty() => Ok(false),
            Ok(()) => ring.inside.waits(task, trap).map(|()| true),
            Err(error) => Err(error),
        };
        if !matches!(waits, Ok(true)) {
            ring.circle().is_turning = false;
            ring.circle().carrier = None;
            hand_over(py, ring, ready, false);
            return driven;
        }
    } else {
        own = Own::Ready(None);
    }
    let mut carry = Carry {
        py,
        driver,
        member,
        ring,
        task,
        context,
        pace,
        anchor: None,
        turns: 0,
        ready,
        own,
        others_waited,
        others_wait: false,
        is_cut: false,
    };
    let given = guarded(py, || carry.give_turns());
    let restored = ring.inside.set_current(task);
    carry.end(given.and(restored))
}

/// Somebody else of the ring carries on, or Trio has them all.
fn hand_over(py: Python<'_>, ring: &Ring, mut ready: VecDeque<Ready>, all: bool) {
    let mut carrier = None;
    while let Some(next) = ready.pop_front() {
        // A second time it has all it needs.
        let given = ring
            .give_back(py, &next)
            .or_else(|_| ring.give_back(py, &next));
        match given {
            Ok(()) if all => {}
            Ok(()) => {
                carrier = Some(next.member);
                break;
            }
            Err(error) => error.write_unraisable(py, None),
        }
    }
    let mut circle = ring.circle();
    circle.carrier = carrier;
    circle.ready = ready;
}

impl<'py> Carry<'_, 'py> {
    fn give_turns(&mut self) -> PyResult<()> {
        loop {
            let stop = self.give_round()?;
            match self.own {
                Own::Over(_) => return Ok(()),
                Own::Waits if self.ready.is_empty() => return Ok(()),
                _ if stop => return Ok(()),
                Own::Waits => {}
                Own::Ready(_) => self.take_own_turn()?,
            }
        }
    }

    /// Each of the others that is ready has a turn. Whether it is time to go back to Trio.
    fn give_round(&mut self) -> PyResult<bool> {
        self.take_woken()?;
        let mut is_late = self.is_late()?;
        if matches!(self.own, Own::Ready(_)) && !self.ready.is_empty() && !is_late {
            // To others it is about to run.
            let send = self.member.get().send.bind(self.py);
            self.ring.inside.is_to_run(self.task, send)?;
        }
        for _ in 0..self.ready.len() {
            self.is_cut = is_late;
            if is_late {
                break;
            }
            let Some(next) = self.ready.pop_front() else {
                break;
            };
            self.give_turn(next);
            self.take_woken()?;
            is_late = self.is_late()?;
        }
        self.others_wait = self.ring.inside.queued(self.py)? > 0;
        Ok(is_late || self.others_wait || self.others_waited)
    }

    fn is_late(&mut self) -> PyResult<bool> {
        if self.pace.is_due || self.ring.inside.is_observed(self.py) {
            return Ok(true);
        }
        self.turns += 1;
        let clock = &self.driver.run.get().work.clock;
        if clock.is_foreign() {
            return Ok(self.turns + self.pace.streak >= CARRY_TURNS);
        }
        if self.turns % TURNS_A_LOOK != 1 {
            return Ok(false);
        }
        let now_ns = clock.soon(self.py, &mut self.anchor)?.ns;
        let since_ns = *self.pace.since_ns.get_or_insert(now_ns);
        Ok(now_ns.saturating_sub(since_ns) >= CARRY_NS)
    }

    /// Who was woken by a step of ours.
    fn take_woken(&mut self) -> PyResult<()> {
        let before = self.ready.len();
        self.ring.take_woken(self.py, &mut self.ready)?;
        if self.ready.len() > before && matches!(self.own, Own::Waits) {
            let is_own = |ready: &Ready| ready.member.is(self.member);
            if let Some(at) = self.ready.iter().position(is_own) {
                let own = self.ready.remove(at);
                self.own = Own::Ready(own.and_then(|own| own.value));
            }
        }
        Ok(())
    }

    /// Whatever fails here that is not a step's affair: Trio gives this turn.
    fn give_turn(&mut self, ready: Ready) {
        let (py, ring) = (self.py, self.ring);
        let member = ready.member.get();
        let (inside, task) = (&ring.inside, member.task.bind(py));
        let entered = guarded(py, || {
            if !inside.runs(task, &member.coroutine)? {
                return Ok(None);
            }
            self.enter(task).map(Some)
        });
        let Ok(Some(context)) = entered else {
            self.leave_to_trio(&ready);
            return;
        };
        let value = ready.value.as_ref().map(|value| value.bind(py).clone());
        let driver = member.driver.bind(py).cast::<Driver>().map(Bound::get);
        let Ok(driver) = driver else { return };
        let Ok(driven) = self.resume(driver, context.as_ref(), value) else {
            self.leave_to_trio(&ready);
            return;
        };
        let is_observed = inside.is_observed(py);
        let kept = match driven {
            Ok(Ok(Some(trap))) if inside.is_checkpoint(&trap) && is_observed => {
                if let Err(error) = inside.count_schedule_point(task, 1) {
                    error.write_unraisable(py, None);
                }
                let member = ready.member.clone_ref(py);
                self.leave_to_trio(&Ready {
                    member,
                    value: None,
                });
                return self.tell(task, is_observed);
            }
            Ok(Ok(Some(trap))) if inside.is_checkpoint(&trap) => {
                match guarded(py, || inside.gave_way(task, member.send.bind(py))) {
                    Ok(()) => {
                        let member = ready.member;
                        self.ready.push_back(Ready {
                            member,
                            value: None,
                        });
                        return;
                    }
                    Err(_) => Kept::Trap(trap.unbind()),
                }
            }
            Ok(Ok(Some(trap))) if inside.is_wait(&trap) => {
                match guarded(py, || inside.waits(task, &trap)) {
                    Ok(()) => return self.tell(task, is_observed),
                    Err(_) => Kept::Trap(trap.unbind()),
                }
            }
            Ok(Ok(Some(trap))) => Kept::Trap(trap.unbind()),
            Ok(Ok(None)) => Kept::Leave,
            Ok(Err(error)) => Kept::Raise(error),
            Err(panic) => Kept::Panic(panic),
        };
        self.keep(driver, task, kept);
        self.tell(task, is_observed);
    }

    /// Trio resumes the task in its next tick, and the driver then says this.
    fn keep(&self, driver: &Driver, task: &Bound<'py, PyAny>, kept: Kept) {
        let (inside, done) = (&self.ring.inside, self.ring.done(self.py));
        let kept = driver.with_memory(|memory| memory.kept = Some(kept));
        let queue = || inside.queue(task, Some(&done));
        // A second time it has all it needs.
        if let Err(error) = kept.and_then(|()| queue().or_else(|_| queue())) {
            error.write_unraisable(self.py, None);
        }
    }

    /// An instrument came in the middle of this turn: it is told of the end.
    fn tell(&self, task: &Bound<'py, PyAny>, is_observed: bool) {
        if is_observed && let Err(error) = self.ring.inside.tell_of_turn(task) {
            error.write_unraisable(self.py, None);
        }
    }

    fn take_own_turn(&mut self) -> PyResult<()> {
        let (py, inside) = (self.py, &self.ring.inside);
        let Own::Ready(value) = &self.own else {
            return Ok(());
        };
        if value.is_none() {
            inside.count_schedule_point(self.task, 1)?;
        }
        let value = value.as_ref().map(|value| value.bind(py).clone());
        let context = self.enter(self.task)?;
        self.own = match self.resume(self.driver, context.as_ref(), value)? {
            Ok(Ok(Some(trap))) if inside.is_checkpoint(&trap) => Own::Ready(None),
            Ok(Ok(Some(trap))) if inside.is_wait(&trap) => {
                match guarded(py, || inside.waits(self.task, &trap)) {
                    Ok(()) => Own::Waits,
                    Err(_) => Own::Over(Ok(Some(trap))),
                }
            }
            Ok(driven) => Own::Over(driven),
            Err(panic) => resume_unwind(panic),
        };
        Ok(())
    }

    /// The task is the current one from here on. Returns its context, if Trio has not entered it.
    fn enter(&self, task: &Bound<'py, PyAny>) -> PyResult<Option<Bound<'py, PyAny>>> {
        let inside = &self.ring.inside;
        inside.begin_turn(task)?;
        inside.set_current(task)?;
        let context = inside.context(task)?;
        Ok((!context.is(&self.context)).then_some(context))
    }

    /// An error here is one of a turn that could not begin.
    fn resume(
        &mut self,
        driver: &Driver,
        context: Option<&Bound<'py, PyAny>>,
        value: Option<Bound<'py, PyAny>>,
    ) -> PyResult<thread::Result<Driven<'py>>> {
        let py = self.py;
        let entered = guarded(py, || context.map(Entered::new).transpose())?;
        let memory = driver.take_memory()?;
        let message = Message::Send(value.unwrap_or_else(|| self.ring.done(py)));
        let pace = &mut self.pace;
        let driven = catch_unwind(AssertUnwindSafe(|| {
            driver.turn(py, memory, message, pace, false)
        }));
        drop(entered);
        Ok(driven)
    }

    fn leave_to_trio(&self, ready: &Ready) {
        let give_back = || self.ring.give_back(self.py, ready);
        if let Err(error) = give_back().or_else(|_| give_back()) {
            error.write_unraisable(self.py, None);
        }
    }

    /// Back to Trio: as what?
    fn end(self, given: PyResult<()>) -> Driven<'py> {
        let (py, ring, task) = (self.py, self.ring, self.task);
        let is_observed = ring.inside.is_observed(py);
        let mut circle = ring.circle();
        circle.is_turning = false;
        circle.others_wait = self.others_wait;
        // Who has not had a turn comes first the next time.
        let goes_on = matches!(self.own, Own::Ready(_)) && !is_observed && !self.is_cut;
        if goes_on && !self.ready.is_empty() {
            circle.ready = self.ready;
            drop(circle);
        } else {
            drop(circle);
            hand_over(py, ring, self.ready, is_observed);
        }
        if let Err(error) = given {
            // What failed was no step's turn. Trio gives it.
            error.write_unraisable(py, None);
        }
        match self.own {
            Own::Ready(value) => {
                ring.inside.begin_turn(task)?;
                if value.is_some() {
                    // Trio counts it once more.
                    ring.inside.count_schedule_point(task, -1)?;
                    self.driver.with_memory(|memory| memory.stash = value)?;
                }
                Ok(Some(ring.inside.checkpoint(py)))
            }
            Own::Waits => ring.inside.still_waits(task).map(Some),
            Own::Over(driven) => driven,
        }
    }
}
