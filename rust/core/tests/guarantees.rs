//! What the scheduler promises, one sentence a test.

use hocket_core::{
    Attempt, Cause, Graph, Join, LaneId, LaneSpec, Next, Outcome, Overfull, Retry, Scheduler,
    SlotId, Statistics, StepState, Verdict, WhenFull,
};

fn open(scheduler: &mut Scheduler, steps: u32) -> LaneId {
    scheduler.open(LaneSpec::new(steps), 0).unwrap()
}

fn open_child(scheduler: &mut Scheduler, parent: SlotId, steps: u32) -> LaneId {
    let parent = Some(parent);
    let spec = LaneSpec {
        parent,
        ..LaneSpec::new(steps)
    };
    scheduler.open(spec, 0).unwrap()
}

fn open_joined(scheduler: &mut Scheduler, steps: u32, need: u32, give_up: u32) -> LaneId {
    let join = Join::new(Some(need), Some(give_up));
    let spec = LaneSpec {
        join,
        ..LaneSpec::new(steps)
    };
    scheduler.open(spec, 0).unwrap()
}

fn single() -> LaneSpec {
    LaneSpec {
        bounded: true,
        ..LaneSpec::new(1)
    }
}

#[track_caller]
fn start(scheduler: &mut Scheduler, lane: LaneId) -> SlotId {
    match scheduler.next(lane, 0) {
        Next::Start { slot, .. } => slot,
        other => panic!("a step was to start, not {other:?}"),
    }
}

#[track_caller]
fn waits(scheduler: &mut Scheduler, lane: LaneId) {
    assert_eq!(scheduler.next(lane, 0), Next::Wait);
}

fn complete(scheduler: &mut Scheduler, slot: SlotId) -> Option<Verdict> {
    scheduler.settle(slot, Outcome::Succeeded, 0)
}

fn fail(scheduler: &mut Scheduler, slot: SlotId) -> Option<Verdict> {
    scheduler.settle(slot, Outcome::Failed, 0)
}

// The limit.

#[test]
fn never_more_than_the_limit_run() {
    let mut scheduler = Scheduler::new(2);
    let [a, b] = [3, 3].map(|steps| open(&mut scheduler, steps));
    start(&mut scheduler, a);
    start(&mut scheduler, b);
    waits(&mut scheduler, a);
    waits(&mut scheduler, b);
    assert_eq!(scheduler.in_use(), 2);
}

#[test]
fn a_lane_keeps_its_own_limit() {
    let mut scheduler = Scheduler::new(5);
    let spec = LaneSpec {
        limit: 1,
        ..LaneSpec::new(3)
    };
    let lane = scheduler.open(spec, 0).unwrap();
    let first = start(&mut scheduler, lane);
    assert!(!scheduler.request(lane));
    assert_eq!(scheduler.next(lane, 0), Next::Leave);
    complete(&mut scheduler, first);
    start(&mut scheduler, lane);
    assert_eq!(scheduler.in_use(), 1);
}

#[test]
fn a_reserved_slot_counts_against_both_limits() {
    let mut scheduler = Scheduler::new(2);
    let spec = LaneSpec {
        limit: 2,
        ..LaneSpec::new(3)
    };
    let lane = scheduler.open(spec, 0).unwrap();
    start(&mut scheduler, lane);
    assert!(scheduler.request(lane));
    assert_eq!(scheduler.in_use(), 2);
    let other = open(&mut scheduler, 1);
    waits(&mut scheduler, other);
    start(&mut scheduler, lane);
    assert_eq!(scheduler.next(lane, 0), Next::Leave);
}

#[test]
fn a_limit_of_zero_pauses_and_a_higher_one_goes_on() {
    let mut scheduler = Scheduler::new(0);
    let lane = open(&mut scheduler, 1);
    waits(&mut scheduler, lane);
    scheduler.resize(1);
    assert_eq!(scheduler.take_wakes(), [lane]);
    start(&mut scheduler, lane);
}

#[test]
fn a_lane_that_waits_in_a_paused_pool_goes_on_when_it_is_resumed() {
    let mut scheduler = Scheduler::new(0);
    let slotless = vec![true, false];
    let spec = LaneSpec {
        slotless,
        ..LaneSpec::new(2)
    };
    let lane = scheduler.open(spec, 0).unwrap();
    start(&mut scheduler, lane);
    assert!(!scheduler.request(lane));
    scheduler.resize(1);
    assert_eq!(scheduler.take_wakes(), [lane]);
}

#[test]
fn a_lane_that_has_every_slot_gets_more_when_there_are_more() {
    let mut scheduler = Scheduler::new(1);
    let lane = open(&mut scheduler, 3);
    start(&mut scheduler, lane);
    assert!(!scheduler.request(lane));
    scheduler.resize(2);
    assert_eq!(scheduler.take_wakes(), [lane]);
    start(&mut scheduler, lane);
    assert_eq!(scheduler.in_use(), 2);
}

#[test]
fn a_resize_counts_the_spare_capacity() {
    let mut scheduler = Scheduler::new(3);
    let running = open(&mut scheduler, 3);
    let slots = [(); 3].map(|()| start(&mut scheduler, running));
    let waiting = [1, 1, 1].map(|steps| open(&mut scheduler, steps));
    for lane in waiting {
        waits(&mut scheduler, lane);
    }
    scheduler.resize(1);
    // One more than before, and still none to spare: three run.
    scheduler.resize(2);
    assert_eq!(scheduler.take_wakes(), []);
    complete(&mut scheduler, slots[0]);
    assert_eq!(scheduler.take_wakes(), []);
    complete(&mut scheduler, slots[1]);
    assert_eq!(scheduler.take_wakes(), [waiting[0]]);
    scheduler.resize(4);
    assert_eq!(scheduler.take_wakes(), [waiting[1], waiting[2]]);
    assert_eq!(scheduler.in_use(), 4);
}

// The line.

