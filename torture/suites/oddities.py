"""Steps, values, errors, observers and ids with methods that raise, wherever hocket takes them.

Small random programs on one pool. Each step returns or raises an object that refuses to be shown,
compared, hashed, read or written to. What comes back must be that very object, in its one place.
"""

from __future__ import annotations

import contextlib
import io
import json
import logging
import random
from collections import Counter
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

import attrs
import trio

from hocket import (
    GroupFailed,
    ParallelExecutionManager,
    ParallelGroup,
    StepTimeout,
    ToolRegistry,
    WorkerTask,
    WorkflowDefinition,
    WorkflowManager,
    WorkflowStep,
)
from hocket._base.jsonable import jsonable
from hocket._report.as_json import write_json
from hocket._report.output import Stream
from hocket._report.record import RunRecord
from hocket._report.table import write_report
from hocket.testing import assert_idle, assert_partition, run_virtual
from torture import oddities
from torture.suite import Suite

STRATEGIES = ["all", "any", "all_settled", "race", "quorum(2)"]
WAYS = ["return", "return", "raise", "raise", "sleep", "late", "cancelled"]


@attrs.define(eq=False)
class Act:
    """What a step does, and with which object."""

    way: str
    thing: Any
    seconds: float

    async def __call__(self, *_: object) -> Any:
        if self.way in ("sleep", "late"):
            await trio.sleep(self.seconds)
        if self.way == "cancelled":
            await oddities.also_cancelled(self.thing)
        if self.way in ("raise", "late"):
            raise self.thing
        return self.thing


def make_act(rng: random.Random) -> Act:
    way = rng.choice(WAYS)
    make = oddities.make_value if way in ("return", "sleep") else oddities.make_error
    return Act(way, make(rng), rng.choice([0.0, 0.5, 1.0]))


