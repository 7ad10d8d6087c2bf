"""Answers of HTTP servers as raw bytes: honest ones, and those that nobody should send."""

from __future__ import annotations

import gzip
import json
import random
import zlib
from collections.abc import Callable
from typing import Any

import attrs

CHARSETS = [
    *("utf-8", "UTF8", '"utf-8"', "latin-1", "utf-16", "utf-7", "hex", "rot13", "base64", "zip"),
    *("bz2", "idna", "punycode", "undefined", "unicode_escape", "raw_unicode_escape", "uu"),
    *("none", "", "''", "\0", "a" * 500, "..", "aliases", "utf-8\udcff", "mbcs", "oem", "cp65001"),
]
ENCODINGS = ["br", "zstd", "compress", "gzip", "gzip, gzip", "deflate", "x-gzip", "identity", "*"]
ENCODINGS += ["gzip;q=1", ",,,", "gzip, br", ", ".join(["gzip"] * 9), "\xff", ""]
LENGTHS = [
    "0",
    "1",
    "-1",
    "+5",
    "5, 5",
    "5, 6",
    "abc",
    "",
    "9" * 30,
    "9" * 5000,
    "1e3",
    "0x10",
    "٣",
]
LOCATIONS = [
    *("", "/", "//", "///", "?", "#", ":", "http:", "http://", "http:///x", "//x:y:z/", "http://["),
    *("http://[::1", "http://127.0.0.1:99999/", "http://127.0.0.1:-1/", "http://127.0.0.1:http/"),
    *("ftp://127.0.0.1/", "file:///etc/passwd", "javascript:alert(1)", "data:,x", "http://xn--a/"),
    *("http://xn--\xff/", "http://" + "a" * 64 + "/", "http://" + "a." * 200 + "/", "http://a..b/"),
    *("http://\u0130/", "http://127.0.0.1:1/", "https://127.0.0.1:1/", "/" * 70_000, "/a b\x7fc"),
    *(
        "http://0.0.0.256/",
        "http://1.2.3.4.5:1/",
        "http://%00/",
        "http://%/",
        "\\\\x\\y",
        "http:/x",
    ),
    *(
        "http://*/",
        "http://./",
        "http://-/",
        "http:// /",
        "http://127.0.0.1:1\t/",
        "http://[v1.x]/",
    ),
]
HEADERS = [
    b"no colon", b": no name", b"a b: c", b" folded: x", b"x: \0", b"x: \xff\xfe", b"\xff: x", b"x:",
    b"Set-Cookie: =", b"Set-Cookie: a=b; expires=never; max-age=x; domain=..; path=\xff",
    b"Set-Cookie: a=" + b"b" * 5000, b"Set-Cookie: a=b; max-age=" + b"9" * 5000,
    b"Set-Cookie: a=b; version=x; port=\"y\"", b"Content-Type: \xff/\xfe; charset=\xfd",
    b"Content-Type: ;;;=\"", b"Transfer-Encoding: gzip", b"Transfer-Encoding: chunked, chunked",
    b"Connection: upgrade\r\nUpgrade: x", b"Connection: close", b"Date: never", b"Trailer: x",
]  # fmt: skip
STATUS_LINES = [
    b"HTTP/1.1 200 OK", b"HTTP/1.0 200 OK", b"HTTP/0.9 200", b"HTTP/2 200 OK", b"HTTP/1.1 20 OK",
    b"HTTP/1.1 000 ", b"HTTP/1.1 999 ?", b"HTTP/1.1 1e2 OK", b"HTTP/1.1  200  OK", b"ICY 200 OK",
    b"HTTP/1.1 200 \xff\0", b"HTTP/1.1 204 No", b"HTTP/1.1 304 No", b"HTTP/1.1 101 Go", b"220 smtp",
    b"HTTP/1.1 407 Who", b"HTTP/1.1 401 Who", b"HTTP/1.1 503 " + b"x" * 300, b"",
]  # fmt: skip
SECRETS_AHEAD = "swordfish"


@attrs.frozen
class Answer:
    """What a server sends, and what must come of it."""

    pieces: list[bytes]
    """What is sent, with a pause after each piece."""
    value: Any = None
    """The value of the request."""
    honest: bool = False
    """Whether that is all that may come of it."""
    echo: str = ""
    """"text" or "json": before that, all that was asked is sent back as such a body."""
    ends: str = "close"
    """What happens then: "keep" the connection, "close" it, "reset" it or "stall"."""


def head(status: bytes, headers: list[bytes]) -> bytes:
    return b"\r\n".join([status, *headers]) + b"\r\n\r\n"