#[test]
fn a_freed_slot_goes_to_the_longest_waiter() {
    let mut scheduler = Scheduler::new(1);
    let [first, second, third] = [1, 1, 1].map(|steps| open(&mut scheduler, steps));
    let slot = start(&mut scheduler, first);
    waits(&mut scheduler, third);
    waits(&mut scheduler, second);
    waits(&mut scheduler, third);
    complete(&mut scheduler, slot);
    assert_eq!(scheduler.take_wakes(), [third]);
    let slot = start(&mut scheduler, third);
    complete(&mut scheduler, slot);
    assert_eq!(scheduler.take_wakes(), [second]);
}

#[test]
fn nobody_barges_past_the_line() {
    let mut scheduler = Scheduler::new(1);
    let [running, waiting, late] = [2, 1, 1].map(|steps| open(&mut scheduler, steps));
    let slot = start(&mut scheduler, running);
    waits(&mut scheduler, waiting);
    complete(&mut scheduler, slot);
    // The slot is the waiter's, although its worker has not come for it yet.
    waits(&mut scheduler, late);
    waits(&mut scheduler, running);
    assert!(!scheduler.request(running));
    start(&mut scheduler, waiting);
}

#[test]
fn no_lane_waits_for_another_lanes_backlog() {
    let mut scheduler = Scheduler::new(1);
    let [long, short] = [1_000, 1].map(|steps| open(&mut scheduler, steps));
    let slot = start(&mut scheduler, long);
    waits(&mut scheduler, short);
    waits(&mut scheduler, long);
    complete(&mut scheduler, slot);
    assert_eq!(scheduler.take_wakes(), [short]);
}

#[test]
fn a_closed_lane_passes_its_reserved_slot_on() {
    let mut scheduler = Scheduler::new(1);
    let [running, granted, next] = [1, 1, 1].map(|steps| open(&mut scheduler, steps));
    let slot = start(&mut scheduler, running);
    waits(&mut scheduler, granted);
    waits(&mut scheduler, next);
    complete(&mut scheduler, slot);
    scheduler.close(granted, Cause::Ended, 0);
    assert_eq!(scheduler.take_wakes(), [granted, next]);
    assert_eq!(scheduler.next(granted, 0), Next::Leave);
    start(&mut scheduler, next);
    assert_eq!(scheduler.in_use(), 1);
}

#[test]
fn a_closed_lane_leaves_the_line_as_if_it_had_never_stood_there() {
    let mut scheduler = Scheduler::new(1);
    let [running, cancelled, next] = [1, 1, 1].map(|steps| open(&mut scheduler, steps));
    let slot = start(&mut scheduler, running);
    waits(&mut scheduler, cancelled);
    waits(&mut scheduler, next);
    scheduler.close(cancelled, Cause::Ended, 0);
    complete(&mut scheduler, slot);
    assert_eq!(scheduler.take_wakes(), [next]);
    assert_eq!(scheduler.statistics().tally.skipped, 1);
}

#[test]
fn a_lane_with_nothing_left_gives_a_slot_it_cannot_use_to_the_next() {
    let mut scheduler = Scheduler::new(2);
    let [lane, other] = [3, 1].map(|steps| open(&mut scheduler, steps));
    let slots = [(); 2].map(|()| start(&mut scheduler, lane));
    waits(&mut scheduler, lane);
    waits(&mut scheduler, other);
    complete(&mut scheduler, slots[0]);
    assert_eq!(scheduler.take_wakes(), [lane]);
    scheduler.stop(lane);
    assert_eq!(scheduler.take_wakes(), [other]);
}

// The bounded queue.

#[test]
fn a_full_queue_refuses_without_any_effect() {
    let mut scheduler = Scheduler::new(1).with_queue(Some(1), WhenFull::Refuse);
    let running = scheduler.open(single(), 0).unwrap();
    let slot = start(&mut scheduler, running);
    let waiting = scheduler.open(single(), 0).unwrap();
    waits(&mut scheduler, waiting);
    let before = (
        scheduler.statistics(),
        scheduler.lanes(),
        scheduler.queue_length(),
    );
    assert_eq!(scheduler.open(single(), 0), Err(Overfull { queue_size: 1 }));
    let after = (
        scheduler.statistics(),
        scheduler.lanes(),
        scheduler.queue_length(),
    );
    assert_eq!(before, after);
    complete(&mut scheduler, slot);
    assert!(
        scheduler.open(single(), 0).is_ok(),
        "there is a place again"
    );
}

#[test]
fn a_groups_backlog_takes_no_place_in_the_queue() {
    let mut scheduler = Scheduler::new(1).with_queue(Some(1), WhenFull::Refuse);
    let group = open(&mut scheduler, 100);
    start(&mut scheduler, group);
    waits(&mut scheduler, group);
    assert!(scheduler.open(single(), 0).is_ok());
}

#[test]
fn a_caller_that_waits_outside_gets_the_next_place() {
    let mut scheduler = Scheduler::new(1).with_queue(Some(1), WhenFull::Wait);
    let [running, inside, outside] = [(); 3].map(|()| scheduler.open(single(), 0).unwrap());
    let slot = start(&mut scheduler, running);
    waits(&mut scheduler, inside);
    waits(&mut scheduler, outside);
    complete(&mut scheduler, slot);
    assert_eq!(scheduler.take_wakes(), [inside]);
    let slot = start(&mut scheduler, inside);
    complete(&mut scheduler, slot);
    assert_eq!(scheduler.take_wakes(), [outside]);
}

#[test]
fn a_single_that_waits_for_a_queue_without_places_is_not_passed_by_a_backlog() {
    let mut scheduler = Scheduler::new(1).with_queue(Some(0), WhenFull::Wait);
    let group = open(&mut scheduler, 1_000);
    let slot = start(&mut scheduler, group);
    let waiting = scheduler.open(single(), 0).unwrap();
    waits(&mut scheduler, waiting);
    waits(&mut scheduler, group);
    complete(&mut scheduler, slot);
    assert_eq!(scheduler.take_wakes(), [waiting]);
}

// The verdict.

