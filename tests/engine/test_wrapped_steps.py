"""A step's TypeError is its own; only a call that cannot work for any step is the program's mistake."""

from __future__ import annotations

import functools
import inspect

import pytest

from hocket import ParallelExecutionManager, ParallelGroup, WorkerPool, WorkerTask
from hocket.testing import assert_idle, run_virtual


async def two(step, connection):
    if step == "bad":
        raise TypeError("the step's own")
    return step


def injecting(fn):
    @functools.wraps(fn)
    async def wrapper(step):
        return await fn(step, "connection")

    return wrapper


def injecting_sync(fn):
    @functools.wraps(fn)
    def wrapper(step):
        if step == "bad":
            raise TypeError("the wrapper's own")
        return fn(step, "connection")

    return wrapper


def injecting_any(fn):
    @functools.wraps(fn)
    def wrapper(*args):
        if args == ("bad",):
            return fn()  # cannot be called so: the wrapper's mistake, with this step alone
        return fn(*args, "connection")

    return wrapper


def misleading(fn):
    @functools.wraps(fn)
    def wrapper(step):
        if step == "bad":
            raise TypeError("the wrapper's own")
        return fn(step, "connection")

    wrapper.__signature__ = inspect.signature(fn)
    return wrapper


class Called:
    def __call__(self, step):
        return two(*([step, 1] if step != "bad" else []))


EXECUTORS = {
    "async decorator": injecting(two),
    "sync decorator": injecting_sync(two),
    "decorator of anything": injecting_any(two),
    "decorator that says what it wraps": misleading(two),
    "partial of a decorator": functools.partial(injecting_sync(two)),
    "two decorators": injecting_sync(lambda step, connection: injecting(two)(step)),
    "object": Called(),
    "lambda": lambda step: two(step, 1) if step != "bad" else two(),
    "method": Called().__call__,
}


@pytest.mark.parametrize("name", EXECUTORS)
def test_a_type_error_of_one_step_fails_that_step_and_no_other(name):
    manager = ParallelExecutionManager()

    async def main():
        group = ParallelGroup("g", ["a", "bad", "b"], "all_settled")
        return await manager.execute_group(group, EXECUTORS[name])

    result = run_virtual(main)
    assert (result.completed_steps, result.failed_steps) == (["a", "b"], ["bad"])
    assert type(result.errors["bad"]) is TypeError
    assert_idle(manager)


def test_the_same_holds_for_tasks_of_a_pool():
    async def main():
        tasks = [
            WorkerTask(id_, functools.partial(injecting_sync(two), id_)) for id_ in ("a", "bad")
        ]
        return await WorkerPool().execute_with_strategy(tasks, "all_settled")

    result = run_virtual(main)
    assert list(result.failed_steps) == ["bad"]
    assert str(result.errors["bad"]) == "the wrapper's own"


def test_the_type_error_of_a_function_of_steps_is_its_own_too():
    @functools.wraps(two)
    def members(context):
        raise TypeError("its own")

    members.__signature__ = inspect.signature(lambda: None)

    async def main():
        group = ParallelGroup("g", members)
        await ParallelExecutionManager().execute_group(group, injecting(two))

    with pytest.raises(TypeError, match=r"^its own$"):
        run_virtual(main)


@pytest.mark.parametrize("executor", [two, functools.partial(two), lambda: two(1, 2)])
def test_a_call_that_works_for_no_step_is_refused(executor):
    manager = ParallelExecutionManager()

    async def main():
        await manager.execute_group(ParallelGroup("g", ["a"], "all_settled"), executor)

    with pytest.raises(TypeError, match=r"step_executor: .* cannot be called with \(step\)"):
        run_virtual(main)
    assert_idle(manager)