def make_value(rng: random.Random) -> Any:
    return rng.choice(
        [
            None,
            True,
            1,
            10**30,
            "grüße",
            "",
            [],
            {"a": [1, {"b": None}]},
            list(range(500)),
            "x" * 3000,
        ]
    )


def honest(rng: random.Random, limit: int) -> Answer:
    """An answer within all rules, in any of the forms that they allow."""
    value = make_value(rng)
    charset = rng.choice(["", "; charset=utf-8", '; Charset="UTF-8"', "; charset=utf-16", "; x=y"])
    body = json.dumps(value, ensure_ascii=False).encode("utf-16" if "16" in charset else "utf-8")
    headers = [f"Content-Type: application/json{charset}".encode()]
    packing = rng.choice(["", "", "gzip", "members", "deflate", "raw", "twice"])
    body = packed(body, packing)
    if packing:
        name = {"members": "gzip", "raw": "deflate", "twice": "gzip, gzip"}.get(packing, packing)
        headers.append(f"Content-Encoding: {name}".encode())
    if len(body) > limit:
        return honest(rng, limit)
    framing = rng.choice(["length", "chunked", "close"])
    if framing == "length":
        headers.append(b"Content-Length: %d" % len(body))
    if framing == "chunked":
        headers.append(b"Transfer-Encoding: chunked")
        body = chunked(rng, body)
    raw = head(b"HTTP/1.1 200 OK", headers) + body
    ends = "close" if framing == "close" else "keep"
    return Answer(split(rng, raw), value, honest=True, ends=ends)


def packed(body: bytes, packing: str) -> bytes:
    half = len(body) // 2
    raw = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    forms: dict[str, Callable[[], bytes]] = {
        "": lambda: body,
        "gzip": lambda: gzip.compress(body),
        "members": lambda: gzip.compress(body[:half]) + gzip.compress(body[half:]),
        "deflate": lambda: zlib.compress(body),
        "raw": lambda: raw.compress(body) + raw.flush(),
        "twice": lambda: gzip.compress(gzip.compress(body)),
    }
    return forms[packing]()


def chunked(rng: random.Random, body: bytes) -> bytes:
    chunks, place = b"", 0
    while place < len(body):
        size = rng.choice([1, 7, 4096])
        chunk = body[place : place + size]
        chunks += b"%x\r\n%s\r\n" % (len(chunk), chunk)
        place += size
    return chunks + b"0\r\n\r\n"


def split(rng: random.Random, raw: bytes) -> list[bytes]:
    if rng.random() < 0.7 or len(raw) < 2:
        return [raw]
    place = rng.randrange(1, len(raw))
    return [raw[:place], raw[place:]]


def garbage(rng: random.Random, limit: int) -> Answer:
    return Answer([rng.randbytes(rng.choice([0, 1, 10, 1000, 100_000]))], ends=end(rng))


def mutated(rng: random.Random, limit: int) -> Answer:
    """An honest answer, with some bytes gone, twice there or changed."""
    raw = bytearray(b"".join(honest(rng, limit).pieces))
    for _ in range(rng.randrange(1, 4)):
        place = rng.randrange(len(raw))
        how = rng.choice(["flip", "cut", "insert", "end"])
        if how == "flip":
            raw[place] = rng.randrange(256)
        elif how == "cut":
            del raw[place : place + rng.randrange(1, 20)]
        elif how == "insert":
            raw[place:place] = rng.choice(
                [b"\r\n", b"\0", b"\xff" * 9, b"0\r\n\r\n", bytes(raw[:40])]
            )
        else:
            del raw[max(place, 1) :]
        if not raw:
            break
    return Answer(split(rng, bytes(raw)), ends=end(rng))


def flood(rng: random.Random, limit: int) -> Answer:
    """More than was asked for: sent, announced, unpacked, or in the head."""
    much = limit + rng.choice([1, 100, limit])
    kind = rng.choice(
        ["announced", "sent", "chunked", "bomb", "bombs", "headers", "header", "interim"]
    )
    line, plain = b"HTTP/1.1 200 OK", b"Content-Type: text/plain"
    if kind == "announced":
        return Answer([head(line, [plain, b"Content-Length: %d" % (much * 1000)])], ends=end(rng))
    if kind == "sent":
        return Answer([head(line, [plain]) + b"x" * much], ends=end(rng))
    if kind == "chunked":
        body = chunked(rng, b"x" * much)
        return Answer([head(line, [plain, b"Transfer-Encoding: chunked"]) + body], ends=end(rng))
    if kind in ("bomb", "bombs"):
        bomb = gzip.compress(bytes(much * 20))
        name = b"gzip"
        if kind == "bombs":
            bomb, name = gzip.compress(bomb), b"gzip, gzip"
        headers = [plain, b"Content-Encoding: " + name, b"Content-Length: %d" % len(bomb)]
        return Answer([head(line, headers) + bomb], ends=end(rng))
    if kind == "headers":
        return Answer([head(line, [b"x-%d: y" % n for n in range(300)] + [plain])], ends=end(rng))
    if kind == "header":
        return Answer([head(line, [b"x: " + b"y" * 200_000])], ends=end(rng))
    return Answer([head(b"HTTP/1.1 102 Wait", []) * 500], ends=end(rng))