#[test]
fn an_all_group_stops_at_the_first_failure() {
    let mut scheduler = Scheduler::new(2);
    let lane = open_joined(&mut scheduler, 5, 5, 1);
    let [one, other] = [(); 2].map(|()| start(&mut scheduler, lane));
    assert_eq!(fail(&mut scheduler, one), Some(Verdict::Failure));
    assert_eq!(scheduler.next(lane, 0), Next::Leave);
    assert_eq!(scheduler.queue_length(), 0);
    scheduler.settle(other, Outcome::Cancelled, 0);
    scheduler.close(lane, Cause::Ended, 0);
    let end = scheduler.statistics().tally;
    assert_eq!((end.failed, end.cancelled, end.skipped), (1, 1, 3));
}

#[test]
fn a_race_is_decided_once() {
    let mut scheduler = Scheduler::new(3);
    let lane = open_joined(&mut scheduler, 3, 1, 1);
    let [a, b, c] = [(); 3].map(|()| start(&mut scheduler, lane));
    assert_eq!(complete(&mut scheduler, b), Some(Verdict::Success));
    assert_eq!(complete(&mut scheduler, a), None);
    assert_eq!(fail(&mut scheduler, c), None);
    assert_eq!(scheduler.verdict(lane), Some(Verdict::Success));
}

#[test]
fn any_does_not_take_a_failure_for_the_first_success() {
    let mut scheduler = Scheduler::new(2);
    let lane = open_joined(&mut scheduler, 2, 1, 2);
    let [a, b] = [(); 2].map(|()| start(&mut scheduler, lane));
    assert_eq!(fail(&mut scheduler, a), None);
    assert_eq!(complete(&mut scheduler, b), Some(Verdict::Success));
}

#[test]
fn a_timed_out_step_counts_as_failed() {
    let mut scheduler = Scheduler::new(1);
    let lane = open_joined(&mut scheduler, 2, 2, 1);
    let slot = start(&mut scheduler, lane);
    let verdict = scheduler.settle(slot, Outcome::TimedOut, 0);
    assert_eq!(verdict, Some(Verdict::Failure));
    assert_eq!(scheduler.statistics().tally.timed_out, 1);
}

#[test]
fn a_tolerated_failure_does_not_stop_the_group() {
    let mut scheduler = Scheduler::new(1);
    let join = Join::new(Some(2), Some(1));
    let tolerated = vec![true, false];
    let spec = LaneSpec {
        join,
        tolerated,
        ..LaneSpec::new(2)
    };
    let lane = scheduler.open(spec, 0).unwrap();
    let slot = start(&mut scheduler, lane);
    assert_eq!(fail(&mut scheduler, slot), None);
    let slot = start(&mut scheduler, lane);
    assert_eq!(complete(&mut scheduler, slot), Some(Verdict::Success));
    assert_eq!(
        scheduler.states(lane),
        [StepState::Failed, StepState::Succeeded]
    );
}

#[test]
fn a_group_without_steps_is_decided_before_it_starts() {
    let mut scheduler = Scheduler::new(1);
    let lane = open_joined(&mut scheduler, 0, 0, 1);
    assert_eq!(scheduler.verdict(lane), Some(Verdict::Success));
    assert_eq!(scheduler.next(lane, 0), Next::Leave);
}

#[test]
fn a_decided_group_gives_its_reserved_slot_away() {
    let mut scheduler = Scheduler::new(2);
    let lane = open_joined(&mut scheduler, 3, 1, 3);
    let other = open(&mut scheduler, 2);
    let slot = start(&mut scheduler, lane);
    assert!(scheduler.request(lane));
    waits(&mut scheduler, other);
    complete(&mut scheduler, slot);
    assert_eq!(scheduler.take_wakes(), [other]);
    assert_eq!(scheduler.in_use(), 1);
}

// What a step came to.

#[test]
fn finished_work_is_never_reported_cancelled() {
    let mut scheduler = Scheduler::new(2);
    let lane = open(&mut scheduler, 2);
    let [finished, torn] = [(); 2].map(|()| start(&mut scheduler, lane));
    scheduler.stop(lane);
    // It was to be stopped, and had ended before that reached it.
    complete(&mut scheduler, finished);
    assert_eq!(
        scheduler.states(lane),
        [StepState::Succeeded, StepState::Running]
    );
    scheduler.settle(torn, Outcome::Cancelled, 0);
    scheduler.close(lane, Cause::Ended, 0);
    let end = scheduler.statistics().tally;
    assert_eq!((end.completed, end.cancelled), (1, 1));
}

#[test]
fn every_step_ends_in_exactly_one_state() {
    let mut scheduler = Scheduler::new(6);
    let lane = open(&mut scheduler, 7);
    let slots = [(); 5].map(|()| start(&mut scheduler, lane));
    complete(&mut scheduler, slots[0]);
    fail(&mut scheduler, slots[1]);
    scheduler.settle(slots[2], Outcome::TimedOut, 0);
    scheduler.settle(slots[3], Outcome::Cancelled, 0);
    // The fifth is torn away while it runs, two never start.
    scheduler.close(lane, Cause::Ended, 0);
    let end = scheduler.statistics().tally;
    let each = (
        end.completed,
        end.failed,
        end.timed_out,
        end.cancelled,
        end.skipped,
    );
    assert_eq!(each, (1, 1, 1, 2, 2));
    assert_eq!(end.submitted, 7);
    assert_eq!(scheduler.in_use(), 0);
}

#[test]
fn what_a_lanes_own_time_limit_stopped_has_timed_out() {
    let mut scheduler = Scheduler::new(1);
    let lane = open(&mut scheduler, 2);
    let slot = start(&mut scheduler, lane);
    scheduler.settle(slot, Outcome::Cancelled, 0);
    scheduler.close(lane, Cause::TimedOut, 0);
    let end = scheduler.statistics().tally;
    assert_eq!((end.timed_out, end.cancelled, end.skipped), (1, 0, 1));
}

