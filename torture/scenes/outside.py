"""Scenes that leave the thread: threads, processes, sockets, files, signals. They take real time."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Awaitable, Callable
from functools import partial

import trio
import trio.testing
from trio.lowlevel import checkpoint, current_task

import hocket
from torture.scenes import request, scene


def run_as_guest(
    fn: Callable[[], Awaitable[object]], clock: trio.abc.Clock | None = None
) -> object:
    """``trio.run`` as a guest of asyncio."""

    async def host():
        loop = asyncio.get_running_loop()
        done = loop.create_future()
        trio.lowlevel.start_guest_run(
            fn,
            clock=clock,
            run_sync_soon_threadsafe=loop.call_soon_threadsafe,
            run_sync_soon_not_threadsafe=loop.call_soon,
            done_callback=done.set_result,
            host_uses_signal_set_wakeup_fd=True,
        )
        return (await done).unwrap()

    return asyncio.run(host())


# --- threads --------------------------------------------------------------------------------------


@scene("real")
async def to_thread(me):
    limiter = trio.CapacityLimiter(1)

    def work(answer):
        me.see("thread")
        request.set("changed in the thread")
        me.see("thread")
        if isinstance(answer, Exception):
            raise answer
        return answer

    me.see(await trio.to_thread.run_sync(work, 1))
    me.see(await trio.to_thread.run_sync(work, 2, limiter=limiter))
    me.see(await trio.to_thread.run_sync(lambda: threading.current_thread().name))
    me.see(
        await trio.to_thread.run_sync(lambda: threading.current_thread().name, thread_name="a name")
    )
    with me.refused():
        await trio.to_thread.run_sync(work, KeyError("from the thread"))
    me.see(limiter.borrowed_tokens)
    await trio.to_thread.run_sync(work, OSError("from the thread"))


@scene("real")
async def from_thread(me):
    task = current_task()

    async def inside(what):
        me.see(what, current_task() is task)
        await checkpoint()
        me.see(what, current_task() is task)
        request.set("set by from_thread.run")
        await checkpoint()
        me.see(what)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(me.tell, "child of a thread's")
        return what

    async def fail():
        await checkpoint()
        raise LookupError("in Trio")

    def set_variable():
        me.see("sync")
        request.set("set by from_thread.run_sync")

    def work():
        me.see(trio.from_thread.run(inside, "first"))
        request.set("set in the thread")
        trio.from_thread.run_sync(set_variable)
        me.see("thread")
        me.see(trio.from_thread.run(inside, "second"))
        with me.refused():
            trio.from_thread.run(fail)
        trio.from_thread.check_cancelled()
        return trio.from_thread.run_sync(trio.lowlevel.currently_ki_protected)

    me.see("protected", await trio.to_thread.run_sync(work))
    me.see("step")
    await checkpoint()
    me.see("step")


@scene("real")
async def cancelled_threads(me):
    async def cancel_when(started, scope):
        await started.wait()
        scope.cancel(reason="no longer wanted")

    def notice(started):
        trio.from_thread.run_sync(started.set)
        while True:
            time.sleep(0.001)
            trio.from_thread.check_cancelled()

    def asks_trio(started):
        trio.from_thread.run_sync(started.set)
        trio.from_thread.run(trio.sleep_forever)

    async with trio.open_nursery() as nursery:
        for work in (notice, asks_trio):
            started = trio.Event()
            with trio.CancelScope() as scope:
                nursery.start_soon(cancel_when, started, scope)
                await trio.to_thread.run_sync(work, started)
            me.see(scope.cancelled_caught)


@scene("real")
async def abandoned_thread(me):
    token, limiter = trio.lowlevel.current_trio_token(), trio.CapacityLimiter(1)
    release, started, over = threading.Event(), trio.Event(), trio.Event()

    def work():
        trio.from_thread.run_sync(started.set, trio_token=token)
        release.wait()
        me.see("thread")
        try:
            trio.from_thread.check_cancelled()
        except trio.Cancelled:
            me.see("cancelled")
        trio.from_thread.run_sync(over.set, trio_token=token)

    async def cancel(scope):
        await started.wait()
        scope.cancel()

    async with trio.open_nursery() as nursery:
        with trio.CancelScope() as scope:
            nursery.start_soon(cancel, scope)
            await trio.to_thread.run_sync(work, abandon_on_cancel=True, limiter=limiter)
    me.see(scope.cancelled_caught, limiter.borrowed_tokens)
    release.set()
    await over.wait()
    while limiter.borrowed_tokens:
        await trio.sleep(0.001)


@scene("real")
async def thread_of_its_own(me):
    """With the token, from a thread that Trio has not made."""
    token, done = trio.lowlevel.current_trio_token(), trio.Event()

    async def inside():
        await me.tell("in Trio")
        return "value"

    def work():
        me.see(trio.from_thread.run(inside, trio_token=token))
        trio.from_thread.run_sync(done.set, trio_token=token)

    def deliver(result):
        token.run_sync_soon(me.see, str(result))
        token.run_sync_soon(done.set)

    threading.Thread(target=work).start()
    await done.wait()
    done = trio.Event()
    trio.lowlevel.start_thread_soon(request.get, deliver)
    await done.wait()


@scene("real")
async def trio_in_a_thread(me):
    """A run of its own, there as a guest of asyncio, with a pool of its own."""

    async def inner():
        await checkpoint()
        return request.get()

    async def run():
        pool = hocket.WorkerPool(max_concurrent=2)
        tasks = [hocket.WorkerTask(str(number), inner) for number in range(3)]
        return await pool.execute_many(tasks)

    me.see(await trio.to_thread.run_sync(trio.run, run))
    me.see(await trio.to_thread.run_sync(run_as_guest, run))
    with me.refused():
        trio.run(run)


# --- processes ------------------------------------------------------------------------------------


@scene("real")
async def run_process(me):
    command = ["sh", "-c", "read line; echo got $line; echo oops >&2; exit 3"]
    done = await trio.run_process(
        command, stdin=b"input\n", capture_stdout=True, capture_stderr=True, check=False
    )
    me.see(done.returncode, done.stdout, done.stderr)
    await trio.run_process(["sh", "-c", "exit 4"])


@scene("real")
async def process(me):
    async with trio.open_nursery() as nursery:
        piped = partial(trio.run_process, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        cat = await nursery.start(piped, ["cat"])
        await cat.stdin.send_all(b"through a pipe")
        me.see(await cat.stdout.receive_some(100))
        await cat.stdin.aclose()
        me.see(await cat.stdout.receive_some(100), await cat.wait())


@scene("real")
async def cancelled_process(me):
    async with trio.open_nursery() as nursery:
        process = await nursery.start(trio.run_process, ["sleep", "60"])
        nursery.cancel_scope.cancel()
    return process.returncode


# --- sockets, files, signals ----------------------------------------------------------------------


@scene("real")
async def tcp(me):
    async def shout(stream):
        me.see("server")
        async for data in stream:
            await stream.send_all(data.upper())

    async with trio.open_nursery() as nursery:
        serve = partial(trio.serve_tcp, shout, 0, host="127.0.0.1")
        [listener] = await nursery.start(serve)
        stream = await trio.testing.open_stream_to_socket_listener(listener)
        async with stream:
            await stream.send_all(b"hello")
            me.see(await stream.receive_some(100))
            await stream.send_eof()
            me.see(await stream.receive_some(100))
        with me.refused():
            await stream.send_all(b"more")
        nursery.cancel_scope.cancel()


@scene("real")
async def socketpair(me):
    left, right = trio.socket.socketpair()
    with left, right:
        await left.send(b"ping")
        me.see(await right.recv(10))
        async with trio.open_nursery() as nursery:
            with trio.move_on_after(0.001) as scope:
                await right.recv(10)
            me.see(scope.cancelled_caught)
            nursery.start_soon(me.tell, "child")
            nursery.start_soon(left.sendall, b"pong")
            me.see(await right.recv(10))
    with me.refused():
        await left.send(b"ping")


@scene("real")
async def wait_readable(me):
    left, right = socket.socketpair()

    async def close():
        await trio.testing.wait_all_tasks_blocked()
        trio.lowlevel.notify_closing(left)

    with left, right:
        await trio.lowlevel.wait_writable(left)
        right.send(b"x")
        await trio.lowlevel.wait_readable(left)
        me.see(left.recv(10))
        async with trio.open_nursery() as nursery:
            nursery.start_soon(close)
            with me.refused():
                await trio.lowlevel.wait_readable(left)


@scene("real")
async def pipe(me):
    reader, writer = os.pipe()
    async with trio.lowlevel.FdStream(reader) as receive:
        async with trio.lowlevel.FdStream(writer) as send, trio.open_nursery() as nursery:
            nursery.start_soon(send.send_all, b"x" * 200_000)
            received = 0
            while received < 200_000:
                received += len(await receive.receive_some())
        return received, await receive.receive_some()


@scene("real")
async def files(me):
    with tempfile.TemporaryDirectory() as folder:
        path = trio.Path(folder) / "a file"
        me.see(await path.exists())
        async with await trio.open_file(path, "w") as file:
            await file.write("one\ntwo\n")
            me.see(await file.tell())
        me.see(await path.read_text(), [entry.name for entry in await trio.Path(folder).iterdir()])
        async with await path.open() as file:
            me.see([line async for line in file])
        with me.refused():
            await (trio.Path("/") / "no such file").read_text()


_signals: trio.lowlevel.RunVar[trio.Lock] = trio.lowlevel.RunVar("signals")


@scene("real")
async def signals(me):
    try:
        turn = _signals.get()
    except LookupError:
        turn = trio.Lock()
        _signals.set(turn)
    async with turn:
        with trio.open_signal_receiver(signal.SIGUSR1, signal.SIGUSR2) as receiver:
            os.kill(os.getpid(), signal.SIGUSR1)
            async for number in receiver:
                me.see(signal.Signals(number).name)
                if number == signal.SIGUSR2:
                    break
                signal.raise_signal(signal.SIGUSR2)
    return signal.getsignal(signal.SIGUSR1) is signal.SIG_DFL
