//! Trying again: how often, and after how long.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, VecDeque};

/// How often a step is tried, and how long it waits before the next attempt.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Retry {
    /// The most attempts, the first one included; None is no limit.
    pub attempts: Option<u32>,
    /// The wait after the first attempt.
    pub wait_initial_ns: u64,
    /// The longest wait.
    pub wait_max_ns: u64,
    /// So much is added at most, by chance.
    pub wait_jitter_ns: u64,
    /// Each wait is so many times the one before.
    pub wait_exp_base: f64,
    /// All attempts and waits together, from the first one's start.
    pub timeout_ns: Option<u64>,
}

impl Retry {
    /// The wait after so many attempts; `chance` is from 0 to 1.
    ///
    /// ```
    /// let retry = hocket_core::Retry {
    ///     attempts: None,
    ///     wait_initial_ns: 100,
    ///     wait_max_ns: 500,
    ///     wait_jitter_ns: 50,
    ///     wait_exp_base: 2.0,
    ///     timeout_ns: None,
    /// };
    /// assert_eq!([1, 2, 3, 4].map(|n| retry.wait_ns(n, 0.0)), [100, 200, 400, 500]);
    /// assert_eq!(retry.wait_ns(2, 0.5), 225);
    /// ```
    pub fn wait_ns(&self, attempts: u32, chance: f64) -> u64 {
        let power = f64::from(attempts.saturating_sub(1).min(4096));
        let grown = self.wait_initial_ns as f64 * self.wait_exp_base.powf(power);
        let wait = grown + self.wait_jitter_ns as f64 * chance;
        // As a float that is too large for it, so this saturates.
        (wait.round() as u64).min(self.wait_max_ns)
    }
}

/// What has become of a step that may be tried again.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Attempts {
    /// How many have started.
    pub started: u32,
    pub first_ns: u64,
    /// When the latest one failed: the start of the wait for the next.
    pub failed_ns: Option<u64>,
}

/// The steps of one lane that may be tried again.
#[derive(Debug)]
pub(crate) struct Again {
    /// For all steps, unless there is one for each.
    pub retry: Option<Retry>,
    pub retries: Vec<Option<Retry>>,
    pub attempts: HashMap<u32, Attempts>,
    /// Failed attempts that wait for their time, as (time, number, step).
    waiting: BinaryHeap<Reverse<(u64, u64, u32)>>,
    number: u64,
    /// Steps whose time has come: before those that have not been tried.
    due: VecDeque<u32>,
}

impl Again {
    pub fn new(retry: Option<Retry>, retries: Vec<Option<Retry>>) -> Self {
        Self {
            retry,
            retries,
            attempts: HashMap::new(),
            waiting: BinaryHeap::new(),
            number: 0,
            due: VecDeque::new(),
        }
    }

    pub fn of(&self, step: u32) -> Option<&Retry> {
        let own = self.retries.get(step as usize);
        own.unwrap_or(&self.retry).as_ref()
    }

    /// The step waits until this time.
    pub fn wait(&mut self, step: u32, at_ns: u64) {
        self.number += 1;
        self.waiting.push(Reverse((at_ns, self.number, step)));
    }

    /// It is this time now.
    pub fn time_is(&mut self, now_ns: u64) {
        while let Some(&Reverse((at_ns, _, step))) = self.waiting.peek() {
            if at_ns > now_ns {
                return;
            }
            self.waiting.pop();
            self.due.push_back(step);
        }
    }

    pub fn next_ns(&self) -> Option<u64> {
        self.waiting.peek().map(|Reverse((at_ns, _, _))| *at_ns)
    }

    pub fn pop(&mut self) -> Option<u32> {
        self.due.pop_front()
    }

    /// Steps whose time has come.
    pub fn due(&self) -> usize {
        self.due.len()
    }

    /// All steps that are to be tried again.
    pub fn len(&self) -> usize {
        self.due.len() + self.waiting.len()
    }

    /// Give all of them up.
    pub fn clear(&mut self) -> Vec<u32> {
        let waiting = self.waiting.drain().map(|Reverse((_, _, step))| step);
        waiting.chain(self.due.drain(..)).collect()
    }
}