#[test]
fn every_started_step_that_was_not_cancelled_has_a_running_time() {
    for (cause, run_ns) in [
        (Cause::TimedOut, 1 + 2 + 4 + 8 + 16),
        (Cause::Ended, 1 + 2 + 4),
    ] {
        let mut scheduler = Scheduler::new(5);
        let lane = open(&mut scheduler, 6);
        let slots = [(); 5].map(|()| start(&mut scheduler, lane));
        scheduler.settle(slots[0], Outcome::Succeeded, 1);
        scheduler.settle(slots[1], Outcome::Failed, 2);
        scheduler.settle(slots[2], Outcome::TimedOut, 4);
        scheduler.settle(slots[3], Outcome::Cancelled, 8);
        // The fifth is torn away while it runs, the sixth never starts.
        scheduler.close(lane, cause, 16);
        let end = scheduler.statistics().tally;
        assert_eq!(end.run.total_ns, run_ns, "{cause:?}");
        assert_eq!(end.run.count, end.completed + end.failed + end.timed_out);
        assert_eq!(end.skipped, 1);
    }
}

#[test]
fn closing_a_lane_that_still_runs_loses_no_slot() {
    let mut scheduler = Scheduler::new(2);
    let [torn, next] = [2, 2].map(|steps| open(&mut scheduler, steps));
    start(&mut scheduler, torn);
    start(&mut scheduler, torn);
    waits(&mut scheduler, next);
    scheduler.close(torn, Cause::Ended, 0);
    assert_eq!(scheduler.take_wakes(), [next]);
    start(&mut scheduler, next);
    start(&mut scheduler, next);
    assert_eq!(scheduler.in_use(), 2);
    assert_eq!(scheduler.holders().count(), 2);
}

#[test]
#[should_panic(expected = "a step is settled once")]
fn settling_twice_is_loud() {
    let mut scheduler = Scheduler::new(1);
    let lane = open(&mut scheduler, 1);
    let slot = start(&mut scheduler, lane);
    complete(&mut scheduler, slot);
    complete(&mut scheduler, slot);
}

#[test]
fn a_closed_lane_answers_quietly() {
    let mut scheduler = Scheduler::new(1);
    let lane = open(&mut scheduler, 1);
    scheduler.close(lane, Cause::Ended, 0);
    scheduler.close(lane, Cause::TimedOut, 0);
    scheduler.stop(lane);
    let successor = open(&mut scheduler, 2);
    assert_ne!(lane, successor);
    assert!(!scheduler.request(lane));
    assert_eq!(scheduler.next(lane, 0), Next::Leave);
    assert_eq!(scheduler.states(lane), []);
    assert_eq!(scheduler.take_overdue(lane, u64::MAX, 9), (vec![], None));
    assert_eq!(scheduler.statistics().tally.skipped, 1);
}

// Windows and tallies.

const SECOND: u64 = 1_000_000_000;

/// A lane of one step that waits for 1 ns and runs for 2, and then is closed.
fn run_one(scheduler: &mut Scheduler, from_ns: u64) {
    let lane = scheduler.open(LaneSpec::new(1), from_ns).unwrap();
    let Next::Start { slot, .. } = scheduler.next(lane, from_ns + 1) else {
        panic!("it starts")
    };
    scheduler.settle(slot, Outcome::Succeeded, from_ns + 3);
    scheduler.close(lane, Cause::Ended, from_ns + 3);
}

#[test]
fn a_window_holds_the_seconds_that_reach_into_it_and_no_others() {
    let mut scheduler = Scheduler::new(1);
    (0..5).for_each(|second| run_one(&mut scheduler, second * SECOND));
    let now_ns = 4 * SECOND + 3;
    for (window_ns, expected) in [
        (1, 1),
        (4, 2),
        (SECOND, 2),
        (SECOND + 4, 3),
        (9 * SECOND, 5),
    ] {
        let last = scheduler.window(window_ns, now_ns).tally;
        assert_eq!(last.completed, expected, "{window_ns}");
        assert_eq!(last.wait.total_ns, u128::from(expected));
        assert_eq!(last.run.total_ns, 2 * u128::from(expected));
        assert_eq!(last.run.longest_ns, 2);
    }
    let later = scheduler.window(SECOND, now_ns + 2 * SECOND);
    assert_eq!(later, Default::default(), "also the latest second passes");
}

#[test]
fn the_longest_of_a_window_is_its_own() {
    let mut statistics = Statistics::default();
    for (now_ns, run_ns) in [(0, 500), (SECOND, 5), (2 * SECOND, 50)] {
        statistics.ended(Outcome::Succeeded, run_ns, now_ns);
    }
    assert_eq!(statistics.window(1, 2 * SECOND).tally.run.longest_ns, 50);
    assert_eq!(
        statistics.window(SECOND, 2 * SECOND).tally.run.longest_ns,
        50
    );
    assert_eq!(
        statistics
            .window(3 * SECOND, 2 * SECOND)
            .tally
            .run
            .longest_ns,
        500
    );
    assert_eq!(statistics.snapshot().tally.run.longest_ns, 500);
}

#[test]
fn another_clock_ends_all_windows_and_loses_nothing_else() {
    let mut scheduler = Scheduler::new(1);
    (0..3).for_each(|second| run_one(&mut scheduler, (1_000 + second) * SECOND));
    scheduler.change_clock();
    assert_eq!(scheduler.window(600 * SECOND, 0), Default::default());
    run_one(&mut scheduler, 0);
    assert_eq!(scheduler.window(600 * SECOND, 5).tally.completed, 1);
    assert_eq!(scheduler.statistics().tally.completed, 4);
    assert_eq!(scheduler.statistics().tally.run.count, 4);
}

#[test]
fn a_clock_that_goes_back_a_little_loses_nothing() {
    let mut statistics = Statistics::default();
    for now_ns in [5 * SECOND, 5 * SECOND - 1, 6 * SECOND, 5 * SECOND + 2] {
        statistics.started(1, now_ns);
    }
    assert_eq!(
        statistics.window(9 * SECOND, 6 * SECOND).tally.wait.count,
        4
    );
    assert_eq!(statistics.snapshot().tally.wait.count, 4);
}

