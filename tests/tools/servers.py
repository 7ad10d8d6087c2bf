"""Servers on loopback that say what a test tells them to, byte by byte."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from functools import partial

import attrs
import trio


@attrs.define
class RawServer:
    """Answers each request with raw bytes, hangs up after it, and keeps what it was asked."""

    answer: Callable[[bytes], bytes]
    url: str = ""
    asked: list[bytes] = attrs.Factory(list)

    async def serve(self, context: ssl.SSLContext | None, task_status=trio.TASK_STATUS_IGNORED):
        listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
        port = listeners[0].socket.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        if context is not None:
            listeners = [trio.SSLListener(listeners[0], context, https_compatible=True)]
            self.url = f"https://localhost:{port}"
        await trio.serve_listeners(self.talk, listeners, task_status=task_status)

    async def talk(self, stream):
        async with stream:
            try:
                request = b""
                # Until the head has ended, or what comes is TLS.
                while b"\r\n\r\n" not in request and request[:1] != b"\x16":
                    request += await stream.receive_some() or b"\r\n\r\n"
                self.asked.append(request)
                await stream.send_all(self.answer(request))
            except trio.BrokenResourceError:
                pass  # the client has heard enough


async def start(nursery, answer, context=None) -> RawServer:
    """A server that answers with bytes, or with what a function makes of a request."""
    server = RawServer(answer if callable(answer) else lambda _: answer)
    await nursery.start(partial(server.serve, context))
    return server


def raw(body: bytes = b"", *headers: str, status: str = "200 OK") -> bytes:
    """An answer with a right length and any other headers."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", "Connection: close", *headers]
    return "\r\n".join([*lines, "", ""]).encode() + body
