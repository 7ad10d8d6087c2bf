"""The body of an answer: read and unpacked within a limit, and decoded as what it says it is."""

from __future__ import annotations

import codecs
import json
import re
import zlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import trio

if TYPE_CHECKING:
    import httpx

__all__ = ["BadBody", "is_json", "parse_json", "readable", "receive", "text_of", "unpack"]

# Bytes that are unpacked at a time: tenths of a millisecond.
_PIECE = 64 * 1024
_MOST_CODINGS = 4
_GZIP_MAGIC = b"\x1f\x8b"
# Python's own, which are no charsets: slow on purpose-made input, or not for decoding at all.
_NO_CHARSETS = {"idna", "punycode", "undefined", "unicode_escape", "raw_unicode_escape"}


class BadBody(Exception):
    """A body that cannot be used; the text says why."""


async def receive(response: httpx.Response, most: int | None) -> bytearray:
    """Read a whole body, as it is sent.

    Args:
        response: an open one.
        most: the most bytes that it may have. None: any number.

    Raises:
        BadBody: it has more.
    """
    # What the answer to HEAD announces does not come.
    announced = (
        response.headers.get("content-length", "") if response.request.method != "HEAD" else ""
    )
    known = announced.isascii() and announced.isdigit()
    if known and most is not None and int(announced[:19]) > most:
        raise _too_large(most)
    body = bytearray()
    # Cancelled, not left by an exception: then the generators that httpx reads by end too.
    with trio.CancelScope() as reading:
        async for piece in response.aiter_raw():
            if reading.cancel_called or (most is not None and len(body) + len(piece) > most):
                reading.cancel()
            else:
                body += piece
    if reading.cancel_called:
        raise _too_large(most)
    return body


async def unpack(packed: bytearray, encoding: str, most: int | None) -> bytearray:
    """Unpack a body that was sent with the header ``Content-Encoding``.

    Raises:
        BadBody: it has more bytes than ``most``, or is packed otherwise than it says.
    """
    names = [name.strip() for name in encoding.split(",")]
    names = [name for name in names if name.lower() not in ("", "identity")]
    if len(names) > _MOST_CODINGS:
        raise BadBody(f"the body is packed {len(names)} times over")
    for name in reversed(names):
        packed = await _unpacked(packed, name, most)
    return packed


async def _unpacked(packed: bytearray, coding: str, most: int | None) -> bytearray:
    name = coding.lower()
    if name not in ("gzip", "x-gzip", "deflate"):
        raise BadBody(
            f"gzip or deflate was asked for, and the body has the content encoding {coding!r}"
        )
    body = bytearray()
    if not packed:  # as the answer to HEAD
        return body
    try:
        for piece in _inflate(packed, deflate=name == "deflate"):
            if most is not None and len(body) + len(piece) > most:
                raise _too_large(most)
            body += piece
            await trio.lowlevel.checkpoint()
    except zlib.error as error:
        raise BadBody(f"the body is not {name}, as its content encoding says: {error}") from error
    return body


def _inflate(packed: bytearray, *, deflate: bool) -> Iterator[bytes]:
    """Piece by piece, as a few bytes may be unpacked to very many."""
    window = _deflate_window(packed) if deflate else 16 + zlib.MAX_WBITS
    inflater = zlib.decompressobj(window)
    place = 0
    while True:
        given = packed[place : place + _PIECE]
        piece = inflater.decompress(given, _PIECE)
        place += len(given) - len(inflater.unused_data or inflater.unconsumed_tail)
        yield piece
        if inflater.eof:
            # A gzip file may be several, one after the other.
            if deflate or packed[place : place + 2] != _GZIP_MAGIC:
                return
            inflater = zlib.decompressobj(window)
        elif not piece and not given:
            raise zlib.error("it ends too early")


def _deflate_window(packed: bytearray) -> int:
    # By the standard it is zlib's format; some servers leave out the header.
    has_header = packed[0] & 0x0F == 8 and int.from_bytes(packed[:2]) % 31 == 0
    return zlib.MAX_WBITS if has_header else -zlib.MAX_WBITS


def _too_large(most: int | None) -> BadBody:
    return BadBody(f"the body has more than {most:,} bytes; if that is right, raise max_bytes")


def is_json(content_type: str) -> bool:
    """Whether a content type is one of JSON."""
    kind = content_type.partition(";")[0].strip().lower()
    return kind == "application/json" or kind.endswith("+json")


def text_of(body: bytearray, content_type: str) -> str:
    """Decode by the charset that the content type names; by default it is UTF-8.

    What does not fit the charset becomes U+FFFD.

    Raises:
        BadBody: there is no such charset.
    """
    return body.decode(_charset(content_type), "replace")


def readable(body: bytearray, content_type: str = "") -> str:
    """The text of a body that is shown and not used, whatever it claims to be."""
    try:
        return text_of(body, content_type)
    except BadBody:
        return body.decode("utf-8", "replace")


def parse_json(body: bytearray, content_type: str) -> Any:
    """Parse JSON, in UTF-8, -16 or -32 unless the content type names another charset.

    Raises:
        BadBody: it is none, or nested too deeply.
    """
    charset = _charset(content_type)
    try:
        return json.loads(body if charset == "utf-8" else body.decode(charset))
    except RecursionError:
        raise BadBody("not JSON that can be read: it is nested too deeply") from None
    except ValueError as error:
        raise BadBody(f"not JSON ({error})") from error


def _charset(content_type: str) -> str:
    match = re.search(r"""charset\s*=\s*["']?([^\s;"']*)""", content_type, re.IGNORECASE)
    name = match[1] if match else ""
    if not name:
        return "utf-8"
    if not re.fullmatch(r"[A-Za-z0-9_.:+-]{1,40}", name):
        raise _no_charset(name)
    try:
        known = codecs.lookup(name).name
        b" ".decode(known, "replace")  # refuses what does not make a text, as "hex"
    except (LookupError, ValueError):
        raise _no_charset(name) from None
    if known.replace("-", "_") in _NO_CHARSETS:
        raise _no_charset(name)
    return known


def _no_charset(name: str) -> BadBody:
    return BadBody(f"the body cannot be decoded by the charset that it names, {name!r}")