#[test]
fn a_lanes_tally_is_its_own_and_says_at_the_end_what_became_of_each_step() {
    let mut scheduler = Scheduler::new(4);
    let [lane, other] = [4, 1].map(|steps| open(&mut scheduler, steps));
    let slots = [(); 3].map(|()| start(&mut scheduler, lane));
    start(&mut scheduler, other);
    scheduler.settle(slots[0], Outcome::Succeeded, 5);
    scheduler.settle(slots[1], Outcome::Cancelled, 9);
    let open = scheduler.tally(lane).unwrap();
    assert_eq!((open.submitted, open.completed, open.cancelled), (4, 1, 0));
    assert_eq!((open.wait.count, open.run.total_ns), (3, 5));
    assert_eq!(scheduler.holding(lane), 1);
    let end = scheduler.close(lane, Cause::TimedOut, 10).unwrap();
    assert_eq!((end.completed, end.timed_out, end.skipped), (1, 2, 1));
    assert_eq!((end.run.total_ns, end.run.longest_ns), (5 + 9 + 10, 10));
    assert_eq!(scheduler.tally(lane), None);
    assert_eq!(scheduler.tally(other).unwrap().wait.count, 1);
}

// Graphs and steps without a slot.

#[test]
fn a_step_waits_for_all_it_depends_on_and_is_timed_from_then() {
    let mut scheduler = Scheduler::new(2);
    let graph = Some(Graph::new(&[vec![], vec![], vec![0, 1]]).unwrap());
    let lane = scheduler
        .open(
            LaneSpec {
                graph,
                ..LaneSpec::new(3)
            },
            0,
        )
        .unwrap();
    let [a, b] = [(); 2].map(|()| start(&mut scheduler, lane));
    scheduler.settle(a, Outcome::Succeeded, 5);
    assert_eq!(scheduler.next(lane, 5), Next::Leave);
    scheduler.settle(b, Outcome::Succeeded, 7);
    assert!(matches!(
        scheduler.next(lane, 10),
        Next::Start { step: 2, .. }
    ));
    assert_eq!(scheduler.submitted_ns(lane, 2), 7);
    assert_eq!(scheduler.statistics().tally.wait.total_ns, 3);
}

#[test]
fn what_depends_on_a_failed_step_is_skipped() {
    let mut scheduler = Scheduler::new(1);
    let graph = Some(Graph::new(&[vec![], vec![0]]).unwrap());
    let lane = scheduler
        .open(
            LaneSpec {
                graph,
                ..LaneSpec::new(2)
            },
            0,
        )
        .unwrap();
    let slot = start(&mut scheduler, lane);
    fail(&mut scheduler, slot);
    assert_eq!(scheduler.next(lane, 0), Next::Leave);
    scheduler.close(lane, Cause::Ended, 0);
    assert_eq!(scheduler.statistics().tally.skipped, 1);
}

#[test]
fn a_step_without_a_slot_runs_above_the_limit_and_counts_nowhere() {
    let mut scheduler = Scheduler::new(0);
    let slotless = vec![true];
    let lane = scheduler
        .open(
            LaneSpec {
                slotless,
                ..LaneSpec::new(1)
            },
            0,
        )
        .unwrap();
    let slot = start(&mut scheduler, lane);
    assert_eq!(scheduler.in_use(), 0);
    complete(&mut scheduler, slot);
    scheduler.close(lane, Cause::Ended, 0);
    assert_eq!(scheduler.statistics(), Default::default());
}

// Time limits.

#[test]
fn an_overdue_worker_is_named_once_and_earliest_first() {
    let mut scheduler = Scheduler::new(4);
    let lane = open(&mut scheduler, 3);
    let slots = [(); 3].map(|()| start(&mut scheduler, lane));
    assert!(scheduler.arm(slots[0], 0, 30));
    assert!(scheduler.arm(slots[1], 1, 10));
    let early_enough = !scheduler.arm(slots[2], 2, 40);
    assert!(early_enough, "the look at 10 finds it");
    let mut take = |now| scheduler.take_overdue(lane, now, usize::MAX);
    assert_eq!(take(9), (vec![], Some(10)));
    assert_eq!(take(30), (vec![1, 0], Some(40)));
    assert_eq!(take(u64::MAX), (vec![2], None));
    assert_eq!(take(u64::MAX), (vec![], None));
}

#[test]
fn overdue_workers_come_in_parts_that_are_in_the_same_order() {
    let mut scheduler = Scheduler::new(4);
    let lane = open(&mut scheduler, 4);
    let slots = [(); 4].map(|()| start(&mut scheduler, lane));
    for (worker, deadline) in [40, 10, 30, 20].into_iter().enumerate() {
        scheduler.arm(slots[worker], worker as u32, deadline);
    }
    // Its alarm stays where it was, before that of the others.
    scheduler.arm(slots[1], 1, 35);
    assert_eq!(scheduler.take_overdue(lane, 35, 2), (vec![3, 2], Some(35)));
    assert_eq!(scheduler.take_overdue(lane, 35, 2), (vec![1], Some(40)));
}

#[test]
fn a_step_that_ended_in_time_is_never_overdue() {
    let mut scheduler = Scheduler::new(1);
    let lane = open(&mut scheduler, 2);
    let slot = start(&mut scheduler, lane);
    scheduler.arm(slot, 0, 10);
    complete(&mut scheduler, slot);
    assert_eq!(scheduler.take_overdue(lane, u64::MAX, 9), (vec![], None));
}

// Loans.

#[test]
fn a_step_that_waits_for_its_own_steps_lends_them_its_slot() {
    let mut scheduler = Scheduler::new(1);
    let outer = open(&mut scheduler, 1);
    let parent = start(&mut scheduler, outer);
    let inner = open_child(&mut scheduler, parent, 2);
    let child = start(&mut scheduler, inner);
    assert_eq!(scheduler.in_use(), 1, "a lent slot counts once");
    waits(&mut scheduler, inner);
    complete(&mut scheduler, child);
    assert_eq!(scheduler.take_wakes(), [inner]);
}

