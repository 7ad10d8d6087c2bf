//! The order for a lane: its steps, its limits, and how it waits.

use std::collections::TryReserveError;

use crate::graph::Graph;
use crate::ids::SlotId;
use crate::join::Join;
use crate::outcome::StepState;
use crate::rate::SharedRate;
use crate::ready::ReadyQueue;
use crate::retry::Retry;

/// The order for a lane. `LaneSpec::new(n)` is `n` independent steps without limits.
#[derive(Debug)]
pub struct LaneSpec {
    /// How many steps there are.
    pub steps: u32,
    /// When the lane is decided.
    pub join: Join,
    /// At most so many of its steps at once, on top of the pool's limit.
    pub limit: u32,
    /// Each step's time limit, from its start.
    pub timeout_ns: Option<u64>,
    /// Single steps' time limits, instead of `timeout_ns`; empty, or one a step.
    pub timeouts_ns: Vec<Option<u64>>,
    /// Which steps wait for which.
    pub graph: Option<Graph>,
    /// Which steps take no slot and count in no statistics; empty when all do.
    pub slotless: Vec<bool>,
    /// Which steps' failures count as successes; empty when none do.
    pub tolerated: Vec<bool>,
    /// The most slots of the pool that the lane and everything its steps open may take together,
    /// at least 1. None is no limit but those that it is opened within.
    pub share: Option<u32>,
    /// At most so many of its steps start in a time, on top of the pool's own rate.
    pub rate: Option<SharedRate>,
    /// How often its steps are tried; None is once.
    pub retry: Option<Retry>,
    /// The same of single steps, instead of `retry`; empty, or one a step.
    pub retries: Vec<Option<Retry>>,
    /// The running step that waits for this lane.
    pub parent: Option<SlotId>,
    /// Whether the lane takes a place in the bounded queue while it waits for a slot.
    pub bounded: bool,
    /// Whether the steps come in by [`Scheduler::feed`](crate::Scheduler::feed), and `steps` is the
    /// number of places for them. None of them is ready as the lane opens.
    pub is_fed: bool,
    /// See [`LaneSpec::reserve`].
    pub room: Room,
}

/// Memory for what a lane keeps of its steps.
#[derive(Debug, Default)]
pub struct Room {
    pub(crate) states: Vec<StepState>,
    pub(crate) ready_at_ns: Vec<u64>,
    pub(crate) ready: ReadyQueue,
    pub(crate) ready_slotless: ReadyQueue,
}

impl LaneSpec {
    /// Independent steps, without limits, all to be settled.
    pub fn new(steps: u32) -> Self {
        Self {
            steps,
            join: Join::new(None, None),
            limit: u32::MAX,
            timeout_ns: None,
            timeouts_ns: Vec::new(),
            graph: None,
            slotless: Vec::new(),
            tolerated: Vec::new(),
            share: None,
            rate: None,
            retry: None,
            retries: Vec::new(),
            parent: None,
            bounded: false,
            is_fed: false,
            room: Room::default(),
        }
    }

    /// Whether any of its steps has a time limit.
    pub fn has_timeouts(&self) -> bool {
        let mut retries = self.retry.iter().chain(self.retries.iter().flatten());
        self.timeout_ns.is_some()
            || !self.timeouts_ns.is_empty()
            || retries.any(|retry| retry.timeout_ns.is_some())
    }

    /// Take the memory for the steps now, where its lack is an error. How many there are is the
    /// caller's to say, and where memory lacks later there is no way out but to abort.
    pub fn reserve(&mut self) -> Result<(), TryReserveError> {
        let steps = self.steps as usize;
        let slotless = self.slotless.iter().filter(|&&slotless| slotless).count();
        self.room.states.try_reserve_exact(steps)?;
        self.room.ready_slotless.reserve(slotless)?;
        if self.graph.is_some() || self.is_fed {
            self.room.ready_at_ns.try_reserve_exact(steps)?;
        }
        if self.graph.is_some() || self.is_fed || slotless > 0 {
            self.room.ready.reserve(steps - slotless)?;
        }
        Ok(())
    }
}

/// The fate of a submission that finds the bounded queue full.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WhenFull {
    /// It is refused.
    Refuse,
    /// It waits outside for a place in the queue.
    Wait,
}
