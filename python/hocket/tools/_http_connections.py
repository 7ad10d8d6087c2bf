"""The connections of one run, made when they are needed and closed when it ends; its cookies too."""

from __future__ import annotations

import os
import ssl
import threading
from typing import TYPE_CHECKING, Any

import attrs
import trio

from .._base.errors import MissingExtra
from ._masking import mask_logs

if TYPE_CHECKING:
    import httpx

__all__ = ["Connections"]

# Closing connections may wait for the peer, and it happens under a shield.
_LONGEST_CLOSE = 2.0

# Loading the certificates takes a twentieth to a quarter of a second: once for the process, for
# each place that they come from.
_contexts: dict[tuple[str | None, str | None], ssl.SSLContext] = {}
_making = threading.Lock()


@attrs.define
class Connections:
    """One client for http and one for https, each made for the first request that needs it."""

    _clients: dict[str, httpx.AsyncClient] = attrs.field(factory=dict, init=False)
    _cookies: httpx.Cookies | None = attrs.field(default=None, init=False)
    _opening: trio.Lock = attrs.field(factory=trio.Lock, init=False)

    async def client(self, scheme: str) -> httpx.AsyncClient:
        """The client for ``http`` or ``https``."""
        if scheme not in self._clients:
            async with self._opening:
                if scheme not in self._clients:
                    self._clients[scheme] = await self._open(scheme)
        return self._clients[scheme]

    def cookies(self, *, shared: bool) -> httpx.Cookies:
        """Those that the run's requests share, or new ones."""
        new: httpx.Cookies = _httpx().Cookies()
        if not shared:
            return new
        if self._cookies is None:
            self._cookies = new
        return self._cookies

    async def aclose(self) -> None:
        """Close all connections, without waiting long for anybody."""
        with trio.move_on_after(_LONGEST_CLOSE) as scope:
            scope.shield = True
            while self._clients:
                await self._clients.popitem()[1].aclose()

    async def _open(self, scheme: str) -> httpx.AsyncClient:
        # In a thread: importing httpx and loading certificates hold up whoever waits for them.
        # With a limiter of its own, as all of Trio's threads may be taken.
        context, refuse = await trio.to_thread.run_sync(
            _prepare, scheme, limiter=trio.CapacityLimiter(1)
        )
        httpx = _httpx()
        return httpx.AsyncClient(  # type: ignore[no-any-return]
            verify=context,
            # Keeps none.
            cookies=refuse,
            # Time limits are Trio's: httpx's own are for each read and write, not the request.
            timeout=None,
            # How many requests there are at once is for the pool to say. With a limit here, one
            # that waits for a connection would look like one that waits for an answer.
            limits=httpx.Limits(max_connections=None, max_keepalive_connections=None),
            headers={"accept-encoding": "gzip, deflate"},
        )


def _prepare(scheme: str) -> tuple[ssl.SSLContext, Any]:
    """Runs in a thread."""
    from http.cookiejar import CookieJar, DefaultCookiePolicy

    httpx = _httpx()
    import httpcore  # noqa: F401 - httpx imports it for the first request

    mask_logs()
    refuse = CookieJar(DefaultCookiePolicy(allowed_domains=[]))
    if scheme != "https":
        # Trusts nobody, and takes no time.
        return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), refuse
    source = os.environ.get("SSL_CERT_FILE"), os.environ.get("SSL_CERT_DIR")
    with _making:
        if source not in _contexts:
            _contexts[source] = _load_certificates(httpx, source)
        return _contexts[source], refuse


def _load_certificates(httpx: Any, source: tuple[str | None, str | None]) -> ssl.SSLContext:
    try:
        context: ssl.SSLContext = httpx.create_ssl_context()
    except OSError as error:
        named = next((path for path in source if path), None)
        where = f" from {named} (SSL_CERT_FILE or SSL_CERT_DIR)" if named else ""
        raise OSError(f"certificates to trust could not be loaded{where}: {error}") from error
    return context


def _httpx() -> Any:
    try:
        import httpx
    except ModuleNotFoundError as error:
        raise MissingExtra("the tool 'http_request' needs httpx", "http") from error
    return httpx