#[test]
fn a_lent_slot_goes_to_the_lenders_steps_not_to_the_line() {
    let mut scheduler = Scheduler::new(1);
    let [outer, stranger] = [1, 1].map(|steps| open(&mut scheduler, steps));
    let parent = start(&mut scheduler, outer);
    waits(&mut scheduler, stranger);
    let [first, second] = [1, 1].map(|steps| open_child(&mut scheduler, parent, steps));
    let child = start(&mut scheduler, first);
    waits(&mut scheduler, second);
    complete(&mut scheduler, child);
    assert_eq!(scheduler.take_wakes(), [second]);
    let child = start(&mut scheduler, second);
    complete(&mut scheduler, child);
    assert_eq!(scheduler.take_wakes(), [], "the lender has it back");
    complete(&mut scheduler, parent);
    assert_eq!(scheduler.take_wakes(), [stranger]);
}

#[test]
fn a_step_that_ends_while_its_slot_is_lent_hands_the_slot_on() {
    let mut scheduler = Scheduler::new(1);
    let [outer, stranger] = [1, 1].map(|steps| open(&mut scheduler, steps));
    let parent = start(&mut scheduler, outer);
    let inner = open_child(&mut scheduler, parent, 1);
    let child = start(&mut scheduler, inner);
    waits(&mut scheduler, stranger);
    scheduler.settle(parent, Outcome::Cancelled, 0);
    assert_eq!(scheduler.take_wakes(), []);
    assert_eq!(scheduler.in_use(), 1);
    complete(&mut scheduler, child);
    assert_eq!(scheduler.take_wakes(), [stranger]);
}

#[test]
fn a_lender_that_ends_hands_a_reserved_slot_on_too() {
    let mut scheduler = Scheduler::new(1);
    let [outer, stranger] = [1, 1].map(|steps| open(&mut scheduler, steps));
    let parent = start(&mut scheduler, outer);
    let inner = open_child(&mut scheduler, parent, 1);
    assert!(scheduler.request(inner));
    waits(&mut scheduler, stranger);
    scheduler.settle(parent, Outcome::Cancelled, 0);
    assert_eq!(scheduler.take_wakes(), []);
    scheduler.close(inner, Cause::Ended, 0);
    assert_eq!(scheduler.take_wakes(), [stranger]);
    assert_eq!(scheduler.in_use(), 1);
}

#[test]
fn a_lender_in_the_middle_passes_the_loan_to_its_own_borrower() {
    let mut scheduler = Scheduler::new(1);
    let outer = open(&mut scheduler, 1);
    let top = start(&mut scheduler, outer);
    let [middles, others] = [1, 1].map(|steps| open_child(&mut scheduler, top, steps));
    let middle = start(&mut scheduler, middles);
    let bottoms = open_child(&mut scheduler, middle, 1);
    let bottom = start(&mut scheduler, bottoms);
    waits(&mut scheduler, others);
    scheduler.settle(middle, Outcome::Cancelled, 0);
    assert_eq!(scheduler.take_wakes(), [], "the bottom one has it");
    complete(&mut scheduler, bottom);
    assert_eq!(scheduler.take_wakes(), [others]);
    let other = start(&mut scheduler, others);
    complete(&mut scheduler, other);
    complete(&mut scheduler, top);
    assert_eq!(scheduler.in_use(), 0);
}

#[test]
fn a_step_without_a_slot_passes_the_loan_of_the_step_above_it_on() {
    let mut scheduler = Scheduler::new(1);
    let outer = open(&mut scheduler, 1);
    let top = start(&mut scheduler, outer);
    let slotless = vec![true];
    let spec = LaneSpec {
        slotless,
        parent: Some(top),
        ..LaneSpec::new(1)
    };
    let groups = scheduler.open(spec, 0).unwrap();
    let group = start(&mut scheduler, groups);
    let members = open_child(&mut scheduler, group, 1);
    let member = start(&mut scheduler, members);
    complete(&mut scheduler, member);
    complete(&mut scheduler, group);
    complete(&mut scheduler, top);
    assert_eq!(scheduler.in_use(), 0);
}

#[test]
fn a_single_that_can_borrow_needs_no_place_in_the_queue() {
    let mut scheduler = Scheduler::new(1).with_queue(Some(0), WhenFull::Refuse);
    let outer = scheduler.open(single(), 0).unwrap();
    let parent = start(&mut scheduler, outer);
    let spec = LaneSpec {
        parent: Some(parent),
        ..single()
    };
    let inner = scheduler.open(spec, 0).unwrap();
    start(&mut scheduler, inner);
    let spec = LaneSpec {
        parent: Some(parent),
        ..single()
    };
    assert_eq!(scheduler.open(spec, 0), Err(Overfull { queue_size: 0 }));
}

/// A step, below it one that ends early, below that a lane that it leaves behind.
fn left_behind(scheduler: &mut Scheduler, asks_before: bool) -> (SlotId, LaneId, [SlotId; 2]) {
    let outer = open(scheduler, 1);
    let top = start(scheduler, outer);
    let middles = open_child(scheduler, top, 1);
    let middle = start(scheduler, middles);
    let [busy, left] = [1, 1].map(|steps| open_child(scheduler, middle, steps));
    let borrower = start(scheduler, busy);
    if asks_before {
        waits(scheduler, left);
    }
    (middle, left, [top, borrower])
}

#[test]
fn steps_left_behind_borrow_from_the_next_step_outwards() {
    let mut scheduler = Scheduler::new(1);
    let (middle, left, [top, borrower]) = left_behind(&mut scheduler, false);
    complete(&mut scheduler, borrower);
    complete(&mut scheduler, middle);
    // The top step waits for them: without its slot they would wait for it, and it for them.
    let slot = start(&mut scheduler, left);
    complete(&mut scheduler, slot);
    complete(&mut scheduler, top);
    assert_eq!(scheduler.in_use(), 0);
}

