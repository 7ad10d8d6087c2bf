"""Trying a step again that has failed."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from datetime import timedelta
from numbers import Real
from typing import Any, TypeAlias

import attrs

from .._base.callables import is_async_callable
from .._base.checks import check_count
from .._base.durations import Seconds, check_seconds, limit_to_ns, seconds_to_ns
from .._base.errors import (
    ExpressionError,
    MissingExtra,
    StepLeftovers,
    ToolInputError,
    UnknownTool,
    UnresolvedReference,
    WorkflowInvalid,
)
from .._base.exceptions import note_on
from .._base.shown import shown

__all__ = ["Retry", "RetryOn", "check_retry"]

RetryOn: TypeAlias = (
    type[Exception]
    | tuple[type[Exception], ...]
    | Callable[[Exception], bool | float | timedelta | None]
)


# They come of what is written, or not installed, and would come again.
_MISTAKES = (
    ExpressionError,
    MissingExtra,
    StepLeftovers,
    ToolInputError,
    UnknownTool,
    UnresolvedReference,
    WorkflowInvalid,
)


@attrs.frozen(init=False, eq=False)
class Retry:
    """How often a step is tried that fails, on which errors, and how long it waits in between.

    A failed attempt gives its slot back: while the step waits for the next one, others run. Each
    attempt has the whole time limit of the step. What a step came to is what its last attempt came to.
    Mistakes in the call, steps that leave something open, and Ctrl-C are never tried again, nor is anything in a
    group that is decided or cancelled.

    The wait after the nth attempt is ``wait_initial * wait_exp_base ** (n - 1)``, and by chance up to
    ``wait_jitter`` more, but not above ``wait_max``.

    Args:
        attempts: the most attempts, the first one included: a whole number, or None for no limit.
            Default 3.
        on: the type of the errors after which to try again, or several in a tuple; or a function of
            the error, which returns True, False, or how many seconds to wait (as a server has asked).
            ``TimeoutError`` is no :class:`StepTimeout`; name ``trio.TooSlowError`` for that.
        wait_initial: seconds (or a ``timedelta``) after the first attempt. Default 0.1.
        wait_max: the longest wait. Default 5.
        wait_jitter: the most that chance adds. Default 1.
        wait_exp_base: by how much each wait is longer than the one before. Default 2.
        timeout: seconds for all attempts and waits together, from the start of the first. Default None: no limit.

    Raises:
        TypeError, ValueError: an argument is wrong; the message names it.

    >>> Retry(on=OSError).attempts
    3
    """

    attempts: int | None
    on: RetryOn
    wait_initial: float
    wait_max: float
    wait_jitter: float
    wait_exp_base: float
    timeout: float | None

    def __init__(
        self,
        attempts: int | None = 3,
        *,
        on: RetryOn,
        wait_initial: Seconds = 0.1,
        wait_max: Seconds = 5.0,
        wait_jitter: Seconds = 1.0,
        wait_exp_base: float = 2.0,
        timeout: Seconds | None = None,
    ) -> None:
        base = wait_exp_base
        if isinstance(base, bool) or not isinstance(base, Real) or not 1 <= base < math.inf:
            raise ValueError(
                f"wait_exp_base of Retry must be a number of at least 1; got {shown(base)}"
            )
        self.__attrs_init__(  # pyright: ignore[reportAttributeAccessIssue]
            check_count("attempts of Retry", attempts),
            _on(on),
            _wait("wait_initial", wait_initial),
            _wait("wait_max", wait_max),
            _wait("wait_jitter", wait_jitter),
            float(base),
            check_seconds("timeout of Retry", timeout),
        )

    @property
    def _wait_initial_ns(self) -> int:
        return seconds_to_ns(self.wait_initial)

    @property
    def _wait_max_ns(self) -> int:
        return seconds_to_ns(self.wait_max)

    @property
    def _wait_jitter_ns(self) -> int:
        return seconds_to_ns(self.wait_jitter)

    @property
    def _timeout_ns(self) -> int | None:
        return limit_to_ns(self.timeout)

    def decide(self, error: Exception) -> tuple[int | None, float] | None:
        """Return what the core asks of an error: a wait in nanoseconds if one is asked for, and a chance.

        None stands for no further attempt.
        """
        if isinstance(error, _MISTAKES):
            return None
        on: Any = self.on
        if isinstance(on, tuple):
            return (None, _chance()) if isinstance(error, on) else None
        try:
            answer = on(error)
            if answer is None or isinstance(answer, bool):
                return (None, _chance()) if answer else None
            wait = _wait("what on= returns", answer)
        except Exception as failure:  # noqa: BLE001 - noted on the step's own error
            note_on(error, f"whether to try it again could not be told: {shown(failure)}")
            return None
        return seconds_to_ns(wait), 0.0


def check_retry(name: str, value: object) -> Retry | None:
    """Check a retry at the door of a public call.

    Raises:
        TypeError: it is none; the message says what to write.
    """
    if value is None or isinstance(value, Retry):
        return value
    hint = ""
    if isinstance(value, int) and not isinstance(value, bool) and value > 0:
        hint = f"; write Retry({value}, on=OSError), with the errors after which to try again"
    elif value is Retry:
        hint = "; write Retry(on=OSError), with the errors after which to try again"
    raise TypeError(f"{name} must be a Retry, or None for one attempt; got {shown(value)}{hint}")


def _on(on: Any) -> RetryOn:
    kinds = on if isinstance(on, tuple) else (on,)
    if kinds and all(isinstance(kind, type) for kind in kinds):
        wrong = [kind for kind in kinds if not issubclass(kind, Exception)]
        if wrong:
            raise TypeError(
                f"on of Retry must be a type of Exception; got {shown(wrong[0])}, which is never "
                "tried again"
            )
        return kinds
    if isinstance(on, tuple) or not callable(on) or is_async_callable(on):
        raise TypeError(
            "on of Retry must be a type of errors, several in a tuple, or an ordinary function of the "
            f"error that returns True, False or seconds; got {shown(on)}"
        )
    return on  # type: ignore[no-any-return]


def _wait(name: str, value: Any) -> float:
    seconds = 0.0 if value == 0 else check_seconds(f"{name} of Retry", value, none="never")
    if seconds is None or seconds == math.inf:
        raise ValueError(f"{name} of Retry must be a number of seconds; got {shown(value)}")
    return seconds


def _chance() -> float:
    return random.random()  # noqa: S311 - it spreads waits, and keeps no secret
