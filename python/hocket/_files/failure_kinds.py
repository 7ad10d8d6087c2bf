"""The failures that a text names, such as ``OSError`` or ``HTTP 5xx``: after which to try again."""

from __future__ import annotations

import builtins
import re
import subprocess
from collections.abc import Callable, Iterable
from typing import Any, TypeAlias

import attrs

from .._base import errors
from .._base.shown import shown
from ..tools._http_failure import HttpRequestFailed

__all__ = ["FailureKinds", "check_failure"]

Test: TypeAlias = Callable[[Exception], bool]

_FORMS = (
    "the name of a type of errors (ConnectionError), HTTP 503, HTTP 5xx, HTTP no answer, or exit 75"
)
_HTTP = re.compile(r"HTTP +(?:(?P<code>[1-5]\d\d)|(?P<hundred>[1-5])xx|(?P<none>no answer))")
_EXIT = re.compile(r"exit +(?P<code>\d{1,3})")
_TYPE = re.compile(r"[^\W\d]\w*(?:\.[^\W\d]\w*)*")
_KNOWN: dict[str, type] = {
    name: value
    for source in (builtins, errors)
    for name, value in vars(source).items()
    if isinstance(value, type) and issubclass(value, BaseException)
}
_IN_ANY_CASE = {name.lower(): name for name in _KNOWN}


@attrs.frozen(eq=False, init=False)
class FailureKinds:
    """Says of an error whether it is one of those that texts name: the ``on`` of a retry.

    Args:
        texts: each one is the name of a type of errors, with its module or without
            (``"ConnectionError"``, ``"httpx.ConnectError"``: errors of types derived from it too);
            ``"HTTP 503"`` or ``"HTTP 5xx"``, the status of an answer, and ``"HTTP no answer"``;
            or ``"exit 75"``, the exit code of a process.

    A server that asks to be left alone for a while (``Retry-After``) is, for so long.

    Raises:
        ValueError: a text means none of these; the message says what to write.

    >>> FailureKinds(["OSError", "HTTP 5xx"])(ConnectionError())
    True
    """

    texts: tuple[str, ...]
    _tests: tuple[Test, ...] = attrs.field(repr=False)

    def __init__(self, texts: Iterable[str]) -> None:
        named = tuple(texts)
        self.__attrs_init__(named, tuple(map(check_failure, named)))  # pyright: ignore[reportAttributeAccessIssue]

    def __call__(self, error: Exception) -> bool | float:
        if not any(test(error) for test in self._tests):
            return False
        asked = getattr(error, "retry_after", None)
        return asked if isinstance(asked, float) else True


def check_failure(text: str) -> Test:
    """Return what says of an error whether a text names it.

    Raises:
        ValueError: the text means none; the message says what to write.
    """
    if match := _HTTP.fullmatch(text):
        return _http_test(match)
    if match := _EXIT.fullmatch(text):
        code = int(match["code"])
        return lambda error: (
            isinstance(error, subprocess.CalledProcessError) and (error.returncode == code)
        )
    if not _TYPE.fullmatch(text):
        raise ValueError(f"expected {_FORMS}; found {shown(text)}")
    known = _KNOWN.get(text)
    if known is not None and not issubclass(known, Exception):
        raise ValueError(f"expected a type of errors; {text} is none, and is never tried again")
    meant = _IN_ANY_CASE.get(text.lower())
    if known is None and meant is not None:
        raise ValueError(f"expected {_FORMS}; found {shown(text)}; did you mean {meant!r}?")
    return lambda error: any(_is_called(kind, text) for kind in type(error).__mro__)


def _http_test(match: re.Match[str]) -> Test:
    if match["none"]:
        return _had_no_answer
    if match["code"]:
        code = int(match["code"])
        return lambda error: _status(error) == code
    hundred = int(match["hundred"])
    return lambda error: _status(error) // 100 == hundred


def _status(error: Exception) -> int:
    """The status of the answer that an error is about; 0 if it is about none.

    The errors of ``http_request`` have it, and those of httpx on their response.
    """
    said = getattr(error, "status", None)
    if not isinstance(error, HttpRequestFailed):
        said = getattr(getattr(error, "response", None), "status_code", said)
    return said if isinstance(said, int) else 0


def _had_no_answer(error: Exception) -> bool:
    if isinstance(error, HttpRequestFailed):
        return error.status is None and error.was_sent
    return any(_is_called(kind, "httpx.TransportError") for kind in type(error).__mro__)


def _is_called(kind: type[Any], name: str) -> bool:
    return name in (kind.__name__, kind.__qualname__, f"{kind.__module__}.{kind.__qualname__}")
