//! Steps that are plain functions, and block: threads take them straight from the ledger.
//!
//! A worker of such a run is a Trio task, which sits in a cancel scope of its own as any other, and
//! a thread that works for it (`trio.to_thread`). The thread asks the scheduler for a step, calls it,
//! settles it and takes the next one (`pull`, `settle`), without a word to Trio. It comes back to its
//! task when it has to wait for a slot, when there is nothing left to start, and when the scope was
//! cancelled for a step past its limit: no other one may start there.
//!
//! What only Trio's thread may do is put on the run's `Desk`, and one task of the run, the clerk,
//! does it: wakes workers, cancels, sets the alarm of time limits, tells observers, lands outcomes.
//! It is woken when there is something on an empty desk, and so once for many steps.
//!
//! A function cannot be cancelled. One that is past its limit has failed from then on, and holds its
//! slot until it returns (`strike`, and the core's `overstaying`). So has an async step that waits for a
//! function in a thread (`blocking`), among others that do not; there the watchdog is the clerk.
//!
//! How many threads of a run are at work at a time, of those that there are, is for its `Crowd` to say,
//! and how they leave the interpreter's lock to others is in `manners`.
//!
//! What is shared between threads is behind locks, under which no Python code runs: the scheduler,
//! the crew's members, the papers on a desk. Who holds the interpreter's lock (GIL) and waits for
//! one of these waits for no Python code, so the two cannot block each other, with a GIL or without.

mod blocking;
mod class;
mod clerk;
mod contexts;
pub mod crowd;
pub mod desk;
mod lost;
mod manners;
mod protocol;
mod pull;
mod settle;
mod strike;
mod transit;

pub use blocking::{begin_blocking, end_blocking};
pub use class::ThreadDriver;
