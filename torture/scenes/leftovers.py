"""Scenes that leave something open at their end, and what becomes of it."""

from __future__ import annotations

import contextlib
import decimal
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Literal

import attrs
import trio
from trio.lowlevel import ParkingLot, add_parking_lot_breaker, checkpoint, current_task

from torture.scenes import Actor, request

SCOPE, NURSERY = "an open cancel scope", "an open nursery"
LOCK = "a lock that it still holds"


@attrs.frozen
class Leftover:
    """What a step leaves behind, and what it is called then; None if it does no harm."""

    play: Callable[[Actor], Awaitable[object]]
    named: str | None
    clock: Literal["virtual", "real"] = "virtual"
    cause: str | None = None
    """What the step has raised as well."""

    @property
    def is_harmless_in_trio(self) -> bool:
        """Whether a task of plain Trio may end so: its locks are broken, and that is all."""
        return self.named in (LOCK, None)

    def is_named(self, *, isolated: bool) -> bool:
        """Whether the step fails, with an error that says what it has left behind."""
        return self.named is not None and not (isolated and self.is_harmless_in_trio)


LEFTOVERS: dict[str, Leftover] = {}


def leaves(
    named: str | None, clock: Literal["virtual", "real"] = "virtual", cause: str | None = None
) -> Callable[[Callable[[Actor], Awaitable[object]]], Callable[[Actor], Awaitable[object]]]:
    def enter(play):
        LEFTOVERS[play.__name__.replace("_", " ")] = Leftover(play, named, clock, cause)
        return play

    return enter


def wait_for(me: Actor, lock: trio.Lock | trio.StrictFIFOLock | trio.Condition) -> None:
    """Have somebody else wait for a lock, who must be told that its owner has gone."""

    async def wait():
        try:
            await lock.acquire()
        except trio.BrokenResourceError:
            me.see("told that it is broken")

    trio.lowlevel.spawn_system_task(wait)


@leaves(SCOPE)
async def shielded_scope(me):
    trio.CancelScope(shield=True).__enter__()


@leaves(SCOPE)
async def cancelled_scopes(me):
    trio.CancelScope().__enter__()
    trio.CancelScope().__enter__().cancel()


@leaves(SCOPE)
async def scope_with_a_deadline(me):
    trio.move_on_after(0.3).__enter__()
    await checkpoint()


@leaves(SCOPE, cause="in the step")
async def scope_and_failure(me):
    trio.CancelScope().__enter__()
    await checkpoint()
    raise LookupError("in the step")


@leaves(SCOPE)
async def generator_in_a_scope(me):
    """As who breaks out of a loop over a generator, and does not close it."""

    async def ticks():
        with trio.move_on_after(0.2):
            while True:
                yield trio.current_time()

    async for _ in ticks():
        break


@leaves(NURSERY)
async def open_nursery(me):
    nursery = await trio.open_nursery().__aenter__()
    nursery.start_soon(trio.sleep_forever)
    nursery.start_soon(me.tell, "child")
    await checkpoint()


@leaves(NURSERY)
async def nursery_and_scope(me):
    trio.CancelScope().__enter__()
    await trio.open_nursery().__aenter__()
    trio.CancelScope(shield=True).__enter__()
    await checkpoint()


@leaves(NURSERY)
async def service(me):
    """A context manager with a nursery inside, entered and dropped."""

    @contextlib.asynccontextmanager
    async def running():
        async with trio.open_nursery() as nursery:
            nursery.start_soon(trio.sleep_forever)
            yield nursery

    await running().__aenter__()
    await checkpoint()


@leaves(NURSERY)
async def kept_service(me):
    """The same, still known to somebody after the step."""
    stack = contextlib.AsyncExitStack()
    nursery = await stack.enter_async_context(trio.open_nursery())
    nursery.start_soon(trio.sleep_forever)
    me.left.append(partial(nursery.start_soon, trio.sleep_forever))


@leaves(f"{NURSERY} and {LOCK}")
async def several(me):
    await trio.Lock().acquire()
    await trio.open_nursery().__aenter__()
    trio.CancelScope().__enter__()


@leaves(LOCK)
async def held_lock(me):
    lock = trio.Lock()
    await lock.acquire()
    wait_for(me, lock)


@leaves(LOCK)
async def held_strict_fifo_lock(me):
    lock = trio.StrictFIFOLock()
    lock.acquire_nowait()
    wait_for(me, lock)
    await checkpoint()


@leaves(LOCK)
async def held_condition(me):
    condition = trio.Condition()
    await condition.acquire()
    wait_for(me, condition)


@leaves(LOCK, "real")
async def lock_taken_from_a_thread(me):
    lock = trio.Lock()
    await trio.to_thread.run_sync(trio.from_thread.run, lock.acquire)
    wait_for(me, lock)


@leaves(LOCK)
async def parking_lot_breaker(me):
    lot = ParkingLot()
    add_parking_lot_breaker(current_task(), lot)


@leaves(None)
async def held_semaphore(me):
    """It has no owner: anybody may release it."""
    await trio.Semaphore(1).acquire()


@leaves(None)
async def context_variables_set(me):
    request.set("a step's")
    decimal.setcontext(decimal.Context(prec=3))
    await checkpoint()
    request.set("a step's, later")
    decimal.setcontext(decimal.Context(prec=2))


@leaves(None)
async def context_variables_set_at_once(me):
    request.set("a step's")
    decimal.setcontext(decimal.Context(prec=3))


@leaves(None)
async def task_name(me):
    await checkpoint()
    current_task().name = "a step's"


@leaves(None)
async def task_name_at_once(me):
    current_task().name = "a step's"


@leaves(None)
async def limiter_token(me):
    """Nobody can see that it is held; whoever uses the same limiter on this task can."""
    limiter = trio.CapacityLimiter(1)
    await limiter.acquire()
    me.left.append(limiter.release)
