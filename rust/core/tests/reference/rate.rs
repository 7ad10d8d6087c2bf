//! A rate, written down naively: every start there ever was, and both rules by searching.

#[derive(Clone, Debug)]
pub struct NaiveRate {
    pub limit: u32,
    pub per_ns: u64,
    pub burst: u32,
    pub starts: Vec<u64>,
}

impl NaiveRate {
    pub fn new(limit: u32, per_ns: u64, burst: u32) -> Self {
        Self {
            limit,
            per_ns,
            burst,
            starts: vec![],
        }
    }

    /// Whether one more may start now, when so many others start just before it.
    pub fn admits(&self, now_ns: u64, others: usize) -> bool {
        let mut starts = self.starts.clone();
        starts.extend((0..=others).map(|_| now_ns));
        keeps(&starts, self.limit, self.per_ns, self.burst)
    }

    pub fn start(&mut self, now_ns: u64) {
        assert!(self.admits(now_ns, 0));
        self.starts.push(now_ns);
    }
}

/// Whether the last of these starts keeps both rules; those before it do.
///
/// In any time that ends with it there are no more starts than the window and the pace allow: over
/// `k` steps of the pace, `burst + k`.
fn keeps(starts: &[u64], limit: u32, per_ns: u64, burst: u32) -> bool {
    let last = *starts.last().expect("there is one");
    let in_window = starts.iter().filter(|&&at| at + per_ns > last).count();
    let keeps_pace = (0..starts.len()).all(|first| {
        // Another pool may have started one at a later time than was told here.
        let passed = i128::from(last) - i128::from(starts[first]);
        // The nth start after the first comes no earlier than n - burst + 1 steps of the pace.
        let steps = (starts.len() - first) as i128 - i128::from(burst);
        passed * i128::from(limit) >= steps * i128::from(per_ns)
    });
    in_window <= limit as usize && keeps_pace
}
