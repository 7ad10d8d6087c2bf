"""Random callers, nested to any depth, with cancellations, time limits and resizes: the invariants hold throughout.

``HOCKET_SCHEDULES`` sets how many schedules run, ``HOCKET_SEED`` where to begin; a failure names its seed.
"""

from __future__ import annotations

import contextlib
import os
import random
from functools import partial

import pytest
import trio

from hocket import ParallelExecutionManager, ParallelGroup, QueueFull, StepTimeout, WorkerTask
from hocket.testing import assert_works_on, run_virtual

SCHEDULES = int(os.environ.get("HOCKET_SCHEDULES", "400"))
SEED = int(os.environ.get("HOCKET_SEED", "7000"))
BATCH = 50


class Broken(Exception):
    pass


class World:
    """One manager, random callers, and an eye on what runs."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        rng = self.rng
        self.limit = rng.randrange(1, 4)
        queue_size = rng.choice([None, None, 0, 1, 3])
        self.manager = ParallelExecutionManager(
            max_concurrent=self.limit,
            queue_size=queue_size,
            when_full="raise" if queue_size == 0 else rng.choice(["raise", "wait"]),
            timeout=rng.choice([None, None, 2.5]),
        )
        self.resizes = rng.random() < 0.3
        self.pauses = rng.random() < 0.3
        self.most_allowed = self.limit
        self.leaves = 0
        self.count = 0
        self.started: list[str] = []
        self.ended: list[str] = []

    def name(self) -> str:
        self.count += 1
        return f"n{self.count}"

    async def step(self, depth: int, name: str) -> str:
        rng = self.rng
        assert not self.manager.get_status().paused, "nothing starts while paused"
        self.started.append(name)
        try:
            for _ in range(rng.randrange(3)):
                if depth and rng.random() < 0.5:
                    await self.call(depth - 1)
                else:
                    await self.work()
            if rng.random() < 0.1:
                raise Broken(name)
            return name
        finally:
            if rng.random() < 0.3:
                with trio.CancelScope(shield=True):
                    await self.work()
            self.ended.append(name)

    async def work(self) -> None:
        """What takes a slot in earnest: a step that does not wait for steps of its own."""
        self.leaves += 1
        assert self.leaves <= self.most_allowed, f"{self.leaves} of {self.limit} at work"
        try:
            if self.rng.random() < 0.2:
                await trio.lowlevel.checkpoint()
            else:
                await trio.sleep(self.rng.randrange(1, 2000) / 1000)
        finally:
            self.leaves -= 1

    async def call(self, depth: int) -> None:
        rng, manager = self.rng, self.manager
        deadline = trio.current_time() + rng.choice([float("inf")] * 3 + [rng.random() * 5])
        step = partial(self.step, depth)
        with trio.CancelScope(deadline=deadline):
            try:
                match rng.choice(["execute", "tasks", "group", "group", "siblings"]):
                    case "execute":
                        await manager.pool.execute(step, self.name())
                    case "tasks":
                        names = [self.name() for _ in range(rng.randrange(4))]
                        await manager.pool.execute_with_strategy(
                            [WorkerTask(name, partial(step, name)) for name in names],
                            rng.choice(["all", "any", "race", "all_settled"]),
                        )
                    case "group":
                        await manager.execute_group(
                            ParallelGroup(
                                self.name(),
                                [self.name() for _ in range(rng.randrange(5))],
                                rng.choice(["all", "any", "race", "all_settled"]),
                                max_concurrent=rng.choice([None, 1, 2]),
                                timeout=rng.choice([None, None, rng.random() * 6 + 0.01]),
                                step_timeout=rng.choice([None, rng.random() * 3 + 0.01]),
                                isolation=rng.choice(["shared", "shared", "task"]),
                            ),
                            step,
                        )
                    case "siblings":
                        # Not in a nursery of a step's own unless depth says so.
                        async with trio.open_nursery() as nursery:
                            for _ in range(2):
                                nursery.start_soon(self.quietly, step)
            except (Broken, QueueFull, StepTimeout):
                pass
        assert_adds_up_while_running(manager)

    async def quietly(self, step) -> None:
        with contextlib.suppress(Broken, QueueFull, StepTimeout):
            await self.manager.pool.execute(step, self.name())

    async def meddle(self) -> None:
        while True:
            await trio.sleep(self.rng.random())
            limit = self.rng.randrange(1, 5)
            self.manager.pool.max_concurrent = limit
            # Lowering stops nothing, so what was allowed once may still run.
            self.most_allowed = max(self.most_allowed, limit)
            with contextlib.suppress(ValueError):
                self.manager.pool.queue_size = self.rng.choice([None, 0, 1, 2, 5])
            with contextlib.suppress(ValueError):
                self.manager.pool.when_full = self.rng.choice(["raise", "wait"])

    async def pause(self) -> None:
        pool = self.manager.pool
        try:
            while True:
                await trio.sleep(self.rng.random())
                pool.pause()
                await trio.sleep(self.rng.random())
                pool.resume()
        finally:
            pool.resume()

    async def main(self) -> None:
        before = trio.lowlevel.current_statistics().tasks_living
        with trio.move_on_after(self.rng.choice([1000, 1000, self.rng.random() * 8])):
            async with trio.open_nursery() as outer:
                if self.resizes:
                    outer.start_soon(self.meddle)
                if self.pauses:
                    outer.start_soon(self.pause)
                async with trio.open_nursery() as nursery:
                    for _ in range(self.rng.randrange(1, 5)):
                        nursery.start_soon(self.call, 3)
                    await self.call(2)  # in the task whose nursery the others are in
                outer.cancel_scope.cancel()
        assert trio.current_time() < 1000, "nothing moves any more"
        assert trio.lowlevel.current_statistics().tasks_living == before
        assert sorted(self.started) == sorted(self.ended)
        assert len(set(self.started)) == len(self.started)
        await assert_works_on(self.manager)


def assert_adds_up_while_running(manager) -> None:
    """Between two starts the sums are right, but for groups that were decided and still unwind."""
    stats, status = manager.get_stats(), manager.get_status()
    assert stats.tasks_submitted >= stats.tasks_completed + stats.tasks_failed
    assert status.active_workers >= 0


@pytest.mark.parametrize("batch", range(0, SCHEDULES, BATCH))
def test_random_callers_break_no_invariant(batch):
    for seed in range(SEED + batch, SEED + min(batch + BATCH, SCHEDULES)):
        try:
            run_virtual(World(seed).main)
        except BaseException as error:
            error.add_note(f"HOCKET_SEED={seed} HOCKET_SCHEDULES=1")
            raise
