//! The carrier: a driver that gives other workers their turns before it goes back to Trio.
//!
//! Trio takes two microseconds for a step that only lets others have a turn. Such a step is ready
//! again at once, and the others are mostly steps of ours: the driver that Trio is running resumes
//! them itself (`give`), each in its own task and context, in a circle, and goes back to Trio
//!
//! - after a fifth of a millisecond, or so many turns where the clock is not the real one,
//! - after each round, as long as others want their turns from Trio. They are seen only as they come
//!   into its queue; who waits in the middle of Trio's tick is not. So whoever was seen once is taken
//!   to be there for some time: meanwhile each step has one turn a tick, as everybody else,
//! - when nobody in the ring is ready, or an instrument wants to see each turn.
//!
//! Its own step has one turn a round. While that waits, or is in the ring, the carrier goes on: to
//! hand the role over each time costs a trip through Trio.

use std::collections::VecDeque;
use std::mem;

use pyo3::intern;
use pyo3::prelude::*;

use super::class::Driver;
use super::kept::{Driven, Kept};
use super::stretch::Pace;
use crate::clock::Anchor;
use crate::panics::guarded;
use crate::ring::{Member, Ready, Ring};

/// How long the carrier stays away from Trio. Half of it would cost 4 %.
const CARRY_NS: u64 = 200_000;
/// The same for a clock that is not the real one.
const CARRY_TURNS: u32 = 256;
/// For so many ticks after others were seen in Trio's queue the carrier stays for one round only.
const OTHERS_TICKS: u8 = 8;
/// The clock is looked at after so many turns.
const TURNS_A_LOOK: u32 = 4;

/// What the carrier's own step does.
enum Own {
    /// It is ready: after a checkpoint that Trio has not been told of, or with what it waited for.
    Ready(Option<Py<PyAny>>),
    /// It waits, and Trio's tables say so.
    Waits,
    /// The driver has something to say to Trio.
    Over(Kept),
}

/// A turn that Trio gives.
pub struct Native<'py> {
    /// The context that Trio has entered for it; None if the driver must not carry.
    pub context: Option<Bound<'py, PyAny>>,
    /// How many were in Trio's queue before.
    pub queued: usize,
}

pub struct Carry<'a, 'py> {
    pub py: Python<'py>,
    pub ring: &'a Ring,
    /// The context that Trio has entered.
    pub context: Bound<'py, PyAny>,
    pub pace: Pace,
    /// Who waits for a turn in this round.
    pub ready: VecDeque<Ready>,
    driver: &'a Driver,
    member: &'a Py<Member>,
    task: &'a Bound<'py, PyAny>,
    own: Own,
    anchor: Option<Anchor>,
    turns: u32,
    /// For how many ticks others are taken to be there.
    others: u8,
    /// Whether an instrument has been told of the end of another's turn: then the carrier's begins.
    pub is_told: bool,
    /// Whether the time was up before each had its turn, this time and the last time.
    is_cut: bool,
    was_cut: bool,
}

/// The driver's own turn has come to `driven`; `native` is what Trio has made of that turn. Returns
/// what Trio is told.
pub fn carry<'py>(
    driver: &Driver,
    py: Python<'py>,
    member: &Py<Member>,
    native: Native<'py>,
    mut pace: Pace,
    driven: Driven<'py>,
) -> Driven<'py> {
    let (ring, task) = (member.get().ring.get(), member.get().task.bind(py));
    let inside = &ring.inside;
    let mut circle = ring.circle();
    if matches!(ring.others_came(py, native.queued), Ok(true)) {
        circle.others = OTHERS_TICKS;
    }
    let carrier = circle.carrier.as_ref();
    let carries = carrier.is_some_and(|carrier| carrier.is(member));
    if circle.is_turning || (!carries && circle.carrier.is_some()) {
        circle.is_due |= pace.is_due;
        return driven;
    }
    let own = match &driven {
        Ok(Some(trap)) if inside.is_checkpoint(trap) => Some(Own::Ready(None)),
        // It lingers.
        Ok(Some(trap)) if carries && inside.is_wait(trap) => Some(Own::Waits),
        _ => None,
    };
    if own.is_none() && !carries {
        circle.is_due |= pace.is_due;
        return driven;
    }
    let mut ready = mem::take(&mut circle.ready);
    let may =
        !inside.is_observed(py) && matches!(inside.runs(task, &member.get().coroutine), Ok(true));
    let (Some(own), Some(context), true) = (own, native.context, may) else {
        drop(circle);
        hand_over(py, ring, ready);
        return driven;
    };
    circle.is_turning = true;
    circle.carrier = Some(member.clone_ref(py));
    let others = circle.others;
    let was_cut = mem::take(&mut circle.is_cut);
    pace.is_due |= mem::take(&mut circle.is_due);
    drop(circle);
    if let (Own::Waits, Ok(Some(trap))) = (&own, &driven) {
        let woken = ring.take_woken(py, &mut ready);
        if woken.is_err() || ready.is_empty() {
            hand_over(py, ring, ready);
            return driven;
        }
        inside.waits(task, trap);
    }
    let mut carry = Carry {
        py,
        ring,
        context,
        pace,
        ready,
        driver,
        member,
        task,
        own,
        anchor: None,
        turns: 0,
        others,
        is_told: false,
        is_cut: false,
        was_cut,
    };
    carry.find_own();
    let given = guarded(py, || carry.give_turns());
    let restored = inside.set_current(task);
    if let Err(error) = given.and(restored) {
        // What failed was no step's turn, and Trio gives it.
        error.write_unraisable(py, None);
    }
    carry.end()
}

