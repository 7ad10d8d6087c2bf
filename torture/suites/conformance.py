"""What Trio offers, used inside steps: it must do there what it does in a task of plain Trio.

A trial plays one scene in one mode, several times, among other scenes that share the workers, and
compares each step's value, exception and notes (each with a context variable) with those of plain
Trio, where every step has a task of its own. Some scenes leave something open: such a step alone
must fail, with an error that names it, and no other step may notice.
"""

from __future__ import annotations

import random
import re
import traceback
from collections import Counter
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, TypeAlias

import outcome
import trio
import trio.testing
from trio.lowlevel import current_task

import hocket
from hocket import ParallelExecutionManager, ParallelGroup, StepLeftovers, WorkerTask
from hocket.testing import assert_works_on, seeded_schedule
from torture.scenes import (  # noqa: F401 - each enters its scenes in the table
    SCENES,
    Actor,
    language,
    lowlevel,
    nurseries,
    perform,
    request,
    synchronisation,
)
from torture.scenes.leftovers import LEFTOVERS, Leftover
from torture.scenes.outside import run_as_guest
from torture.suite import Suite

Way: TypeAlias = Callable[[list[Actor]], Awaitable[None]]


async def in_plain_trio(actors: list[Actor]) -> None:
    async def one(actor):
        try:
            actor.ending = await perform(actor)
        except Exception as error:
            actor.ending = error

    async with trio.open_nursery() as nursery:
        for actor in actors:
            nursery.start_soon(one, actor, name=actor.id)


async def in_a_group(actors: list[Actor], *, limit: int = 3, **options: Any) -> None:
    manager = ParallelExecutionManager(max_concurrent=limit)
    group = ParallelGroup("scenes", actors, "all_settled", **options)
    result = await manager.execute_group(group, perform)
    for actor in actors:
        actor.ending = (result.results | result.errors)[actor.id]
    await assert_works_on(manager)


async def executed(actors: list[Actor], *, callers: int, timeout: float | None = None) -> None:
    pool = hocket.WorkerPool(max_concurrent=2, timeout=timeout)
    rest = iter(actors)

    async def one(actor):
        before = look_around()
        try:
            actor.ending = await pool.execute(WorkerTask(actor.id, partial(perform, actor)))
        except Exception as error:
            actor.ending = error
        # What it sets stays set, as after `await`; all else is as it was.
        for key, found in look_around().items():
            if key not in ("variable", "threads"):
                assert_same(key, actor.id, before[key], found)

    async def call():
        for actor in rest:
            # In plain Trio each of them starts with the caller's variables.
            async with trio.open_nursery() as nursery:
                nursery.start_soon(one, actor, name="caller")

    async with trio.open_nursery() as nursery:
        for _ in range(callers - 1):
            nursery.start_soon(call, name="caller")
        await call()
    await assert_works_on(pool)


MODES: dict[str, Way] = {
    "one shared worker": partial(in_a_group, limit=1),
    "shared workers": in_a_group,
    "shared workers with time limits": partial(in_a_group, step_timeout=1000),
    "isolated": partial(in_a_group, isolation="task"),
    "executed one by one": partial(executed, callers=1),
    "executed at once": partial(executed, callers=3, timeout=1000),
    "shared workers of a guest": in_a_group,
}
CASES = [(name, mode) for mode in MODES for name in [*SCENES, *LEFTOVERS]]
COPIES, NEIGHBOURS = 3, 4


def trial(seed: int) -> dict[str, float]:
    name, mode = CASES[seed % len(CASES)]
    leftover = LEFTOVERS.get(name)
    clock = "real" if (leftover or SCENES[name]).clock == "real" else "virtual"
    parts = cast(name, clock, random.Random(seed))
    stage = partial(play, seed=seed, clock=clock, guest="guest" in mode)
    # Plain Trio does not survive everything that is left open.
    spared = name if leftover and not leftover.is_harmless_in_trio else None
    expected = stage(in_plain_trio, [part for part in parts if part[0] != spared])
    got = stage(MODES[mode], parts)
    named = leftover is not None and leftover.is_named(isolated=mode == "isolated")
    if leftover:
        assert_tried(mode, got[name])
    if named:
        assert_named(leftover, got[name])
    for id_, plain in expected.items():
        seen, wanted = notes(got[id_]), notes(plain)
        assert_same("notes", id_, wanted - seen, seen - wanted)
        if not (named and id_ == name):
            endings = describe(plain.ending), describe(got[id_].ending)
            assert_same("ending", id_, *endings)
    return {"steps": len(parts), "named leftovers": int(named), f"in {mode}": 1}