#[test]
fn steps_left_behind_in_line_stand_in_line_for_the_next_loan() {
    let mut scheduler = Scheduler::new(1);
    let (middle, left, [top, borrower]) = left_behind(&mut scheduler, true);
    complete(&mut scheduler, middle);
    assert_eq!(scheduler.take_wakes(), [], "the borrower keeps the slot");
    complete(&mut scheduler, borrower);
    assert_eq!(scheduler.take_wakes(), [left]);
    let slot = start(&mut scheduler, left);
    complete(&mut scheduler, slot);
    complete(&mut scheduler, top);
    assert_eq!(scheduler.in_use(), 0);
}

#[test]
fn steps_left_behind_take_a_loan_that_lies_idle_at_once() {
    let mut scheduler = Scheduler::new(2);
    let outer = open(&mut scheduler, 1);
    let top = start(&mut scheduler, outer);
    let middles = open_child(&mut scheduler, top, 2);
    let [with_loan, with_own] = [(); 2].map(|()| start(&mut scheduler, middles));
    complete(&mut scheduler, with_loan);
    let [busy, left] = [1, 1].map(|steps| open_child(&mut scheduler, with_own, steps));
    let borrower = start(&mut scheduler, busy);
    waits(&mut scheduler, left);
    complete(&mut scheduler, with_own);
    assert_eq!(scheduler.take_wakes(), [left]);
    let slot = start(&mut scheduler, left);
    for slot in [slot, borrower, top] {
        complete(&mut scheduler, slot);
    }
    assert_eq!(scheduler.in_use(), 0);
}

#[test]
fn a_lane_that_is_served_as_its_lender_ends_is_not_served_twice() {
    let mut scheduler = Scheduler::new(3);
    let [outer, other] = [1, 1].map(|steps| open(&mut scheduler, steps));
    let top = start(&mut scheduler, outer);
    let (join, parent) = (Join::new(Some(1), None), Some(top));
    let spec = LaneSpec {
        join,
        parent,
        ..LaneSpec::new(3)
    };
    let deciding = scheduler.open(spec, 0).unwrap();
    let decider = start(&mut scheduler, deciding);
    assert!(scheduler.request(deciding));
    start(&mut scheduler, other);
    let [busy, left] = [1, 1].map(|steps| open_child(&mut scheduler, decider, steps));
    let borrower = start(&mut scheduler, busy);
    waits(&mut scheduler, left);
    // The decided lane's reserved slot goes to the lane that the decider was to lend to.
    assert_eq!(complete(&mut scheduler, decider), Some(Verdict::Success));
    assert_eq!(scheduler.take_wakes(), [left]);
    start(&mut scheduler, left);
    complete(&mut scheduler, borrower);
    assert_eq!(scheduler.take_wakes(), []);
}

// A fed lane.

fn open_fed(scheduler: &mut Scheduler, places: u32) -> LaneId {
    let spec = LaneSpec {
        is_fed: true,
        ..LaneSpec::new(places)
    };
    scheduler.open(spec, 0).unwrap()
}

#[test]
fn a_fed_lane_starts_what_comes_in_in_its_order_and_uses_places_again() {
    let mut scheduler = Scheduler::new(1);
    let lane = open_fed(&mut scheduler, 2);
    for round in 0..3 {
        scheduler.feed(lane, 1, round);
        scheduler.feed(lane, 0, round);
        assert_eq!(scheduler.queue_length(), 2);
        for place in [1, 0] {
            let Next::Start { step, slot } = scheduler.next(lane, round + 5) else {
                panic!("a step has come in");
            };
            assert_eq!(step, place);
            assert_eq!(scheduler.times_ns(slot), Some((5, round + 5)));
            complete(&mut scheduler, slot);
        }
    }
    scheduler.close(lane, Cause::Ended, 9);
    let statistics = scheduler.statistics();
    assert_eq!(
        (statistics.tally.submitted, statistics.tally.skipped),
        (6, 0)
    );
}

#[test]
fn a_worker_of_a_fed_lane_waits_while_there_is_no_step_and_leaves_when_none_can_come() {
    let mut scheduler = Scheduler::new(1);
    let lane = open_fed(&mut scheduler, 1);
    waits(&mut scheduler, lane);
    assert!(!scheduler.is_exhausted(lane));
    scheduler.feed(lane, 0, 0);
    assert!(scheduler.request(lane), "a slot is reserved for it");
    scheduler.end_feed(lane);
    assert!(!scheduler.is_exhausted(lane));
    let slot = start(&mut scheduler, lane);
    assert!(scheduler.is_exhausted(lane));
    complete(&mut scheduler, slot);
    assert_eq!(scheduler.next(lane, 0), Next::Leave);
}

#[test]
fn a_fed_lane_waits_in_line_like_any_other() {
    let mut scheduler = Scheduler::new(1);
    let other = open(&mut scheduler, 1);
    let slot = start(&mut scheduler, other);
    let lane = open_fed(&mut scheduler, 1);
    scheduler.feed(lane, 0, 0);
    assert!(!scheduler.request(lane));
    complete(&mut scheduler, slot);
    assert_eq!(scheduler.take_wakes(), [lane]);
    start(&mut scheduler, lane);
}

fn open_fed_again(scheduler: &mut Scheduler, places: u32) -> LaneId {
    let retry = Retry {
        attempts: Some(2),
        wait_initial_ns: 10,
        wait_max_ns: 10,
        wait_jitter_ns: 0,
        wait_exp_base: 1.0,
        timeout_ns: Some(30),
    };
    let spec = LaneSpec {
        is_fed: true,
        retry: Some(retry),
        ..LaneSpec::new(places)
    };
    scheduler.open(spec, 0).unwrap()
}

fn start_at(scheduler: &mut Scheduler, lane: LaneId, now_ns: u64) -> SlotId {
    match scheduler.next(lane, now_ns) {
        Next::Start { slot, .. } => slot,
        other => panic!("nothing starts: {other:?}"),
    }
}