def lie(rng: random.Random, limit: int) -> Answer:
    """A head that says of the body what is not true."""
    body = rng.choice([b"", b"{}", b'"x"', b"\xff\xfe\xfd", b"{", b"[1]" * 50, rng.randbytes(50)])
    kind = rng.choice(
        ["application/json", "text/plain", "x+json", "multipart/form-data", "\xff", ""]
    )
    charset = rng.choice(CHARSETS) if rng.random() < 0.5 else "utf-8"
    text = f"Content-Type: {kind}; charset={charset}"
    headers = [text.encode("utf-8", "surrogateescape")]
    if rng.random() < 0.5:
        headers.append(f"Content-Encoding: {rng.choice(ENCODINGS)}".encode("latin-1"))
    lengths = rng.sample(LENGTHS, rng.choice([0, 1, 1, 2]))
    headers += [f"Content-Length: {length}".encode() for length in lengths]
    if rng.random() < 0.5:
        headers += rng.sample(HEADERS, rng.randrange(1, 4))
    rng.shuffle(headers)
    return Answer(split(rng, head(rng.choice(STATUS_LINES), headers) + body), ends=end(rng))


def deep(rng: random.Random, limit: int) -> Answer:
    """JSON that Python's parser has something against."""
    body = rng.choice(
        [
            b"[" * (limit // 2), b'{"a":' * (limit // 6), b"[" * 900 + b"]" * 900, b"9" * 5000,
            b"NaN", b"1e999", b'"\\ud800"', b"\xef\xbb\xbf{}", "{}".encode("utf-32"), b"nul", b"\0",
            b'{"a": 1, "a": 2}', b"-", b'"\x01"', b"{}{}",
        ]
    )  # fmt: skip
    headers = [b"Content-Type: application/json", b"Content-Length: %d" % len(body)]
    return Answer([head(b"HTTP/1.1 200 OK", headers) + body], ends=end(rng))


def drip(rng: random.Random, limit: int) -> Answer:
    """An answer that takes its time, and may never end."""
    answer = honest(rng, limit)
    raw = b"".join(answer.pieces)
    return Answer([bytes([byte]) for byte in raw[: rng.randrange(1, 60)]], ends="stall")


def redirect(rng: random.Random, limit: int, elsewhere: str) -> Answer:
    """To nowhere, to itself, or to another server, which must not learn what it should not know."""
    location = rng.choice(LOCATIONS)
    if rng.random() < 0.5:
        location = rng.choice(
            [elsewhere, elsewhere.replace("//", f"//ada:{SECRETS_AHEAD}@"), "/again"]
        )
        location += rng.choice(["", f"?token={SECRETS_AHEAD}", f"#{SECRETS_AHEAD}"])
    status = rng.choice([301, 302, 303, 307, 308])
    body = rng.choice([b"", b"moved", b"x" * (limit + 1)])
    headers = [b"Location: " + location.encode("utf-8"), b"Content-Length: %d" % len(body)]
    headers.append(f"Set-Cookie: ahead={SECRETS_AHEAD}; path=/".encode())
    if rng.random() < 0.2:
        headers.append(b"Content-Encoding: br")
    return Answer([head(b"HTTP/1.1 %d Moved" % status, headers) + body], ends="keep")


def repeat(rng: random.Random, limit: int) -> Answer:
    """What was asked, as an error's body or as JSON that is none."""
    return Answer([], echo=rng.choice(["text", "json"]))


def end(rng: random.Random) -> str:
    return rng.choice([*["close"] * 12, *["reset"] * 3])


KINDS = [honest, garbage, mutated, flood, lie, lie, deep, repeat]


def make(rng: random.Random, limit: int, elsewhere: str) -> Answer:
    if rng.random() < 0.2:
        return redirect(rng, limit, elsewhere)
    if rng.random() < 0.05:
        return drip(rng, limit)
    return rng.choice(KINDS)(rng, limit)
