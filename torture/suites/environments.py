"""Every place where Python code runs: hocket works there, or refuses with a clear error.

The same mixed work runs in each environment and must end in the same way. What may crash a process,
or lives in one of its own, is a *program*: a function that a fresh interpreter calls, and that must
leave no word on stderr.
"""

from __future__ import annotations

import asyncio
import atexit
import faulthandler
import gc
import importlib
import multiprocessing
import os
import random
import re
import signal
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import closing, suppress
from functools import partial
from importlib.machinery import ExtensionFileLoader
from pathlib import Path
from typing import Any

import trio
import trio.testing

import hocket._core
from hocket import ParallelExecutionManager, ParallelGroup, WorkerPool, WorkerTask
from hocket.testing import assert_idle, assert_works_on, run_virtual
from torture.suite import Suite

ROOT = Path(__file__).parents[2]
RESTARTS = 100  # in one trial
THREADS = 8
PATIENCE = 120  # seconds; the suite's own has to do for whole test runs
PROGRAM_PATIENCE = 60

Counts = dict[str, float]
WORKS: Counts = {"works": 1}

# --- the work, the same everywhere ----------------------------------------------------------------


class Broken(Exception):
    """What a bad step raises."""


async def good(pool: WorkerPool) -> None:
    await trio.lowlevel.checkpoint()


async def bad(pool: WorkerPool) -> None:
    await trio.lowlevel.checkpoint()
    raise Broken


async def late(pool: WorkerPool) -> None:
    await trio.sleep_forever()


async def in_thread(pool: WorkerPool) -> None:
    await trio.to_thread.run_sync(threading.get_ident)


async def nested(pool: WorkerPool) -> None:
    await pool.execute(good, pool)


ENDS = {good: "good", bad: "Broken", late: "StepTimeout", in_thread: "good", nested: "good"}


def kinds(seed: int) -> list[Callable[[WorkerPool], Awaitable[None]]]:
    return random.Random(seed).choices(list(ENDS), k=20)


async def work(seed: int, pool: WorkerPool | None = None, limit: float = 0.005) -> None:
    """Run steps of all kinds, a race, and callers that leave; every end must be the right one.

    ``limit`` is the time in seconds that a late step is given.
    """
    pool = pool or WorkerPool(max_concurrent=1 + seed % 7)
    steps = kinds(seed)
    tasks = [
        WorkerTask(str(at), partial(step, pool), timeout=limit if step is late else None)
        for at, step in enumerate(steps)
    ]
    settled = await pool.execute_with_strategy(tasks, "all_settled")
    ends = [type(settled.errors.get(task.id)).__name__ for task in tasks]
    expected = [ENDS[step].replace("good", "NoneType") for step in steps]
    hanging = [WorkerTask(str(at), partial(late, pool)) for at in range(5)]
    race = await pool.execute_with_strategy(
        [WorkerTask("first", partial(good, pool)), *hanging], "race"
    )
    # No `assert`: some environments leave those out.
    if ends != expected or race.winner != "first":
        raise AssertionError(f"{ends} instead of {expected}, and {race.winner} won the race")
    async with trio.open_nursery() as nursery:
        for _ in range(10):
            nursery.start_soon(pool.execute, late, pool)
        await trio.testing.wait_all_tasks_blocked()
        nursery.cancel_scope.cancel()
    await assert_works_on(pool)


def refused(kind: type[BaseException], words: str, fn: Callable[..., object], *args: Any) -> Counts:
    """Require that a call is refused with such an error."""
    try:
        fn(*args)
    except kind as error:
        if re.search(words, str(error)):
            return {"clear refusals": 1}
        raise AssertionError(f"the error does not say {words!r}: {error}") from error
    raise AssertionError(f"nothing was refused with {kind.__name__}: {words!r}")


def leaves(error: BaseException) -> list[BaseException]:
    if not isinstance(error, BaseExceptionGroup):
        return [error]
    return [leaf for inner in error.exceptions for leaf in leaves(inner)]


# --- in this process ------------------------------------------------------------------------------


