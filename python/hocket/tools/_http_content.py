"""The body of a request: what it is made of, and how it is sent.

Imported with the first request, as it needs httpx.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any, Self

import httpx

from .._base.jsonable import iso_dates

__all__ = ["Content", "content_of"]


def content_of(body: Any) -> tuple[Content, dict[str, str]]:
    """What is sent for a body, and headers that say what it is.

    Raises:
        TypeError, ValueError, RecursionError: it is no text, no bytes, and cannot be JSON.
    """
    if body is None:
        return Content(b""), {}
    if isinstance(body, bytes):
        return Content(body), {}
    if isinstance(body, str):
        return Content(body.encode()), {}
    text = json.dumps(iso_dates(body), ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return Content(text.encode()), {"content-type": "application/json"}


class Content(httpx.AsyncByteStream):
    """A body that is sent at once, as often as redirects ask for it.

    Not httpx's own: that is an async generator, which stays open, and is warned of, if the server
    hangs up before all of it is sent.
    """

    def __init__(self, whole: bytes) -> None:
        self.whole = whole

    def __aiter__(self) -> AsyncIterator[bytes]:
        return _Once([self.whole])


class _Once:
    def __init__(self, pieces: list[bytes]) -> None:
        self._pieces = pieces

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        if not self._pieces:
            raise StopAsyncIteration
        return self._pieces.pop()
