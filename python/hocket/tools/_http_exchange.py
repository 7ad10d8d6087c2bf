"""One request and what comes of it: redirects, cookies, an answer or the reason why there is none."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import attrs

from .._base.errors import HocketError
from .._base.jsonable import iso_dates
from .._base.shown import shown, visible
from ._http_body import BadBody, readable, receive, unpack
from ._http_connections import Connections
from ._http_failure import HttpRequestFailed, beginning, retry_after, why
from ._masking import HARMLESS_HEADERS, Secrets, masked_logs

if TYPE_CHECKING:
    import httpx

    from ._http_content import Content

__all__ = ["Answer", "Exchange"]

_MOST_REDIRECTS = 20
_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")


@attrs.frozen
class Answer:
    """A whole answer with a status of 2xx."""

    content_type: str
    body: bytearray


@attrs.define
class Exchange:
    """One request, and those that its redirects make of it."""

    connections: Connections
    method: str
    """What is asked now: a redirect may have made GET of it."""
    url: str
    """Where it is now, as a redirect may have moved it."""
    most: int | None
    """The most bytes of an answer's body."""
    shares_cookies: bool
    """Whether it sends and keeps the cookies of the run, or has its own."""
    status: int | None = attrs.field(default=None, init=False)
    _secrets: Secrets = attrs.field(factory=Secrets, init=False)

    async def run(
        self, headers: Mapping[str, Any] | None, params: Mapping[str, Any] | None, body: Any
    ) -> Answer:
        """Send the request and read the answer.

        Raises:
            HttpRequestFailed: whatever went wrong.
            MissingExtra: httpx is not installed.
        """
        self._secrets.add_url(self.url)
        with masked_logs():
            request = await self._build(headers, params, body)
            try:
                return await self._follow(request)
            except HocketError:
                raise
            except BadBody as error:
                status = "" if str(self.status).startswith("2") else f"status {self.status}; "
                raise self.failed(f"{status}{error}") from None
            except Exception as error:  # noqa: BLE001 - what a server sends may break anything
                reason = why(error)
                if "location header" in reason:
                    reason = _without_quotes(reason)
                what = "no answer" if self.status is None else "the answer broke off"
                raise self.failed(f"{what}, {reason}") from None

    def failed(self, reason: str, body: str = "") -> HttpRequestFailed:
        """The error that says what went wrong with this exchange, and nothing secret.

        To be raised "from None": the texts of other errors may be secret.
        """
        hide = self._secrets.hide
        # Shortened when nothing secret is in it: half a secret would not be found.
        reason = visible(beginning(hide(reason)))
        return HttpRequestFailed(self.method, self.url, reason, self.status, hide(body))

    async def _build(
        self, headers: Mapping[str, Any] | None, params: Mapping[str, Any] | None, body: Any
    ) -> httpx.Request:
        scheme = self.url.partition("://")[0].lower()
        if scheme not in ("http", "https"):
            raise self.failed("not sent: a URL begins with http:// or https://")
        if not _NAME.fullmatch(self.method):
            raise self.failed("not sent: the method must be one word, such as GET")
        given = self._headers(headers)
        self._secrets.add_headers(given)
        try:
            client = await self.connections.client(scheme)
            content, kind = self._content(body)
            request = client.build_request(
                self.method, self.url, headers=given, content=content.whole or None
            )
            for name, value in kind.items():
                request.headers.setdefault(name, value)
            request.stream = content
            if params:
                request.url = request.url.copy_merge_params(self._params(params))
            self._secrets.add_url(str(request.url))
            _move_userinfo(request)
        except HocketError:
            raise
        except Exception as error:  # noqa: BLE001 - the values may be of any kind
            # Quoted is what made it no URL, perhaps a part of a password.
            raise self.failed(
                f"not sent, {_without_quotes(why(error)) if '@' in self.url else why(error)}"
            ) from None
        return request

    def _headers(self, headers: Mapping[str, Any] | None) -> dict[str, str]:
        checked: dict[str, str] = {}
        for name, value in (headers or {}).items():
            where = f"not sent: headers[{shown(name)}]"
            if not isinstance(name, str) or not _NAME.fullmatch(name):
                raise self.failed(f"{where} has no name that a header can have")
            if isinstance(value, bool) or not isinstance(value, str | int | float):
                raise self.failed(
                    f"{where} must be a text or a number; found {type(value).__name__}"
                )
            text = str(value)
            if not text.isascii() or re.search(r"[\0\r\n]", text):
                raise self.failed(f"{where} must be one line of ASCII characters")
            checked[name] = text.strip(" \t")
        return checked

    def _params(self, params: Mapping[str, Any]) -> dict[str, Any]:
        made: dict[str, Any] = iso_dates(params)
        for name, value in made.items():
            for one in value if isinstance(value, list) else [value]:
                if isinstance(one, dict | list | set | bytes):
                    raise self.failed(
                        f"not sent: params[{shown(name)}] must be a text, a number, a flag, nothing, "
                        f"or a list of those; found {type(one).__name__}"
                    )
        return made

    def _content(self, body: Any) -> tuple[Content, dict[str, str]]:
        from ._http_content import content_of

        try:
            return content_of(body)
        except (TypeError, ValueError, RecursionError) as error:
            reason = f"not sent: the body cannot be written as JSON, {why(error)}"
            raise self.failed(reason) from None

    async def _follow(self, request: httpx.Request) -> Answer:
        jar = self.connections.cookies(shared=self.shares_cookies)
        cookie = request.headers.get("cookie")
        for _ in range(_MOST_REDIRECTS + 1):
            client = await self.connections.client(request.url.scheme)
            _add_cookies(request, jar)
            self._secrets.add_headers(request.headers)
            response = await client.send(request, stream=True)
            try:
                self.status = response.status_code
                jar.extract_cookies(response)
                if response.next_request is None:
                    return await self._read(response)
                await receive(response, self.most)
            finally:
                await response.aclose()
            self.status = None
            following = response.next_request
            if cookie:  # httpx takes it away, also on the way to the same host
                following.headers["cookie"] = cookie
            _leave_credentials(request.url, following)
            request, cookie = following, following.headers.get("cookie")
            self.method, self.url = request.method, str(request.url)
            self._secrets.add_url(self.url)
            _move_userinfo(request)
        raise self.failed(f"more than {_MOST_REDIRECTS} redirects")

    async def _read(self, response: httpx.Response) -> Answer:
        headers = response.headers
        packed = await receive(response, self.most)
        body = await unpack(packed, headers.get("content-encoding", ""), self.most)
        kind = headers.get("content-type", "")
        if not response.is_success:
            error = self.failed(f"status {response.status_code}", readable(body, kind))
            error.retry_after = retry_after(headers)
            raise error
        return Answer(kind, body)