def virtual_time(seed: int) -> Counts:
    run_virtual(work, seed, None, 3600)
    pool = WorkerPool(max_concurrent=1)
    run_virtual(pool.execute_many, [WorkerTask(str(n), partial(trio.sleep, n)) for n in (2, 3)])
    stats = pool.get_stats()
    assert (stats.total_wait_time, stats.run_time.total) == (2, 5), stats
    return WORKS


def fast_clock(seed: int) -> Counts:
    began = time.monotonic()
    trio.run(work, seed, None, 60, clock=trio.testing.MockClock(rate=20_000))
    assert time.monotonic() - began < 30, "a limit of 60 s was kept in real time"
    return WORKS


def event_loops() -> Iterator[Callable[[], asyncio.AbstractEventLoop]]:
    yield asyncio.new_event_loop
    with suppress(ImportError):
        yield importlib.import_module("uvloop").new_event_loop


class Guest:
    """A Trio run inside an asyncio loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop, fn: Callable[..., Any], *args: Any) -> None:
        self.over = loop.create_future()
        self.blocked = asyncio.Event()
        self._scope = trio.CancelScope()
        trio.lowlevel.start_guest_run(
            self._main,
            fn,
            args,
            run_sync_soon_threadsafe=loop.call_soon_threadsafe,
            done_callback=self.over.set_result,
            # uvloop does, and nothing here waits for a signal.
            host_uses_signal_set_wakeup_fd=True,
        )

    async def _main(self, fn: Callable[..., Awaitable[None]], args: tuple[Any, ...]) -> None:
        self._token = trio.lowlevel.current_trio_token()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._watch)
            with self._scope:
                await fn(*args)
            nursery.cancel_scope.cancel()

    async def _watch(self) -> None:
        await trio.testing.wait_all_tasks_blocked()
        self.blocked.set()

    def cancel(self) -> None:
        self._token.run_sync_soon(self._scope.cancel)


def guest_of_asyncio(seed: int) -> Counts:
    counts = {"works": 0.0, "clear refusals": 0.0}
    for new_loop in event_loops():
        pool = WorkerPool(max_concurrent=2)
        for host in (host_waits, host_cancels, host_is_interrupted):
            with closing(new_loop()) as loop:
                loop.run_until_complete(host(loop, seed, pool))
            trio.run(assert_works_on, pool)
            counts["works"] += 1
        counts["clear refusals"] += 1
    return counts


async def host_waits(loop: asyncio.AbstractEventLoop, seed: int, pool: WorkerPool) -> None:
    (await Guest(loop, work, seed, pool).over).unwrap()


async def host_cancels(loop: asyncio.AbstractEventLoop, seed: int, pool: WorkerPool) -> None:
    hanging = [WorkerTask(str(at), partial(late, pool)) for at in range(4)]
    guest = Guest(loop, pool.execute_many, hanging)
    await guest.blocked.wait()
    try:
        # Here Trio runs, but not this coroutine.
        await pool.execute(good, pool)
    except RuntimeError:
        assert pool.get_status().active_workers == 2
    else:
        raise AssertionError("a coroutine of asyncio's was served")
    guest.cancel()
    (await guest.over).unwrap()


async def host_is_interrupted(loop: asyncio.AbstractEventLoop, seed: int, pool: WorkerPool) -> None:
    # As a program has it whose parent does not ignore the signal.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    steps = [good, late, interrupt, late]
    tasks = [WorkerTask(str(at), partial(step, pool)) for at, step in enumerate(steps)]
    outcome = await Guest(loop, pool.execute_many, tasks).over
    assert [type(leaf) for leaf in leaves(outcome.error)] == [KeyboardInterrupt], outcome


async def interrupt(pool: WorkerPool) -> None:
    await trio.lowlevel.checkpoint()
    signal.raise_signal(signal.SIGINT)


def a_run_in_each_thread(seed: int) -> Counts:
    with ThreadPoolExecutor(THREADS) as threads:
        list(threads.map(partial(trio.run, work), range(seed, seed + 2 * THREADS)))
    return {"works": THREADS}


class HesitantClock(trio.abc.Clock):
    """Lets other threads run whenever it is asked, so that they meet in the middle of things."""

    def start_clock(self) -> None:
        pass

    def current_time(self) -> float:
        time.sleep(0)
        return time.monotonic()

    def deadline_to_sleep_time(self, deadline: float) -> float:
        return deadline - time.monotonic()


def a_pool_that_threads_share(seed: int) -> Counts:
    """A pool serves one run at a time: the others are refused, and nobody is harmed."""
    pool = WorkerPool(max_concurrent=1)
    counts = {"works": 0, "clear refusals": 0}
    failures = []

    def use() -> None:
        for _ in range(20):
            try:
                trio.run(several, pool, clock=HesitantClock())
                counts["works"] += 1
            except BaseException as error:
                counts["clear refusals"] += 1
                failures.extend(
                    leaf for leaf in leaves(error) if "another trio.run" not in str(leaf)
                )

    threads = [threading.Thread(target=use, daemon=True) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    end = time.monotonic() + 20
    for thread in threads:
        thread.join(max(0, end - time.monotonic()))
    assert not any(thread.is_alive() for thread in threads), f"runs hang: {pool!r}"
    assert not failures, failures
    trio.run(assert_works_on, pool)
    return counts


async def several(pool: WorkerPool) -> None:
    async with trio.open_nursery() as nursery:
        for _ in range(3):
            nursery.start_soon(pool.execute, good, pool)


# --- run after run --------------------------------------------------------------------------------


async def crash(pool: WorkerPool) -> None:
    async with trio.open_nursery() as nursery:
        for _ in range(4):
            nursery.start_soon(pool.execute, late, pool)
        await trio.testing.wait_all_tasks_blocked()
        raise Broken


async def quit_inside(pool: WorkerPool) -> None:
    await trio.lowlevel.checkpoint()
    sys.exit()


async def with_company(step: Callable[[WorkerPool], Awaitable[None]], pool: WorkerPool) -> None:
    tasks = [WorkerTask(str(at), partial(late, pool)) for at in range(3)]
    await pool.execute_many([WorkerTask("it", partial(step, pool)), *tasks])


async def is_left(pool: WorkerPool) -> None:
    with trio.move_on_after(0.001):
        await with_company(late, pool)


# What a run does, and what comes out of it.
RUNS: dict[Callable[[WorkerPool], Awaitable[None]], list[type[BaseException]]] = {
    several: [],
    is_left: [],
    crash: [Broken],
    partial(with_company, bad): [Broken],
    partial(with_company, interrupt): [KeyboardInterrupt],
    partial(with_company, quit_inside): [SystemExit],
}


def restarts(seed: int) -> Counts:
    """Runs come and go, some of them badly; the pools that they share stay as new."""
    rng = random.Random(seed)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    shared = WorkerPool(max_concurrent=3)
    for _ in range(RESTARTS):
        pool = rng.choice([shared, WorkerPool(max_concurrent=rng.randint(1, 5))])
        run = rng.choice(list(RUNS))
        ends = []
        try:
            trio.run(run, pool)
        except BaseException as error:
            ends = [type(leaf) for leaf in leaves(error)]
        assert ends == RUNS[run], (run, ends)
        assert_idle(pool)
    trio.run(work, seed, shared)
    return {"works": RESTARTS}


# --- outside of trio.run --------------------------------------------------------------------------


def no_trio(seed: int) -> Counts:
    manager = ParallelExecutionManager()
    pool = manager.pool
    calls: list[Callable[[], Any]] = [
        lambda: pool.execute(good, pool),
        lambda: pool.execute_many([WorkerTask("a", partial(good, pool))]),
        lambda: manager.execute_group(ParallelGroup("g", ["a"]), lambda step: good(pool)),
    ]
    for call in calls:
        refused(RuntimeError, r"trio\.run", lambda call=call: asyncio.run(call()))
        refused(RuntimeError, r"trio\.run", lambda call=call: call().send(None))
    assert pool.get_stats().tasks_submitted == 0
    trio.run(work, seed, pool)
    return {"clear refusals": 2 * len(calls)}


# --- in a process of its own ----------------------------------------------------------------------


def launch(
    program: Callable[[int], None],
    seed: int,
    flags: tuple[str, ...] = (),
    environment: dict[str, str] | None = None,
) -> Counts:
    """Let a fresh interpreter call the program: it must end well, and silently."""
    # Some flags keep PYTHONPATH from being read.
    path = [folder for folder in sys.path if folder]
    name = program.__name__
    code = f"import sys; sys.path[:0] = {path}\nfrom torture.suites.environments import {name}\n{name}({seed})"
    done = subprocess.run(
        [sys.executable, *flags, "-c", code],
        capture_output=True,
        check=False,
        env={**os.environ, **(environment or {})},
        text=True,
        timeout=PROGRAM_PATIENCE,
    )
    if done.returncode or done.stderr:
        how = " ".join([*(environment or {}), *flags])
        raise AssertionError(f"{name} {how}: status {done.returncode}\n{done.stdout}{done.stderr}")
    return WORKS


def usual(seed: int) -> None:
    trio.run(work, seed)
    run_virtual(work, seed, None, 3600)


# Flags of the interpreter, and variables of its environment.
SETTINGS: list[tuple[tuple[str, ...], dict[str, str]]] = [
    (("-O",), {}),
    (("-OO",), {}),
    (("-I",), {}),
    (("-X", "dev"), {}),
    (("-W", "error"), {}),
    (("-X", "dev", "-W", "error", "-OO"), {}),
    ((), {"PYTHONOPTIMIZE": "2"}),
    ((), {"PYTHONMALLOC": "debug"}),
    ((), {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}),
]


def forked_child(fn: Callable[[], object]) -> None:
    """Run a function in a fork of this process; it must end well there."""
    child = os.fork()
    if child == 0:
        signal.alarm(PROGRAM_PATIENCE // 2)  # never to outlive whoever waits for it
        try:
            fn()
        except BaseException:
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    if status:
        raise AssertionError(f"the child ended with {status}")


def fork_while_idle(seed: int) -> None:
    pool = WorkerPool(max_concurrent=3)
    trio.run(work, seed, pool)
    forked_child(lambda: trio.run(work, seed, pool))
    trio.run(work, seed, pool)


def fork_in_a_step(seed: int) -> None:
    """The child is told that it has no business here; the parent goes on."""
    rng = random.Random(seed)
    manager = ParallelExecutionManager(max_concurrent=rng.randint(1, 4))
    steps = [str(at) for at in range(10)]
    forking = ForkingStep(os.getpid(), at=rng.choice(steps), suspends=rng.random() < 0.5)
    group = ParallelGroup("g", steps, isolation=rng.choice(["shared", "task"]))

    async def main() -> None:
        try:
            await manager.execute_group(group, forking)
        except RuntimeError as error:
            if not forking.in_child() or "busy when the process forked" not in str(error):
                raise
            # Not by leaving trio.run: its end in the child takes the parent's epoll entries along.
            os._exit(REFUSED)

    trio.run(main)
    if forking.in_child() or sorted(forking.started) != steps:
        raise AssertionError(forking.started)
    trio.run(work, seed, manager.pool)


REFUSED = 42


class ForkingStep:
    def __init__(self, parent: int, *, at: str, suspends: bool) -> None:
        self._parent, self._at, self._suspends = parent, at, suspends
        self.started: list[str] = []

    def in_child(self) -> bool:
        return os.getpid() != self._parent

    async def __call__(self, step: str) -> None:
        if self.in_child():
            os._exit(1)  # it is run by the parent, too
        self.started.append(step)
        if self._suspends:
            await trio.lowlevel.checkpoint()
        if step == self._at and (child := os.fork()):
            # Nothing else has to happen here meanwhile.
            _, status = os.waitpid(child, 0)  # noqa: ASYNC222
            if os.waitstatus_to_exitcode(status) != REFUSED:
                raise AssertionError(f"the child ended with {status}")


def fork_from_a_thread(seed: int) -> None:
    pool = WorkerPool(max_concurrent=2)

    def in_child() -> None:
        signal.set_wakeup_fd(-1)  # the parent's Trio has set it, and this one would wonder at it
        trio.run(work, seed)
        refused(RuntimeError, "fork|another trio.run", trio.run, pool.execute, good, pool)

    async def step() -> None:
        await trio.to_thread.run_sync(forked_child, in_child)

    trio.run(pool.execute, step)
    trio.run(work, seed, pool)


def multiprocess(seed: int) -> None:
    for method in multiprocessing.get_all_start_methods():
        context = multiprocessing.get_context(method)
        if method == "forkserver":
            context.set_forkserver_preload(["torture.suites.environments"])
        with ProcessPoolExecutor(2, mp_context=context) as processes:
            list(processes.map(usual, range(seed, seed + 2)))


def sub_interpreters(seed: int) -> None:
    """They refuse to import hocket; the main interpreter is none the worse for it."""
    load = f"""if True:
        from importlib.util import module_from_spec, spec_from_loader
        from importlib.machinery import {ExtensionFileLoader.__name__} as Loader
        loader = Loader("hocket._core", {hocket._core.__file__!r})
        loader.exec_module(module_from_spec(spec_from_loader("hocket._core", loader)))
    """
    # What Trio needs refuses isolated ones before it is hocket's turn.
    for isolated, code in ((False, "import hocket"), (False, load), (True, load)):
        refused(Exception, "ImportError.*interpreter", in_sub_interpreter, isolated, code)
    trio.run(work, seed)


def in_sub_interpreter(isolated: bool, code: str) -> None:
    try:
        interpreters = importlib.import_module("_xxsubinterpreters")  # until Python 3.12
        created = interpreters.create(isolated=isolated)
    except ImportError:
        interpreters = importlib.import_module("_interpreters")
        created = interpreters.create("isolated" if isolated else "legacy")
    failed = interpreters.run_string(created, code)
    if failed is not None:
        raise ImportError(f"{failed.type.__name__}: {failed.msg}")


# --- at the end of a process ----------------------------------------------------------------------


def exit_with_work_to_do(seed: int) -> None:
    pool = WorkerPool(max_concurrent=2)
    trio.run(work, seed, pool)
    atexit.register(trio.run, work, seed, pool)
    hocket.unfinished = Unfinished(pool)  # goes with the module


class Unfinished:
    """Looks at its pool when everything is being torn down."""

    def __init__(self, pool: WorkerPool) -> None:
        self.pool, self.itself = pool, self

    def __del__(self) -> None:
        self.pool.get_stats()
        repr(self.pool)


def exit_from_a_step(seed: int) -> None:
    trio.run(with_company, quit_inside, WorkerPool(max_concurrent=2))


def exit_after_a_run_broke_off(seed: int) -> None:
    """Trio itself has crashed: its tasks are gone, and were never told."""
    sys.unraisablehook = lambda _: None  # Trio's own objects complain when they are deleted
    pool, other = WorkerPool(max_concurrent=2), WorkerPool(max_concurrent=2)
    clock = BreakingClock(random.Random(seed).randint(5, 30))
    refused(trio.TrioInternalError, "", partial(trio.run, with_company, late, pool, clock=clock))
    gc.collect()
    try:
        trio.run(pool.execute, good, pool)
    except RuntimeError as error:
        if "busy" not in str(error):
            raise
    trio.run(work, seed, other)


class BreakingClock(HesitantClock):
    """Breaks in the middle of Trio's loop."""

    def __init__(self, lasts: int) -> None:
        self._lasts = lasts

    def deadline_to_sleep_time(self, deadline: float) -> float:
        self._lasts -= 1
        if self._lasts < 0:
            raise Broken
        return 0


