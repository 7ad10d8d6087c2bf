"""How a request fails, and why."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from .._base.errors import HocketError
from .._base.shown import said
from ._masking import masked_url

__all__ = ["HttpRequestFailed", "beginning", "retry_after", "why"]

_SHOWN = 200
# What went wrong where the error itself says nothing.
_SILENT = {
    "ConnectError": "the connection failed",
    "ReadError": "the connection broke while the answer was read",
    "WriteError": "the connection broke while the request was sent",
    "RecursionError": "it is nested too deeply",
}


class HttpRequestFailed(HocketError):
    """A request was not sent, had no answer, or one that is no good.

    No good is a status other than 2xx, JSON that is none, more bytes than allowed, an encoding that
    nobody asked for, and whatever else a server may come up with; the text says which.

    What was secret about the request is ``***`` in all of it: user, password, query and fragment of
    the URL (and of those that it was redirected to), and the values of headers.

    Attributes:
        method: the request's method, after redirects.
        url: the URL that failed, after redirects.
        reason: what went wrong.
        status: the answer's status; None if there was no answer.
        body: the answer's body as text; empty if there was none.
        retry_after: for how many seconds the server asked to be left alone; None if it did not.
        was_sent: whether the request was sent, or had a mistake.
    """

    def __init__(
        self, method: str, url: str, reason: str, status: int | None = None, body: str = ""
    ) -> None:
        url = masked_url(url)
        super().__init__(method, url, reason, status, body)
        self.method = method
        self.url = url
        self.reason = reason
        self.status = status
        self.body = body
        self.retry_after: float | None = None
        self.was_sent: bool = not reason.startswith("not sent")

    def __str__(self) -> str:
        text = f"{self.method} {self.url}: {self.reason}"
        return f"{text}: {beginning(self.body)}" if self.body else text


def retry_after(headers: Mapping[str, str]) -> float | None:
    """For how many seconds an answer asks to be left alone (``Retry-After``, RFC 9110, 10.2.3).

    A date counts from the answer's own, or else from now.
    """
    said = headers.get("retry-after", "").strip()
    if said.isascii() and said.isdecimal():
        return float(said[:9])
    try:
        until = parsedate_to_datetime(said)
        return max((until - _date_of(headers)).total_seconds(), 0.0)
    except (TypeError, ValueError, OverflowError):  # no date, or one without an hour's place
        return None


def _date_of(headers: Mapping[str, str]) -> datetime:
    try:
        return parsedate_to_datetime(headers.get("date", ""))
    except (TypeError, ValueError, OverflowError):
        return datetime.now(UTC)


def why(error: BaseException) -> str:
    """What an error, or those behind it, say of what went wrong; never an empty text."""
    behind = list(_chain(error))
    for one in behind:
        if isinstance(one, ssl.SSLCertVerificationError):
            return f"the server's certificate is not trusted: {one.verify_message}"
        if isinstance(one, ssl.SSLError) and one.reason:
            return f"TLS failed: {one.reason.lower().replace('_', ' ')}"
    name = type(error).__name__
    text = next((text for one in behind if (text := said(one).strip())), "")
    return f"{name}: {text or _SILENT.get(name, 'it says nothing more')}"


def _chain(error: BaseException) -> list[BaseException]:
    chain: list[BaseException] = []
    following: BaseException | None = error
    while following is not None and following not in chain:
        chain.append(following)
        if isinstance(following, BaseExceptionGroup):
            chain.extend(following.exceptions)
        following = following.__cause__ or following.__context__
    return chain


def beginning(text: str) -> str:
    """As much of a text as a message shows."""
    return f"{text[:_SHOWN]}{'...' if len(text) > _SHOWN else ''}"