#[test]
fn a_step_that_comes_to_a_place_has_all_its_attempts_and_all_its_time() {
    let mut scheduler = Scheduler::new(1);
    let lane = open_fed_again(&mut scheduler, 1);
    for round in 0..3 {
        let from = round * 1000;
        scheduler.feed(lane, 0, from);
        let slot = start_at(&mut scheduler, lane, from + 1);
        assert_eq!(scheduler.times_ns(slot), Some((1, from + 1)));
        assert_eq!(scheduler.attempt(lane, 0), 1);
        assert_eq!(scheduler.attempt_limit_ns(slot), Some((30, true)));
        assert_eq!(
            scheduler.retry(slot, None, 0.0, from + 5),
            Some(Attempt::At { at_ns: from + 15 })
        );
        let waits = Next::WaitUntil { at_ns: from + 15 };
        assert_eq!(scheduler.next(lane, from + 5), waits);
        scheduler.woke(lane, from + 15);
        let slot = start_at(&mut scheduler, lane, from + 15);
        assert_eq!(scheduler.attempt(lane, 0), 2);
        assert_eq!(scheduler.retry(slot, None, 0.0, from + 20), None);
        scheduler.settle(slot, Outcome::Failed, from + 20);
        assert_eq!(scheduler.attempt(lane, 0), 2, "until another step comes");
    }
    let end = scheduler.close(lane, Cause::Ended, 9000).unwrap();
    assert_eq!((end.submitted, end.failed, end.retried), (3, 3, 3));
}

#[test]
fn a_fed_lane_that_has_ended_its_feed_is_not_exhausted_while_an_attempt_waits() {
    let mut scheduler = Scheduler::new(1);
    let lane = open_fed_again(&mut scheduler, 2);
    scheduler.feed(lane, 0, 0);
    let slot = start_at(&mut scheduler, lane, 0);
    scheduler.retry(slot, None, 0.0, 5);
    scheduler.end_feed(lane);
    assert!(!scheduler.is_exhausted(lane));
    assert_eq!(scheduler.next(lane, 5), Next::WaitUntil { at_ns: 15 });
    assert_eq!(scheduler.next(lane, 5), Next::Leave, "one sleeps for it");
    scheduler.woke(lane, 15);
    let slot = start_at(&mut scheduler, lane, 15);
    assert!(scheduler.is_exhausted(lane));
    scheduler.settle(slot, Outcome::Succeeded, 16);
    assert_eq!(scheduler.next(lane, 16), Next::Leave);
}

#[test]
fn a_fed_lane_that_is_stopped_stops_the_attempts_that_wait() {
    let mut scheduler = Scheduler::new(2);
    let lane = open_fed_again(&mut scheduler, 3);
    for place in 0..3 {
        scheduler.feed(lane, place, 0);
    }
    let slots = [(); 2].map(|()| start_at(&mut scheduler, lane, 0));
    scheduler.retry(slots[0], None, 0.0, 5);
    scheduler.retry(slots[1], Some(1), 0.0, 5);
    scheduler.stop(lane);
    assert_eq!(scheduler.next(lane, 100), Next::Leave);
    assert_eq!((scheduler.queue_length(), scheduler.in_use()), (0, 0));
    let end = scheduler.close(lane, Cause::Ended, 100).unwrap();
    assert_eq!((end.cancelled, end.skipped, end.retried), (2, 1, 2));
}

#[test]
fn nothing_comes_into_a_fed_lane_that_was_stopped() {
    let mut scheduler = Scheduler::new(1);
    let lane = open_fed(&mut scheduler, 2);
    scheduler.feed(lane, 0, 0);
    scheduler.stop(lane);
    scheduler.feed(lane, 1, 0);
    assert_eq!(scheduler.next(lane, 0), Next::Leave);
    assert_eq!(scheduler.queue_length(), 0);
    scheduler.close(lane, Cause::Ended, 0);
    assert_eq!(scheduler.statistics().tally.skipped, 1);
    assert_eq!(scheduler.in_use(), 0);
}

fn open_fed_and_tried(scheduler: &mut Scheduler, limit: u32) -> LaneId {
    let retry = Retry {
        attempts: Some(2),
        wait_initial_ns: 0,
        wait_max_ns: 0,
        wait_jitter_ns: 0,
        wait_exp_base: 1.0,
        timeout_ns: None,
    };
    let spec = LaneSpec {
        is_fed: true,
        retry: Some(retry),
        limit,
        ..LaneSpec::new(2)
    };
    scheduler.open(spec, 0).unwrap()
}

#[test]
fn a_step_at_a_place_used_again_has_all_its_attempts() {
    let mut scheduler = Scheduler::new(1);
    let lane = open_fed_and_tried(&mut scheduler, 1);
    for _ in 0..2 {
        scheduler.feed(lane, 0, 0);
        let first = start(&mut scheduler, lane);
        assert_eq!(scheduler.attempt(lane, 0), 1);
        assert_eq!(
            scheduler.retry(first, None, 0.0, 0),
            Some(Attempt::At { at_ns: 0 })
        );
        let second = start(&mut scheduler, lane);
        assert_eq!(scheduler.retry(second, None, 0.0, 0), None);
        complete(&mut scheduler, second);
    }
}

#[test]
fn a_worker_of_a_fed_lane_leaves_while_its_limit_keeps_an_attempt_from_starting() {
    let mut scheduler = Scheduler::new(2);
    let lane = open_fed_and_tried(&mut scheduler, 1);
    scheduler.feed(lane, 0, 0);
    let slot = start(&mut scheduler, lane);
    scheduler.feed(lane, 1, 0);
    assert_eq!(
        scheduler.retry(slot, Some(1), 0.0, 0),
        Some(Attempt::At { at_ns: 1 })
    );
    start(&mut scheduler, lane);
    assert!(matches!(
        scheduler.next(lane, 0),
        Next::WaitUntil { at_ns: 1 }
    ));
    // The attempt may start by its time, and the worker of the step that runs asks for it.
    assert_eq!(scheduler.next(lane, 1), Next::Leave);
}
