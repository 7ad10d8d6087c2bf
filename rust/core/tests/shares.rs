//! Shares of the pool, a pool that is paused, and a queue that is changed: one sentence a test.

use hocket_core::{Cause, LaneId, LaneSpec, Next, Outcome, Overfull, Scheduler, SlotId, WhenFull};

fn open(scheduler: &mut Scheduler, spec: LaneSpec) -> LaneId {
    scheduler.open(spec, 0).unwrap()
}

fn lane(steps: u32) -> LaneSpec {
    LaneSpec::new(steps)
}

fn shared(steps: u32, share: u32) -> LaneSpec {
    LaneSpec {
        share: Some(share),
        ..lane(steps)
    }
}

fn below(parent: SlotId, spec: LaneSpec) -> LaneSpec {
    LaneSpec {
        parent: Some(parent),
        ..spec
    }
}

fn single() -> LaneSpec {
    LaneSpec {
        bounded: true,
        ..lane(1)
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

fn complete(scheduler: &mut Scheduler, slot: SlotId) {
    scheduler.settle(slot, Outcome::Succeeded, 0);
}

// Shares.

#[test]
fn a_lane_takes_no_more_of_the_pool_than_its_share() {
    let mut scheduler = Scheduler::new(5);
    let narrow = open(&mut scheduler, shared(4, 2));
    let slots = [(); 2].map(|()| start(&mut scheduler, narrow));
    waits(&mut scheduler, narrow);
    let other = open(&mut scheduler, lane(3));
    let _others = [(); 3].map(|()| start(&mut scheduler, other));
    complete(&mut scheduler, slots[0]);
    assert_eq!(scheduler.take_wakes(), [narrow]);
    start(&mut scheduler, narrow);
    waits(&mut scheduler, narrow);
}

#[test]
fn what_a_lanes_steps_open_is_within_its_share_at_any_depth() {
    let mut scheduler = Scheduler::new(9);
    let top = open(&mut scheduler, shared(2, 3));
    let [a, b] = [(); 2].map(|()| start(&mut scheduler, top));
    let under_a = open(&mut scheduler, below(a, lane(9)));
    let borrowed = start(&mut scheduler, under_a);
    let claimed = start(&mut scheduler, under_a);
    assert_eq!(scheduler.in_use(), 3, "a lent slot counts once");
    waits(&mut scheduler, under_a);
    let deep = open(&mut scheduler, below(borrowed, lane(9)));
    start(&mut scheduler, deep);
    waits(&mut scheduler, deep);
    complete(&mut scheduler, claimed);
    assert_eq!(scheduler.take_wakes(), [under_a], "it has waited longer");
    complete(&mut scheduler, b);
    assert_eq!(scheduler.take_wakes(), [deep]);
    assert_eq!(scheduler.in_use(), 3);
}

#[test]
fn steps_without_a_slot_are_within_their_lanes_share() {
    let mut scheduler = Scheduler::new(9);
    let spec = LaneSpec {
        slotless: vec![true, true],
        ..shared(2, 2)
    };
    let workflow = open(&mut scheduler, spec);
    let groups = [(); 2].map(|()| {
        let step = start(&mut scheduler, workflow);
        open(&mut scheduler, below(step, lane(9)))
    });
    let slot = start(&mut scheduler, groups[0]);
    start(&mut scheduler, groups[1]);
    for group in groups {
        waits(&mut scheduler, group);
    }
    complete(&mut scheduler, slot);
    assert_eq!(scheduler.take_wakes(), [groups[0]]);
}

#[test]
fn a_share_within_a_share_keeps_to_both() {
    let mut scheduler = Scheduler::new(9);
    let spec = LaneSpec {
        slotless: vec![true, false, false, false],
        ..shared(4, 2)
    };
    let outer = open(&mut scheduler, spec);
    let parent = start(&mut scheduler, outer);
    let inner = open(&mut scheduler, below(parent, shared(9, 1)));
    let slot = start(&mut scheduler, inner);
    waits(&mut scheduler, inner);
    let taken = start(&mut scheduler, outer);
    waits(&mut scheduler, outer);
    complete(&mut scheduler, slot);
    assert_eq!(scheduler.take_wakes(), [outer]);
    start(&mut scheduler, outer);
    complete(&mut scheduler, taken);
    assert_eq!(scheduler.take_wakes(), [inner]);
}

#[test]
fn no_lane_keeps_a_slot_past_another_one_of_its_share() {
    let mut scheduler = Scheduler::new(9);
    let spec = LaneSpec {
        slotless: vec![true, true],
        ..shared(2, 1)
    };
    let workflow = open(&mut scheduler, spec);
    let [long, short] = [1_000, 1].map(|steps| {
        let step = start(&mut scheduler, workflow);
        open(&mut scheduler, below(step, lane(steps)))
    });
    let slot = start(&mut scheduler, long);
    waits(&mut scheduler, short);
    let (_, next) = scheduler.settle_and_next(slot, Outcome::Succeeded, 0);
    assert_eq!(next, Next::Wait);
    assert_eq!(scheduler.take_wakes(), [short]);
}

#[test]
fn where_nobody_waits_a_share_is_passed_on_from_step_to_step() {
    let mut scheduler = Scheduler::new(9);
    let narrow = open(&mut scheduler, shared(3, 1));
    let slot = start(&mut scheduler, narrow);
    let (_, next) = scheduler.settle_and_next(slot, Outcome::Succeeded, 0);
    assert!(matches!(next, Next::Start { step: 1, .. }));
    waits(&mut scheduler, narrow);
}

#[test]
fn a_share_binds_those_that_are_left_when_its_lane_has_closed() {
    let mut scheduler = Scheduler::new(9);
    let owner = open(&mut scheduler, shared(1, 1));
    let parent = start(&mut scheduler, owner);
    let left = open(&mut scheduler, below(parent, lane(3)));
    let slot = start(&mut scheduler, left);
    waits(&mut scheduler, left);
    scheduler.close(owner, Cause::Ended, 0);
    assert_eq!((scheduler.in_use(), scheduler.shares()), (1, 1));
    assert_eq!(scheduler.take_wakes(), []);
    complete(&mut scheduler, slot);
    assert_eq!(scheduler.take_wakes(), [left]);
    scheduler.close(left, Cause::Ended, 0);
    assert_eq!((scheduler.in_use(), scheduler.shares()), (0, 0));
}

#[test]
fn who_gives_up_in_line_gives_its_claim_to_the_next() {
    let mut scheduler = Scheduler::new(1);
    let busy = open(&mut scheduler, lane(1));
    let slot = start(&mut scheduler, busy);
    let spec = LaneSpec {
        slotless: vec![true, true],
        ..shared(2, 1)
    };
    let workflow = open(&mut scheduler, spec);
    let [first, second] = [(); 2].map(|()| {
        let step = start(&mut scheduler, workflow);
        open(&mut scheduler, below(step, lane(1)))
    });
    waits(&mut scheduler, first);
    waits(&mut scheduler, second);
    scheduler.close(first, Cause::Ended, 0);
    complete(&mut scheduler, slot);
    assert_eq!(scheduler.take_wakes(), [second]);
}

/// A lane of one step without a slot and with a share of one; the step, to open lanes below.
fn narrow(scheduler: &mut Scheduler) -> SlotId {
    let spec = LaneSpec {
        slotless: vec![true],
        ..shared(1, 1)
    };
    let lane = open(scheduler, spec);
    start(scheduler, lane)
}

#[test]
fn calls_that_wait_for_their_share_take_no_place_in_the_queue() {
    let mut scheduler = Scheduler::new(2).with_queue(Some(1), WhenFull::Refuse);
    let parent = narrow(&mut scheduler);
    let within = [(); 5].map(|()| open(&mut scheduler, below(parent, single())));
    let busy = open(&mut scheduler, single());
    let slot = start(&mut scheduler, busy);
    let queued = open(&mut scheduler, single());
    assert_eq!(scheduler.open(single(), 0), Err(Overfull { queue_size: 1 }));
    complete(&mut scheduler, slot);
    assert_eq!(scheduler.take_wakes(), [queued]);
    waits(&mut scheduler, within[1]);
}

#[test]
fn a_call_that_would_wait_for_its_share_is_refused_while_the_queue_is_full() {
    let mut scheduler = Scheduler::new(9).with_queue(Some(0), WhenFull::Refuse);
    let parent = narrow(&mut scheduler);
    open(&mut scheduler, below(parent, single()));
    let refused = scheduler.open(below(parent, single()), 0);
    assert_eq!(refused, Err(Overfull { queue_size: 0 }));
    assert!(
        scheduler.open(single(), 0).is_ok(),
        "others need not wait, and so need no place"
    );
}

#[test]
fn a_call_that_finds_the_queue_full_when_its_share_has_room_waits_outside_and_is_not_refused() {
    let mut scheduler = Scheduler::new(1).with_queue(Some(1), WhenFull::Refuse);
    let parent = narrow(&mut scheduler);
    let within = [(); 2].map(|()| open(&mut scheduler, below(parent, single())));
    let slot = start(&mut scheduler, within[0]);
    let queued = [(); 2].map(|()| scheduler.open(single(), 0));
    assert_eq!(queued[1], Err(Overfull { queue_size: 1 }));
    complete(&mut scheduler, slot);
    let queued = queued[0].unwrap();
    assert_eq!(scheduler.take_wakes(), [queued]);
    let slot = start(&mut scheduler, queued);
    assert!(scheduler.open(single(), 0).is_err(), "its place is taken");
    complete(&mut scheduler, slot);
    assert_eq!(scheduler.take_wakes(), [within[1]]);
}

#[test]
fn no_step_is_passed_a_slot_past_a_call_outside() {
    let mut scheduler = Scheduler::new(1).with_queue(Some(1), WhenFull::Wait);
    let group = open(&mut scheduler, lane(9));
    let slot = start(&mut scheduler, group);
    let calls = [(); 2].map(|()| open(&mut scheduler, single()));
    let (_, next) = scheduler.settle_and_next(slot, Outcome::Succeeded, 0);
    assert_eq!((next, scheduler.take_wakes()), (Next::Wait, vec![calls[0]]));
    for (call, after) in [(calls[0], calls[1]), (calls[1], group)] {
        let slot = start(&mut scheduler, call);
        complete(&mut scheduler, slot);
        assert_eq!(scheduler.take_wakes(), [after]);
    }
}

// Shares below a step that lends its slot.

/// A running step of a lane without a share.
fn lender(scheduler: &mut Scheduler) -> SlotId {
    let outer = open(scheduler, lane(1));
    start(scheduler, outer)
}

#[test]
fn a_lent_slot_counts_within_a_share_that_was_opened_below_the_lender() {
    for share in 1..4 {
        let mut scheduler = Scheduler::new(9);
        let lender = lender(&mut scheduler);
        let inner = open(&mut scheduler, below(lender, shared(9, share)));
        let slots: Vec<_> = (0..share).map(|_| start(&mut scheduler, inner)).collect();
        waits(&mut scheduler, inner);
        assert_eq!(scheduler.in_use(), share, "one of them is lent");
        for slot in slots {
            complete(&mut scheduler, slot);
            assert_eq!(scheduler.take_wakes(), [inner]);
            start(&mut scheduler, inner);
            waits(&mut scheduler, inner);
        }
    }
}

#[test]
fn one_lender_serves_two_shares_and_each_is_kept() {
    let mut scheduler = Scheduler::new(1);
    let lender = lender(&mut scheduler);
    let [a, b] = [(); 2].map(|()| open(&mut scheduler, below(lender, shared(2, 1))));
    let slot = start(&mut scheduler, a);
    waits(&mut scheduler, a);
    waits(&mut scheduler, b);
    complete(&mut scheduler, slot);
    assert_eq!(
        scheduler.take_wakes(),
        [b],
        "it had its claim before the other one"
    );
    let slot = start(&mut scheduler, b);
    waits(&mut scheduler, b);
    scheduler.resize(2);
    assert_eq!(
        scheduler.take_wakes(),
        [a],
        "the pool's, as the lent one is taken"
    );
    let _claimed = start(&mut scheduler, a);
    complete(&mut scheduler, slot);
    assert_eq!(scheduler.take_wakes(), [b]);
    assert_eq!(scheduler.in_use(), 2);
}

#[test]
fn a_lane_whose_share_is_full_is_in_nobodys_way_at_the_lender() {
    let mut scheduler = Scheduler::new(3);
    let lender = lender(&mut scheduler);
    let other = open(&mut scheduler, below(lender, lane(9)));
    let borrowed = start(&mut scheduler, other);
    let narrow = open(&mut scheduler, below(lender, shared(9, 1)));
    let claimed = start(&mut scheduler, narrow);
    waits(&mut scheduler, narrow);
    let busy = open(&mut scheduler, lane(1));
    start(&mut scheduler, busy);
    waits(&mut scheduler, other);
    complete(&mut scheduler, borrowed);
    assert_eq!(scheduler.take_wakes(), [other]);
    complete(&mut scheduler, claimed);
    assert_eq!(scheduler.take_wakes(), [narrow]);
}

#[test]
fn a_lane_is_lent_the_idle_slot_as_its_share_has_room_again() {
    let mut scheduler = Scheduler::new(2);
    let lender = lender(&mut scheduler);
    let other = open(&mut scheduler, below(lender, lane(1)));
    let borrowed = start(&mut scheduler, other);
    let narrow = open(&mut scheduler, below(lender, shared(2, 1)));
    let claimed = start(&mut scheduler, narrow);
    waits(&mut scheduler, narrow);
    complete(&mut scheduler, borrowed);
    assert_eq!(scheduler.take_wakes(), [], "its share is full");
    let elsewhere = open(&mut scheduler, lane(1));
    waits(&mut scheduler, elsewhere);
    complete(&mut scheduler, claimed);
    let mut wakes = scheduler.take_wakes();
    wakes.sort();
    let mut both = [narrow, elsewhere];
    both.sort();
    assert_eq!(wakes, both, "the lent slot, and the one of the pool's");
    start(&mut scheduler, narrow);
    start(&mut scheduler, elsewhere);
}

#[test]
fn while_paused_a_lane_comes_through_its_gate_and_is_lent_the_slot_afterwards() {
    let mut scheduler = Scheduler::new(2);
    let lender = lender(&mut scheduler);
    let other = open(&mut scheduler, below(lender, lane(1)));
    let borrowed = start(&mut scheduler, other);
    let narrow = open(&mut scheduler, below(lender, shared(2, 1)));
    let claimed = start(&mut scheduler, narrow);
    waits(&mut scheduler, narrow);
    scheduler.pause();
    complete(&mut scheduler, borrowed);
    complete(&mut scheduler, claimed);
    assert_eq!(scheduler.take_wakes(), []);
    scheduler.resume();
    assert_eq!(scheduler.take_wakes(), [narrow]);
    assert_eq!(scheduler.in_use(), 1);
}

#[test]
fn a_claim_that_comes_back_with_a_lent_slot_brings_the_next_lane_a_free_slot_of_the_pool() {
    let mut scheduler = Scheduler::new(4);
    let lender = lender(&mut scheduler);
    let narrow = open(&mut scheduler, below(lender, shared(2, 2)));
    let on_loan = start(&mut scheduler, narrow);
    let on_the_pools = start(&mut scheduler, narrow);
    let inner = open(&mut scheduler, below(on_the_pools, lane(2)));
    start(&mut scheduler, inner);
    waits(&mut scheduler, inner);
    assert!(
        scheduler.in_use() < scheduler.limit(),
        "it waits for its share alone"
    );
    complete(&mut scheduler, on_loan);
    assert_eq!(scheduler.take_wakes(), [inner]);
    start(&mut scheduler, inner);
}

#[test]
fn a_borrower_whose_lender_ends_keeps_its_claims_and_gives_them_back() {
    let mut scheduler = Scheduler::new(9);
    let outer = open(&mut scheduler, shared(2, 2));
    let lender = start(&mut scheduler, outer);
    let inner = open(&mut scheduler, below(lender, shared(3, 1)));
    let borrowed = start(&mut scheduler, inner);
    complete(&mut scheduler, lender);
    waits(&mut scheduler, inner);
    start(&mut scheduler, outer);
    let (_, next) = scheduler.settle_and_next(borrowed, Outcome::Succeeded, 0);
    let Next::Start { slot, .. } = next else {
        panic!("both shares have room, not {next:?}");
    };
    scheduler.take_wakes();
    waits(&mut scheduler, inner);
    complete(&mut scheduler, slot);
    assert_eq!(scheduler.take_wakes(), [inner]);
}

#[test]
fn who_was_promised_a_lent_slot_keeps_it_and_its_claims_when_the_lender_ends() {
    let mut scheduler = Scheduler::new(1);
    let lender = lender(&mut scheduler);
    let inner = open(&mut scheduler, below(lender, shared(2, 1)));
    assert!(scheduler.request(inner));
    complete(&mut scheduler, lender);
    let slot = start(&mut scheduler, inner);
    assert_eq!(scheduler.in_use(), 1);
    scheduler.resize(2);
    waits(&mut scheduler, inner);
    complete(&mut scheduler, slot);
    assert_eq!(scheduler.take_wakes(), [inner]);
    scheduler.stop(inner);
    assert_eq!(scheduler.in_use(), 0);
}

#[test]
fn nested_shares_under_one_lender_are_all_kept() {
    let mut scheduler = Scheduler::new(9);
    let lender = lender(&mut scheduler);
    let spec = LaneSpec {
        slotless: vec![true, true, false],
        ..shared(3, 2)
    };
    let middle = open(&mut scheduler, below(lender, spec));
    let groups = [(); 2].map(|()| {
        let step = start(&mut scheduler, middle);
        open(&mut scheduler, below(step, shared(9, 1)))
    });
    let [borrowed, claimed] = groups.map(|group| start(&mut scheduler, group));
    waits(&mut scheduler, middle);
    waits(&mut scheduler, groups[0]);
    waits(&mut scheduler, groups[1]);
    assert_eq!(scheduler.in_use(), 2);
    complete(&mut scheduler, borrowed);
    assert_eq!(scheduler.take_wakes(), [middle], "it has waited longer");
    complete(&mut scheduler, claimed);
    assert_eq!(scheduler.take_wakes(), [groups[0]]);
    start(&mut scheduler, middle);
    let slot = start(&mut scheduler, groups[0]);
    assert_eq!(scheduler.in_use(), 2);
    complete(&mut scheduler, slot);
    assert_eq!(scheduler.take_wakes(), [groups[1]]);
}

#[test]
fn a_loan_from_within_the_share_needs_no_claim() {
    let mut scheduler = Scheduler::new(9);
    let narrow = open(&mut scheduler, shared(1, 1));
    let mut above = start(&mut scheduler, narrow);
    for _ in 0..5 {
        let lane = open(&mut scheduler, below(above, lane(2)));
        above = start(&mut scheduler, lane);
        waits(&mut scheduler, lane);
    }
    assert_eq!(scheduler.in_use(), 1);
}

#[test]
fn who_gives_a_loan_up_gives_its_claim_up_too() {
    let mut scheduler = Scheduler::new(1);
    let lender = lender(&mut scheduler);
    let spec = LaneSpec {
        slotless: vec![true, true],
        ..shared(2, 1)
    };
    let workflow = open(&mut scheduler, below(lender, spec));
    let [first, second] = [(); 2].map(|()| {
        let step = start(&mut scheduler, workflow);
        open(&mut scheduler, below(step, lane(1)))
    });
    assert!(scheduler.request(first));
    waits(&mut scheduler, second);
    scheduler.stand_back(first);
    assert_eq!(scheduler.take_wakes(), [second]);
}

#[test]
fn an_idle_lent_slot_is_not_for_a_lane_whose_share_is_full() {
    let mut scheduler = Scheduler::new(9);
    let lender = lender(&mut scheduler);
    let other = open(&mut scheduler, below(lender, lane(1)));
    let borrowed = start(&mut scheduler, other);
    let narrow = open(&mut scheduler, below(lender, shared(2, 1)));
    let claimed = start(&mut scheduler, narrow);
    complete(&mut scheduler, borrowed);
    waits(&mut scheduler, narrow);
    complete(&mut scheduler, claimed);
    assert_eq!(scheduler.take_wakes(), [narrow]);
    assert_eq!(scheduler.in_use(), 1);
}

#[test]
fn who_asks_the_next_lender_needs_the_claims_that_go_with_its_slot() {
    let mut scheduler = Scheduler::new(9);
    let outer = lender(&mut scheduler);
    let other = open(&mut scheduler, below(outer, lane(1)));
    let borrowed = start(&mut scheduler, other);
    let narrow = open(&mut scheduler, below(outer, shared(2, 2)));
    let [first, nearer] = [(); 2].map(|()| start(&mut scheduler, narrow));
    let deep = open(&mut scheduler, below(nearer, lane(2)));
    start(&mut scheduler, deep);
    waits(&mut scheduler, deep);
    complete(&mut scheduler, borrowed);
    complete(&mut scheduler, nearer);
    assert_eq!(
        scheduler.take_wakes(),
        [],
        "the outer slot lies idle, and the share is full"
    );
    complete(&mut scheduler, first);
    assert_eq!(scheduler.take_wakes(), [deep]);
    assert_eq!(scheduler.in_use(), 2);
}

#[test]
fn who_comes_to_the_next_lender_as_its_own_ends_stands_there_once() {
    let mut scheduler = Scheduler::new(9);
    let outer = lender(&mut scheduler);
    let narrow = open(&mut scheduler, below(outer, shared(1, 1)));
    let nearer = start(&mut scheduler, narrow);
    scheduler.pause();
    let deep = open(&mut scheduler, below(nearer, lane(1)));
    waits(&mut scheduler, deep);
    complete(&mut scheduler, nearer);
    scheduler.close(deep, Cause::Ended, 0);
    scheduler.resume();
    assert_eq!((scheduler.take_wakes(), scheduler.in_use()), (vec![], 1));
}

// A paused pool.

#[test]
fn a_slot_that_was_granted_is_kept_while_paused_and_its_lane_is_woken_afterwards() {
    let mut scheduler = Scheduler::new(1);
    let [running, waiting] = [1, 1].map(|steps| open(&mut scheduler, lane(steps)));
    let slot = start(&mut scheduler, running);
    waits(&mut scheduler, waiting);
    complete(&mut scheduler, slot);
    assert_eq!(scheduler.take_wakes(), [waiting]);
    scheduler.pause();
    waits(&mut scheduler, waiting);
    assert!(
        !scheduler.request(waiting),
        "one more worker could only wait"
    );
    assert_eq!(scheduler.in_use(), 1);
    scheduler.resume();
    assert_eq!(scheduler.take_wakes(), [waiting]);
    start(&mut scheduler, waiting);
}

#[test]
fn a_lane_that_is_stopped_while_paused_gives_its_slot_back_and_nobody_gets_it_yet() {
    let mut scheduler = Scheduler::new(1);
    let [running, stopped, waiting] = [1, 1, 1].map(|steps| open(&mut scheduler, lane(steps)));
    let slot = start(&mut scheduler, running);
    waits(&mut scheduler, stopped);
    waits(&mut scheduler, waiting);
    complete(&mut scheduler, slot);
    scheduler.take_wakes();
    scheduler.pause();
    scheduler.stop(stopped);
    assert_eq!((scheduler.in_use(), scheduler.take_wakes()), (0, vec![]));
    scheduler.resume();
    assert_eq!(scheduler.take_wakes(), [waiting]);
}

#[test]
fn a_lane_that_had_every_slot_goes_on_after_a_pause() {
    let mut scheduler = Scheduler::new(1);
    let only = open(&mut scheduler, lane(3));
    start(&mut scheduler, only);
    assert!(
        !scheduler.request(only),
        "it has every slot, and is in no line"
    );
    scheduler.pause();
    scheduler.resize(2);
    assert_eq!(scheduler.take_wakes(), []);
    scheduler.resume();
    assert_eq!(scheduler.take_wakes(), [only]);
}

#[test]
fn a_step_without_a_slot_starts_while_paused() {
    let mut scheduler = Scheduler::new(1);
    scheduler.pause();
    let spec = LaneSpec {
        slotless: vec![true, false],
        ..lane(2)
    };
    let mixed = open(&mut scheduler, spec);
    assert!(scheduler.request(mixed));
    start(&mut scheduler, mixed);
    assert!(!scheduler.request(mixed));
    waits(&mut scheduler, mixed);
}

// The queue.

#[test]
fn a_call_that_was_taken_in_is_never_refused_nor_overtaken() {
    let mut scheduler = Scheduler::new(1).with_queue(Some(1), WhenFull::Refuse);
    // Its worker comes late: the slot is its own from when it was opened.
    let late = open(&mut scheduler, single());
    let next = open(&mut scheduler, single());
    assert_eq!(scheduler.open(single(), 0), Err(Overfull { queue_size: 1 }));
    waits(&mut scheduler, next);
    start(&mut scheduler, late);
}

#[test]
fn a_call_waits_for_no_place_in_a_queue_that_has_none() {
    let mut scheduler = Scheduler::new(2).with_queue(Some(0), WhenFull::Refuse);
    let calls = [(); 2].map(|()| open(&mut scheduler, single()));
    assert_eq!(scheduler.open(single(), 0), Err(Overfull { queue_size: 0 }));
    // Whatever happens between, whoever was taken in starts as it asks.
    let group = open(&mut scheduler, lane(9));
    waits(&mut scheduler, group);
    for call in calls {
        start(&mut scheduler, call);
    }
}

#[test]
fn a_queue_that_grows_takes_in_those_outside_in_their_order() {
    let mut scheduler = Scheduler::new(1).with_queue(Some(1), WhenFull::Wait);
    let calls = [(); 5].map(|()| open(&mut scheduler, single()));
    let mut slot = start(&mut scheduler, calls[0]);
    scheduler.set_when_full(WhenFull::Refuse);
    scheduler.set_queue_size(Some(3));
    assert_eq!(scheduler.open(single(), 0), Err(Overfull { queue_size: 3 }));
    scheduler.set_queue_size(Some(0));
    for call in &calls[1..] {
        complete(&mut scheduler, slot);
        assert_eq!(scheduler.take_wakes(), [*call]);
        slot = start(&mut scheduler, *call);
    }
}