/// Trio resumes the first who is ready, who carries on; all of them, if somebody observes Trio.
fn hand_over(py: Python<'_>, ring: &Ring, mut ready: VecDeque<Ready>) {
    let all = ring.inside.is_observed(py);
    let mut carrier = None;
    while let Some(next) = ready.pop_front() {
        if ring.leave_to_trio(py, &next) && !all {
            carrier = Some(next.member);
            break;
        }
    }
    let mut circle = ring.circle();
    circle.is_turning = false;
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
        if !mem::take(&mut self.was_cut) {
            self.ring.inside.mix(self.py, &mut self.ready)?;
        }
        // Who is in Trio's queue may have had his turn in this tick.
        let round = self.ready.len();
        self.take_woken()?;
        let mut is_late = self.is_late()?;
        if matches!(self.own, Own::Ready(_)) && round > 0 && !is_late {
            // To others it is about to run.
            let send = self.member.get().send.bind(self.py);
            self.ring.inside.is_to_run(self.task, send)?;
        }
        for _ in 0..round {
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
        if self.ring.inside.queued(self.py)? > 0 {
            self.others = OTHERS_TICKS;
        }
        Ok(is_late || self.others > 0)
    }

    fn is_late(&mut self) -> PyResult<bool> {
        if self.pace.is_due || self.ring.inside.is_observed(self.py) {
            return Ok(true);
        }
        self.turns += 1;
        let clock = &self.driver.run.get().work.clock;
        if clock.is_foreign() {
            // It may stand still, and then jump: what is due then is due at once, as in Trio.
            let inside = &self.ring.inside;
            return Ok(self.turns + self.pace.streak >= CARRY_TURNS || inside.is_due(self.py)?);
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
        if self.ready.len() > before {
            self.find_own();
        }
        Ok(())
    }

    /// The carrier's own step may be among those that were woken.
    fn find_own(&mut self) {
        let is_own = |ready: &Ready| ready.member.is(self.member);
        if let (Own::Waits, Some(at)) = (&self.own, self.ready.iter().position(is_own)) {
            let own = self.ready.remove(at);
            self.own = Own::Ready(own.and_then(|own| own.value));
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
        let said = self.resume(self.driver, context.as_ref(), value)?;
        self.own = match said {
            Kept::Trap(trap) if inside.is_checkpoint(trap.bind(py)) => Own::Ready(None),
            Kept::Trap(trap) if inside.is_wait(trap.bind(py)) => {
                inside.waits(self.task, trap.bind(py));
                Own::Waits
            }
            said => Own::Over(said),
        };
        Ok(())
    }

    /// Back to Trio: as what?
    fn end(self) -> Driven<'py> {
        let (py, ring, task) = (self.py, self.ring, self.task);
        if self.is_told {
            ring.inside
                .tell_of_turn(task, intern!(py, "before_task_step"))?;
        }
        // In this tick nobody else carries. Who has not had a turn comes first the next time.
        let goes_on = matches!(self.own, Own::Ready(_)) && (!self.is_cut || self.ready.is_empty());
        if goes_on && !ring.inside.is_observed(py) {
            let mut circle = ring.circle();
            circle.is_turning = false;
            circle.ready = self.ready;
        } else {
            hand_over(py, ring, self.ready);
        }
        let mut circle = ring.circle();
        circle.others = match self.others {
            // Whoever has come meanwhile has a turn in Trio's next tick, which is to come soon.
            0 => 1,
            others => others - 1,
        };
        circle.is_cut = self.is_cut;
        drop(circle);
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
            Own::Over(Kept::Trap(trap)) => Ok(Some(trap.into_bound(py))),
            Own::Over(kept) => {
                // Who awaits it has been away from Trio for long enough, and perhaps in another context
                // than its own: Trio enters that, and the driver returns then.
                self.driver.leave_ring(py)?;
                self.driver.with_memory(|memory| memory.kept = Some(kept))?;
                // It counts as the step's last checkpoint, which Trio has not been told of.
                ring.inside.count_schedule_point(task, -1)?;
                Ok(Some(ring.inside.checkpoint(py)))
            }
        }
    }
}
