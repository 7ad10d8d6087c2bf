//! The scheduler's parts, each against the plainest thing that does the same.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use hocket_core::{
    Deadlines, Graph, GraphError, Join, Line, ReadyQueue, Snapshot, Statistics, Verdict,
};
use proptest::collection::vec;
use proptest::prelude::*;

fn config() -> ProptestConfig {
    let chosen = ProptestConfig::default();
    ProptestConfig {
        cases: chosen.cases.max(2_000),
        failure_persistence: None,
        ..chosen
    }
}

#[derive(Clone, Debug)]
enum Alarm {
    Arm(u32, u64),
    Disarm(u32),
    TakeOverdue(u64),
}

fn alarm() -> impl Strategy<Value = Alarm> {
    let deadline = || prop_oneof![9 => 0..100_u64, 1 => Just(u64::MAX)];
    prop_oneof![
        3 => (0..20_u32, deadline()).prop_map(|(worker, at)| Alarm::Arm(worker, at)),
        1 => (0..25_u32).prop_map(Alarm::Disarm),
        1 => deadline().prop_map(Alarm::TakeOverdue),
    ]
}

#[derive(Clone, Debug)]
enum Queueing {
    Join,
    Leave(usize),
    Pop,
}

fn queueing() -> impl Strategy<Value = Queueing> {
    prop_oneof![
        3 => Just(Queueing::Join),
        1 => (0..60_usize).prop_map(Queueing::Leave),
        2 => Just(Queueing::Pop),
    ]
}

