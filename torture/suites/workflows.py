"""Random workflows against a reference interpreter: every state, cause, time and result."""

from __future__ import annotations

import random
from collections import Counter

import trio
from trio.testing import MockClock

from hocket import EventKind, StepState, WorkflowContext, WorkflowInvalid, WorkflowManager
from torture.flow_reference import Reference
from torture.flows import Case, Flow, definition_of, make_case
from torture.suite import Suite

NEAR = 1e-6
_STOPPED = {StepState.CANCELLED, StepState.NOT_REACHED, StepState.SKIPPED}


class Run:
    """What hocket makes of a workflow."""

    def __init__(self, case: Case) -> None:
        self.case = case
        self.definition = definition_of(case)
        self.context = WorkflowContext()
        self.starts: dict[str, float] = {}
        self.ends: dict[str, float] = {}
        self.result = None

    def observe(self, event) -> None:
        times = self.starts if event.kind is EventKind.STARTED else self.ends
        if event.kind not in (EventKind.SKIPPED, EventKind.OMITTED):
            times[event.step] = trio.current_time() - self.began

    async def run(self) -> None:
        self.began = trio.current_time()
        at = self.case.cancelled_at
        with trio.CancelScope(deadline=float("inf") if at is None else self.began + at):
            manager = WorkflowManager()
            self.result = await manager.execute(
                self.definition, self.context, observer=self.observe
            )
        self.duration = trio.current_time() - self.began


def trial(seed: int) -> Counter[str]:
    return hold(make_case(random.Random(seed)))


def hold(case: Case) -> Counter[str]:
    """Run a workflow by hocket and by the reference, and hold the one against the other."""
    run = Run(case)
    try:
        run.definition.validate()
    except WorkflowInvalid:
        return Counter({"refused": 1})
    trio.run(run.run, clock=MockClock(autojump_threshold=0))
    theirs = Reference(case).run()
    compare(run, theirs)
    return Counter({"workflows": 1, "steps": len(case.seen)})


def compare(run: Run, theirs: Reference) -> None:
    for flow in run.case.seen:
        id_, ours = flow.id, run.context.state_of(flow.id)
        expected, at = theirs.states[id_], theirs.ends[id_]
        what = f"{id_}: {ours} by hocket, {expected} by the reference"
        if ours is not expected:
            # What starts in the very moment in which all stops may start or not.
            assert {ours, expected} <= _STOPPED, what
            assert abs(theirs.starts.get(id_, at) - at) < NEAR, what
            continue
        if id_ in theirs.starts and expected in (StepState.SUCCEEDED, StepState.FAILED):
            assert abs(run.starts[id_] - theirs.starts[id_]) < NEAR, id_
            assert abs(run.ends[id_] - at) < NEAR, id_
        has_passes = flow.kind == "loop" and flow.when != "broken"
        if has_passes and expected in (StepState.SUCCEEDED, StepState.FAILED):
            compare_passes(run, theirs, flow)
        cause = run.context.causes.get(id_)
        known = theirs.causes.get(id_)
        assert (cause is None) == (known is None), (what, cause, known)
        if cause is not None:
            assert (cause.why, cause.step) == known, (what, cause, known)
    if run.result is not None:
        assert run.result.success == theirs.success, (run.result.success, theirs.success)
        assert abs(run.result.duration - theirs.now) < NEAR
        for id_ in run.result.states:
            assert run.result.explain(id_).startswith(f"{id_} ")


def compare_passes(run: Run, theirs: Reference, flow: Flow) -> None:
    """The passes of a loop are no steps of the run: its value tells of them, or its error does."""
    states = [theirs.states.get(one.id) for one in flow.sides[0]]
    of = {
        state: [str(n) for n, found in enumerate(states) if found is state] for state in StepState
    }
    good, bad = of[StepState.SUCCEEDED], of[StepState.FAILED]
    if theirs.states[flow.id] is StepState.FAILED:
        finished = run.context.errors[flow.id].finished
        assert list(finished) == good, (flow.id, dict(finished), good)
        return
    found = run.context.results[flow.id]
    assert list(found.results) == good, (flow.id, found, good)
    assert sorted(found.failed_steps) == bad, (flow.id, found, bad)
    left = [str(n) for n, state in enumerate(states) if str(n) not in (*good, *bad)]
    assert found.skipped_steps == left, (flow.id, found, left)
    if found.winner is not None:
        first = min(good, key=lambda key: theirs.ends[flow.sides[0][int(key)].id])
        assert found.winner == first, (flow.id, found.winner, first)


SUITE = Suite(
    name="workflows",
    promise="every step of a random workflow (groups, branches, blocks, loops, other workflows, handlers, "
    "rules, conditions, failures, time limits, a cancellation at some moment) ends in the state, for the cause and at the time that a "
    "reference written naively gives",
    unit="workflows",
    trial=trial,
    small=2_000,
    large=100_000,
)
