"""Workflows on one shared pool, in virtual time: what limits them together, and what each of them."""

from __future__ import annotations

import math

import pytest
import trio
import trio.lowlevel

from hocket import (
    ParallelExecutionManager,
    ParallelGroup,
    QueueFull,
    StepTimeout,
    ToolRegistry,
    WorkerPool,
    WorkerPoolConfig,
    WorkerTask,
    WorkflowDefinition,
    WorkflowInvalid,
    WorkflowManager,
    WorkflowStep,
    workflow_from_dict,
)
from hocket.testing import assert_adds_up, assert_idle


class Busy:
    """Counts the steps that run, all together and by the workflow that they belong to."""

    def __init__(self):
        self.now = {}
        self.most = {}

    async def work(self, name, seconds=1):
        self._change(name, +1)
        try:
            await trio.sleep(seconds)
        finally:
            self._change(name, -1)

    def _change(self, name, change):
        self.now[name] = self.now.get(name, 0) + change
        counts = {name: self.now[name], "all": sum(self.now.values())}
        for key, count in counts.items():
            self.most[key] = max(self.most.get(key, 0), count)

    def step(self, name, id, seconds=1, **options):
        async def execute(context):
            await self.work(name, seconds)
            return id

        return WorkflowStep(id, execute=execute, **options)

    def workflow(self, name, count, *more, seconds=1, config=None, **settings):
        steps = [self.step(name, f"{name}{n}", seconds) for n in range(count)]
        config = WorkerPoolConfig() if config is None else config
        return WorkflowDefinition(name, [*steps, *more], parallel_config=config, **settings)


@pytest.fixture
def busy():
    return Busy()


async def run_all(manager, *workflows):
    """Run workflows at once, and return their results by name."""
    results = {}

    async def run(workflow):
        results[workflow.name] = await manager.execute(workflow)

    async with trio.open_nursery() as nursery:
        for workflow in workflows:
            nursery.start_soon(run, workflow)
    return results


# --- the pool's limit


async def test_workflows_on_one_pool_share_its_limit(busy, autojump_clock):
    pool = WorkerPool(max_concurrent=3)
    manager = WorkflowManager(pool=pool)
    results = await run_all(manager, busy.workflow("a", 6), busy.workflow("b", 6))
    assert busy.most["all"] == 3
    assert trio.current_time() == 4
    assert all(result.success for result in results.values())
    assert_idle(pool)


async def test_everything_else_on_the_pool_counts_too(busy, autojump_clock):
    manager = ParallelExecutionManager(max_concurrent=2)
    workflows = WorkflowManager(pool=manager.pool)
    group = ParallelGroup("g", ["x", "y", "z"])
    async with trio.open_nursery() as nursery:
        nursery.start_soon(workflows.execute, busy.workflow("a", 4))
        nursery.start_soon(manager.execute_group, group, busy.work)
        nursery.start_soon(manager.pool.execute, busy.work, "task")
    assert busy.most["all"] == 2
    assert trio.current_time() == 4


async def test_a_workflow_that_says_no_limit_has_only_the_pools(busy, autojump_clock):
    manager = WorkflowManager(pool=WorkerPool(max_concurrent=25))
    await manager.execute(busy.workflow("a", 25))
    assert busy.most["a"] == 25  # and not the 10 of a pool of its own
    await WorkflowManager().execute(busy.workflow("b", 25))
    assert busy.most["b"] == 10


async def test_without_a_pool_each_run_has_one_of_its_own(busy, autojump_clock):
    config = WorkerPoolConfig(max_concurrent=2)
    workflows = (busy.workflow(name, 4, config=config) for name in "ab")
    results = await run_all(WorkflowManager(), *workflows)
    assert busy.most == {"a": 2, "b": 2, "all": 4}
    assert [result.stats.tasks_completed for result in results.values()] == [4, 4]


# --- a workflow's own limits inside the pool's


async def test_a_workflow_takes_no_more_slots_than_its_own_limit(busy, autojump_clock):
    manager = WorkflowManager(pool=WorkerPool(max_concurrent=5))
    config = WorkerPoolConfig(max_concurrent=2)
    await run_all(manager, busy.workflow("a", 6, config=config), busy.workflow("b", 9))
    assert (busy.most["a"], busy.most["all"]) == (2, 5)


async def test_the_groups_of_a_workflow_are_inside_its_limit(busy, autojump_clock):
    inner = WorkflowStep.parallel("inner", [busy.step("a", f"i{n}") for n in range(4)])
    outer = WorkflowStep.parallel("outer", [inner, *(busy.step("a", f"o{n}") for n in range(4))])
    workflow = busy.workflow("a", 4, outer, config=WorkerPoolConfig(max_concurrent=3))
    await WorkflowManager(pool=WorkerPool(max_concurrent=10)).execute(workflow)
    assert busy.most["a"] == 3
    assert trio.current_time() == 4


