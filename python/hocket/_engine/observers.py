"""Whoever is told of each step's start and end: logs, displays, records, the caller's own."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from typing import Any

from .._base.callables import is_async_callable
from .._base.shown import shown
from .._model.event import Observer, StepEvent

__all__ = ["as_observers", "guarded"]


def as_observers(observer: Observer | Iterable[Observer] | None) -> tuple[Observer, ...]:
    """Take one observer, several or none at the door of a public call.

    Raises:
        TypeError: one cannot be called, or is async.
    """
    if observer is None:
        return ()
    observers: tuple[Any, ...] = (observer,)
    if not callable(observer) and isinstance(observer, Iterable) and not isinstance(observer, str):
        observers = tuple(observer)
    for one in observers:
        if not callable(one):
            raise TypeError(f"observer must be a function of a StepEvent; got {shown(one)}")
        if is_async_callable(one):
            raise TypeError(
                f"observer must be an ordinary function of a StepEvent, which nobody awaits; {shown(one)} "
                "is async: let it put what it is told into a memory channel, with send_nowait"
            )
    return observers


def guarded(observers: Sequence[Observer], logger: logging.Logger, where: str) -> Observer | None:
    """Return one observer for several, and for the log at DEBUG; None if there is nobody to tell.

    An observer that raises is logged and told no more: it must not fail the step that it looks at.
    KeyboardInterrupt and its like go on, when all have been told.

    Args:
        observers: whom to tell, in this order; the log comes first.
        logger: where lines and failures of observers go.
        where: what lines call the run.
    """
    debug = logger.isEnabledFor(logging.DEBUG)
    if not debug and not observers:
        return None
    told = [_log(logger, where), *observers] if debug else list(observers)

    def tell(event: StepEvent) -> None:
        fatal: BaseException | None = None
        for observer in tuple(told):
            try:
                observer(event)
            except Exception:
                told[:] = [other for other in told if other is not observer]
                logger.exception("observer %s failed and was removed", shown(observer))
            except BaseException as error:  # noqa: BLE001 - raised below
                fatal = error if fatal is None else fatal
        if fatal is not None:
            try:
                raise fatal
            finally:
                del fatal  # its traceback holds this frame

    return tell


def _log(logger: logging.Logger, where: str) -> Observer:
    def log(event: StepEvent) -> None:
        logger.debug("%s: step %r %s (%.6f s)", where, event.step, event.kind.value, event.seconds)

    return log
