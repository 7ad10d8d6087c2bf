"""``http_request``: one HTTP request, with one client for a whole run."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, Self, get_args

import trio

from .._base.durations import check_seconds
from .._base.errors import HocketError, MissingExtra
from .._base.jsonable import iso_dates
from ._tool import tool

if TYPE_CHECKING:
    import httpx

__all__ = ["HttpRequest", "HttpRequestFailed", "http_request"]

Expect = Literal["auto", "json", "text"]

_SHOWN = 200
# Closing connections may wait for the peer, and it happens under a shield.
_LONGEST_CLOSE = 2.0


class HttpRequestFailed(HocketError):
    """A request had no answer, or one with a status other than 2xx, or one that is not JSON.

    Attributes:
        method: the request's method.
        url: the request's URL.
        status: the answer's status; None if there was no answer.
        body: the answer's body as text; empty if there was none.
    """

    def __init__(
        self, method: str, url: str, reason: str, status: int | None = None, body: str = ""
    ) -> None:
        super().__init__(method, url, reason, status, body)
        self.method = method
        self.url = url
        self.reason = reason
        self.status = status
        self.body = body

    def __str__(self) -> str:
        text = f"{self.method} {self.url}: {self.reason}"
        if not self.body:
            return text
        return f"{text}: {self.body[:_SHOWN]}{'...' if len(self.body) > _SHOWN else ''}"


@tool(name="http_request")
class HttpRequest:
    """Makes HTTP requests with one client, which is closed on leaving.

    As a tool, every run has its own. By hand::

        async with HttpRequest() as request:
            users = await request("https://api.example.com/users")
    """

    def __init__(self) -> None:
        # Made by the first request: a workflow without one needs neither httpx nor the 30 ms
        # that loading the certificates takes.
        self._client: httpx.AsyncClient | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        client, self._client = self._client, None
        if client is not None:
            with trio.move_on_after(_LONGEST_CLOSE) as scope:
                scope.shield = True
                await client.aclose()

    async def __call__(
        self,
        url: str,
        method: str = "GET",
        headers: Mapping[str, str] | None = None,
        params: Mapping[str, Any] | None = None,
        body: Any = None,
        timeout: float | None = None,
        expect: Expect = "auto",
    ) -> Any:
        """Make a request and wait for its whole answer. Redirects are followed.

        Args:
            url: where to, with ``http://`` or ``https://``.
            method: ``GET`` (default), ``POST``, ...
            headers: headers to send.
            params: the query, added to the URL. Dates and times become ISO 8601.
            body: text and bytes are sent as they are, anything else as JSON, with dates and times
                in ISO 8601. Default: none.
            timeout: seconds for the whole request. Default: no limit but the step's.
            expect: ``"json"`` parses the answer, ``"text"`` does not; ``"auto"`` (default)
                parses it if its content type is JSON.

        Returns:
            The parsed JSON, or text; None if JSON was expected of an empty answer.

        Raises:
            HttpRequestFailed: there is no answer, its status is not 2xx, or it is not JSON.
            trio.TooSlowError: the timeout has passed.
            MissingExtra: httpx is not installed.
        """
        if expect not in get_args(Expect):
            raise ValueError(f"expect must be 'auto', 'json' or 'text'; got {expect!r}")
        limit = check_seconds("timeout", timeout)
        method = method.upper()
        options = {"headers": headers, "params": iso_dates(params), **_content(body)}
        with trio.move_on_after(math.inf if limit is None else limit):
            return _answer(method, await self._send(method, url, options), expect)
        raise trio.TooSlowError(f"{method} {url} took longer than {limit:g} s")

    def _open_client(self) -> httpx.AsyncClient:
        client = self._client
        if client is None:
            # Time limits are Trio's: httpx's own are for each read and write, not the request.
            client = _httpx().AsyncClient(timeout=None, follow_redirects=True)
            self._client = client
        return client

    async def _send(self, method: str, url: str, options: dict[str, Any]) -> httpx.Response:
        client = self._open_client()
        errors = (_httpx().HTTPError, _httpx().InvalidURL)
        try:
            return await client.request(method, url, **options)
        except errors as error:
            reason = f"no answer, {type(error).__name__}: {error}"
            raise HttpRequestFailed(method, url, reason) from error


async def http_request(url: str, **options: Any) -> Any:
    """Make one request with a client of its own; options as for :class:`HttpRequest`.

    Raises:
        HttpRequestFailed: there is no answer, its status is not 2xx, or it is not JSON.
    """
    async with HttpRequest() as request:
        return await request(url, **options)


def _httpx() -> Any:
    try:
        import httpx
    except ModuleNotFoundError as error:
        raise MissingExtra("the tool 'http_request' needs httpx", "http") from error
    return httpx


def _content(body: Any) -> dict[str, Any]:
    if body is None:
        return {}
    if isinstance(body, str | bytes):
        return {"content": body}
    return {"json": iso_dates(body)}


def _answer(method: str, response: httpx.Response, expect: Expect) -> Any:
    url, status, text = str(response.url), response.status_code, response.text
    if not response.is_success:
        raise HttpRequestFailed(method, url, f"status {status}", status, text)
    if expect == "text" or (expect == "auto" and not _is_json(response)):
        return text
    if not text:
        return None
    try:
        return json.loads(text)
    except ValueError as error:
        raise HttpRequestFailed(method, url, f"not JSON ({error})", status, text) from error


def _is_json(response: httpx.Response) -> bool:
    kind = response.headers.get("content-type", "").partition(";")[0].strip().lower()
    return bool(kind == "application/json" or kind.endswith("+json"))