async def test_what_a_step_gives_to_the_pool_is_inside_its_workflows_limit(busy, autojump_clock):
    pool = WorkerPool(max_concurrent=10)

    async def fan_out(context):
        await pool.execute_many([WorkerTask(str(n), lambda: busy.work("a")) for n in range(4)])

    steps = [WorkflowStep(name, execute=fan_out) for name in ("x", "y")]
    workflow = busy.workflow("a", 0, *steps, config=WorkerPoolConfig(max_concurrent=2))
    await WorkflowManager(pool=pool).execute(workflow)
    assert busy.most["a"] == 2
    assert trio.current_time() == 4


@pytest.mark.parametrize("limit", [50, math.inf])
async def test_a_limit_above_the_pools_changes_nothing(busy, autojump_clock, limit):
    workflow = busy.workflow("a", 6, config=WorkerPoolConfig(max_concurrent=limit))
    await WorkflowManager(pool=WorkerPool(max_concurrent=2)).execute(workflow)
    assert busy.most["a"] == 2


@pytest.mark.parametrize(("own", "expected"), [(2, 2), (None, 4)])
async def test_the_time_limit_of_a_step_is_the_workflows_or_else_the_pools(
    busy, autojump_clock, own, expected
):
    workflow = busy.workflow("a", 1, seconds=9, config=WorkerPoolConfig(timeout=own))
    result = await WorkflowManager(pool=WorkerPool(timeout=4)).execute(workflow)
    assert isinstance(result.errors["a0"], StepTimeout)
    assert result.errors["a0"].limit == expected


# --- nested, cancelled, counted


@pytest.mark.parametrize("config", [WorkerPoolConfig(), WorkerPoolConfig(max_concurrent=1)])
async def test_a_step_that_runs_a_workflow_on_the_same_pool_lends_its_slot(
    busy, autojump_clock, config
):
    pool = WorkerPool(max_concurrent=1)
    manager = WorkflowManager(pool=pool)
    inner = busy.workflow("inner", 2, config=config)

    async def nested(context):
        result = await manager.execute(inner)
        return result.completed_steps

    outer = busy.workflow("outer", 1, WorkflowStep("nested", execute=nested), config=config)
    with trio.fail_after(10):
        result = await manager.execute(outer)
    assert result.results["nested"] == ["inner0", "inner1"]
    assert busy.most["all"] == 1
    assert trio.current_time() == 3
    assert_idle(pool)


@pytest.mark.parametrize("limit", [1, 2, 3])
@pytest.mark.parametrize("how", ["call", "group", "workflow"])
async def test_a_workflow_that_a_step_of_the_pool_runs_keeps_its_limit(
    busy, autojump_clock, how, limit
):
    executor = ParallelExecutionManager(max_concurrent=10)
    pool = executor.pool
    manager = WorkflowManager(pool=pool)
    inner = busy.workflow("inner", 6, config=WorkerPoolConfig(max_concurrent=limit))

    async def run(_=None):
        (await manager.execute(inner)).raise_for_failure()

    if how == "call":
        await pool.execute(run)
    elif how == "group":
        result = await executor.execute_group(ParallelGroup("g", ["a"]), run)
        result.raise_for_failure()
    else:
        outer = busy.workflow("outer", 0, WorkflowStep("a", execute=run))
        (await manager.execute(outer)).raise_for_failure()
    assert busy.most["inner"] == limit
    assert trio.current_time() == 6 / limit
    assert_idle(pool)


async def test_two_workflows_in_one_step_keep_their_limits_each(busy, autojump_clock):
    pool = WorkerPool(max_concurrent=10)
    manager = WorkflowManager(pool=pool)
    config = WorkerPoolConfig(max_concurrent=1)

    async def both():
        return await run_all(manager, *(busy.workflow(name, 3, config=config) for name in "ab"))

    await pool.execute(both)
    assert busy.most == {"a": 1, "b": 1, "all": 2}
    assert trio.current_time() == 3
    assert_idle(pool)


async def test_calls_that_wait_for_their_workflows_limit_leave_the_queue_to_others(
    busy, autojump_clock
):
    pool = WorkerPool(max_concurrent=2, queue_size=0)
    manager = WorkflowManager(pool=pool)
    refused = []

    async def calls(context):
        async with trio.open_nursery() as nursery:
            for _ in range(3):
                nursery.start_soon(call)

    async def call():
        try:
            await pool.execute(busy.work, "call")
        except QueueFull:
            refused.append(trio.current_time())

    config = WorkerPoolConfig(max_concurrent=1)
    workflow = busy.workflow("w", 0, WorkflowStep("calls", execute=calls), config=config)
    (await manager.execute(workflow)).raise_for_failure()
    assert refused == [0, 0]  # they would have waited, and there is no place
    pool.queue_size = 1
    async with trio.open_nursery() as nursery:
        nursery.start_soon(manager.execute, workflow)
        await trio.sleep(0.5)
        nursery.start_soon(pool.execute, busy.work, "other")
        await trio.lowlevel.checkpoint()
        await pool.execute(busy.work, "queued")  # the only place is free
    assert refused == [0, 0]
    assert_idle(pool)


