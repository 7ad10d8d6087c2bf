"""``http_request`` against servers that answer anything, over real sockets.

A trial has two servers, on two ports. The first answers each request with the next answer of a list
that is made from the seed; the second answers with what headers it got. Whatever comes, a request
ends in a value or in an error that says something, and tells nobody what is secret.
"""

from __future__ import annotations

import json
import logging
import random
import re
import socket
import struct
import traceback
import warnings
from collections import Counter
from typing import Any

import attrs
import trio
import trio.testing

from hocket.tools.http import HttpRequest, HttpRequestFailed
from torture import answers
from torture.suite import Suite

LIMIT = 20_000
PASSWORD, TOKEN, KEY, COOKIE = "pass-word", "tok-en-tok-en", "key-of-mine", "cookie-of-mine"
SECRETS = [PASSWORD, TOKEN, KEY, COOKIE, answers.SECRETS_AHEAD]
# What came back and may be waited for: a peer that neither sends nor closes.
PATIENCE = 0.03


@attrs.define
class Server:
    """Says what it was told to say, byte by byte, and keeps what it was asked."""

    answers: list[answers.Answer] = attrs.Factory(list)
    asked: list[bytes] = attrs.Factory(list)
    url: str = ""

    async def serve(self, task_status: Any) -> None:
        listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
        self.url = f"http://127.0.0.1:{listeners[0].socket.getsockname()[1]}"
        await trio.serve_listeners(self.talk, listeners, task_status=task_status)

    async def talk(self, stream: trio.SocketStream) -> None:
        try:
            async with stream:
                while await self.listen(stream) and await self.say(stream):
                    pass
        except trio.BrokenResourceError:
            pass  # the client has heard enough

    async def listen(self, stream: trio.SocketStream) -> bool:
        request = b""
        while not is_whole(request):
            piece = await stream.receive_some()
            if not piece:
                return False
            request += piece
        self.asked.append(request)
        return True

    async def say(self, stream: trio.SocketStream) -> bool:
        answer = self.answers.pop(0) if self.answers else self.echo()
        if answer.echo:
            status = b"HTTP/1.1 500 Oh" if answer.echo == "text" else b"HTTP/1.1 200 OK"
            headers = [f"Content-Type: application/{answer.echo}".encode()]
            await stream.send_all(answers.head(status, headers) + self.asked[-1])
        for piece in answer.pieces:
            await stream.send_all(piece)
            if len(answer.pieces) > 1:
                await trio.lowlevel.checkpoint()
        if answer.ends == "stall":
            await trio.sleep_forever()
        if answer.ends == "reset":
            stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        return answer.ends == "keep"

    def echo(self) -> answers.Answer:
        body = json.dumps(self.asked[-1].decode("latin-1")).encode()
        headers = [b"Content-Type: application/json", b"Content-Length: %d" % len(body)]
        return answers.Answer([answers.head(b"HTTP/1.1 200 OK", headers) + body], ends="keep")


def is_whole(request: bytes) -> bool:
    head, end, body = request.partition(b"\r\n\r\n")
    length = re.search(rb"(?i)content-length: (\d+)", head)
    return bool(end) and len(body) >= (int(length[1]) if length else 0)


class Log(logging.Handler):
    """Every line that anybody writes."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(self.format(record))


@attrs.define
class Trial:
    rng: random.Random
    log: Log
    counts: Counter[str] = attrs.Factory(Counter)

    async def run(self) -> None:
        first, second = Server(), Server()
        async with trio.open_nursery() as nursery:
            await nursery.start(first.serve)
            await nursery.start(second.serve)
            async with HttpRequest() as request:
                for _ in range(2):
                    await self.ask(request, first, second)
                    # A connection that the server is about to close may not be used again.
                    await trio.testing.wait_all_tasks_blocked()
                await self.ask_in_peace(request, first)
            nursery.cancel_scope.cancel()
        for asked in second.asked:
            for secret in (PASSWORD, TOKEN, KEY, COOKIE):
                assert secret.encode() not in asked, asked
            assert b"authorization" not in asked.lower() or b"YWRhOnN3b3JkZmlzaA" in asked, asked

    async def ask(self, request: HttpRequest, first: Server, second: Server) -> None:
        answer = answers.make(self.rng, LIMIT, second.url)
        first.answers.append(answer)
        first.asked.clear()
        stalls = answer.ends in ("stall", "keep") and not answer.honest
        url = first.url.replace("//", f"//ada:{PASSWORD}@") + f"/page?token={TOKEN}"
        self.log.lines.clear()
        self.counts["requests"] += 1
        try:
            value = await request(
                url,
                self.rng.choice(["GET", "POST"]),
                headers={"X-Api-Key": KEY, "Cookie": f"mine={COOKIE}", "Accept": "*/*"},
                params=self.rng.choice([None, {"page": 2, "key": KEY}]),
                body=self.rng.choice([None, "text", {"a": 1}]),
                timeout=PATIENCE if stalls else 5,
                expect=self.rng.choice(["auto", "json", "text"]) if not answer.honest else "json",
                max_bytes=LIMIT,
            )
        except HttpRequestFailed as error:
            self.check_error(answer, error)
            self.counts["failures"] += 1
        except trio.TooSlowError as error:
            assert stalls, answer
            self.check_text(str(error))
        else:
            assert not answer.echo or value.encode() in first.asked[-1]
            assert not answer.honest or value == answer.value, (answer, value)
            assert not isinstance(value, str) or len(value) <= LIMIT
        first.answers.clear()
        self.check_text("\n".join(self.log.lines))

    async def ask_in_peace(self, request: HttpRequest, first: Server) -> None:
        """What came before spoils nothing, and leaves nothing behind."""
        asked = await request(first.url, timeout=5)
        assert "\r\ncookie:" not in asked.lower(), asked
        for secret in SECRETS:
            assert secret not in asked, asked

    def check_error(self, answer: answers.Answer, error: HttpRequestFailed) -> None:
        assert not answer.honest, (answer, str(error))
        assert len(error.reason) > 3, repr(error)
        assert len(str(error)) < 100_000
        self.check_text(str(error) + repr(error) + "".join(traceback.format_exception(error)))

    def check_text(self, text: str) -> None:
        for secret in SECRETS:
            assert secret not in text, (secret, text)


def trial(seed: int) -> dict[str, float]:
    log, root = Log(), logging.getLogger()
    level = root.level
    root.addHandler(log)
    root.setLevel(logging.DEBUG)
    try:
        one = Trial(random.Random(seed), log)
        with warnings.catch_warnings(record=True) as warned:
            warnings.simplefilter("always")
            trio.run(one.run)
        assert not warned, [str(warning.message) for warning in warned]
    finally:
        root.removeHandler(log)
        root.setLevel(level)
    return dict(one.counts)


SUITE = Suite(
    name="servers",
    promise="whatever a server answers, an HTTP request ends in a value or in an error that says what "
    "was wrong, takes no more memory than allowed, and tells nobody its secrets",
    unit="conversations",
    trial=trial,
    small=300,
    large=100_000,
)
