"""``http_request``: one HTTP request, with the connections of a whole run."""

from __future__ import annotations

import math
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Literal, Self, TypedDict, Unpack, get_args

import trio

from .._base.checks import check_flag
from .._base.durations import check_seconds
from .._base.shown import shown
from ._http_body import BadBody, is_json, parse_json, readable, text_of
from ._http_connections import Connections
from ._http_exchange import Answer, Exchange
from ._http_failure import HttpRequestFailed
from ._masking import masked_url
from ._tool import tool

__all__ = ["HttpRequest", "HttpRequestFailed", "RequestOptions", "http_request"]

Expect = Literal["auto", "json", "text"]

_MAX_BYTES = 100_000_000


class RequestOptions(TypedDict, total=False):
    """What :func:`http_request` takes beside the URL; :meth:`HttpRequest.__call__` says what it means."""

    method: str
    headers: Mapping[str, Any] | None
    params: Mapping[str, Any] | None
    body: Any
    timeout: float | None
    expect: Expect
    max_bytes: int | None
    cookies: bool


@tool(name="http_request")
class HttpRequest:
    """Makes HTTP requests over connections that are kept for the next one, and closed on leaving.

    As a tool, every run has its own. By hand::

        async with HttpRequest() as request:
            users = await request("https://api.example.com/users")
    """

    def __init__(self) -> None:
        self._connections = Connections()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._connections.aclose()

    async def __call__(
        self,
        url: str,
        method: str = "GET",
        headers: Mapping[str, Any] | None = None,
        params: Mapping[str, Any] | None = None,
        body: Any = None,
        timeout: float | None = None,
        expect: Expect = "auto",
        *,
        max_bytes: int | None = _MAX_BYTES,
        cookies: bool = False,
    ) -> Any:
        """Make a request and wait for its whole answer. Redirects are followed, 20 at most.

        Where a redirect leads to another host (or port), only headers that cannot be credentials
        go with it: ``Accept``, ``User-Agent``, ``Content-Type`` and the like.

        Args:
            url: where to, with ``http://`` or ``https://``.
            method: ``GET`` (default), ``POST``, ...
            headers: headers to send: texts or numbers.
            params: the query, added to that of the URL: texts, numbers, flags, or lists of those.
                Dates and times become ISO 8601.
            body: text and bytes are sent as they are, anything else as JSON, with dates and times
                in ISO 8601. Default: none.
            timeout: seconds for the whole request. Default: no limit but the step's.
            expect: ``"json"`` parses the answer, ``"text"`` does not; ``"auto"`` (default)
                parses it if its content type is JSON.
            max_bytes: the most bytes that the answer's body may have, as it is sent and unpacked.
                Default: 100 million. None: any number.
            cookies: whether to send the cookies that earlier requests with ``cookies=True`` got,
                in this run, and to keep those that come. Default False: cookies that come are
                sent to where a redirect leads, and forgotten. Those in a header ``Cookie`` are sent
                besides.

        Returns:
            The parsed JSON, or text; None if JSON was expected of an empty answer.

        Raises:
            HttpRequestFailed: it was not sent, has no answer, or one that is no good.
            ValueError, TypeError: an option that no request could have.
            trio.TooSlowError: the timeout has passed.
            MissingExtra: httpx is not installed.
        """
        _check_options(url, method, expect, max_bytes, cookies)
        _check_mappings(headers=headers, params=params)
        limit = check_seconds("timeout", timeout)
        exchange = Exchange(self._connections, method.upper(), url, max_bytes, cookies)
        with trio.move_on_after(math.inf if limit is None else limit):
            return _value(exchange, await exchange.run(headers, params, body), expect)
        raise trio.TooSlowError(f"{method.upper()} {masked_url(url)} took longer than {limit:g} s")


async def http_request(url: str, **options: Unpack[RequestOptions]) -> Any:
    """Make one request with connections of its own; options as for :class:`HttpRequest`.

    Raises:
        HttpRequestFailed: it was not sent, has no answer, or one that is no good.
    """
    async with HttpRequest() as request:
        return await request(url, **options)


def _check_options(url: Any, method: Any, expect: Any, max_bytes: Any, cookies: Any) -> None:
    for name, value in (("url", url), ("method", method)):
        if not isinstance(value, str):
            raise TypeError(f"{name} must be a text; found {type(value).__name__}")
    if expect not in get_args(Expect):
        raise ValueError(f"expect must be 'auto', 'json' or 'text'; got {shown(expect)}")
    whole = isinstance(max_bytes, int) and not isinstance(max_bytes, bool) and max_bytes > 0
    if max_bytes is not None and not whole:
        raise ValueError(
            f"max_bytes must be a whole number of at least 1, or None for no limit; "
            f"got {shown(max_bytes)}"
        )
    check_flag("cookies", cookies)


def _check_mappings(**options: Any) -> None:
    for name, value in options.items():
        if value is not None and not isinstance(value, Mapping):
            raise TypeError(
                f"{name} must be a mapping of names to values; found {type(value).__name__}"
            )


def _value(exchange: Exchange, answer: Answer, expect: Expect) -> Any:
    kind, body = answer.content_type, answer.body
    try:
        if expect == "text" or (expect == "auto" and not is_json(kind)):
            return text_of(body, kind)
        return parse_json(body, kind) if body else None
    except BadBody as error:
        raise exchange.failed(str(error), readable(body)) from None