def _add_cookies(request: httpx.Request, jar: httpx.Cookies) -> None:
    """Send the jar's cookies, and of those in a header of the caller's what the jar does not have."""
    given = request.headers.pop("cookie", "")
    jar.set_cookie_header(request)
    kept = request.headers.get("cookie", "")
    names = {pair.partition("=")[0].strip() for pair in kept.split(";")}
    others = [
        pair.strip() for pair in given.split(";") if pair.partition("=")[0].strip() not in names
    ]
    if given:
        request.headers["cookie"] = "; ".join(filter(None, [*others, kept]))


def _move_userinfo(request: httpx.Request) -> None:
    """Send user and password of the URL as a header.

    httpx would do so itself. But then they stay in the URL, and cookies would belong to them too.
    """
    url = request.url
    if url.userinfo:
        login = b64encode(f"{url.username}:{url.password}".encode()).decode()
        request.headers["authorization"] = f"Basic {login}"
        request.url = url.copy_with(userinfo=b"")


def _leave_credentials(origin: httpx.URL, request: httpx.Request) -> None:
    """Take what may be a credential from a request that goes elsewhere."""
    ports = (origin.port or _port(origin), request.url.port or _port(request.url))
    upgraded = ports == (80, 443) and (origin.scheme, request.url.scheme) == ("http", "https")
    same = origin.scheme == request.url.scheme and ports[0] == ports[1]
    if origin.host == request.url.host and (same or upgraded):
        return
    for name in list(request.headers):
        if name.lower() not in HARMLESS_HEADERS:
            del request.headers[name]


def _port(url: httpx.URL) -> int:
    return 443 if url.scheme == "https" else 80


def _without_quotes(text: str) -> str:
    return re.sub(r"""'[^']*'|"[^"]*\"""", "'***'", text)