def cast(name: str, clock: str, chosen: random.Random) -> list[tuple[Any, ...]]:
    """Choose who plays beside the scene, in which order, and how long each sleeps first."""
    fitting = [other for other, scene in SCENES.items() if scene.clock in ("any", clock)]
    plays = {f"beside: {other}": SCENES[other].play for other in chosen.sample(fitting, NEIGHBOURS)}
    if name in LEFTOVERS:
        plays[name] = LEFTOVERS[name].play
    else:
        plays |= {f"{name} {copy}": SCENES[name].play for copy in range(COPIES)}
    longest = 0.002 if clock == "real" else 0.5
    return [
        (id_, plays[id_], chosen.choice([None, 0, round(chosen.uniform(0, longest), 4)]))
        for id_ in chosen.sample(list(plays), len(plays))
    ]


def play(
    way: Way, parts: list[tuple[Any, ...]], *, seed: int, clock: str, guest: bool
) -> dict[str, Actor]:
    actors = [Actor(*part) for part in parts]
    virtual = None if clock == "real" else trio.testing.MockClock(autojump_threshold=0)
    with seeded_schedule(seed):
        (run_as_guest if guest else trio.run)(partial(call, way, actors), clock=virtual)
    return {actor.id: actor for actor in actors}


async def call(way: Way, actors: list[Actor]) -> None:
    """Have the scenes played; the caller's task must then be as it was before."""
    request.set("caller")
    current_task().name = "caller"
    async with trio.open_nursery() as nursery:
        nursery.start_soon(trio.sleep_forever)
        with trio.CancelScope(deadline=trio.current_time() + 10_000):
            await trio.lowlevel.checkpoint()
            before = look_around()
            await way(actors)
            assert_same("caller", "afterwards", before, look_around())
            for actor in actors:
                actor.tried = [outcome.capture(attempt) for attempt in actor.left]
            await trio.testing.wait_all_tasks_blocked()
        nursery.cancel_scope.cancel()
    assert request.get() == "caller"


def look_around() -> dict[str, object]:
    task = current_task()
    return {
        "context": id(task.context),
        "variable": request.get(),
        "name": task.name,
        "cancel status": id(task._cancel_status),
        "deadline": trio.current_effective_deadline(),
        "nurseries": len(task.child_nurseries),
        "locks": hocket._engine.leftovers.locks(task),
        "Ctrl-C protection": trio.lowlevel.currently_ki_protected(),
        "threads": trio.to_thread.current_default_thread_limiter().borrowed_tokens,
    }


def assert_same(what: str, id_: str, wanted: object, got: object) -> None:
    assert got == wanted, f"{id_}, {what}:\nwanted: {wanted}\n   got: {got}"


def notes(actor: Actor) -> Counter[str]:
    """What it has seen; in which order is nobody's promise, as it has several tasks."""
    return Counter(neutral(repr(note)) for note in actor.notes)


def neutral(text: str) -> str:
    """Leave out addresses."""
    return re.sub(r"0x[0-9a-f]+", "0x", text)


def describe(ending: object) -> object:
    """What a step has come to, in a form that can be compared and read."""
    if not isinstance(ending, BaseException):
        return neutral(repr(ending))
    return {
        "type": type(ending).__name__,
        "text": neutral(str(ending)),
        "notes": getattr(ending, "__notes__", None),
        "frames": frames(ending),
        "cause": describe(ending.__cause__),
        "context": describe(ending.__context__),
        "group": [describe(inner) for inner in getattr(ending, "exceptions", ())],
    }


def frames(error: BaseException) -> list[str]:
    names = [frame.name for frame in traceback.extract_tb(error.__traceback__)]
    return names[names.index("perform") :] if "perform" in names else names


def assert_named(leftover: Leftover, actor: Actor) -> None:
    error = actor.ending
    assert isinstance(error, StepLeftovers), f"{actor.id}: {error!r}"
    start = f"step {actor.id!r} ended and left behind {leftover.named}."
    assert str(error).startswith(start), f"{error}\nwanted: {start}"
    assert_same("cause", actor.id, leftover.cause, error.__cause__ and str(error.__cause__))


def assert_tried(mode: str, actor: Actor) -> None:
    """The caller has no use of what the step has left, unless by task it is the caller's own."""
    for tried in actor.tried:
        if mode == "one shared worker" and actor.id == "limiter token":
            tried.unwrap()
        elif mode == "isolated" or actor.id != "limiter token":
            assert isinstance(tried, outcome.Error), f"{actor.id}: {tried}"


SUITE = Suite(
    name="conformance",
    promise=f"{len(SCENES)} uses of Trio inside steps do what they do in plain Trio, in "
    f"{len(MODES)} modes; {len(LEFTOVERS)} kinds of leftovers harm no other step",
    unit="scenes",
    trial=trial,
    small=len(CASES),
    large=100 * len(CASES),
    patience=20,
)
