//! How long what is done for many at once may take, before others run.

use std::time::{Duration, Instant};

use crate::clock::Clock;

/// As long as a driver runs without a checkpoint.
const SLICE: Duration = Duration::from_millis(1);

/// A part of some work for many.
pub struct Slice(Option<Instant>);

impl Slice {
    /// For so many no look at the time is worth its while.
    pub const FEW: usize = 16;

    pub fn endless() -> Self {
        Self(None)
    }

    /// By a foreign clock nothing is cut: it stands still meanwhile, so that nobody waits, and
    /// what happens at one time must not depend on how fast the machine is.
    pub fn begin(clock: &Clock) -> Self {
        match clock.is_foreign() {
            true => Self::endless(),
            false => Self::by_time(),
        }
    }

    pub fn by_time() -> Self {
        Self(Some(Instant::now()))
    }

    pub fn is_over(&self) -> bool {
        self.0.is_some_and(|began| began.elapsed() >= SLICE)
    }
}
