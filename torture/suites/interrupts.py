"""Real SIGINTs at random instants to a real process that is in the middle of something.

Each trial forks a process, which runs a random scene and says when it has begun; some milliseconds
later it is interrupted, once or several times. The scene is made from the seed; where exactly a
signal strikes is up to the machine. POSIX only.
"""

from __future__ import annotations

import contextlib
import faulthandler
import json
import os
import random
import select
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path
from types import FrameType
from weakref import WeakSet

import trio
from trio.lowlevel import checkpoint, disable_ki_protection, enable_ki_protection

import hocket
from hocket import (
    ParallelExecutionManager,
    ParallelGroup,
    Retry,
    StepTimeout,
    WorkerTask,
    WorkflowDefinition,
    WorkflowManager,
    WorkflowStep,
)
from hocket.testing import assert_idle, assert_works_on
from torture.suite import Suite

PROMPT = 1.0  # seconds from the (last) signal to the end of the process
HANGS = 20.0
CLEANUP = 0.005
AT_ONCE = 0.4  # of the trials are interrupted in the first three milliseconds
PACKAGE = str(Path(hocket.__file__).parent)

# CPython drops what the callback of a weak reference raises, Ctrl-C as well: nobody's fault here.
enable_ki_protection(WeakSet()._remove)

# --- in the process that is interrupted -----------------------------------------------------------


class Scene:
    """What goes on when the signal strikes. Every step counts that it has begun and has ended.

    These counts are protected from the signal; the body of a step, and its own clean-up, are not.
    """

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self.began = self.ended = 0
        self.nurseries = False
        self.manager = ParallelExecutionManager(
            max_concurrent=rng.randrange(1, 6),
            queue_size=rng.choice([None, 1, 3]),
            when_full="wait",
            timeout=rng.choice([None, 30]),
        )
        self.isolation = rng.choice(["shared", "task"])
        self.once = rng.random() < 0.2
        self.acts = rng.sample(
            [
                self.group,
                self.storm,
                self.nested,
                self.single,
                self.callers,
                self.workflow,
                self.stream,
            ],
            rng.randrange(1, 4),
        )

    @disable_ki_protection
    async def play(self) -> None:
        while True:
            for act in self.acts:
                await act()
            if self.once:
                return

    @enable_ki_protection
    async def step(self, *_: object) -> None:
        self.began += 1
        try:
            await self.body()
        finally:
            self.ended += 1

    @disable_ki_protection
    async def body(self) -> None:
        rng = self.rng
        try:
            match rng.randrange(4):
                case 0:
                    await trio.sleep(rng.random() * 0.02)
                case 1:
                    for _ in range(rng.randrange(5)):
                        await checkpoint()
                case 2:
                    compute(rng.random() * 0.002)
                case 3:
                    await trio.sleep(60 if rng.random() < 0.1 and not self.once else 0.001)
        finally:
            if rng.random() < 0.3:
                with trio.CancelScope(shield=True):
                    await trio.sleep(rng.random() * CLEANUP)

    async def nothing(self, *_: object) -> None:
        pass

    async def group(self) -> None:
        await self.manager.execute_group(self.new_group(), self.step)

    async def storm(self) -> None:
        """Hundreds of thousands of steps that never suspend."""
        size = self.rng.choice([1_000, 30_000, 200_000])
        group = ParallelGroup("storm", [str(n) for n in range(size)], isolation="shared")
        await self.manager.execute_group(group, self.nothing)

    async def nested(self) -> None:
        async def inner(*_: object) -> None:
            await self.manager.execute_group(self.new_group(), self.step)

        await self.manager.execute_group(self.new_group(), inner)

    async def single(self) -> None:
        task = WorkerTask("single", self.step, self.rng.choice([None, 0.002, 30]))
        with contextlib.suppress(StepTimeout):
            await self.manager.pool.execute(task)

    @enable_ki_protection
    async def callers(self) -> None:
        """Many tasks that want the pool, more than its queue holds.

        A signal in the middle of ``start_soon`` corrupts Trio; this is not about that.
        """
        self.nurseries = True
        async with trio.open_nursery() as nursery:
            for _ in range(self.rng.randrange(2, 12)):
                nursery.start_soon(self.single)

    async def items(self) -> AsyncIterator[int]:
        for number in range(self.rng.randrange(1, 40)):
            if self.rng.random() < 0.3:
                await checkpoint()
            yield number

    async def rest(self, *_: object) -> None:
        if self.rng.random() < 0.5:
            async with self.manager.pool.released():
                await trio.sleep(self.rng.random() * 0.003)
        await self.step()

    async def stream(self) -> None:
        """Steps that come in one by one, do without their slot and are tried again."""
        rng = self.rng
        again = Retry(3, on=trio.TooSlowError, wait_initial=0.001, wait_jitter=0.001)
        async with self.manager.pool.stream(
            self.rest,
            rng.choice([range(20), self.items()]),
            ordered=rng.random() < 0.5,
            on_error="collect",
            step_timeout=rng.choice([None, 0.005, 30]),
            retry=again,
        ) as outcomes:
            async for _ in outcomes:
                if rng.random() < 0.05:
                    break

    async def workflow(self) -> None:
        steps = [
            WorkflowStep("first", execute=self.step),
            WorkflowStep(
                "second",
                group=ParallelGroup(
                    "g", [WorkflowStep(name, execute=self.step) for name in "abc"], "all_settled"
                ),
                depends_on=["first"],
            ),
            WorkflowStep("third", execute=self.step, depends_on=["second"]),
        ]
        await WorkflowManager().execute(WorkflowDefinition("workflow", steps))

    def new_group(self) -> ParallelGroup:
        rng = self.rng
        return ParallelGroup(
            "group",
            [str(n) for n in range(rng.randrange(1, 12))],
            rng.choice(["all", "any", "race", "all_settled", "quorum(1)"]),
            rng.choice([None, 2]),
            timeout=rng.choice([None, 0.01, 30]),
            step_timeout=rng.choice([None, 0.005, 30]),
            isolation=self.isolation,
        )

    def steps(self) -> int:
        """How many were started."""
        stats = self.manager.get_stats()
        return stats.tasks_submitted - stats.tasks_skipped


