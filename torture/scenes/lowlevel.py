"""What is below the surface: tasks, traps, the run itself."""

from __future__ import annotations

import contextlib
import contextvars
import types

import outcome
import trio
import trio.testing
from trio.lowlevel import checkpoint, current_task
from trio.testing import wait_all_tasks_blocked

from torture.scenes import scene


@scene()
async def custom_sleep(me):
    task, waiting, stubborn = current_task(), [], False

    def abort(raise_cancel):
        waiting.append(raise_cancel)
        return trio.lowlevel.Abort.FAILED if stubborn else trio.lowlevel.Abort.SUCCEEDED

    async def wake(answer):
        await wait_all_tasks_blocked()
        trio.lowlevel.reschedule(task, answer)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(wake, outcome.Value("value"))
        me.see(await trio.lowlevel.wait_task_rescheduled(abort))
        nursery.start_soon(wake, outcome.Error(OSError("error")))
        with me.refused():
            await trio.lowlevel.wait_task_rescheduled(abort)
        with trio.CancelScope() as scope:
            scope.cancel()
            await trio.lowlevel.wait_task_rescheduled(abort)
        me.see(scope.cancelled_caught)
        stubborn = True
        with trio.CancelScope() as scope:
            nursery.start_soon(wake, outcome.Value("too late to cancel"))
            scope.cancel()
            me.see(await trio.lowlevel.wait_task_rescheduled(abort))
        me.see(scope.cancelled_caught)
    return len(waiting)


@scene()
async def awaitables(me):
    """Generator-based coroutines, and objects with ``__await__``."""

    @types.coroutine
    def old_style():
        yield from checkpoint().__await__()  # noqa: ASYNC105
        me.see("old style")
        return "old"

    class Later:
        def __await__(self):
            yield from checkpoint().__await__()  # noqa: ASYNC105
            me.see("object")
            return "object"

    return [
        await old_style(),
        await Later(),
        await contextlib.nullcontext("nothing").__aenter__(),
    ]


@scene()
async def foreign_trap(me):
    @types.coroutine
    def asyncio_sleep():
        yield "a future"

    try:
        await asyncio_sleep()
    finally:
        me.see("unwinds")


@scene()
async def detached(me):
    """The task leaves Trio, is driven by hand, and comes back."""
    task, token = current_task(), trio.lowlevel.current_trio_token()

    @types.coroutine
    def trap():
        return (yield "not for Trio")

    def drive():
        me.see(task.coro.send("hand"))
        me.see(task.coro.send("hand again"))

    def not_now(_):
        return trio.lowlevel.Abort.FAILED

    token.run_sync_soon(drive)
    me.see(await trio.lowlevel.temporarily_detach_coroutine_object(not_now))
    me.see(await trap())
    await trio.lowlevel.reattach_detached_coroutine_object(task, "back")
    await checkpoint()
    return current_task() is task


@scene()
async def system_task(me):
    done = trio.Event()

    async def background(name):
        await me.tell(name)
        if name == "with our context":
            done.set()

    trio.lowlevel.spawn_system_task(background, "in the system's context")
    await wait_all_tasks_blocked()
    context = contextvars.copy_context()
    trio.lowlevel.spawn_system_task(background, "with our context", context=context)
    await done.wait()


@scene()
async def run_sync_soon(me):
    token, done = trio.lowlevel.current_trio_token(), trio.Event()
    for number in range(3):
        token.run_sync_soon(me.see, "called", number)
    token.run_sync_soon(me.see, "called once")
    for _ in range(3):
        token.run_sync_soon(done.set, idempotent=True)
    await done.wait()
    await wait_all_tasks_blocked()


@scene()
async def run_var(me):
    """It belongs to the run: every task sees what any of them has set."""
    number = trio.lowlevel.RunVar("number", default=0)

    async def child():
        me.see(number.get())
        number.set(2)

    token = number.set(1)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(child)
    me.see(number.get())
    number.reset(token)
    return number.get()


class _Recorder(trio.abc.Instrument):
    def __init__(self, task):
        self.task, self.seen = task, []

    def task_scheduled(self, task):
        self._note("scheduled", task)

    def before_task_step(self, task):
        self._note("before", task)

    def after_task_step(self, task):
        self._note("after", task)

    def _note(self, what, task):
        if task is self.task:
            self.seen.append(what)


@scene()
async def instrument(me):
    recorder = _Recorder(current_task())
    trio.lowlevel.add_instrument(recorder)
    try:
        await checkpoint()
        await checkpoint()
    finally:
        trio.lowlevel.remove_instrument(recorder)
    await checkpoint()
    return recorder.seen


@scene()
async def await_frames(me):
    task, looked = current_task(), trio.Event()

    async def deeper():
        await looked.wait()

    async def look():
        frames = [frame.f_code.co_name for frame, _ in task.iter_await_frames()]
        me.see(frames[frames.index("perform") :])
        looked.set()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(look)
        await deeper()


@scene()
async def task_name(me):
    await checkpoint()
    me.see("own", current_task().name)

    async def child():
        nursery = current_task().parent_nursery
        me.see("child", current_task().name.rsplit(".", 1)[-1], nursery.parent_task.name)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(child)
    current_task().name = "renamed"
    await checkpoint()
    me.see(current_task().name)


@scene()
async def ctrl_c_protection(me):
    look = trio.lowlevel.currently_ki_protected

    @trio.lowlevel.enable_ki_protection
    async def protected():
        me.see("protected", look())
        await checkpoint()
        me.see("protected", look())

    async def child():
        me.see("child", look())
        await protected()
        me.see("child", look())

    async def generate():
        yield look()
        await checkpoint()
        yield look()

    me.see("step", look())
    await child()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(child)
        nursery.start_soon(trio.lowlevel.disable_ki_protection(child))
    async with contextlib.aclosing(generate()) as generator:
        me.see([value async for value in generator])
    me.see("step", look())
