//! When a driver has to go through Trio's scheduler, so that it starves nobody.
//!
//! Steps that never suspend would keep the thread for as long as there are any. After a stretch of
//! them the driver performs a checkpoint: the other tasks run, and a cancellation reaches it. Two
//! things are counted: how long this driver has run since Trio resumed it, and how long all drivers
//! of the thread have since Trio last went through its tasks, which is a round. Trio resumes a task
//! once in a round, so a driver that comes again begins a new one. Of many drivers in one round the
//! first ones have their whole stretch, and each later one a single step: none is passed by, and
//! the round is over soon after its limit.

use std::cell::Cell;

/// How long a driver may run without a checkpoint. One millisecond costs a run of no-op steps less
/// than 0.2 %.
const STRETCH_NS: u64 = 1_000_000;
/// The same for all drivers that Trio resumes one after the other: each one that comes later has
/// its checkpoint after a single step.
const ROUND_NS: u64 = 3_000_000;
/// The same for a virtual clock, which stands still while steps run.
const STRETCH_STEPS: u32 = 256;

thread_local! {
    /// The number of this round, and how long the drivers have run in it before the present one.
    static ROUND: Cell<(u64, u64)> = const { Cell::new((0, 0)) };
}

/// How long the thread has been away from Trio, and what it has done meanwhile.
#[derive(Clone, Copy, Default)]
pub struct Pace {
    /// Of the driver that Trio has resumed.
    pub round: Round,
    /// The first look at the clock.
    pub since_ns: Option<u64>,
    /// How many steps have ended.
    pub streak: u32,
    /// Whether the time limit of a step has come as it suspended.
    pub is_due: bool,
}

/// A driver's part in the rounds of its thread.
#[derive(Clone, Copy, Default)]
pub struct Round {
    last: u64,
    before_ns: u64,
}

impl Round {
    /// The driver is resumed.
    pub fn enter(&mut self) {
        let (round, ran_ns) = ROUND.get();
        let now = match self.last == round {
            true => (round + 1, 0),
            false => (round, ran_ns),
        };
        ROUND.set(now);
        (self.last, self.before_ns) = now;
    }

    /// A step has ended, the driver's `streak`th in this stretch, `stretch_ns` after the stretch
    /// began. Whether a checkpoint is due before the next step.
    #[inline]
    pub fn count_stretch(&self, streak: u32, stretch_ns: u64, is_foreign: bool) -> bool {
        match is_foreign {
            false => self.ran(stretch_ns) >= ROUND_NS || stretch_ns >= STRETCH_NS,
            true => streak >= STRETCH_STEPS,
        }
    }

    /// The driver has run so long since it was resumed. Returns how long all have.
    fn ran(&self, stretch_ns: u64) -> u64 {
        let ran_ns = self.before_ns + stretch_ns;
        ROUND.set((self.last, ran_ns));
        ran_ns
    }
}
