"""The services around a shop, as one plain ASGI application: fast, slow, flaky and failing ones."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import trio

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Answer = tuple[int, Any]

USERS = [
    {"id": 1, "name": "Ada", "country": "GB"},
    {"id": 2, "name": "Grace", "country": "US"},
    {"id": 3, "name": "Edsger", "country": "NL"},
]
PRODUCTS = [
    {"id": 10, "name": "Teapot", "price_cents": 3500},
    {"id": 11, "name": "Kettle", "price_cents": 4200},
    {"id": 12, "name": "Mug", "price_cents": 900},
]
INVENTORY = [
    {"product": 10, "in_stock": 4},
    {"product": 11, "in_stock": 0},
    {"product": 12, "in_stock": 31},
]
RATES = {"EUR": 1.0, "GBP": 0.86, "USD": 1.08}


class Storefront:
    """The application. It remembers what it was notified of, and how often it was asked."""

    def __init__(self) -> None:
        self.notifications: list[Any] = []
        self.visits: dict[str, int] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, as ASGI has it."""
        if scope["type"] == "lifespan":
            await _lifespan(receive, send)
        elif scope["type"] == "http":
            status, value = await self.answer(scope["method"], scope["path"], await _body(receive))
            await _send_json(send, status, value)

    async def answer(self, method: str, path: str, body: bytes) -> Answer:
        """The status and the value for one request."""
        self.visits[path] = self.visits.get(path, 0) + 1
        if (method, path) == ("POST", "/notify"):
            return self._notify(body)
        if method != "GET":
            return 405, {"error": f"{method} is not for {path}"}
        if path.startswith("/reports/"):
            return await _report(path.removeprefix("/reports/"))
        seconds, answer = self._pages().get(path, (0.0, (404, {"error": f"no page {path}"})))
        await trio.sleep(seconds)
        return answer

    def _pages(self) -> dict[str, tuple[float, Answer]]:
        """How long each page takes, and what it is."""
        return {
            "/users": (0.25, (200, USERS)),
            "/products": (0.45, (200, PRODUCTS)),
            "/inventory": (0.30, (200, INVENTORY)),
            "/ratings": (0.40, (200, {"10": 4.6, "11": 3.9, "12": 4.9})),
            # A report over years of data. Nobody should wait for it.
            "/analytics": (10.0, (200, {"visits": 1_000_000})),
            "/reviews": (0.20, (500, {"error": "the review service is down"})),
            "/rates/north": (0.10, (503, {"error": "closed for maintenance"})),
            "/rates/south": (1.50, (200, RATES)),
            "/rates/east": (0.30, self._flaky("/rates/east", RATES)),
            "/rates/west": (0.50, (200, RATES)),
        }

    def _flaky(self, path: str, value: Any) -> Answer:
        """Fail at the first visit, and at every second one after it."""
        return (502, {"error": "try again"}) if self.visits.get(path, 0) % 2 else (200, value)

    def _notify(self, body: bytes) -> Answer:
        try:
            self.notifications.append(json.loads(body))
        except ValueError:
            return 400, {"error": "expected JSON"}
        return 202, {"accepted": True, "number": len(self.notifications)}


async def _report(kind: str) -> Answer:
    """Lay out a report; each kind takes its time."""
    seconds = {"pdf": 1.5, "spreadsheet": 0.9, "page": 0.4}.get(kind)
    if seconds is None:
        return 404, {"error": f"no report of the kind {kind!r}"}
    await trio.sleep(seconds)
    return 200, {"kind": kind, "title": "Stock and sales", "heading": f"Laid out as a {kind}"}


async def _lifespan(receive: Receive, send: Send) -> None:
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return


async def _body(receive: Receive) -> bytes:
    body, more = b"", True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    return body


async def _send_json(send: Send, status: int, value: Any) -> None:
    body = json.dumps(value).encode()
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
