//! Steps that go on when their time is up: they have timed out, and hold their slot.

use hocket_core::{
    Cause, Join, LaneSpec, Next, Outcome, Retry, Scheduler, SlotId, StepState, Verdict,
};

fn start(scheduler: &mut Scheduler, lane: hocket_core::LaneId, now_ns: u64) -> SlotId {
    match scheduler.next(lane, now_ns) {
        Next::Start { slot, .. } => slot,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_step_that_is_struck_has_timed_out_and_holds_its_slot_until_it_is_settled() {
    let mut scheduler = Scheduler::new(1);
    let lane = scheduler.open(LaneSpec::new(2), 0).unwrap();
    let slot = start(&mut scheduler, lane, 1);
    let struck = scheduler.strike(slot, 7).unwrap();
    assert_eq!((struck.step, struck.waited_ns, struck.run_ns), (0, 1, 6));
    assert_eq!(scheduler.states(lane)[0], StepState::TimedOut);
    assert_eq!(scheduler.statistics().tally.timed_out, 1);
    assert_eq!((scheduler.in_use(), scheduler.holding(lane)), (1, 0));
    assert_eq!(scheduler.next(lane, 8), Next::Wait);
    // What it comes to in the end does not count.
    assert_eq!(scheduler.settle(slot, Outcome::Succeeded, 9), None);
    assert_eq!(scheduler.statistics().tally.completed, 0);
    assert_eq!(scheduler.take_wakes(), [lane]);
    start(&mut scheduler, lane, 10);
}

#[test]
fn a_step_is_struck_once_and_not_after_its_end() {
    let mut scheduler = Scheduler::new(2);
    let lane = scheduler.open(LaneSpec::new(2), 0).unwrap();
    let first = start(&mut scheduler, lane, 0);
    let second = start(&mut scheduler, lane, 0);
    assert!(scheduler.strike(first, 5).is_some());
    assert_eq!(scheduler.strike(first, 6), None);
    scheduler.settle(second, Outcome::Succeeded, 7);
    assert_eq!(scheduler.strike(second, 8), None);
    assert!(!scheduler.is_overdue(second));
}

#[test]
fn a_step_that_may_be_tried_again_is_judged_as_it_ends() {
    let mut scheduler = Scheduler::new(2);
    let mut spec = LaneSpec::new(2);
    let retry = Retry {
        attempts: Some(2),
        wait_initial_ns: 0,
        wait_max_ns: 0,
        wait_jitter_ns: 0,
        wait_exp_base: 1.0,
        timeout_ns: None,
    };
    spec.retries = vec![Some(retry), None];
    let lane = scheduler.open(spec, 0).unwrap();
    let again = start(&mut scheduler, lane, 0);
    let once = start(&mut scheduler, lane, 0);
    assert_eq!(scheduler.strike(again, 5), None);
    assert!(scheduler.is_overdue(again) && !scheduler.has_timed_out(again));
    // Of the steps beside it that is no matter.
    assert!(scheduler.strike(once, 5).is_some());
    assert_eq!(scheduler.statistics().tally.timed_out, 1);
    scheduler.settle(again, Outcome::TimedOut, 9);
    assert_eq!(scheduler.statistics().tally.timed_out, 2);
}

#[test]
fn a_struck_step_may_decide_its_lane() {
    let mut scheduler = Scheduler::new(2);
    let mut spec = LaneSpec::new(3);
    spec.join = Join::new(Some(3), Some(1));
    let lane = scheduler.open(spec, 0).unwrap();
    let slot = start(&mut scheduler, lane, 0);
    let struck = scheduler.strike(slot, 5).unwrap();
    assert_eq!(struck.verdict, Some(Verdict::Failure));
    assert_eq!(scheduler.next(lane, 6), Next::Leave);
    scheduler.settle(slot, Outcome::Failed, 7);
    let tally = scheduler.close(lane, Cause::Ended, 8).unwrap();
    assert_eq!((tally.timed_out, tally.failed, tally.skipped), (1, 0, 2));
    assert_eq!(scheduler.in_use(), 0);
}

#[test]
fn a_lane_that_is_closed_gives_the_slots_of_struck_steps_back() {
    let mut scheduler = Scheduler::new(1);
    let lane = scheduler.open(LaneSpec::new(1), 0).unwrap();
    let slot = start(&mut scheduler, lane, 0);
    scheduler.strike(slot, 5);
    let tally = scheduler.close(lane, Cause::Ended, 8).unwrap();
    assert_eq!(tally.timed_out, 1);
    assert_eq!((scheduler.in_use(), scheduler.running()), (0, 0));
}
