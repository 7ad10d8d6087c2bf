//! What the scheduler promises of rates, one sentence a test.

use hocket_core::{LaneId, LaneSpec, Next, Rate, Scheduler, SharedRate, SlotId};

fn open(scheduler: &mut Scheduler, rate: &SharedRate, parent: Option<SlotId>) -> LaneId {
    let spec = LaneSpec {
        rate: Some(rate.clone()),
        parent,
        ..LaneSpec::new(1)
    };
    scheduler.open(spec, 0).unwrap()
}

#[track_caller]
fn start(scheduler: &mut Scheduler, lane: LaneId) -> SlotId {
    match scheduler.next(lane, 0) {
        Next::Start { slot, .. } => slot,
        other => panic!("a step was to start, not {other:?}"),
    }
}

/// A step waits for one of its own, which the rate keeps from starting as another lane was granted
/// the last start that is left. That one gives its turn up.
fn give_up_the_last_start(pools: bool) {
    let rate = SharedRate::new(Rate::new(2, 5, 2));
    let mut scheduler = Scheduler::new(2).with_rate(pools.then(|| rate.clone()));
    let outer = open(&mut scheduler, &rate, None);
    let parent = start(&mut scheduler, outer);
    let other = open(&mut scheduler, &rate, None);
    assert!(scheduler.request(other), "it is granted the last start");
    let inner = open(&mut scheduler, &rate, Some(parent));
    assert!(!matches!(scheduler.next(inner, 0), Next::Start { .. }));
    scheduler.resize(1); // so its slot is gone, and only the parent's can be had
    scheduler.take_wakes();

    scheduler.stand_back(other);
    assert_eq!(scheduler.take_wakes(), [inner]);
    start(&mut scheduler, inner);
}

#[test]
fn a_step_below_another_starts_as_a_lane_gives_up_its_turn_at_the_pools_rate() {
    give_up_the_last_start(true);
}

#[test]
fn a_step_below_another_starts_as_a_lane_gives_up_its_turn_at_their_own_rate() {
    give_up_the_last_start(false);
}
