"""Nurseries, cancel scopes and deadlines."""

from __future__ import annotations

import contextlib
import sys

import trio
import trio.testing
from trio.lowlevel import checkpoint, current_task
from trio.testing import wait_all_tasks_blocked

from torture.scenes import request, scene


@scene()
async def nursery(me):
    results = []

    async def child(number):
        await me.tell("child", number)
        request.set(f"{me.id}, child {number}")
        await me.tell("child changed", number)
        results.append((number, request.get()))

    async with trio.open_nursery() as nursery:
        for number in range(3):
            nursery.start_soon(child, number)
        me.see("parent")
        await checkpoint()
        me.see(nursery.parent_task is current_task(), current_task().child_nurseries[-1] is nursery)
    with me.refused():
        nursery.start_soon(child, 4)
    return sorted(results)


@scene()
async def nursery_start(me):
    async def serve(port, *, task_status):
        me.see("child", port)
        await checkpoint()
        task_status.started(port + 1)
        await me.tell("child goes on")

    async def quit_early(task_status):
        await checkpoint()

    async def fail(task_status):
        await checkpoint()
        raise OSError("port taken")

    async with trio.open_nursery() as nursery:
        port = await nursery.start(serve, 80)
        with me.refused():
            await nursery.start(quit_early)
        with me.refused():
            await nursery.start(fail)
    return port


@scene()
async def nested_failures(me):
    async def fail(error):
        await checkpoint()
        raise error

    async with trio.open_nursery() as outer:
        outer.start_soon(trio.sleep_forever)
        async with trio.open_nursery() as inner:
            inner.start_soon(fail, KeyError("inner"))
            inner.start_soon(trio.sleep_forever)


@scene()
async def except_star(me):
    async def fail(error):
        raise error

    try:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(fail, ValueError("one"))
            nursery.start_soon(fail, OSError("two"))
            await trio.sleep_forever()
    except* ValueError as group:
        me.see("caught", [str(error) for error in group.exceptions])
        await checkpoint()
        me.see("still handling", len(sys.exc_info()[1].exceptions))
    except* OSError:
        await checkpoint()
    me.see(sys.exc_info())
    return "handled"


@scene()
async def exit_stack(me):
    @contextlib.asynccontextmanager
    async def service(name):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(trio.sleep_forever)
            me.see("up", name)
            yield nursery
            nursery.cancel_scope.cancel()
        me.see("down", name)

    async with contextlib.AsyncExitStack() as stack:
        await stack.enter_async_context(service("a"))
        scope = stack.enter_context(trio.CancelScope())
        second = await stack.enter_async_context(service("b"))
        second.start_soon(me.tell, "works")
        await wait_all_tasks_blocked()
        scope.cancel()
        await checkpoint()
    return scope.cancelled_caught


def since(began: float) -> float:
    # Virtual seconds; the last bits depend on when the scene began.
    return round(trio.current_time() - began, 6)


@scene("virtual")
async def move_on_after(me):
    began = trio.current_time()
    with trio.move_on_after(2) as outer:
        with trio.move_on_after(1) as inner:
            await trio.sleep(5)
        me.see(inner.cancelled_caught, since(began))
        await trio.sleep(5)
    me.see(outer.cancelled_caught, since(began))
    with trio.move_on_at(began):
        me.see("until the first checkpoint")
        await checkpoint()
        me.see("never")
    await trio.sleep(0.5)
    return since(began)


@scene("virtual")
async def fail_after(me):
    with me.refused(), trio.fail_after(1):
        await trio.sleep(5)
    with trio.fail_at(trio.current_time() + 1):
        await trio.sleep(0.5)
    with trio.fail_after(0):
        await checkpoint()


@scene("virtual")
async def moved_deadlines(me):
    began = trio.current_time()
    with trio.CancelScope(deadline=began + 9) as scope:
        me.see(round(trio.current_effective_deadline() - began, 6))
        scope.deadline = began + 3
        await trio.sleep(1)
        with trio.CancelScope(relative_deadline=7, shield=True) as inner:
            me.see(round(trio.current_effective_deadline() - began, 6), scope.is_relative)
            inner.deadline -= 4
            await trio.sleep_forever()
        me.see(inner.cancelled_caught, since(began))
        await trio.sleep_forever()
    return scope.cancelled_caught, since(began)


@scene("virtual")
async def shield(me):
    with trio.move_on_after(1) as outer:
        try:
            await trio.sleep_forever()
        finally:
            with trio.CancelScope(shield=True) as shield:
                await trio.sleep(2)
                me.see("cleaned up", outer.cancel_called, trio.current_effective_deadline())
                shield.shield = False
                await checkpoint()
    return outer.cancelled_caught, shield.cancelled_caught


@scene()
async def explicit_cancel(me):
    async def cancel(scope):
        await checkpoint()
        scope.cancel(reason="enough")

    async def stubborn():
        try:
            await trio.sleep_forever()
        except trio.Cancelled as error:
            me.see(error.reason, error.source)
            raise

    async with trio.open_nursery() as nursery:
        with trio.CancelScope() as scope:
            nursery.start_soon(cancel, scope)
            await stubborn()
        me.see(scope.cancelled_caught)
        nursery.start_soon(trio.sleep_forever)
        await checkpoint()
        nursery.cancel_scope.cancel()
    with trio.CancelScope() as scope:  # noqa: ASYNC100 - nobody looks
        scope.cancel()
    return scope.cancel_called, scope.cancelled_caught


@scene()
async def failure_while_cancelled(me):
    with trio.CancelScope() as scope:
        scope.cancel()
        try:
            await trio.sleep_forever()
        finally:
            raise LookupError("while cleaning up")


@scene()
async def checkpoints(me):
    await trio.lowlevel.checkpoint_if_cancelled()
    me.see("not cancelled")
    with trio.CancelScope() as scope:
        scope.cancel()
        await trio.lowlevel.cancel_shielded_checkpoint()
        me.see("shielded")
        await trio.lowlevel.checkpoint_if_cancelled()
        me.see("never")
    for checkpoint_ in (trio.sleep, checkpoint):
        with trio.CancelScope() as scope:
            scope.cancel()
            await (checkpoint_(0) if checkpoint_ is trio.sleep else checkpoint_())
        me.see(scope.cancelled_caught)
    with trio.testing.assert_checkpoints():
        await checkpoint()
    with trio.testing.assert_no_checkpoints():
        me.see("none here")
