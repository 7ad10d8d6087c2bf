//! How long the drivers of a thread have run since Trio last went through all of them.

use std::cell::Cell;

thread_local! {
    /// The number of this round, and how long the drivers have run in it before the present one.
    static ROUND: Cell<(u64, u64)> = const { Cell::new((0, 0)) };
}

/// A driver's part in the rounds of its thread. Trio resumes a task once in a round: a driver that
/// comes again begins a new one.
#[derive(Default)]
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

    /// The driver has run so long since it was resumed. Returns how long all have.
    pub fn ran(&self, stretch_ns: u64) -> u64 {
        let ran_ns = self.before_ns + stretch_ns;
        ROUND.set((self.last, ran_ns));
        ran_ns
    }
}
