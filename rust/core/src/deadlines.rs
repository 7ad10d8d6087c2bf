//! Deadlines of running steps, and how a step past its time limit is found.
//!
//! A worker runs one step at a time, so a deadline belongs to a worker. It is armed when the step
//! suspends, and disarmed when the step ends. A watchdog, one for the whole lane, sleeps until the
//! time that [`Deadlines::take_overdue`] returned last, then calls it again and is given the
//! workers whose deadline has come: the earliest deadline first, and each worker once. The
//! watchdog never sleeps too long: [`Deadlines::arm`] returns true when the new deadline comes
//! before the time that the watchdog sleeps until.
//!
//! Nearly all steps end in time, so a step that does must cost next to nothing. Deadlines are
//! therefore apart from alarms, which stand in a heap ordered by time, at most one a worker.
//! Disarming forgets the deadline and leaves the alarm where it is. The worker's next deadline is
//! later as a rule, and finds that alarm still there. Both are O(1), however many workers there
//! are. An alarm is never later than its worker's deadline, so no deadline is missed; but it may
//! come too early. `take_overdue` then moves it to the deadline, or drops it where there is none.
//! With one limit for all steps, each worker's alarm is moved once in each such time, in O(log n).

use std::collections::TryReserveError;

/// Each worker's deadline, if it has one, and the alarms that find those that have come.
///
/// ```
/// let mut deadlines = hocket_core::Deadlines::default();
/// assert!(deadlines.arm(0, 300));
/// assert!(deadlines.arm(1, 100));
/// assert!(!deadlines.arm(2, 200));
/// deadlines.disarm(2);
/// assert_eq!(deadlines.take_overdue(100, 9), (vec![1], Some(200)));
/// assert_eq!(deadlines.take_overdue(200, 9), (vec![], Some(300)));
/// ```
#[derive(Debug, Default)]
pub struct Deadlines {
    of_worker: Vec<Worker>,
    /// A binary heap of alarms, as (time, worker): at most one a worker, and none later than its
    /// deadline.
    alarms: Vec<(u64, u32)>,
}

#[derive(Clone, Debug, Default)]
struct Worker {
    deadline_ns: Option<u64>,
    /// The place of its alarm in the heap.
    alarm: Option<u32>,
}

impl Deadlines {
    /// Take the memory for a deadline of this worker.
    pub fn reserve(&mut self, worker: u32) -> Result<(), TryReserveError> {
        let more = (worker as usize + 1).saturating_sub(self.of_worker.len());
        self.of_worker.try_reserve(more)?;
        self.alarms.try_reserve(1)
    }

    /// Set the worker's deadline, in place of an earlier one. Returns whether it comes before the
    /// next look, which is then due at this deadline.
    pub fn arm(&mut self, worker: u32, deadline_ns: u64) -> bool {
        let look_ns = self.next_look();
        if worker as usize >= self.of_worker.len() {
            self.of_worker
                .resize(worker as usize + 1, Worker::default());
        }
        let own = &mut self.of_worker[worker as usize];
        own.deadline_ns = Some(deadline_ns);
        match own.alarm.map(|at| at as usize) {
            Some(at) if self.alarms[at].0 <= deadline_ns => return false,
            Some(at) => {
                self.alarms[at].0 = deadline_ns;
                self.rise(at);
            }
            None => {
                let at = self.alarms.len();
                own.alarm = Some(at as u32);
                self.alarms.push((deadline_ns, worker));
                self.rise(at);
            }
        }
        look_ns.is_none_or(|look_ns| deadline_ns < look_ns)
    }

    /// Whether the worker has a deadline.
    pub fn is_armed(&self, worker: u32) -> bool {
        self.of_worker
            .get(worker as usize)
            .is_some_and(|own| own.deadline_ns.is_some())
    }

    /// Forget the worker's deadline, if it has one.
    pub fn disarm(&mut self, worker: u32) {
        if let Some(own) = self.of_worker.get_mut(worker as usize) {
            own.deadline_ns = None;
        }
    }

    /// Disarm the workers whose deadline has come, `most` of them. Returns them, earliest first,
    /// and when to look again, if at all: where there are more, that time has come.
    pub fn take_overdue(&mut self, now_ns: u64, most: usize) -> (Vec<u32>, Option<u64>) {
        let mut overdue = Vec::new();
        while let Some(&(alarm_ns, worker)) = self.alarms.first().filter(|alarm| alarm.0 <= now_ns)
        {
            let own = &mut self.of_worker[worker as usize];
            match own.deadline_ns {
                Some(deadline_ns) if deadline_ns > alarm_ns => {
                    self.alarms[0].0 = deadline_ns;
                    self.sink(0);
                    continue;
                }
                Some(_) if overdue.len() == most => break,
                Some(_) => overdue.push(worker),
                None => {}
            }
            *own = Worker::default();
            self.alarms.swap_remove(0);
            if let Some(&(_, moved)) = self.alarms.first() {
                self.of_worker[moved as usize].alarm = Some(0);
                self.sink(0);
            }
        }
        (overdue, self.next_look())
    }

    fn next_look(&self) -> Option<u64> {
        self.alarms.first().map(|&(look_ns, _)| look_ns)
    }

    fn rise(&mut self, mut at: usize) {
        while at > 0 {
            let parent = (at - 1) / 2;
            if self.alarms[parent] <= self.alarms[at] {
                break;
            }
            self.swap(at, parent);
            at = parent;
        }
    }

    fn sink(&mut self, mut at: usize) {
        loop {
            let Some(child) = [2 * at + 1, 2 * at + 2]
                .into_iter()
                .filter(|&child| child < self.alarms.len())
                .min_by_key(|&child| self.alarms[child])
            else {
                return;
            };
            if self.alarms[at] <= self.alarms[child] {
                return;
            }
            self.swap(at, child);
            at = child;
        }
    }

    fn swap(&mut self, a: usize, b: usize) {
        self.alarms.swap(a, b);
        for at in [a, b] {
            self.of_worker[self.alarms[at].1 as usize].alarm = Some(at as u32);
        }
    }
}
