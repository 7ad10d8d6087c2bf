"""What the verbs for a handful are given: async functions without arguments."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Iterable
from types import FunctionType, ModuleType
from typing import Any, TypeVar

from .._base.callables import explain_call, never_awaitable, not_async, uncalled_hint
from .._base.iterables import as_tuple
from .._engine.intake import step_name

__all__ = ["check_functions", "names_of"]

R = TypeVar("R")


def check_functions(
    verb: str, functions: Iterable[Callable[[], Awaitable[R]]]
) -> tuple[Callable[[], Awaitable[R]], ...]:
    """Return the functions as a tuple.

    Raises:
        TypeError, ValueError: one of them is none, or they are not what was meant; the message says
            what to write.
    """
    if callable(functions):
        name = step_name(functions)
        raise TypeError(f"{verb} takes a list of async functions: write {verb}([{name}, ...])")
    found = as_tuple(f"functions of {verb}", "a list of async functions", functions)
    if not found:
        raise ValueError(f"{verb} needs at least one function; got an empty list")
    for place, function in enumerate(found):
        what = f"function {place} of {verb}"
        if never_awaitable(function):
            error = not_async(what, function)
            for other in found:
                uncalled_hint(other)  # or Python warns, far from here, that it was never awaited
            raise error
        if reason := explain_call(function, what):
            raise TypeError(reason)
    _refuse_late_binding(verb, found)
    return found


def names_of(functions: Iterable[Callable[..., Any]]) -> list[str]:
    """Return a name for each function: its own, and its place where another one has the same.

    >>> names_of([len, sorted, len])
    ['len (0)', 'sorted', 'len (2)']
    """
    names = [step_name(function) for function in functions]
    count = Counter(names)
    return [name if count[name] == 1 else f"{name} ({place})" for place, name in enumerate(names)]


def _refuse_late_binding(verb: str, functions: tuple[Any, ...]) -> None:
    """Refuse functions that a loop has made, and that all see the loop's last value.

    Such functions have one code and the same variables, and are different objects. One function
    that is listed several times is meant.
    """
    known: dict[object, tuple[int, Any]] = {}
    for place, function in enumerate(functions):
        if type(function) is not FunctionType:
            continue
        first, other = known.setdefault(function.__code__, (place, function))
        if other is function or not _binds_alike(function, other):
            continue
        if not (variables := _variables(function)):
            continue
        code = function.__code__
        kind = "lambda" if code.co_name == "<lambda>" else f"function {code.co_name!r}"
        seen = ", ".join(map(repr, variables))
        raise ValueError(
            f"functions {first} and {place} of {verb} are one {kind} (line {code.co_firstlineno} of "
            f"{code.co_filename}) that binds late: both find in {seen} what is there when they are "
            f"called, the last value of the loop. Bind it now, with functools.partial(f, "
            f"{variables[0]}); for one function several times write [function] * {len(functions)}"
        )


def _binds_alike(one: Any, other: Any) -> bool:
    cells = [*zip(one.__closure__ or (), other.__closure__ or (), strict=True)]
    defaults = [*zip(one.__defaults__ or (), other.__defaults__ or (), strict=False)]
    named = (one.__kwdefaults__ or {}).items(), (other.__kwdefaults__ or {}).items()
    pairs = [*cells, *defaults, *((a[1], b[1]) for a, b in zip(*named, strict=False))]
    return all(mine is yours for mine, yours in pairs)


def _variables(function: Any) -> list[str]:
    """The variables that a loop may have changed: those of a function around it, or of its module."""
    code = function.__code__
    if code.co_freevars:
        return [*code.co_freevars]
    if "." in function.__qualname__:
        return []  # made inside a function, from whose variables it takes none
    values = {name: function.__globals__.get(name) for name in code.co_names}
    return [
        name
        for name, value in values.items()
        if name in function.__globals__ and not callable(value) and type(value) is not ModuleType
    ]
