//! Which step of one lane is next.

use std::collections::{TryReserveError, VecDeque};
use std::ops::Range;

/// The ready steps of one lane, first in, first out.
///
/// A plain group's steps are all ready from the start: a range costs no memory per step. Steps
/// of a graph follow one by one.
///
/// ```
/// let mut ready = hocket_core::ReadyQueue::from(0..2);
/// ready.push(7);
/// assert_eq!([ready.pop(), ready.pop(), ready.pop(), ready.pop()], [Some(0), Some(1), Some(7), None]);
/// ```
#[derive(Debug, Default)]
pub struct ReadyQueue {
    first: Range<u32>,
    later: VecDeque<u32>,
}

impl From<Range<u32>> for ReadyQueue {
    fn from(first: Range<u32>) -> Self {
        Self {
            first,
            later: VecDeque::new(),
        }
    }
}

impl ReadyQueue {
    /// Take the memory for so many more steps.
    pub fn reserve(&mut self, steps: usize) -> Result<(), TryReserveError> {
        self.later.try_reserve_exact(steps)
    }

    /// Put a step at the end.
    pub fn push(&mut self, step: u32) {
        self.later.push_back(step);
    }

    /// Take the step at the front.
    pub fn pop(&mut self) -> Option<u32> {
        self.first.next().or_else(|| self.later.pop_front())
    }

    /// How many steps are ready.
    pub fn len(&self) -> usize {
        self.first.len() + self.later.len()
    }

    /// Whether no step is ready.
    pub fn is_empty(&self) -> bool {
        self.first.is_empty() && self.later.is_empty()
    }

    /// Drop every step; returns how many there were.
    pub fn clear(&mut self) -> usize {
        let dropped = self.len();
        self.first = 0..0;
        self.later = VecDeque::new();
        dropped
    }
}