def exit_beside_a_daemon(seed: int) -> None:
    """A daemon thread's run is cut off wherever it is: in a step, in Trio, or between the two."""
    rng, under_way = random.Random(seed), threading.Event()
    step = rng.choice([daemon_computes, daemon_suspends, daemon_returns])
    pool = WorkerPool(max_concurrent=rng.randint(1, 3))
    thread = threading.Thread(target=trio.run, args=(for_ever, step, pool, under_way), daemon=True)
    thread.start()
    under_way.wait()
    time.sleep(rng.random() / 100)


async def for_ever(step: Callable[[], Awaitable[None]], pool: WorkerPool, begun: Any) -> None:
    while True:
        tasks = [WorkerTask(str(at), step) for at in range(100)]
        begun.set()
        await pool.execute_many(tasks)


async def daemon_computes() -> None:
    while True:
        sum(range(100))


async def daemon_suspends() -> None:
    await trio.lowlevel.checkpoint()


async def daemon_returns() -> None:
    pass


# --- every CPython on this machine ----------------------------------------------------------------


def every_python(seed: int) -> Counts:
    """Build, install and test with each other CPython that can be found."""
    counts: Counts = {}
    failed = []
    for version, python in sorted(other_pythons().items()):
        environment = ROOT / "target" / "pythons" / version
        done = in_its_own_environment(environment, python)
        (environment / "tests.txt").write_text(done.stdout, encoding="utf-8")
        if done.returncode:
            failed.append(f"{version}:\n{done.stdout[-5000:]}")
        passed = re.search(r"(\d+) passed", done.stdout)
        counts[f"passed by {version}:"] = int(passed[1]) if passed else 0
    assert not failed, "\n".join(failed)
    return counts


