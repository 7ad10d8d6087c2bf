//! How much of what is done for many at once is done in one go, before others run.

use std::cell::Cell;
use std::time::{Duration, Instant};

use crate::clock::Clock;

/// As long as a driver runs without a checkpoint.
const LONGEST: Duration = Duration::from_millis(1);
/// Whoever is woken or cancelled then runs itself, in the same round of Trio's tasks as the others,
/// and that takes longer than to wake it.
const MOST: usize = 128;

/// A part of some work for many.
pub struct Slice {
    /// None where all of it is done in one go.
    began: Option<Instant>,
    done: Cell<usize>,
}

impl Slice {
    /// For so few no look at the time is worth its while.
    pub const FEW: usize = 16;

    /// By a foreign clock nothing is cut: it stands still meanwhile, so that nobody waits, and
    /// what happens at one time must not depend on how fast the machine is.
    pub fn begin(clock: &Clock) -> Self {
        match clock.is_foreign() {
            true => Self::endless(),
            false => Self::limited(),
        }
    }

    pub fn endless() -> Self {
        Self {
            began: None,
            done: Cell::new(0),
        }
    }

    pub fn limited() -> Self {
        Self {
            began: Some(Instant::now()),
            ..Self::endless()
        }
    }

    /// One more is done. Whether the others have to wait until Trio has run its tasks.
    pub fn is_over(&self) -> bool {
        let done = self.done.get() + 1;
        self.done.set(done);
        self.began
            .is_some_and(|began| done >= MOST || began.elapsed() >= LONGEST)
    }
}
