"""What steps need of the loop that they run on."""

from __future__ import annotations

import contextlib
import functools
import queue
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Pipe:
    """A channel with room."""

    send: Callable[[Any], Any]
    receive: Callable[[], Any]


@dataclass(frozen=True)
class Runtime:
    """One of the four, with nothing imported that the contender does not need itself."""

    run: Callable[[Callable[[], Any]], Any]
    """Run a function without arguments in a new loop: an async one, unless ``plain``."""
    checkpoint: Callable[[], Any]
    sleep: Callable[[float], Any]
    in_thread: Callable[..., Any]
    shield: Callable[[], contextlib.AbstractContextManager[Any]]
    """Inside, a cancelled step may still await."""
    pipe: Callable[[int], Pipe]
    """A channel with room for so many items."""
    lock: Callable[[], Any]
    plain: bool = False
    """Steps are ordinary functions."""


def load(name: str) -> Runtime:
    return {"trio": _trio, "asyncio": _asyncio, "uvloop": _uvloop, "threads": _threads}[name]()


def _trio() -> Runtime:
    import trio

    def pipe(room: int) -> Pipe:
        send, receive = trio.open_memory_channel[Any](room)
        return Pipe(send.send, receive.receive)

    return Runtime(
        run=trio.run,
        checkpoint=trio.lowlevel.checkpoint,
        sleep=trio.sleep,
        in_thread=trio.to_thread.run_sync,
        shield=lambda: trio.CancelScope(shield=True),
        pipe=pipe,
        lock=trio.Lock,
    )


def _asyncio(loop_factory: Callable[[], Any] | None = None) -> Runtime:
    import asyncio

    def run(main: Callable[[], Any]) -> Any:
        with asyncio.Runner(loop_factory=loop_factory) as runner:
            return runner.run(main())

    def pipe(room: int) -> Pipe:
        queue: asyncio.Queue[Any] = asyncio.Queue(room)
        return Pipe(queue.put, queue.get)

    return Runtime(
        run=run,
        checkpoint=functools.partial(asyncio.sleep, 0),
        sleep=asyncio.sleep,
        in_thread=asyncio.to_thread,
        # asyncio cancels once: what is awaited after that is left alone.
        shield=contextlib.nullcontext,
        pipe=pipe,
        lock=asyncio.Lock,
    )


def _uvloop() -> Runtime:
    import uvloop

    return _asyncio(uvloop.new_event_loop)


def _threads() -> Runtime:
    def queue_of(room: int) -> Pipe:
        channel: queue.Queue[Any] = queue.Queue(room)
        return Pipe(channel.put, channel.get)

    return Runtime(
        run=lambda main: main(),
        checkpoint=functools.partial(time.sleep, 0),
        sleep=time.sleep,
        in_thread=lambda function, *args: function(*args),
        shield=contextlib.nullcontext,
        pipe=queue_of,
        lock=threading.Lock,
        plain=True,
    )