@attrs.define
class Trial:
    rng: random.Random
    manager: ParallelExecutionManager
    counts: Counter[str] = attrs.Factory(Counter)

    async def run(self) -> None:
        for _ in range(6):
            await self.rng.choice([self.one, self.many, self.tasks, self.group, self.workflow])()
            assert_idle(self.manager)

    async def one(self) -> None:
        """``pool.execute``, cancelled or not."""
        act = make_act(self.rng)
        if act.way == "cancelled":
            act.way = "late"
        self.counts["steps"] += 1
        task: Any = act
        if self.rng.random() < 0.5:
            limit = self.rng.choice([None, 0.7])
            task = WorkerTask(oddities.make_good_id(self.rng, "one"), act, limit)
        with trio.move_on_after(self.rng.choice([0.3, 10])):
            try:
                value = await self.manager.pool.execute(task)
            except StepTimeout:
                return
            except Exception as error:
                value = error
            assert value is act.thing

    async def many(self) -> None:
        acts = [make_act(self.rng) for _ in range(self.rng.randrange(1, 5))]
        acts = [act for act in acts if act.way != "cancelled"]
        self.counts["steps"] += len(acts)
        tasks = [WorkerTask(str(n), act) for n, act in enumerate(acts)]
        try:
            values = await self.manager.pool.execute_many(tasks)
        except GroupFailed as error:
            for one in error.exceptions:
                assert any(one is act.thing for act in acts)
        else:
            for value, act in zip(values, acts, strict=True):
                assert value is act.thing

    async def tasks(self) -> None:
        acts = self.acts()
        tasks = [
            WorkerTask(oddities.make_good_id(self.rng, name), act, self.rng.choice([None, 0.7]))
            for name, act in acts.items()
        ]
        strategy: Any = self.rng.choice(STRATEGIES)
        timeout = self.rng.choice([1.5, 3.0])
        run = partial(self.manager.pool.execute_with_strategy, tasks, strategy, timeout=timeout)
        await self.checked(acts, run)

    async def group(self) -> None:
        """Steps of any kind, found by an id, a key or their place; some ids must be refused."""
        acts = self.acts()
        names = list(acts)
        steps = [oddities.make_step(self.rng) for _ in names]
        how = self.rng.choice(["key", "id", "text", "bad"])
        key: Any = None
        if how == "key":
            key = partial(self.key, names, steps)
        elif how == "id":
            ids = [oddities.make_good_id(self.rng, name) for name in names]
            steps = [type("Step", (), {"__repr__": oddities.refuse, "id": id_})() for id_ in ids]
        elif how == "text":
            steps = [oddities.make_good_id(self.rng, name) for name in names]
        else:
            steps[-1] = oddities.make_bad_id(self.rng)
        by_place = list(zip(steps, acts.values(), strict=True))

        async def execute(step: Any) -> Any:
            [act] = [act for one, act in by_place if one is step]
            return await act()

        seen: list[str] = []
        group = ParallelGroup(
            oddities.make_good_id(self.rng, "group"),
            steps,
            self.rng.choice(STRATEGIES),
            continue_on_error=self.rng.random() < 0.3,
            timeout=self.rng.choice([1.5, 3.0]),
            step_timeout=self.rng.choice([None, 0.7]),
            key=key,
            isolation=self.rng.choice(["shared", "task"]),
        )
        observer = self.rng.choice([None, oddities.make_observer(self.rng, seen)])
        run = partial(self.manager.execute_group, group, execute, observer=observer)
        if how != "bad":
            await self.checked(acts, run)
            return
        self.counts["refused"] += 1
        refused = ""
        try:
            await run()
        except TypeError as error:
            refused = str(error)
        except oddities.Refused as error:
            refused = error.__notes__[0]
        assert "its id must be" in refused or "in the attribute 'id' of" in refused, refused

    def key(self, names: list[str], steps: list[Any], step: Any) -> str:
        [place] = [place for place, one in enumerate(steps) if one is step]
        return oddities.make_good_id(self.rng, names[place])

    def acts(self) -> dict[str, Act]:
        acts = {f"s{n}": make_act(self.rng) for n in range(self.rng.randrange(2, 6))}
        self.counts["steps"] += len(acts)
        return acts

    async def checked(self, acts: dict[str, Act], run: Callable[[], Awaitable[Any]]) -> None:
        """A group's result has every step once, with the very object that the step made."""
        with trio.move_on_after(self.rng.choice([0.3, 10, 10])):
            result = await run()
            assert_partition(result, acts)
            self.check_outcomes(acts, result)
            repr(result)

    def check_outcomes(self, acts: dict[str, Act], result: Any) -> None:
        for step, value in result.results.items():
            assert value is acts[step].thing
        for step, error in result.errors.items():
            if acts[step].way != "cancelled" and type(error) is not StepTimeout:
                assert error is acts[step].thing
        json.dumps(jsonable([result.results, result.errors]))
        try:
            result.raise_for_failure()
        except GroupFailed as failed:
            raised = list(BaseExceptionGroup.exceptions.__get__(failed))
            if result.errors:
                assert all(a is b for a, b in zip(raised, result.errors.values(), strict=True))

    async def workflow(self) -> None:
        """Steps that read each other's values, reports and all."""
        acts = self.acts()
        tools = ToolRegistry()

        @tools.register
        async def take(value: Any) -> Any:
            return value

        steps: list[WorkflowStep[Any]] = [
            WorkflowStep(
                oddities.make_good_id(self.rng, name),
                execute=partial(act),
                timeout=self.rng.choice([None, 0.7]),
                continue_on_error=self.rng.random() < 0.7,
            )
            for name, act in acts.items()
        ]
        inputs = [
            "$results.s0",
            "say $results.s0 or $errors.s1",
            "$results.s0.x.y",
            "$errors.s1.message",
        ]
        steps.append(
            WorkflowStep(
                "read",
                tool="take",
                input={"value": self.rng.choice(inputs)},
                depends_on=["s0", "s1"],
                continue_on_error=True,
            )
        )
        if self.rng.random() < 0.5:
            steps.append(WorkflowStep.parallel("inner", list(acts)[2:], "all_settled"))
        limit = self.rng.choice([1.5, 3.0])
        workflow = WorkflowDefinition(
            oddities.make_good_id(self.rng, "w"), steps, max_duration=limit
        )
        record = RunRecord(workflow)
        record.started_at = trio.current_time()
        seen: list[str] = []
        observers = [record.observe, oddities.make_observer(self.rng, seen)]
        manager = WorkflowManager(tools, pool=self.manager.pool)
        with trio.move_on_after(self.rng.choice([0.3, 10, 10])):
            result = await manager.execute(workflow, observer=observers)
            record.result = result
            record.close(result._context)
            repr(result)
            stream = Stream(io.StringIO())
            write_json(record, stream)
            write_report(record, stream)
            listed = [*result.completed_steps, *result.failed_steps, *result.skipped_steps]
            assert sorted(listed) == sorted(step.id for step in steps)
            for step, act in acts.items():
                assert step not in result.results or result.results[step] is act.thing
            with contextlib.suppress(GroupFailed):
                result.raise_for_failure()


class _Strict(logging.Handler):
    """A log whose lines can all be made."""

    def emit(self, record: logging.LogRecord) -> None:
        record.getMessage()


def trial(seed: int) -> dict[str, float]:
    rng = random.Random(seed)
    logger = logging.getLogger("hocket")
    handler, before = _Strict(), (logger.level, logger.propagate)
    logger.addHandler(handler)
    logger.setLevel(rng.choice([logging.DEBUG, logging.WARNING]))
    logger.propagate = False
    try:
        manager = ParallelExecutionManager(max_concurrent=rng.randrange(1, 5))
        one = Trial(rng, manager)
        run_virtual(one.run, seed=seed)
        assert_idle(manager)
    finally:
        logger.removeHandler(handler)
        logger.level, logger.propagate = before
    return dict(one.counts)


SUITE = Suite(
    name="oddities",
    promise="whatever methods of steps, values, errors, observers and ids raise, nothing of hocket "
    "fails by it: every step is in one state, with the very object that it made",
    unit="programs",
    trial=trial,
    small=300,
    large=100_000,
)
