"""What is secret about a request, and its texts without that."""

from __future__ import annotations

import base64
import html
import json
import logging
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any
from urllib.parse import unquote, unquote_plus

import attrs

__all__ = ["HARMLESS_HEADERS", "Secrets", "mask_logs", "masked_logs", "masked_url"]

_MASK = "***"
# What is shorter is found in any text: of "***" alone nobody would learn what was wrong.
_SHORTEST = 4
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
_HOST = re.compile(r"(\[[^\]]*\]|[^:\[\]]*)(:\d+)?")

# Headers that tell nothing of who asks. Any other may be a credential: there is no list of those.
HARMLESS_HEADERS = frozenset(
    [
        "accept",
        "accept-charset",
        "accept-encoding",
        "accept-language",
        "cache-control",
        "connection",
        "content-encoding",
        "content-language",
        "content-length",
        "content-type",
        "host",
        "if-match",
        "if-modified-since",
        "if-none-match",
        "if-unmodified-since",
        "pragma",
        "range",
        "transfer-encoding",
        "user-agent",
    ]
)


def masked_url(url: str) -> str:
    """A URL without user, password, query and fragment, also if it is none.

    >>> masked_url("https://ada:secret@example.com/users?token=abc#top")
    'https://***@example.com/users?***'
    """
    scheme, userinfo, place, extra = _split(url)
    user = f"{_MASK}@" if userinfo else ""
    return f"{scheme}{user}{place}{extra[0] + _MASK if extra[1:] else extra}"


def _split(url: str) -> tuple[str, str, str, str]:
    """Scheme, user and password, host and path, and the rest from ``?`` or ``#`` on."""
    match = _SCHEME.match(url)
    scheme = match[0] if match else ""
    rest = url[len(scheme) :]
    authority = re.split(r"[/?#\\]", rest, maxsplit=1)[0]
    at = authority.rfind("@")
    if not _HOST.fullmatch(authority[at + 1 :]):
        # A password with a "/", "?" or "#" in it: no URL, and nothing of it is shown.
        at = rest.rfind("@")
    userinfo, rest = rest[: max(at, 0)], rest[at + 1 :]
    place = re.split(r"[?#]", rest, maxsplit=1)[0]
    return scheme, userinfo, place, rest[len(place) :]


@attrs.define
class Secrets:
    """What was sent with a request and is to be told to nobody else."""

    _texts: set[str] = attrs.field(factory=set, init=False, repr=False)

    def add_url(self, url: str) -> None:
        """Add user, password, query and fragment, as they are and decoded."""
        _, userinfo, _, extra = _split(url)
        query, _, fragment = extra.removeprefix("?").partition("#")
        values = [pair.partition("=")[2] or pair for pair in query.split("&")]
        parts = [userinfo, *userinfo.split(":", 1), query, fragment, *values]
        self._add(parts)
        self._add(map(unquote, parts))
        self._add(map(unquote_plus, values))
        self._add([base64.b64encode(unquote(userinfo).encode(errors="replace")).decode()])

    def add_headers(self, headers: Mapping[str, str]) -> None:
        """Add the values of all headers that may be credentials."""
        for name, value in headers.items():
            if name.lower() not in HARMLESS_HEADERS:
                self._add([value, *re.split(r"[ ;,]+", value)])
                self._add(part.partition("=")[2] for part in re.split(r"[ ;,]+", value))

    def hide(self, text: str) -> str:
        """The text with ``***`` for every secret in it."""
        for secret in sorted(self._texts, key=len, reverse=True):
            text = text.replace(secret, _MASK)
        return text

    def _add(self, texts: Iterable[str]) -> None:
        for text in texts:
            if len(text) >= _SHORTEST:
                self._texts.update(_spellings(text))


def _spellings(text: str) -> set[str]:
    """A text as an answer or a message may repeat it: as it is, in JSON, in HTML, in a repr."""
    # With a double quote beside it, single ones are escaped; a repr may do so or not.
    raw = repr(text.encode(errors="replace") + b'"')[2:-2]
    plain, ascii_only = (json.dumps(text, ensure_ascii=only)[1:-1] for only in (False, True))
    slashes = {spelled.replace("/", "\\/") for spelled in (plain, ascii_only)}  # as PHP does
    return {text, html.escape(text), raw, raw.replace("\\'", "'"), plain, ascii_only, *slashes}


# Whether it is a request of hocket's that is written about.
_ours: ContextVar[bool] = ContextVar("hocket_http_request", default=False)


class _Mask(logging.Filter):
    """httpx writes whole URLs, and httpcore what the server has sent, redirects and cookies too."""

    def filter(self, record: logging.LogRecord) -> bool:
        if _ours.get():
            if record.name == "httpx" and isinstance(record.args, tuple):
                record.args = tuple(_masked_argument(argument) for argument in record.args)
            elif isinstance(record.msg, str):
                record.msg = re.split(r" (?:return_value|exception)=", record.msg, maxsplit=1)[0]
        return True


_MASKING = _Mask()


def _masked_argument(argument: Any) -> Any:
    is_url = type(argument).__name__ == "URL" or (isinstance(argument, str) and "://" in argument)
    return masked_url(str(argument)) if is_url else argument


def mask_logs() -> None:
    """Let the loggers of httpx and httpcore mask what they say of hocket's requests."""
    for name in list(logging.root.manager.loggerDict):
        if name == "httpx" or name.partition(".")[0] == "httpcore":
            logging.getLogger(name).addFilter(_MASKING)  # once: a second time changes nothing


@contextmanager
def masked_logs() -> Iterator[None]:
    """What is logged inside is about a request of hocket's."""
    token = _ours.set(True)
    try:
        yield
    finally:
        _ours.reset(token)
