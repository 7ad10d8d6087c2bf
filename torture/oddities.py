"""Values, steps, errors, observers and texts whose own methods raise."""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Callable
from typing import Any

import attrs
import trio


class Refused(Exception):
    """What odd methods raise."""


def refuse(*_: object, **__: object) -> Any:
    raise Refused("an odd method")


METHODS = [
    *("__str__", "__repr__", "__eq__", "__ne__", "__hash__", "__bool__", "__len__", "__iter__"),
    *("__format__", "__setattr__", "__delattr__", "__contains__", "__getitem__", "__lt__"),
    *("__reduce__", "__copy__", "__dir__", "__getattr__", "__int__", "__index__", "__float__"),
]
OF_ERRORS = ["add_note", "with_traceback", "__setstate__"]


def methods(rng: random.Random, names: list[str]) -> dict[str, Any]:
    """Some of the names, or all of them, with a method that raises."""
    chosen = names if rng.random() < 0.3 else rng.sample(names, rng.randrange(1, 5))
    return dict.fromkeys(chosen, refuse)


def make_value(rng: random.Random) -> Any:
    """A value that cannot be compared, shown, hashed or counted."""
    if rng.random() < 0.15:
        return rng.choice([float("nan"), 10**6000, "\udc80", [[]], {(): {}}, NotImplemented])
    return make_step(rng)


def make_step(rng: random.Random) -> Any:
    """The same, and no two are one."""
    return type("Odd", (), methods(rng, METHODS))()


@dataclasses.dataclass(frozen=True)
class Frozen(Exception):
    code: int = 1


@attrs.frozen
class FrozenToo(Exception):
    code: int = 1


class DerivesNot(ExceptionGroup[Exception]):
    derive = refuse


class DerivesNonsense(ExceptionGroup[Exception]):
    def derive(self, excs: Any) -> Any:
        return 1


class SplitsNot(ExceptionGroup[Exception]):
    split = subgroup = derive = refuse
    exceptions = property(refuse)  # type: ignore[assignment]
    message = property(refuse)  # type: ignore[assignment]


class AlsoCancelled(BaseExceptionGroup[BaseException]):
    """A group of whatever it is; with a ``Cancelled`` in it, it is a cancellation too."""

    derive = refuse


GROUPS = [DerivesNot, DerivesNonsense, SplitsNot]
NOTES: list[Any] = [(), "text", 1, property(refuse), [1, "a"], {}]


def make_error(rng: random.Random) -> Exception:
    """An exception that refuses what is done to it."""
    kind = rng.randrange(7)
    if kind == 0:
        return Frozen()
    if kind == 1:
        return FrozenToo()
    if kind == 2:
        return type("Noted", (Exception,), {"__notes__": rng.choice(NOTES)})("noted")
    if kind == 3:
        return rng.choice(GROUPS)("group", [make_error(rng), ValueError("plain")])
    odd = methods(rng, METHODS + OF_ERRORS)
    if kind == 4:
        # Whatever is read of it: even Trio may not look at it.
        odd["__getattribute__"] = refuse
    if kind == 5:
        odd["__class__"] = property(refuse)
    return type("OddError", (rng.choice([Exception, KeyError, OSError]),), odd)("odd")


def make_observer(rng: random.Random, seen: list[Any]) -> Callable[[Any], None]:
    """An observer that looks at what it is told, and may then raise for good."""
    fails_at = rng.choice([None, rng.randrange(5)])
    error = make_error(rng)

    def call(_: object, event: Any) -> None:
        seen.append(repr(event))
        if fails_at is not None and len(seen) > fails_at:
            raise error

    odd = dict.fromkeys(("__repr__", "__eq__", "__hash__", "__bool__"), refuse)
    observer: Callable[[Any], None] = type("Observer", (), {**odd, "__call__": call})()
    return observer


def make_bad_id(rng: random.Random) -> Any:
    """A text that is not found by what it equals."""
    odd = rng.choice(
        [
            {"__hash__": refuse},
            {"__hash__": None},
            {"__eq__": refuse, "__hash__": str.__hash__},
            {"__eq__": lambda a, b: True, "__hash__": lambda a: 1},
            {"__eq__": lambda a, b: [], "__hash__": str.__hash__},
            {"__repr__": refuse, "__str__": refuse, "__hash__": refuse},
        ]
    )
    return type("Id", (str,), odd)("id")


def make_good_id(rng: random.Random, text: str) -> str:
    """The text, as it is or of a class that changes only what it looks like."""
    if rng.random() < 0.5:
        return text
    odd = dict.fromkeys(rng.sample(["__str__", "__repr__", "__format__", "__len__"], 2), refuse)
    made: str = type("Id", (str,), odd)(text)
    return made


async def also_cancelled(error: Exception) -> None:
    """Wait to be cancelled, and fail on the way."""
    try:
        await trio.sleep_forever()
    except trio.Cancelled as cancelled:
        raise AlsoCancelled("both", [cancelled, error]) from None
