//! How a step stands, how it ended, and why its lane was closed.

/// Where a step is in its life. Every step ends pending (it was skipped) or in one of the last four.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StepState {
    /// Not started.
    Pending,
    /// Started, not ended.
    Running,
    /// Returned.
    Completed,
    /// Raised.
    Failed,
    /// Was stopped by its own time limit.
    TimedOut,
    /// Was stopped from outside; the [`Cause`] of the lane's end says why.
    Unwound,
}

/// How a step ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It returned.
    Completed,
    /// It raised.
    Failed,
    /// Its own time limit stopped it.
    TimedOut,
    /// It was stopped from outside, which happens to all steps of a lane: no other one starts.
    Unwound,
}

/// Why a lane was closed: tells what its unwound steps count as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// Decided, or all settled, or the caller was cancelled: unwound steps were cancelled.
    Ended,
    /// The lane's own time limit: unwound steps have timed out.
    TimedOut,
}
