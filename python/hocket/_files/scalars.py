"""What the scalars of a YAML file are: those of YAML 1.2's core schema, and nothing else.

YAML 1.1, which PyYAML reads, takes ``NO`` for false, ``0777`` for 511 and ``12:30`` for 750.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Any

__all__ = ["MERGE", "TEXT", "Unreadable", "core_tag", "core_value"]

_TAG = "tag:yaml.org,2002:"
TEXT = f"{_TAG}str"
_NULL, _BOOL, _INT, _FLOAT = (f"{_TAG}{kind}" for kind in ("null", "bool", "int", "float"))
MERGE = f"{_TAG}merge"

# More digits than any number that is meant as one; Python refuses to write some thousand.
_MOST_DIGITS = 500

_NULLS = re.compile(r"(?:null|Null|NULL|~|)\Z")
_BOOLS = re.compile(r"(?:true|True|TRUE|false|False|FALSE)\Z")
_INTS = re.compile(r"(?:[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+)\Z")
_FLOATS = re.compile(
    r"(?:[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?"
    r"|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))\Z"
)
_FORMS = (
    (_INT, _INTS),
    (_FLOAT, _FLOATS),
    (_BOOL, _BOOLS),
    (_NULL, _NULLS),
    (MERGE, re.compile(r"<<\Z")),
)
# With what those may begin; "" is null.
_FIRST = frozenset(["", *"-+.0123456789tTfFnN~<"])
# In YAML 1.1 an octal number, in 1.2 a decimal one; whoever writes it most likely means neither.
_LEADING_ZERO = re.compile(r"[-+]?0[0-9]+\Z")


class Unreadable(ValueError):
    """A scalar is not what its form or its tag says. The text says what to write."""


def core_tag(text: str) -> str:
    """The tag of a plain scalar, one without quotes.

    >>> core_tag("NO"), core_tag("null")
    ('tag:yaml.org,2002:str', 'tag:yaml.org,2002:null')
    """
    if text[:1] in _FIRST:
        for tag, form in _FORMS:
            if form.match(text):
                return tag
    return TEXT


def core_value(tag: str, text: str) -> Any:
    """The value of a scalar with a tag of the core schema.

    Raises:
        KeyError: the tag is none of them.
        Unreadable: the text has no value of that kind.
    """
    return _VALUES[tag](text)


def _null(text: str) -> None:
    if not _NULLS.match(text):
        raise Unreadable(f"expected null; found {_short(text)}")


def _bool(text: str) -> bool:
    if not _BOOLS.match(text):
        raise Unreadable(f"expected true or false; found {_short(text)}")
    return text.lower() == "true"


def _int(text: str) -> int:
    if not _INTS.match(text):
        raise Unreadable(f"expected a whole number; found {_short(text)}")
    _check_digits(text)
    if _LEADING_ZERO.match(text):
        sign, digits = text.rstrip("0123456789"), text.lstrip("+-")
        octal = "" if sign or set("89") & set(digits) else f", or 0o{digits.lstrip('0') or '0'}"
        raise Unreadable(
            f"{text} is one number in YAML 1.1 and another in YAML 1.2: put it in quotes if it is "
            f"text, or write {int(text)}{octal}"
        )
    return int(text, 0) if text.startswith(("0o", "0x")) else int(text)


def _float(text: str) -> float:
    if not _FLOATS.match(text):
        raise Unreadable(f"expected a number; found {_short(text)}")
    _check_digits(text)
    if text[-1] in "fFnN" and "." in text:
        return float(text.replace(".", ""))
    number = float(text)
    if math.isinf(number):
        raise Unreadable(f"{text} is a number beyond all that can be kept: put it in quotes")
    return number


def _check_digits(text: str) -> None:
    if len(text) > _MOST_DIGITS:
        raise Unreadable(
            f"a number of {len(text):,} characters; at most {_MOST_DIGITS} are read: put it in quotes"
        )


def _short(text: str) -> str:
    return repr(text if len(text) <= 60 else f"{text[:57]}...")


_VALUES: dict[str, Callable[[str], Any]] = {
    TEXT: str,
    _NULL: _null,
    _BOOL: _bool,
    _INT: _int,
    _FLOAT: _float,
}
