//! The states of a step, the outcomes that end it, and the cause that closes its lane.

/// The state of a step. A step that is still waiting when its lane is closed was skipped; every
/// other one ends in one of the last four states.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StepState {
    /// Not started.
    Waiting,
    /// Started, not ended.
    Running,
    /// Returned.
    Succeeded,
    /// Raised.
    Failed,
    /// Was stopped by its own time limit.
    TimedOut,
    /// Was stopped from outside; the lane's [`Cause`] says whether it counts as cancelled or as
    /// timed out.
    Cancelled,
}

/// How a step ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It returned.
    Succeeded,
    /// It raised.
    Failed,
    /// It was stopped by its own time limit.
    TimedOut,
    /// It was stopped from outside; the lane's [`Cause`] says whether it counts as cancelled or
    /// as timed out. All steps of a lane are stopped together, so no other one starts.
    Cancelled,
}

impl Outcome {
    /// The state that it leaves a step in.
    pub fn state(self) -> StepState {
        match self {
            Self::Succeeded => StepState::Succeeded,
            Self::Failed => StepState::Failed,
            Self::TimedOut => StepState::TimedOut,
            Self::Cancelled => StepState::Cancelled,
        }
    }
}

/// Why a lane was closed, and so how its steps that were stopped from outside count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// It was decided, or all steps were settled, or the caller was cancelled: they count as
    /// cancelled.
    Ended,
    /// Its own time limit passed: they count as timed out.
    TimedOut,
}
