//! Attempts, written down naively: for each step how many there were, and plain lists of those that
//! wait for their time and of those whose time has come.

use hocket_core::Retry;

#[derive(Clone, Copy, Debug, Default)]
pub struct Past {
    pub started: u32,
    pub first_ns: u64,
}

#[derive(Debug, Default)]
pub struct Attempts {
    pub past: Vec<Past>,
    /// Time, step; in the order in which they failed.
    pub waiting: Vec<(u64, u32)>,
    pub due: Vec<u32>,
    /// Steps that were stopped while they waited for another attempt.
    pub given_up: u64,
}

impl Attempts {
    pub fn new(steps: u32) -> Self {
        Self {
            past: vec![Past::default(); steps as usize],
            ..Self::default()
        }
    }

    pub fn len(&self) -> usize {
        self.waiting.len() + self.due.len()
    }

    pub fn started(&mut self, step: u32, now_ns: u64) {
        let past = &mut self.past[step as usize];
        if past.started == 0 {
            past.first_ns = now_ns;
        }
        past.started += 1;
    }

    /// When the step is tried again, if it is.
    pub fn again_ns(
        &self,
        retry: &Retry,
        step: u32,
        asked_ns: Option<u64>,
        chance: f64,
        now_ns: u64,
    ) -> Option<u64> {
        let past = self.past[step as usize];
        let is_last = retry.attempts.is_some_and(|most| past.started >= most);
        let wait_ns = asked_ns.unwrap_or_else(|| wait_ns(retry, past.started, chance));
        let at_ns = now_ns + wait_ns;
        let timeout_ns = retry.timeout_ns;
        let is_late = timeout_ns.is_some_and(|timeout_ns| at_ns >= past.first_ns + timeout_ns);
        (!is_last && !is_late).then_some(at_ns)
    }

    /// What is left for all attempts, as this one starts.
    pub fn left_ns(&self, retry: &Retry, step: u32, started_ns: u64) -> Option<u64> {
        let ends_ns = self.past[step as usize].first_ns + retry.timeout_ns?;
        Some(ends_ns.saturating_sub(started_ns))
    }

    pub fn come(&mut self, now_ns: u64) {
        self.waiting.sort_by_key(|&(at_ns, _)| at_ns);
        let come = self.waiting.partition_point(|&(at_ns, _)| at_ns <= now_ns);
        self.due
            .extend(self.waiting.drain(..come).map(|(_, step)| step));
    }

    pub fn give_up(&mut self) -> Vec<u32> {
        let waiting = self.waiting.drain(..).map(|(_, step)| step);
        let stopped: Vec<u32> = waiting.chain(self.due.drain(..)).collect();
        self.given_up += stopped.len() as u64;
        stopped
    }

    pub fn next_ns(&self) -> Option<u64> {
        self.waiting.iter().map(|&(at_ns, _)| at_ns).min()
    }
}

/// In whole numbers: the bases are whole, and the chances 0, a half or 1.
fn wait_ns(retry: &Retry, attempts: u32, chance: f64) -> u64 {
    let mut wait_ns = u128::from(retry.wait_initial_ns);
    for _ in 1..attempts {
        wait_ns = (wait_ns * retry.wait_exp_base as u128).min(1 << 60);
    }
    let jitter_ns = (u128::from(retry.wait_jitter_ns) * (chance * 2.0) as u128).div_ceil(2);
    (wait_ns + jitter_ns).min(u128::from(retry.wait_max_ns)) as u64
}
