//! What the scheduler promises of rates, one sentence a test.

use std::num::NonZeroU32;
use std::time::Duration;

use governor::clock::{Clock, FakeRelativeClock};
use governor::{Quota, RateLimiter};
use hocket_core::{LaneId, LaneSpec, Next, Rate, Scheduler, SharedRate, SlotId};
use proptest::collection::vec;
use proptest::prelude::*;

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

/// The generic cell rate algorithm of another hand: when each of these may start that are asked for
/// one after the other, as soon as it lets them.
fn starts_by_governor(limit: u32, per_ns: u64, burst: u32, asked_ns: &[u64]) -> Vec<u64> {
    let clock = FakeRelativeClock::default();
    let quota = Quota::with_period(Duration::from_nanos(per_ns / u64::from(limit)))
        .unwrap()
        .allow_burst(NonZeroU32::new(burst).unwrap());
    let limiter = RateLimiter::direct_with_clock(quota, clock.clone());
    let mut now_ns = 0;
    let start = |&asked_ns: &u64| {
        clock.advance(Duration::from_nanos(asked_ns.saturating_sub(now_ns)));
        now_ns = now_ns.max(asked_ns);
        while let Err(not_yet) = limiter.check() {
            let wait = not_yet.wait_time_from(clock.now());
            clock.advance(wait);
            now_ns += wait.as_nanos() as u64;
        }
        now_ns
    };
    asked_ns.iter().map(start).collect()
}

/// The same by ours.
fn starts_by_rate(rate: &mut Rate, asked_ns: &[u64]) -> Vec<u64> {
    let mut now_ns = 0;
    let start = |&asked_ns: &u64| {
        now_ns = asked_ns.max(now_ns).max(rate.opens_ns(0).unwrap());
        assert!(rate.start(now_ns), "it opens at the time that it names");
        now_ns
    };
    asked_ns.iter().map(start).collect()
}

/// The most starts in any half-open window of this length, wherever it begins.
fn worst_window(starts_ns: &[u64], per_ns: u64) -> usize {
    let within = |first: usize| {
        starts_ns[first..].partition_point(|&at_ns| at_ns < starts_ns[first] + per_ns)
    };
    (0..starts_ns.len()).map(within).max().unwrap_or(0)
}

fn times() -> impl Strategy<Value = Vec<u64>> {
    let pause = prop_oneof![3 => Just(0), 2 => 0..2_000_u64, 1 => 0..200_000_u64];
    vec(pause, 1..400).prop_map(|pauses| {
        let add = |now_ns: &mut u64, pause_ns| {
            *now_ns += pause_ns;
            Some(*now_ns)
        };
        pauses.into_iter().scan(0, add).collect()
    })
}

proptest! {
    /// With a burst of 1 there are never more than `limit` starts in a window, by the pace alone.
    #[test]
    fn an_even_rate_starts_when_the_crate_governor_does(
        limit in 1..50_u32,
        pace_ns in 1..5_000_u64,
        asked_ns in times(),
    ) {
        let per_ns = pace_ns * u64::from(limit);
        let ours = starts_by_rate(&mut Rate::new(limit, per_ns, 1), &asked_ns);
        prop_assert_eq!(ours, starts_by_governor(limit, per_ns, 1, &asked_ns));
    }

    /// A bucket lets a burst and then the rate through; the log of the last starts does not. It is
    /// never earlier, and where the bucket keeps every window it is as early.
    #[test]
    fn a_rate_with_a_burst_is_as_early_as_governor_unless_a_window_forbids_it(
        limit in 1..20_u32,
        burst in 1..20_u32,
        pace_ns in 1..5_000_u64,
        asked_ns in times(),
    ) {
        let (burst, per_ns) = (burst.min(limit), pace_ns * u64::from(limit));
        let ours = starts_by_rate(&mut Rate::new(limit, per_ns, burst), &asked_ns);
        let theirs = starts_by_governor(limit, per_ns, burst, &asked_ns);
        prop_assert!(worst_window(&ours, per_ns) <= limit as usize);
        prop_assert!(ours.iter().zip(&theirs).all(|(ours, theirs)| ours >= theirs));
        if worst_window(&theirs, per_ns) <= limit as usize {
            prop_assert_eq!(ours, theirs);
        }
    }
}

#[test]
fn no_window_of_100_000_starts_has_more_than_the_limit_and_none_is_wasted() {
    for (limit, per_ns, burst) in [
        (400, 1_000_000_000, 1),
        (400, 1_000_000_000, 400),
        (7, 1_000, 3),
        (3, 10, 2),
        (1, 13, 1),
    ] {
        let mut rate = Rate::new(limit, per_ns, burst);
        let starts_ns = starts_by_rate(&mut rate, &[0; 100_000]);
        assert_eq!(worst_window(&starts_ns, per_ns), limit as usize);
        // In the long run it is the rate, to less than a window.
        let windows = starts_ns.last().unwrap() / per_ns;
        assert!(windows <= 100_000 / u64::from(limit));
    }
}
