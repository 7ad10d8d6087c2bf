"""The words of an expression: numbers, texts, names, references and signs, each with its place."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, NoReturn

import attrs

from .._base.errors import ExpressionError

__all__ = ["Token", "refuse", "scan"]

_LONGEST = 10_000
_TOKEN = re.compile(
    r"(?P<blank>[ \t\r\n]+)"
    r"|(?P<number>0[xX][0-9a-fA-F]+|(?:[0-9]+(?:\.[0-9]+)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)"
    r"|(?P<text>\"(?:[^\"\\\n]|\\.)*\"|'(?:[^'\\\n]|\\.)*')"
    r"|(?P<reference>\$[A-Za-z_]\w*)"
    r"|(?P<name>[A-Za-z_]\w*)"
    r"|(?P<sign>===|!==|==|!=|<=|>=|&&|\|\||\?\?|[-+*/%<>!?:.,()\[\]])",
)
_AFTER_NUMBER = re.compile(r"[\w.]*\w")
# Those of CEL, and those of JavaScript.
_ESCAPE = re.compile(
    r"\\(?:u([0-9a-fA-F]{4})|U(00(?:0[0-9a-fA-F]|10)[0-9a-fA-F]{4})|[xX]([0-9a-fA-F]{2})"
    r"|([0-3][0-7]{2})|(0[0-9]?|.))",
    re.DOTALL,
)
_ESCAPED = {"n": "\n", "t": "\t", "r": "\r", "a": "\a", "b": "\b", "f": "\f", "v": "\v", "0": "\0"}
_PLAIN_ESCAPES = "\\'\"/`$?"
# What other languages write, and what to write here.
_MEANT = {
    "=": "write == to compare",
    "&": "write && for 'and'",
    "|": "write || for 'or'",
    "~": "there is no '~' here",
    "$": "a reference is written $results.step, $context.key and so on",
    "{": "write the reference alone, as $results.step",
    "}": "write the reference alone, as $results.step",
    "`": "put text in '...' or \"...\"",
    "'": "the text has no end: close it with '",
    '"': 'the text has no end: close it with "',
    ";": "an expression is one value",
}


@attrs.frozen
class Token:
    """One word of an expression."""

    kind: str
    """``number``, ``text``, ``reference``, ``name``, ``sign`` or ``end``."""
    text: str
    """As it was written."""
    at: int
    """Where it begins, counted from 0."""
    value: Any = None
    """What a number or a text stands for."""


def refuse(expression: str, at: int, reason: str) -> NoReturn:
    """Raise the error for what cannot be read, or worked out, at a place of an expression."""
    raise ExpressionError(expression, at + 1, reason)


def scan(expression: str) -> list[Token]:
    """Take an expression apart; the last token is its end.

    Raises:
        ExpressionError: something in it is no word of an expression.

    >>> [token.text for token in scan("$context.n >= 3")]
    ['$context', '.', 'n', '>=', '3', '']
    """
    if len(expression) > _LONGEST:
        refuse(expression, 0, f"an expression has at most {_LONGEST:,} characters")
    return [*_tokens(expression), Token("end", "", len(expression))]


def _tokens(expression: str) -> Iterator[Token]:
    at = 0
    while at < len(expression):
        match = _TOKEN.match(expression, at)
        if match is None:
            sign = expression[at]
            refuse(expression, at, _MEANT.get(sign, f"{sign!r} has no meaning here"))
        kind, text = str(match.lastgroup), match[0]
        if kind == "number":
            _check_end(expression, match.end())
        if kind != "blank":
            yield Token(kind, text, at, _value(kind, text, expression, at))
        at = match.end()


def _check_end(expression: str, at: int) -> None:
    if more := _AFTER_NUMBER.match(expression, at):
        refuse(expression, at, f"{more[0]!r} does not belong to a number")


def _value(kind: str, text: str, expression: str, at: int) -> Any:
    if kind == "text":
        plain = _ESCAPE.sub(lambda match: _unescaped(match, expression, at), text[1:-1])
        # Two escapes may be the halves of one character.
        return plain.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")
    if kind != "number":
        return None
    if text[:2] in ("0x", "0X"):
        return int(text, 16)
    if not text.isdecimal():
        return float(text)
    if len(text) > 1 and text[0] == "0":
        refuse(expression, at, f"a number does not begin with 0: write {text.lstrip('0') or '0'}")
    return int(text)


def _unescaped(match: re.Match[str], expression: str, at: int) -> str:
    *hexadecimal, octal, char = match.groups()
    for code in filter(None, hexadecimal):
        return chr(int(code, 16))
    if octal:
        return chr(int(octal, 8))
    if char in _ESCAPED:
        return _ESCAPED[char]
    if char not in _PLAIN_ESCAPES:
        place = at + 1 + match.start()
        refuse(expression, place, f"there is no escape '\\{char}'; a backslash is written '\\\\'")
    return str(char)
