//! One second of the statistics, in little space.

use crate::tally::Tally;

/// How long a slice is: how exactly a window is cut.
pub(crate) const SLICE_NS: u64 = 1_000_000_000;

/// The figures of a second, from its first event on.
#[derive(Debug)]
pub(crate) struct Slice {
    pub began_ns: u64,
    pub tally: Tally,
    /// How often each waiting time was seen, as the histogram rounds it.
    pub waits: Box<[(u64, u64)]>,
    pub runs: Box<[(u64, u64)]>,
}

/// Whether a slice that began then reaches into what comes after `from_ns`.
pub(crate) fn reaches(began_ns: u64, from_ns: u64) -> bool {
    began_ns.saturating_add(SLICE_NS) > from_ns
}
