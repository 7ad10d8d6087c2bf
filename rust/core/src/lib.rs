//! The ledger under hocket.
//!
//! Pure bookkeeping: no Python, no clock, no I/O. Every time comes in as `now_ns`, every decision
//! goes out as a plain value, so that each rule can be tested against a naive reference.
//!
//! [`Scheduler`] is the only type that a binding needs; the others are its parts, one noun a file.

#![forbid(unsafe_code)]
#![warn(missing_docs)]

mod budget;
mod closed;
mod deadlines;
#[doc(hidden)]
pub mod faults;
mod figures;
mod graph;
mod ids;
mod join;
mod lane;
mod ledger;
mod line;
mod loan;
mod outcome;
mod paced;
mod rate;
mod ready;
mod retry;
mod scheduler;
mod share;
mod slab;
mod slice;
mod slot;
mod snapshot;
mod spec;
mod statistics;
mod tally;

pub use budget::SharedBudget;
pub use deadlines::Deadlines;
pub use graph::{Graph, GraphError};
pub use ids::{LaneId, SlotId};
pub use join::{Join, Verdict};
pub use line::Line;
pub use outcome::{Cause, Outcome, StepState};
pub use rate::{Rate, SharedRate};
pub use ready::ReadyQueue;
pub use retry::Retry;
pub use scheduler::overstaying::Struck;
pub use scheduler::{Attempt, Given, Next, Overfull, Scheduler};
pub use slot::Holder;
pub use snapshot::{Percentiles, Snapshot};
pub use spec::{LaneSpec, Room, WhenFull};
pub use statistics::{LONGEST_WINDOW_NS, Statistics};
pub use tally::{Span, Tally};
