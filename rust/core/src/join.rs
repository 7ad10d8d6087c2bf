//! When a group is decided.

/// How a group ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// As many steps succeeded as were needed.
    Success,
    /// Too many steps failed.
    Failure,
}

/// A join policy is two thresholds: stop as soon as `succeeded >= need` or `failed >= give_up`.
///
/// | strategy | need | give up |
/// |---|---|---|
/// | all of n | n | 1 |
/// | any of n | 1 | n |
/// | race | 1 | 1 |
/// | quorum of k | k | n - k + 1 |
/// | all settled | none | none |
///
/// ```
/// use hocket_core::{Join, Verdict};
/// let mut any_of_two = Join::new(Some(1), Some(2));
/// assert_eq!(any_of_two.failed(), None);
/// assert_eq!(any_of_two.succeeded(), Some(Verdict::Success));
/// assert_eq!(any_of_two.failed(), None, "it is decided once");
/// ```
#[derive(Clone, Debug)]
pub struct Join {
    need: Option<u32>,
    give_up: Option<u32>,
    succeeded: u32,
    failed: u32,
    verdict: Option<Verdict>,
}

impl Join {
    /// A policy; `None` is a threshold that is never reached.
    pub fn new(need: Option<u32>, give_up: Option<u32>) -> Self {
        let mut join = Self {
            need,
            give_up,
            succeeded: 0,
            failed: 0,
            verdict: None,
        };
        // A group without steps is decided before it starts.
        join.decide();
        join
    }

    /// One more step succeeded. The verdict, if this step decided it.
    pub fn succeeded(&mut self) -> Option<Verdict> {
        self.succeeded += 1;
        self.decide()
    }

    /// One more step failed. The verdict, if this step decided it.
    pub fn failed(&mut self) -> Option<Verdict> {
        self.failed += 1;
        self.decide()
    }

    /// Whether one more success decides.
    pub fn is_near(&self) -> bool {
        self.need.is_some_and(|need| self.succeeded + 1 >= need)
    }

    /// The verdict, once there is one.
    pub fn verdict(&self) -> Option<Verdict> {
        self.verdict
    }

    fn decide(&mut self) -> Option<Verdict> {
        if self.verdict.is_some() {
            return None;
        }
        if self.need.is_some_and(|need| self.succeeded >= need) {
            self.verdict = Some(Verdict::Success);
        } else if self.give_up.is_some_and(|give_up| self.failed >= give_up) {
            self.verdict = Some(Verdict::Failure);
        }
        self.verdict
    }
}
