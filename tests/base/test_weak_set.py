"""What is kept track of, for as long as it is there."""

from __future__ import annotations

import weakref

from hypothesis import given, strategies as st

from hocket import WorkerPool, WorkflowDefinition, WorkflowStep
from hocket._base.weak_set import WeakSet
from hocket.tools import ToolRegistry


class Thing:
    """It is equal to all others, and has no hash."""

    def __eq__(self, other):
        return True

    __hash__ = None


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 5)), max_size=40))
def test_it_holds_what_somebody_else_holds_and_nothing_more(changes):
    found, held = WeakSet(), {}
    for keeps, name in changes:
        held.pop(name, None)
        if keeps:
            held[name] = Thing()
            found.add(held[name])
        assert {*map(id, found)} == {*map(id, held.values())}
        assert all(one in found for one in held.values())
        assert Thing() not in found


def test_no_function_runs_as_a_pool_or_a_workflow_goes_that_could_lose_a_ctrl_c():
    async def echo(value: str) -> str:
        return value

    registry = ToolRegistry()
    registry.register(echo)
    workflow = WorkflowDefinition("w", [WorkflowStep("a", tool="echo", input={"value": "x"})])
    assert not registry.check_steps(workflow.analyses[0])
    pool = WorkerPool()
    kept = [*weakref.getweakrefs(pool), *weakref.getweakrefs(workflow.analyses[0])]
    assert len(kept) >= 2
    assert [one.__callback__ for one in kept] == [None] * len(kept)