/// Remove what waits for nothing, as long as there is any; the rest waits in a circle.
fn cannot_run(dependencies: &[Vec<u32>]) -> Vec<u32> {
    let mut left: Vec<u32> = (0..dependencies.len() as u32).collect();
    loop {
        let waits = |s: &u32| dependencies[*s as usize].iter().any(|d| left.contains(d));
        let still: Vec<u32> = left.iter().copied().filter(waits).collect();
        if still.len() == left.len() {
            return left;
        }
        left = still;
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn deadlines_come_in_order_and_none_before_the_next_look(alarms in vec(alarm(), 0..100)) {
        let mut deadlines = Deadlines::default();
        let mut of_worker = BTreeMap::new();
        let mut look_ns = None;
        for alarm in alarms {
            match alarm {
                Alarm::Arm(worker, at) => {
                    of_worker.insert(worker, at);
                    if deadlines.arm(worker, at) {
                        look_ns = Some(at);
                    }
                }
                Alarm::Disarm(worker) => {
                    deadlines.disarm(worker);
                    of_worker.remove(&worker);
                }
                Alarm::TakeOverdue(now) => {
                    let mut due: Vec<(u64, u32)> = of_worker.iter()
                        .filter(|&(_, &at)| at <= now)
                        .map(|(&worker, &at)| (at, worker))
                        .collect();
                    due.sort_unstable();
                    let overdue: Vec<u32> = due.into_iter().map(|(_, worker)| worker).collect();
                    of_worker.retain(|_, &mut at| at > now);
                    let (found, again_ns) = deadlines.take_overdue(now, usize::MAX);
                    prop_assert_eq!(found, overdue);
                    prop_assert!(again_ns.is_none_or(|again_ns| again_ns > now), "looks for ever");
                    look_ns = again_ns;
                }
            }
            for (worker, &at) in &of_worker {
                prop_assert!(deadlines.is_armed(*worker));
                prop_assert!(look_ns.is_some_and(|look_ns| look_ns <= at), "slept through {}", at);
            }
        }
    }

    #[test]
    fn a_graph_readies_each_step_when_its_last_dependency_has_ended(
        dependencies in (1..9_usize)
            .prop_flat_map(|n| vec(vec(0..n as u32, 0..3), n))
            .prop_map(|lists| lists.into_iter().enumerate().map(|(step, list)| {
                // Mostly backwards, so that most of them are free of cycles.
                list.into_iter().filter(|&d| (d as usize) < step || d % 5 == 4).collect()
            }).collect::<Vec<Vec<u32>>>()),
        picks in vec(any::<usize>(), 9),
    ) {
        let stuck = cannot_run(&dependencies);
        let mut graph = match Graph::new(&dependencies) {
            Ok(graph) => graph,
            Err(GraphError::Cycle { step }) => {
                prop_assert!(stuck.contains(&step));
                return Ok(());
            }
            Err(other) => return Err(TestCaseError::fail(format!("{other:?}"))),
        };
        prop_assert!(stuck.is_empty());
        prop_assert_eq!(graph.len(), dependencies.len());
        let mut ready: Vec<u32> = graph.roots().collect();
        let mut ended: Vec<u32> = vec![];
        for pick in picks.into_iter().take(dependencies.len()) {
            let all_ended = |s: &u32| dependencies[*s as usize].iter().all(|d| ended.contains(d));
            let expected: BTreeSet<u32> = (0..dependencies.len() as u32)
                .filter(|s| !ended.contains(s) && all_ended(s))
                .collect();
            prop_assert_eq!(ready.iter().copied().collect::<BTreeSet<u32>>(), expected.clone());
            prop_assert_eq!(ready.len(), expected.len(), "each is named once");
            let step = ready.swap_remove(pick % ready.len());
            ended.push(step);
            let mut now_ready = vec![];
            graph.settle(step, |step| now_ready.push(step));
            prop_assert!(now_ready.is_sorted());
            ready.extend(now_ready);
        }
        prop_assert!(ready.is_empty());
    }

    #[test]
    fn a_dependency_out_of_range_is_refused(n in 1..5_u32, step in 0..5_u32, beyond in 0..3_u32) {
        let (step, dependency) = (step % n, n + beyond);
        let mut dependencies = vec![vec![]; n as usize];
        dependencies[step as usize].push(dependency);
        let error = Graph::new(&dependencies).unwrap_err();
        prop_assert_eq!(error, GraphError::UnknownDependency { step, dependency });
    }

    #[test]
    fn a_line_serves_in_order_of_arrival(moves in vec(queueing(), 0..100)) {
        let mut line = Line::default();
        let mut tickets = vec![];
        let mut waiting: Vec<usize> = vec![];
        for queueing in moves {
            match queueing {
                Queueing::Join => {
                    waiting.push(tickets.len());
                    tickets.push(line.join(tickets.len()));
                }
                Queueing::Leave(who) => {
                    let Some(&ticket) = tickets.get(who) else { continue };
                    let before = waiting.len();
                    waiting.retain(|&other| other != who);
                    prop_assert_eq!(line.leave(ticket), waiting.len() < before);
                }
                Queueing::Pop => {
                    let first = (!waiting.is_empty()).then(|| waiting.remove(0));
                    prop_assert_eq!(line.pop(), first);
                }
            }
            prop_assert_eq!(line.len(), waiting.len());
            prop_assert_eq!(line.is_empty(), waiting.is_empty());
        }
    }

    #[test]
    fn ready_steps_leave_in_the_order_they_came(
        first in 0..5_u32,
        moves in vec(proptest::option::of(0..9_u32), 0..40),
    ) {
        let mut ready = ReadyQueue::from(0..first);
        let mut plain: VecDeque<u32> = (0..first).collect();
        for step in moves {
            match step {
                Some(step) => {
                    ready.push(step);
                    plain.push_back(step);
                }
                None => prop_assert_eq!(ready.pop(), plain.pop_front()),
            }
            prop_assert_eq!(ready.len(), plain.len());
            prop_assert_eq!(ready.is_empty(), plain.is_empty());
        }
        prop_assert_eq!(ready.clear(), plain.len());
        prop_assert_eq!(ready.pop(), None);
    }

    #[test]
    fn a_distribution_is_exact_in_its_sums_and_within_one_percent_elsewhere(
        values in vec(prop_oneof![0..1_000_u64, any::<u32>().prop_map(u64::from), any::<u64>()], 1..60),
    ) {
        let mut statistics = Statistics::default();
        for &value in &values {
            statistics.started(value, 0);
        }
        let mut sorted = values;
        sorted.sort_unstable();
        let Snapshot { tally, wait, .. } = statistics.snapshot();
        let span = tally.wait;
        prop_assert_eq!(span.count, sorted.len() as u64);
        prop_assert_eq!(span.total_ns, sorted.iter().map(|&ns| u128::from(ns)).sum::<u128>());
        let quantiles = [(0.5, wait.p50_ns), (0.9, wait.p90_ns), (0.99, wait.p99_ns), (1.0, span.longest_ns)];
        for (quantile, ns) in quantiles {
            let rank = (quantile * sorted.len() as f64).ceil() as usize;
            let exact = sorted[rank.max(1) - 1];
            prop_assert!(ns.abs_diff(exact) <= exact / 100, "{}: {} for {}", quantile, ns, exact);
        }
    }
}

/// The first verdict over a sequence of outcomes, by the words of the strategy.
fn judged(mut join: Join, outcomes: &[bool]) -> Option<(usize, Verdict)> {
    let mut first = None;
    for (at, &good) in outcomes.iter().enumerate() {
        let verdict = if good {
            join.succeeded()
        } else {
            join.failed()
        };
        if let Some(verdict) = verdict {
            assert!(first.is_none(), "decided twice");
            first = Some((at, verdict));
        }
        assert_eq!(join.verdict(), first.map(|(_, verdict)| verdict));
    }
    first
}

/// Every sequence of successes and failures of `n` steps.
fn sequences(n: u32) -> impl Iterator<Item = Vec<bool>> {
    (0..1_u32 << n).map(move |bits| (0..n).map(|at| bits >> at & 1 == 1).collect())
}

/// The position of the `nth` of these outcomes, counted from one.
fn nth(outcomes: &[bool], good: bool, nth: u32) -> Option<usize> {
    let mut positions = (0..outcomes.len()).filter(|&at| outcomes[at] == good);
    positions.nth(nth as usize - 1)
}

#[test]
fn each_strategy_is_decided_when_its_name_says() {
    use Verdict::*;
    for n in 1..=7 {
        for outcomes in sequences(n) {
            let success = |k| nth(&outcomes, true, k).map(|at| (at, Success));
            let failure = |k| nth(&outcomes, false, k).map(|at| (at, Failure));

            let all = judged(Join::new(Some(n), Some(1)), &outcomes);
            assert_eq!(all, failure(1).or(success(n)), "all {outcomes:?}");

            let any = judged(Join::new(Some(1), Some(n)), &outcomes);
            assert_eq!(any, success(1).or(failure(n)), "any {outcomes:?}");

            let race = judged(Join::new(Some(1), Some(1)), &outcomes);
            let first = if outcomes[0] { Success } else { Failure };
            assert_eq!(race, Some((0, first)), "race {outcomes:?}");

            for k in 1..=n {
                let quorum = judged(Join::new(Some(k), Some(n - k + 1)), &outcomes);
                // Either k succeed, or so many fail that k cannot.
                assert_eq!(
                    quorum,
                    success(k).or(failure(n - k + 1)),
                    "{k} of {outcomes:?}"
                );
            }

            assert_eq!(
                judged(Join::new(None, None), &outcomes),
                None,
                "all settled"
            );
        }
    }
}