async def test_a_nested_workflow_is_inside_the_limit_of_the_one_around_it(busy, autojump_clock):
    manager = WorkflowManager(pool=WorkerPool(max_concurrent=10))
    inner = busy.workflow("a", 6)

    async def nested(context):
        await manager.execute(inner)

    step = WorkflowStep("nested", execute=nested)
    await manager.execute(
        WorkflowDefinition("outer", [step], parallel_config=WorkerPoolConfig(max_concurrent=2))
    )
    assert busy.most["a"] == 2


async def test_cancelling_one_workflow_leaves_the_one_beside_it_alone(busy, autojump_clock):
    pool = WorkerPool(max_concurrent=2)
    manager = WorkflowManager(pool=pool)

    async def impatient():
        with trio.move_on_after(1.5):
            await manager.execute(busy.workflow("a", 8))

    results = []

    async def patient():
        await trio.sleep(0.5)
        results.append(await manager.execute(busy.workflow("b", 4)))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(impatient)
        nursery.start_soon(patient)
    assert results[0].success
    assert busy.now == {"a": 0, "b": 0}
    # From 1 s on each has a slot, and b has both as a gives its own back.
    assert trio.current_time() == 3.5
    assert_idle(pool)


async def test_a_failing_workflow_leaves_the_one_beside_it_alone(busy, autojump_clock):
    async def fail(context):
        raise ValueError("no")

    manager = WorkflowManager(pool=WorkerPool(max_concurrent=2))
    bad = busy.workflow("bad", 3, WorkflowStep("fail", execute=fail))
    results = await run_all(manager, bad, busy.workflow("good", 3))
    assert not results["bad"].success
    assert results["good"].success


async def test_the_figures_of_a_shared_pool_are_the_pools_and_add_up(busy, autojump_clock):
    pool = WorkerPool(max_concurrent=2)
    workflows = busy.workflow("a", 3), busy.workflow("b", 4, max_duration=2.5)
    results = await run_all(WorkflowManager(pool=pool), *workflows)
    assert [result.stats for result in results.values()] == [None, None]
    completed = sum(len(result.completed_steps) for result in results.values())
    stats = pool.get_stats()
    assert stats.tasks_submitted == 7
    assert stats.tasks_completed == completed
    assert_adds_up(pool)


# --- mistakes


QUEUE_MISTAKE = (
    "workflow 'w' has 1 mistake:\n"
    "parallel_config.{name}: the workflow shares a pool with others, and its queue is theirs too: "
    "leave {name!r} out, and give it to the pool: WorkerPool({name}={value!r})"
)


@pytest.mark.parametrize(("name", "value"), [("queue_size", 5), ("when_full", "wait")])
async def test_a_workflow_on_a_shared_pool_says_nothing_of_the_queue(
    busy, autojump_clock, name, value
):
    workflow = busy.workflow("w", 1, config=WorkerPoolConfig(**{name: value}))
    manager = WorkflowManager(pool=WorkerPool())
    with pytest.raises(WorkflowInvalid) as validated:
        manager.validate(workflow)
    with pytest.raises(WorkflowInvalid) as executed:
        await manager.execute(workflow)
    expected = QUEUE_MISTAKE.format(name=name, value=value)
    assert [str(validated.value), str(executed.value)] == [expected] * 2
    assert busy.most == {}
    WorkflowManager().validate(workflow)


def test_a_file_that_speaks_of_the_queue_is_told_with_its_other_mistakes():
    config = {"queueSize": 5, "whenFull": "wait", "maxConcurrent": 2}
    steps = [{"id": "a", "toolName": "nope"}]
    workflow = workflow_from_dict({"name": "w", "parallelConfig": config, "steps": steps})
    manager = WorkflowManager(ToolRegistry(), pool=WorkerPool())
    with pytest.raises(WorkflowInvalid) as caught:
        manager.validate(workflow)
    assert [mistake.keys for mistake in caught.value.mistakes] == [
        ("steps", 0, "tool"),
        ("parallel_config", "queue_size"),
        ("parallel_config", "when_full"),
    ]


def test_what_is_as_in_every_pool_is_no_contradiction(busy):
    config = WorkerPoolConfig(queue_size=None, when_full="raise")
    WorkflowManager(pool=WorkerPool()).validate(busy.workflow("w", 1, config=config))


def test_only_a_pool_can_be_shared():
    manager = ParallelExecutionManager()
    with pytest.raises(TypeError) as caught:
        WorkflowManager(pool=manager)
    assert str(caught.value) == (
        f"pool must be a WorkerPool (a ParallelExecutionManager has one as .pool); got {manager!r}"
    )
