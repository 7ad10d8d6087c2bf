//! How many threads of one run are at work at a time.
//!
//! A thread at work wants the interpreter's lock (GIL) again and again. Where its functions are short,
//! a second one beside it is no help and makes both slower: each time one gives the lock away for a
//! moment, to read a file say, the other is woken for it, mostly in vain. So a run begins with one
//! thread at work. The others stand in line, without the lock and without a slot.
//!
//! The line moves in three ways. A thread at work leaves. Or the first in line, who looks out, sees
//! that for a moment no function has begun and none has ended: those at work are all inside of functions
//! that take long, and one more goes to work beside them. So ten functions that sleep run at once after
//! a millisecond. Or a thread at work, as its stretch is over, finds that it had a processor for
//! so little of the time that there is room for one more: its functions wait, though never for long.
//!
//! And it goes back, into the line, when it finds that its functions are short and that together those
//! at work want all of the lock: since they came, the functions have become shorter.
//!
//! Who stands in line is on its way in the crew's books: nobody else is brought meanwhile.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

use pyo3::prelude::*;

use super::manners::Past;
use crate::panics::lock;

/// For how long nothing must have moved: as long as a few functions that are not worth a thread.
const LOOK: Duration = Duration::from_micros(100);
/// While everything moves, who looks out waits longer and longer, up to this.
const LONGEST_LOOK: Duration = Duration::from_micros(800);
/// The load, in processors, under which there is room for one more, and above which there is one
/// too many. All of the lock is 1.
const ROOM: f64 = 0.7;
const FULL: f64 = 0.8;

/// What is behind the crowd's lock.
#[derive(Default)]
struct Line {
    at_work: u32,
    /// How many may be at work besides the first one.
    beside: u32,
    has_lookout: bool,
}

impl Line {
    fn has_place(&self) -> bool {
        self.at_work <= self.beside
    }
}

/// One run's threads.
#[derive(Default)]
pub struct Crowd {
    /// Never locked while Python code can run.
    line: Mutex<Line>,
    moved: Condvar,
    /// In the upper half how many functions have begun, in the lower one how many are running.
    functions: AtomicU64,
}

impl Crowd {
    const BEGUN: u64 = 1 << 32;

    /// A function begins, and runs until this is dropped.
    #[inline]
    pub fn begin(&self) -> Running<'_> {
        self.functions.fetch_add(Self::BEGUN + 1, Ordering::Relaxed);
        Running(self)
    }

    /// A thread comes to work: at once, or in its turn.
    pub fn enter(&self, py: Python<'_>) -> Place<'_> {
        let place = Place(self);
        let mut line = lock(&self.line);
        let is_free = line.has_place();
        line.at_work += u32::from(is_free);
        drop(line);
        if !is_free {
            py.detach(|| place.0.stand_in_line());
        }
        place
    }

    /// Wait, without the interpreter's lock, until there is a place, and take it.
    fn stand_in_line(&self) {
        let mut patience = LOOK;
        let mut line = lock(&self.line);
        while !line.has_place() {
            if line.has_lookout {
                let woken = self.moved.wait(line);
                line = woken.unwrap_or_else(PoisonError::into_inner);
                continue;
            }
            line.has_lookout = true;
            let before = self.functions.load(Ordering::Relaxed);
            let woken = self.moved.wait_timeout(line, patience);
            let (mut here, waited) = woken.unwrap_or_else(PoisonError::into_inner);
            here.has_lookout = false;
            if waited.timed_out() {
                let now = self.functions.load(Ordering::Relaxed);
                let all_run = now % Self::BEGUN == u64::from(here.at_work);
                match now == before && all_run {
                    true => here.beside = here.at_work,
                    false => patience = LONGEST_LOOK.min(2 * patience),
                }
            }
            line = here;
        }
        line.at_work += 1;
        drop(line);
        // The next one looks out.
        self.moved.notify_one();
    }

    fn leave(&self) {
        lock(&self.line).at_work -= 1;
        self.moved.notify_one();
    }
}

/// A function that runs.
pub struct Running<'a>(&'a Crowd);

impl Drop for Running<'_> {
    #[inline]
    fn drop(&mut self) {
        self.0.functions.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A thread's place among those at work.
pub struct Place<'a>(&'a Crowd);

impl Place<'_> {
    /// The thread tells what its stretch was like. Whether there is one too many at work, so that it
    /// has to stand in line.
    pub fn is_one_too_many(&self, past: &Past) -> bool {
        let mut line = lock(&self.0.line);
        let at_work = f64::from(line.at_work);
        if past.is_short() && line.at_work > 1 && at_work * past.share() > FULL {
            line.beside = line.at_work - 2;
            return true;
        }
        let has_room = (at_work + 1.0) * past.share() < ROOM;
        if has_room && !line.has_place() {
            line.beside = line.at_work;
            drop(line);
            self.0.moved.notify_one();
        }
        false
    }

    /// Leave the place to others, and wait for another one.
    pub fn stand_in_line(&self, py: Python<'_>) {
        self.0.leave();
        py.detach(|| self.0.stand_in_line());
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.leave();
    }
}
