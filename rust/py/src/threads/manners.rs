//! How a thread that runs short functions leaves the interpreter's lock (GIL) to others.
//!
//! CPython takes the lock from a thread only when another one has waited for 5 ms, and gives it to
//! any of those that wait. A thread that runs one short function after the other would keep it for so
//! long, each time, and Trio's thread needs it many times for one group. So after a stretch the
//! thread gives it away by itself, and stays away for a moment: who waits has to wake up first.

use std::thread;
use std::time::{Duration, Instant};

use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;

/// How long a thread goes on without giving the lock away.
const STRETCH_NS: u64 = 400_000;
/// How long it then stays away at least: as long as it takes another one to wake up.
const AWAY: Duration = Duration::from_micros(40);

/// Since when this thread has not given the lock away.
#[derive(Clone, Copy, Default)]
pub struct Stretch {
    since_ns: Option<u64>,
}

impl Stretch {
    /// Whether it is time to give the lock away.
    #[inline]
    pub fn is_over(&mut self, now_ns: u64) -> bool {
        let since_ns = *self.since_ns.get_or_insert(now_ns);
        now_ns.saturating_sub(since_ns) >= STRETCH_NS
    }

    /// Let others have the lock.
    pub fn give_way(&mut self, py: Python<'_>) -> PyResult<()> {
        self.since_ns = None;
        if has_gil(py)? {
            py.detach(|| {
                let began = Instant::now();
                while began.elapsed() < AWAY {
                    thread::yield_now();
                }
            });
        }
        Ok(())
    }
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
