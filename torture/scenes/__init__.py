"""Scenes: what Trio offers, each used inside a step as a user would.

A scene notes what it sees through its actor, and each note carries the context variable `request`.
Its notes, its value and its exception must be the same wherever the scene is played.
"""

from __future__ import annotations

import contextlib
import contextvars
import decimal
import sys
from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from typing import Literal

import attrs
import outcome
import trio
from trio.lowlevel import checkpoint

request: contextvars.ContextVar[str] = contextvars.ContextVar("request", default="nobody")


@attrs.define(eq=False)
class Actor:
    """One step: what it plays, and what it has seen."""

    id: str
    play: Callable[[Actor], Awaitable[object]]
    delay: float | None = None
    """Seconds to sleep first; None lets the scene begin before the step has ever suspended."""
    notes: list[tuple[object, ...]] = attrs.Factory(list)
    left: list[Callable[[], object]] = attrs.Factory(list)
    """What the caller tries when the steps are over."""
    tried: list[outcome.Outcome[object]] = attrs.Factory(list)
    """What came of it."""
    ending: object = None
    """Its value, or its exception."""

    def see(self, *what: object) -> None:
        self.notes.append((*what, request.get()))

    async def tell(self, *what: object) -> None:
        """For children: note, and be a task that suspends."""
        self.see(*what)
        await checkpoint()
        self.see(*what)

    @contextlib.contextmanager
    def refused(self) -> Iterator[None]:
        """Note what the block raises."""
        try:
            yield
        except Exception as error:
            self.see("refused", type(error).__name__, str(error))
        else:
            self.see("accepted")


async def perform(actor: Actor) -> object:
    """Play the actor's scene, under a context variable of its own."""
    actor.see("enters", repr(sys.exc_info()[1]), decimal.getcontext().prec)
    actor.see("protected from Ctrl-C", trio.lowlevel.currently_ki_protected())
    request.set(actor.id)
    if actor.delay is not None:
        await trio.sleep(actor.delay)
    actor.see("plays")
    value = await actor.play(actor)
    actor.see("leaves", repr(sys.exc_info()[1]))
    return value


@attrs.frozen
class Scene:
    """What a step does, and the clock that it needs."""

    play: Callable[[Actor], Awaitable[object]]
    clock: Literal["any", "virtual", "real"]


SCENES: dict[str, Scene] = {}


def scene(
    clock: Literal["any", "virtual", "real"] = "any", **variants: object
) -> Callable[[Callable[..., Awaitable[object]]], Callable[..., Awaitable[object]]]:
    """Enter a scene in the table; with variants, one for each: name=argument."""

    def enter(play: Callable[..., Awaitable[object]]) -> Callable[..., Awaitable[object]]:
        SCENES.update(
            {name: Scene(partial(play, which), clock) for name, which in variants.items()}
            or {play.__name__: Scene(play, clock)}
        )
        return play

    return enter
