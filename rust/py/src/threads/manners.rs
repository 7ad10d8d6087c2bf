//! How threads that run short functions leave the interpreter's lock (GIL) to others.
//!
//! CPython takes the lock from a thread only when another one has waited for 5 ms, and gives it to
//! any of those that wait. Ten threads that run one short function after the other would each keep it
//! for so long, and Trio's thread, which needs it many times for one group, would wait for all of
//! them. So after a stretch a thread gives the lock away by itself, and stays away for a moment:
//! who waits has to wake up first. And of the threads whose functions are so short that no two of
//! them could run at a time anyway, one at a time goes on: the one that has the baton. The others
//! wait for it without the lock, and without a slot; not for long, as its function may block.

use std::sync::{Condvar, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;

use crate::panics::lock;

/// How long a thread goes on without giving the lock away.
const STRETCH_NS: u64 = 400_000;
/// As many functions in a stretch are short ones: 25 µs each, most of which is Python's.
const SHORT: u32 = 16;
/// How long a thread stays away at least: as long as it takes another one to wake up.
const AWAY: Duration = Duration::from_micros(40);
/// How long it waits for the baton.
const PATIENCE: Duration = Duration::from_millis(20);

/// Whether some thread has the baton.
static BATON: Mutex<bool> = Mutex::new(false);
static FREE: Condvar = Condvar::new();

/// What a thread has run since it gave the lock away last.
#[derive(Default)]
pub struct Stretch {
    since_ns: Option<u64>,
    steps: u32,
    has_baton: bool,
    /// Whether it goes on without the baton for one step, to see whether that is a short one.
    tries: bool,
}

impl Stretch {
    /// A step starts.
    #[inline]
    pub fn begin(&mut self, now_ns: u64) {
        self.since_ns.get_or_insert(now_ns);
    }

    /// A step has ended. Whether it is time to give the lock away.
    #[inline]
    pub fn is_over(&mut self, now_ns: u64) -> bool {
        self.steps += 1;
        let since_ns = self.since_ns.unwrap_or(now_ns);
        let is_over = now_ns.saturating_sub(since_ns) >= STRETCH_NS;
        self.tries &= !is_over;
        is_over || self.tries
    }

    /// Let others have the lock.
    pub fn give_way(&mut self, py: Python<'_>) -> PyResult<()> {
        let was_short = self.tries || self.steps >= SHORT;
        (self.since_ns, self.steps, self.tries) = (None, 0, false);
        self.put_down();
        // Longer ones wait by themselves without the lock, or it is taken from them in time.
        if !was_short || !has_gil(py)? {
            return Ok(());
        }
        self.has_baton = py.detach(|| {
            let began = Instant::now();
            while began.elapsed() < AWAY {
                thread::yield_now();
            }
            take_baton()
        });
        self.tries = !self.has_baton;
        Ok(())
    }

    fn put_down(&mut self) {
        if std::mem::take(&mut self.has_baton) {
            *lock(&BATON) = false;
            FREE.notify_one();
        }
    }
}

impl Drop for Stretch {
    fn drop(&mut self) {
        self.put_down();
    }
}

/// Whether it was to be had in time.
fn take_baton() -> bool {
    let taken = FREE.wait_timeout_while(lock(&BATON), PATIENCE, |taken| *taken);
    let (mut taken, waited) = taken.unwrap_or_else(|poisoned| poisoned.into_inner());
    if waited.timed_out() && *taken {
        return false;
    }
    *taken = true;
    true
}

/// Whether only one thread at a time runs Python code.
fn has_gil(py: Python<'_>) -> PyResult<bool> {
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