def compute(seconds: float) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        pass


def play(seed: int, ready: Callable[[], object]) -> dict[str, float]:
    """Run a scene until it is interrupted, or over; judge what it leaves, and say what it was.

    Outside of ``trio.run`` the signal is held back: what comes too late has struck nothing.
    """
    scene = Scene(random.Random(seed))
    struck: list[traceback.StackSummary] = []

    @enable_ki_protection
    async def main() -> None:
        trios = signal.getsignal(signal.SIGINT)

        def handler(number: int, frame: FrameType) -> None:
            frames = traceback.walk_stack(frame)
            struck.append(traceback.StackSummary.extract(frames, limit=20, lookup_lines=False))
            trios(number, frame)

        signal.signal(signal.SIGINT, handler)
        ready()
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGINT])
        try:
            await scene.play()
        finally:
            signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])

    surfaced: BaseException | None = None
    try:
        trio.run(main)
    except BaseException as error:
        surfaced = error
    try:
        judge(scene, len(struck), surfaced)
    except BaseException as error:
        for stack in struck:
            error.add_note("A signal struck here (innermost first):\n" + "".join(stack.format()))
        raise
    return {
        "struck": len(struck),
        "in code of hocket": sum(stack[0].filename.startswith(PACKAGE) for stack in struck),
        "came too late": int(not struck),
        "steps": scene.steps(),
    }


def judge(scene: Scene, struck: int, surfaced: BaseException | None) -> None:
    found = leaves(surfaced)
    foreign = [error for error in found if not isinstance(error, KeyboardInterrupt)]
    if foreign:
        raise AssertionError(f"{foreign} came out") from surfaced
    assert bool(struck) <= len(found) <= struck, f"{struck} signals struck, {found} came out"
    if struck == 1 and not scene.nurseries:
        assert type(surfaced) is KeyboardInterrupt, f"{surfaced!r} is wrapped"
    assert scene.ended == scene.began, f"{scene.began} steps began, {scene.ended} ended"
    assert_idle(scene.manager)
    trio.run(assert_works_on, scene.manager)


def leaves(error: BaseException | None) -> list[BaseException]:
    if isinstance(error, BaseExceptionGroup):
        return [leaf for inner in error.exceptions for leaf in leaves(inner)]
    return [] if error is None else [error]


def live(seed: int, writer: int, stderr: int) -> None:
    """Be the process; there is no way back."""
    status = 1
    try:
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
        signal.signal(signal.SIGINT, signal.default_int_handler)
        os.dup2(stderr, 2)
        faulthandler.register(signal.SIGUSR1, file=stderr)
        figures = play(seed, lambda: os.write(writer, b"."))
        os.write(writer, json.dumps(figures).encode())
        status = 0
    except BaseException:
        os.write(stderr, traceback.format_exc().encode())
    finally:
        os._exit(status)


# --- in the process that interrupts ---------------------------------------------------------------


def trial(seed: int) -> Mapping[str, float]:
    rng = random.Random(-seed)
    longest = 0.003 if rng.random() < AT_ONCE else 0.03
    delays = [rng.random() * longest]
    delays += [rng.random() * 0.005 for _ in range(rng.choice([0, 0, 0, 1, 3]))]
    with tempfile.TemporaryFile() as stderr:
        reader, writer = os.pipe()
        process = os.fork()
        if process == 0:
            live(seed, writer, stderr.fileno())
        os.close(writer)
        try:
            os.read(reader, 1)
            for delay in delays:
                time.sleep(delay)
                os.kill(process, signal.SIGINT)
            struck_at = time.monotonic()
            said = read_all(reader, process)
            seconds = time.monotonic() - struck_at
        finally:
            os.close(reader)
            _, status = os.waitpid(process, 0)
        stderr.seek(0)
        errors = stderr.read().decode()
    assert (status, errors) == (0, ""), f"status {status} after {seconds:.3f} s\n{errors}"
    assert seconds < PROMPT, f"went on for {seconds:.3f} s"
    return {"signals": len(delays), **json.loads(said), "worst end after (s)": seconds}


def read_all(reader: int, process: int) -> bytes:
    """What the process has to say, until it ends. One that hangs is ended, and says where."""
    said = b""
    while select.select([reader], [], [], HANGS)[0]:
        part = os.read(reader, 4096)
        if not part:
            return said
        said += part
    os.kill(process, signal.SIGUSR1)
    time.sleep(0.5)
    os.kill(process, signal.SIGKILL)
    return said


# Elsewhere than on POSIX there is no fork, and no signal that one process could send to another.
# CPython 3.13.0 may skip a `finally` that a signal interrupts, without hocket too.
CAN_RUN = hasattr(os, "fork") and sys.version_info[:3] != (3, 13, 0)

SUITE = Suite(
    name="interrupts",
    promise="Ctrl-C comes through, at once and once, and leaves everything in order",
    unit="processes",
    trial=trial,
    small=200 if CAN_RUN else 0,
    large=10_000 if CAN_RUN else 0,
)
