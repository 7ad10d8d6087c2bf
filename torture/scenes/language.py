"""Exceptions, context variables and async generators, which steps must not share."""

from __future__ import annotations

import contextlib
import contextvars
import decimal
import gc
import sys
import warnings

import trio
from trio.lowlevel import checkpoint, current_task

import hocket
from torture.scenes import request, scene


@scene()
async def chained_exception(me):
    async def deepest():
        await checkpoint()
        raise KeyError("deepest")

    async def deep():
        try:
            await deepest()
        except KeyError as error:
            await checkpoint()
            error.add_note("a note")
            raise ValueError("deep") from error

    try:
        await deep()
    except ValueError:
        raise RuntimeError("the last")  # noqa: B904 - the context is what is looked at


@scene()
async def failure_at_once(me):
    raise ZeroDivisionError(me.id)


@scene()
async def handled_exception(me):
    async def child():
        me.see("child", sys.exc_info()[1])
        await checkpoint()
        me.see("child", sys.exc_info()[1])

    try:
        raise KeyError(me.id)
    except KeyError:
        await checkpoint()
        me.see(repr(sys.exc_info()[1]))
        async with trio.open_nursery() as nursery:
            nursery.start_soon(child)
        me.see(repr(sys.exc_info()[1]))
        with me.refused():
            raise
    me.see(sys.exc_info()[1])
    with me.refused():
        raise  # noqa: PLE0704 - there must be nothing to raise again


@scene()
async def context_variables(me):
    token = request.set("set before")
    await checkpoint()
    me.see("own")
    copy = contextvars.copy_context()
    request.set("set after")

    async def sibling(name):
        me.see("sibling")
        request.set(name)
        await checkpoint()
        me.see("sibling")

    async with trio.open_nursery() as nursery:
        nursery.start_soon(sibling, "one")
        nursery.start_soon(sibling, "two")
    me.see("own")
    copy.run(me.see, "copy")
    copy.run(request.set, "in the copy")
    await checkpoint()
    me.see("own", copy[request])
    request.reset(token)
    me.see("own")
    decimal.setcontext(decimal.Context(prec=5))
    await checkpoint()
    return str(decimal.Decimal(1) / 3)


@scene()
async def async_generator(me):
    async def count(to):
        try:
            for number in range(to):
                me.see("inside", number)
                request.set(f"{me.id} at {number}")
                me.see("sent", (yield number))
                await checkpoint()
        except KeyError as error:
            await checkpoint()
            yield str(error)
        finally:
            await checkpoint()
            me.see("finally")

    async with contextlib.aclosing(count(9)) as numbers:
        async for number in numbers:
            if number == 2:
                break
    me.see("after a break")
    numbers = count(9)
    await numbers.asend(None)
    me.see(await numbers.asend("value"))
    me.see(await numbers.athrow(KeyError("thrown")))
    await numbers.aclose()
    return [number async for number in count(3)]


@scene()
async def unfinished_generator(me):
    """Trio finishes it in a system task, as soon as it is collected."""
    done = trio.Event()

    async def unfinished():
        try:
            yield 1
        finally:
            with trio.CancelScope(shield=True):
                await checkpoint()
            me.see("finally", current_task().name.rsplit(".", 1)[-1])
            done.set()

    generator = unfinished()
    me.see(await anext(generator))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        del generator
        gc.collect()
    me.see([str(warning.message).partition("<locals>.")[2] for warning in caught])
    await done.wait()


_kept: list[object] = []


@scene()
async def generator_that_outlives_its_step(me):
    async def unfinished():
        try:
            yield 1
        finally:
            me.see("finally")
            _kept.clear()

    _kept.append(unfinished())
    return await anext(_kept[-1])


@scene()
async def safe_channel(me):
    @trio.as_safe_channel
    async def produce():
        async with trio.open_nursery() as nursery:
            nursery.start_soon(me.tell, "background")
            for number in range(5):
                me.see("produces", number)
                yield number

    async with produce() as channel:
        async for number in channel:
            if number == 2:
                break
    return number


@scene("virtual")
async def group_inside(me):
    """A step may have a pool of its own."""
    manager = hocket.ParallelExecutionManager(max_concurrent=2)

    async def inner(step):
        me.see("inner", step)
        request.set(f"{me.id}/{step}")
        await trio.sleep(0.1)
        me.see("inner", step)
        if step == "c":
            raise LookupError(step)
        return request.get()

    group = hocket.ParallelGroup("inner", ["a", "b", "c", "d"], "all_settled")
    result = await manager.execute_group(group, inner)
    me.see("outer")
    with me.refused():
        await manager.pool.execute(inner, "c")
    await checkpoint()
    me.see("outer", current_task().name)
    return sorted(result.results.items()), str(result.errors["c"]), round(result.duration, 6)
