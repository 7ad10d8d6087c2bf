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
from .._base.suggestions import nearest
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
# Of httpx, which is imported only when it is needed.
_OF_HTTPX = (
    "HTTPError",
    "HTTPStatusError",
    "ConnectError",
    "ConnectTimeout",
    "NetworkError",
    "PoolTimeout",
    "ReadError",
    "ReadTimeout",
    "RequestError",
    "TimeoutException",
    "TransportError",
    "WriteError",
    "WriteTimeout",
)
# Of the forms that are not quite right, what was meant.
_NEARLY = (
    (
        re.compile(r"(?:http|status)?[ _:/-]*([1-5])(?:\d?x|x{1,3}|\*|\d\*)", re.IGNORECASE),
        "HTTP {}xx",
    ),
    (re.compile(r"(?:http|status)?[ _:/-]*([1-5]\d\d)", re.IGNORECASE), "HTTP {}"),
    (re.compile(r"exit[ _:-]*(?:code|status)?[ _:-]*(\d{1,3})", re.IGNORECASE), "exit {}"),
    (re.compile(r"(?:http)?[ _:/-]*no[ _-]*(?:answer|response)", re.IGNORECASE), "HTTP no answer"),
)
# Two names are so much alike if one letter of ten is another, or one of six is left out.
_ALIKE = 0.9


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
    known = _KNOWN.get(text)
    if known is not None and not issubclass(known, Exception):
        raise ValueError(f"expected a type of errors; {text} is none, and is never tried again")
    if known is None and (why := _why_not(text)) is not None:
        raise ValueError(f"expected {_FORMS}; found {shown(text)}{why}")
    # IOError is another name of OSError.
    return lambda error: any(
        kind is known or _is_called(kind, text) for kind in type(error).__mro__
    )


def _why_not(text: str) -> str | None:
    """Say what was most likely meant, of a text that is no known name; None if it may be one of an error.

    Which errors steps raise is known only in the run: a name is refused only where it is all but another.
    """
    for form, meant in _NEARLY:
        if match := form.fullmatch(text):
            return f"; did you mean {meant.format(*match.groups())!r}?"
    if not _TYPE.fullmatch(text):
        return ""
    if (same := _IN_ANY_CASE.get(text.lower())) is not None:
        return f"; did you mean {same!r}?"
    if "." in text:
        return None
    loaded = _loaded()
    if text in loaded or text in _OF_HTTPX:
        return None
    near = nearest(text, [*_KNOWN, *_OF_HTTPX, *loaded], _ALIKE)
    if near is None:
        return None
    return f"; did you mean {near!r}? (of an error of your own write the module too: errors.{text})"


def _loaded() -> set[str]:
    """The names of all types of errors that there are now, such as those of the tools."""
    names: set[str] = set()
    todo: list[type] = [Exception]
    seen: set[type] = set()
    while todo:
        kinds: list[type] = type.__subclasses__(todo.pop())
        for kind in kinds:
            if kind not in seen:
                seen.add(kind)
                names.add(kind.__name__)
                todo.append(kind)
    return names


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
