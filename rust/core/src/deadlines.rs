//! When the steps that run must have ended.

/// Each worker's deadline, if it has one, and when to look at them.
///
/// Nearly all steps end in time. So a deadline comes and goes in O(1), however many there are, and
/// only [`Deadlines::look`] goes through all of them: it is for whoever sleeps until the time that
/// it returned, or until an earlier one that [`Deadlines::arm`] has told of since. One limit for
/// all steps makes that one look in each such time.
///
/// ```
/// let mut deadlines = hocket_core::Deadlines::default();
/// assert!(deadlines.arm(0, 300));
/// assert!(deadlines.arm(1, 100));
/// assert!(!deadlines.arm(2, 200));
/// deadlines.disarm(2);
/// assert_eq!(deadlines.look(100), (vec![1], Some(300)));
/// ```
#[derive(Debug, Default)]
pub struct Deadlines {
    of_worker: Vec<Option<u64>>,
    /// When the next look is due. None: when a deadline is armed.
    look_ns: Option<u64>,
}

impl Deadlines {
    /// Set the worker's deadline, in place of an earlier one. Returns whether it comes before the
    /// next look, which is then due at the deadline.
    pub fn arm(&mut self, worker: u32, deadline_ns: u64) -> bool {
        let at = worker as usize;
        if at >= self.of_worker.len() {
            self.of_worker.resize(at + 1, None);
        }
        self.of_worker[at] = Some(deadline_ns);
        let sooner = self.look_ns.is_none_or(|look_ns| deadline_ns < look_ns);
        if sooner {
            self.look_ns = Some(deadline_ns);
        }
        sooner
    }

    /// Whether the worker has a deadline.
    pub fn is_armed(&self, worker: u32) -> bool {
        self.of_worker
            .get(worker as usize)
            .is_some_and(Option::is_some)
    }

    /// Forget the worker's deadline, if it has one.
    pub fn disarm(&mut self, worker: u32) {
        if let Some(deadline_ns) = self.of_worker.get_mut(worker as usize) {
            *deadline_ns = None;
        }
    }

    /// Disarm the workers whose deadline has come. Returns them, earliest first, and when to look
    /// again, if any deadline is left.
    pub fn look(&mut self, now_ns: u64) -> (Vec<u32>, Option<u64>) {
        let mut overdue = Vec::new();
        self.look_ns = None;
        for (worker, deadline_ns) in self.of_worker.iter_mut().enumerate() {
            match *deadline_ns {
                Some(due_ns) if due_ns <= now_ns => {
                    overdue.push((due_ns, worker as u32));
                    *deadline_ns = None;
                }
                Some(due_ns) => {
                    let look_ns = self.look_ns.map_or(due_ns, |look_ns| look_ns.min(due_ns));
                    self.look_ns = Some(look_ns);
                }
                None => {}
            }
        }
        overdue.sort_unstable();
        let overdue = overdue.into_iter().map(|(_, worker)| worker).collect();
        (overdue, self.look_ns)
    }
}