def other_pythons() -> dict[str, Path]:
    """Return them by version: one of each, new enough, and able to make an environment."""
    root = os.environ.get("PYENV_ROOT", "")
    folders = [Path(folder) for folder in os.environ["PATH"].split(os.pathsep)]
    folders += Path(root, "versions").glob("*/bin") if root else []
    found = {}
    for python in (file for folder in folders for file in folder.glob("python3.*")):
        if not re.fullmatch(r"python3\.\d+t?", python.name):
            continue
        ask = (
            "import ensurepip, platform as p; print(p.python_implementation(), p.python_version())"
        )
        asked = subprocess.run([python, "-c", ask], capture_output=True, text=True, check=False)
        name, _, version = asked.stdout.strip().partition(" ")
        if name == "CPython" and tuple(map(int, re.findall(r"\d+", version)[:2])) >= (3, 11):
            found.setdefault(version, python)
    found.pop(sys.version.partition(" ")[0], None)  # has all the other tests
    return found


def in_its_own_environment(folder: Path, python: Path) -> subprocess.CompletedProcess[str]:
    inside = folder / "bin" / "python"
    variables = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    variables["CARGO_TARGET_DIR"] = str(folder / "cargo")
    if not inside.exists():
        subprocess.run([python, "-m", "venv", folder], check=True, env=variables)
    install = [inside, "-m", "pip", "install", "--quiet", ".[dev]"]
    # Without the torture: it would go on in each of them.
    test = [
        inside,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "--show-capture=no",
        "--ignore=tests/project/test_torture.py",
    ]
    done = None
    for command in (install, test):
        done = subprocess.run(
            command,
            cwd=ROOT,
            env=variables,
            check=False,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        if done.returncode:
            break
    assert done is not None
    return done


# --- the suite ------------------------------------------------------------------------------------

PROGRAMS = [
    fork_while_idle,
    fork_in_a_step,
    fork_from_a_thread,
    multiprocess,
    sub_interpreters,
    exit_with_work_to_do,
    exit_from_a_step,
    exit_after_a_run_broke_off,
    exit_beside_a_daemon,
]
ENVIRONMENTS: list[Callable[[int], Counts]] = [
    virtual_time,
    fast_clock,
    guest_of_asyncio,
    a_run_in_each_thread,
    a_pool_that_threads_share,
    restarts,
    no_trio,
    *(
        partial(launch, program)
        for program in PROGRAMS
        if hasattr(os, "fork") or "fork" not in program.__name__
    ),
    *(partial(launch, usual, flags=flags, environment=variables) for flags, variables in SETTINGS),
]
LARGE = 10 * len(ENVIRONMENTS)


def trial(seed: int) -> Counts:
    if seed % LARGE == 0:
        return every_python(seed)
    faulthandler.dump_traceback_later(PATIENCE, exit=True)
    return ENVIRONMENTS[seed % len(ENVIRONMENTS)](seed)


SUITE = Suite(
    name="environments",
    promise="hocket works wherever Python code runs, or refuses with a clear error",
    unit="environments",
    trial=trial,
    small=len(ENVIRONMENTS),
    large=LARGE,
    patience=3600,
)
