//! How long what is done for many at once may take, before others run.

use std::time::{Duration, Instant};

use crate::clock::Clock;

/// As long as a driver runs without a checkpoint.
const SLICE: Duration = Duration::from_millis(1);

/// A part of some work for many.
pub struct Slice(Option<Instant>);

impl Slice {
    /// By a foreign clock nothing is cut: it stands still meanwhile, so that nobody waits, and
    /// what happens at one time must not depend on how fast the machine is.
    pub fn begin(clock: &Clock) -> Self {
        Self((!clock.is_foreign()).then(Instant::now))
    }

    pub fn is_over(&self) -> bool {
        self.0.is_some_and(|began| began.elapsed() >= SLICE)
    }
}
