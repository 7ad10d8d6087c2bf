//! How a thread that runs short functions leaves the interpreter's lock (GIL) to others.
//!
//! CPython takes the lock from a thread only when another one has waited for 5 ms. Trio's thread,
//! which needs it many times for one group, would wait for so long each time. So after a stretch
//! of short functions a thread gives the lock away by itself, and stays away for a moment: who waits
//! has to wake up first. It does so earlier, and for longer, where it is known that somebody is about to
//! want the lock: we have called Trio's thread, or Trio has just sent another thread to work.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use std::{hint, thread};

use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;

use crate::ffi;

/// How long a thread goes on without giving the lock away, and how long at least.
const STRETCH_NS: u64 = 400_000;
const SHORTEST_NS: u64 = 100_000;
/// Functions that compute for longer are not short.
const SHORT_NS: u64 = 100_000;
/// How long a thread stays away: as long as it takes another one to wake up.
const AWAY: Duration = Duration::from_micros(40);
/// For how long it sleeps then, where somebody is known to come who has not come yet.
const PATIENCE: Duration = Duration::from_micros(150);

/// Whether somebody is about to want the lock.
static WANTED: AtomicBool = AtomicBool::new(false);

/// Somebody is about to want the lock: Trio's thread was called, or a thread is sent to work.
pub fn expect_somebody() {
    WANTED.store(true, Ordering::Relaxed);
}

/// Who was expected has come.
pub fn somebody_has_come() {
    WANTED.store(false, Ordering::Relaxed);
}

/// What a thread has run since it gave the lock away last.
#[derive(Default)]
pub struct Stretch {
    since_ns: Option<u64>,
    /// How much of a processor the thread had had by then, where that is counted.
    computed_ns: Option<u64>,
    steps: u32,
}

/// A stretch that is over.
pub struct Past {
    ran_ns: u64,
    computed_ns: Option<u64>,
    steps: u32,
}

impl Stretch {
    /// A step starts.
    #[inline]
    pub fn begin(&mut self, now_ns: u64) {
        if self.since_ns.is_none() {
            self.since_ns = Some(now_ns);
            self.computed_ns = ffi::thread_time_ns();
        }
    }

    /// A step has ended. Whether it is time to give the lock away.
    #[inline]
    pub fn is_over(&mut self, now_ns: u64) -> bool {
        self.steps += 1;
        let ran_ns = now_ns.saturating_sub(self.since_ns.unwrap_or(now_ns));
        ran_ns >= STRETCH_NS || (ran_ns >= SHORTEST_NS && WANTED.load(Ordering::Relaxed))
    }

    /// It is over, and another one begins with the next step.
    pub fn end(&mut self, now_ns: u64) -> Past {
        let Self {
            since_ns,
            computed_ns,
            steps,
        } = std::mem::take(self);
        let now = ffi::thread_time_ns();
        Past {
            ran_ns: now_ns.saturating_sub(since_ns.unwrap_or(now_ns)),
            computed_ns: computed_ns.zip(now).map(|(before, now)| now - before),
            steps,
        }
    }
}

impl Past {
    /// Whether its functions were short ones.
    pub fn is_short(&self) -> bool {
        let computed_ns = self.computed_ns.unwrap_or(self.ran_ns);
        computed_ns < SHORT_NS * u64::from(self.steps)
    }

    /// Whether others had to wait for the lock: its functions were short, and hardly ever waited.
    pub fn was_selfish(&self) -> bool {
        self.is_short() && self.share() > 0.5
    }

    /// For which part of the time the thread had a processor.
    pub fn share(&self) -> f64 {
        let computed_ns = self.computed_ns.unwrap_or(self.ran_ns);
        (computed_ns as f64 / self.ran_ns.max(1) as f64).min(1.0)
    }
}

/// Let others have the lock, to be called without it.
pub fn stay_away() {
    let began = Instant::now();
    // Where others want the processor, a thread that yields it has it back after milliseconds.
    while began.elapsed() < AWAY {
        hint::spin_loop();
    }
    if WANTED.swap(false, Ordering::Relaxed) {
        thread::sleep(PATIENCE);
    }
}

/// Whether only one thread at a time runs Python code.
pub fn has_gil(py: Python<'_>) -> PyResult<bool> {
    static CELL: PyOnceLock<bool> = PyOnceLock::new();
    let ask = || {
        let sys = py.import("sys")?;
        match sys.getattr_opt("_is_gil_enabled")? {
            Some(is_enabled) => is_enabled.call0()?.is_truthy(),
            None => Ok(true),
        }
    };
    CELL.get_or_try_init(py, ask).copied()
}
