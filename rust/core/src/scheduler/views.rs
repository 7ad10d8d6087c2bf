//! The scheduler's figures and states, to read: nothing here changes any.

use super::Scheduler;
use crate::closed::Reason;
use crate::ids::{LaneId, SlotId};
use crate::join::Verdict;
use crate::lane::Lane;
use crate::outcome::StepState;
use crate::slot::{Holder, Source};
use crate::snapshot::Snapshot;
use crate::spec::WhenFull;
use crate::tally::Tally;

impl Scheduler {
    /// The state of each step; empty for a closed lane.
    pub fn states(&self, id: LaneId) -> &[StepState] {
        self.lanes.get(id.0).map_or(&[], |lane| &lane.states)
    }

    /// How many of the lane's steps are ready and have not started: those that wait for others of
    /// the lane, and those that were given up, are not among them; those that are tried again are.
    pub fn ready(&self, id: LaneId) -> usize {
        let again = |lane: &Lane| lane.again.as_ref().map_or(0, |again| again.len());
        let count = |lane: &Lane| lane.ready.len() + lane.ready_slotless.len() + again(lane);
        self.lanes.get(id.0).map_or(0, count)
    }

    /// The lane's verdict, once it has one.
    pub fn verdict(&self, id: LaneId) -> Option<Verdict> {
        self.lanes.get(id.0)?.join.verdict()
    }

    /// Whether no step of the lane runs.
    pub fn is_idle(&self, id: LaneId) -> bool {
        self.lanes.get(id.0).is_none_or(|lane| lane.running == 0)
    }

    /// A step's time limit, if it has one.
    pub fn step_timeout_ns(&self, id: LaneId, step: u32) -> Option<u64> {
        self.lanes.get(id.0)?.step_timeout_ns(step)
    }

    /// When the step became ready: the start of its waiting.
    pub fn submitted_ns(&self, id: LaneId, step: u32) -> u64 {
        self.lanes
            .get(id.0)
            .map_or(0, |lane| lane.submitted_ns(step))
    }

    /// How long the running step had waited when it started, and when that was.
    pub fn times_ns(&self, slot: SlotId) -> Option<(u64, u64)> {
        let slot = self.ledger.get(slot)?;
        let submitted_ns = self.submitted_ns(slot.lane, slot.step);
        let waited_ns = slot.started_ns.saturating_sub(submitted_ns);
        Some((waited_ns, slot.started_ns))
    }

    /// When the running step started.
    pub fn started_ns(&self, slot: SlotId) -> Option<u64> {
        self.ledger.get(slot).map(|slot| slot.started_ns)
    }

    /// The limit of steps at once.
    pub fn limit(&self) -> u32 {
        self.ledger.limit
    }

    /// Steps that run and count in the statistics, those included that lend their slot or have given it
    /// back; not those that wait to have one again.
    pub fn running(&self) -> usize {
        self.ledger
            .count(|slot| slot.source != Source::NoSlot && slot.back.is_none())
    }

    /// Pool slots that are running a step. A lent slot counts once, with whatever depth.
    pub fn active(&self) -> usize {
        self.ledger.count(|slot| slot.source == Source::Pool)
    }

    /// Whether nothing may start until `resume`.
    pub fn is_paused(&self) -> bool {
        self.ledger.closed.is(Reason::Paused)
    }

    /// The lane whose worker sleeps for all that wait, and until when.
    pub fn keeper(&self) -> Option<(LaneId, u64)> {
        self.keeper
    }

    /// How many bounded lanes may wait for a slot.
    pub fn queue_size(&self) -> Option<u32> {
        self.queue_size
    }

    /// What becomes of a bounded lane that finds the queue full.
    pub fn when_full(&self) -> WhenFull {
        self.when_full
    }

    /// Pool slots that are running a step or are reserved for one.
    pub fn in_use(&self) -> u32 {
        self.ledger.in_use
    }

    /// Steps that are ready and have not started, or want their slot again.
    pub fn queue_length(&self) -> u64 {
        self.ready
    }

    /// Lanes that are open.
    pub fn lanes(&self) -> usize {
        self.lanes.len()
    }

    /// Shares that open lanes are in.
    pub fn shares(&self) -> usize {
        self.shares.len()
    }

    /// Every running step, to find the one whose slot does not come back.
    pub fn holders(&self) -> impl Iterator<Item = Holder> + '_ {
        self.ledger.holders()
    }

    /// What the lane's steps have come to so far; None for a closed lane.
    pub fn tally(&self, id: LaneId) -> Option<Tally> {
        self.lanes.get(id.0).map(|lane| lane.tally)
    }

    /// How many of the lane's steps run and count in its tally.
    pub fn holding(&self, id: LaneId) -> u32 {
        let running = |lane: &Lane| lane.holding + lane.away - lane.overstaying;
        self.lanes.get(id.0).map_or(0, running)
    }

    /// Counts and durations since the start.
    pub fn statistics(&self) -> Snapshot {
        self.statistics.snapshot()
    }

    /// The same of the last `window_ns`, in whole slices of one second; 600 s at most are kept.
    pub fn window(&self, window_ns: u64, now_ns: u64) -> Snapshot {
        self.statistics.window(window_ns, now_ns)
    }
}
