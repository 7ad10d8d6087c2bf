//! The earliest deadline, and whose it is.

/// A binary heap of deadlines in which every worker has at most one, and knows its place.
///
/// Knowing the place makes disarming exact: a workload of short steps with long limits leaves no
/// stale entries behind. Arming a deadline that is later than all others is O(1), which is the
/// common case of one limit for all steps; anything else is O(log n).
///
/// ```
/// let mut deadlines = hocket_core::Deadlines::default();
/// deadlines.arm(0, 300);
/// deadlines.arm(1, 100);
/// assert_eq!(deadlines.earliest(), Some(100));
/// assert_eq!(deadlines.pop_overdue(100), Some(1));
/// assert_eq!(deadlines.pop_overdue(100), None);
/// ```
#[derive(Debug, Default)]
pub struct Deadlines {
    heap: Vec<(u64, u32)>,
    // For each worker its index in `heap`, or ABSENT.
    place: Vec<u32>,
}

const ABSENT: u32 = u32::MAX;

impl Deadlines {
    /// Set the worker's deadline, in place of an earlier one.
    pub fn arm(&mut self, worker: u32, deadline_ns: u64) {
        self.disarm(worker);
        let w = worker as usize;
        if w >= self.place.len() {
            self.place.resize(w + 1, ABSENT);
        }
        self.heap.push((deadline_ns, worker));
        self.place[w] = (self.heap.len() - 1) as u32;
        self.rise(self.heap.len() - 1);
    }

    /// Whether the worker has a deadline.
    pub fn is_armed(&self, worker: u32) -> bool {
        self.place
            .get(worker as usize)
            .is_some_and(|&at| at != ABSENT)
    }

    /// Forget the worker's deadline, if it has one.
    pub fn disarm(&mut self, worker: u32) {
        let Some(&at) = self.place.get(worker as usize) else {
            return;
        };
        if at == ABSENT {
            return;
        }
        let at = at as usize;
        self.heap.swap_remove(at);
        self.place[worker as usize] = ABSENT;
        if at < self.heap.len() {
            self.place[self.heap[at].1 as usize] = at as u32;
            self.sink(at);
            self.rise(at);
        }
    }

    /// The earliest deadline.
    pub fn earliest(&self) -> Option<u64> {
        self.heap.first().map(|&(deadline_ns, _)| deadline_ns)
    }

    /// Disarm and return a worker whose deadline has come, earliest first.
    pub fn pop_overdue(&mut self, now_ns: u64) -> Option<u32> {
        let &(deadline_ns, worker) = self.heap.first()?;
        if deadline_ns > now_ns {
            return None;
        }
        self.disarm(worker);
        Some(worker)
    }

    fn rise(&mut self, mut at: usize) {
        while at > 0 {
            let parent = (at - 1) / 2;
            if self.heap[parent] <= self.heap[at] {
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
                .filter(|&child| child < self.heap.len())
                .min_by_key(|&child| self.heap[child])
            else {
                return;
            };
            if self.heap[at] <= self.heap[child] {
                return;
            }
            self.swap(at, child);
            at = child;
        }
    }

    fn swap(&mut self, a: usize, b: usize) {
        self.heap.swap(a, b);
        self.place[self.heap[a].1 as usize] = a as u32;
        self.place[self.heap[b].1 as usize] = b as u32;
    }
}
