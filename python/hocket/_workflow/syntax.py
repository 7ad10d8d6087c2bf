"""How references are written: what is one in a text, what only looks like one, and what was meant.

Where a reference ends is decided by the longest match: names are letters, digits, ``_`` and inner
``-``, joined by ``.``; any other key stands in quotes and brackets: ``$results["first step"].n``.
``${results.fetch.name}.pdf`` ends it sooner, and may have a default: ``${results.n ?? 0}``. ``$$`` is a
dollar.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

import attrs

from .._base.suggestions import nearest

__all__ = ["ALL_ROOTS", "ROOTS_OF_STEPS", "VARIABLE", "Found", "Slip", "find", "segment", "written"]

ROOTS_OF_STEPS = ("results", "errors", "states")
"""Behind these stands a step."""
ALL_ROOTS = (*ROOTS_OF_STEPS, "context", "env", "run", "now")
# Possessive where that changes nothing: a path of a million keys is read in constant memory.
_NAME = r"\w++(?:-\w++)*+"
_QUOTED = r"\"[^\"\\]*+(?:\\.[^\"\\]*+)*+\"|'[^'\\]*+(?:\\.[^'\\]*+)*+'"
_PATH = rf"(?:\.{_NAME}|\[(?:[0-9]+|{_QUOTED})\])*+"
_TOKEN = re.compile(
    rf"\$(?:(?P<dollar>\$)"
    rf"|\{{(?P<braced>{_NAME})(?P<braced_path>{_PATH})"
    rf"(?:\s*+(?P<default>\?\?(?:[^{{}}\"']|{_QUOTED})*+))?\}}"
    # With any word behind it, a brace is meant for a reference.
    r"|(?P<open>\{+[^\w{}]*\w[^{}]*\}+|\{+[^\w{}]*\w[^{}\s]*)"
    rf"|(?P<bare>[A-Za-z]\w*)(?P<bare_path>{_PATH}))",
    re.DOTALL,
)
# What goes on as a path would behind a whole reference, and cannot be one.
_BROKEN = re.compile(
    r"\[[^\[\]\n]{0,60}\]|\.([\"'])[^\"'\n]{1,60}\1(?=\W|\Z)(?<![\s.][\"'])"
    r"|(?:\[|\.[\[\"'{*-]+\w|\.\*(?![*.])|\.\.\w)[^\s,;]*"
)
# What has a sign behind its path, or a function around it, is worked out, and no reference.
_COMPUTES = re.compile(
    rf"\$\{{\s*+\$?(?:(?P<one>{_NAME}{_PATH})(?P<blank>\s*+)(?:-(?!>)|[+*/%<>]|[=!]=|&&|\|\||\?(?!\?))(?=\s*+[\w$('\"])|(?:has|size)\()"
)
# Behind a root alone, where a path begins.
_BROKEN_ROOT = re.compile(r"(?:-\w|->|[{:(]{1,2}\w|\.[^\w\s.]\w)[^\s,;]*")
_SEGMENT = re.compile(rf"\.({_NAME})|\[(?:([0-9]+)|({_QUOTED}))\]")
_PLAIN = re.compile(_NAME)
VARIABLE = re.compile(r"[A-Za-z]\w*", re.ASCII)
"""What a loop may call what it goes through."""
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_LONGEST_SHOWN = 80


@attrs.frozen
class Found:
    """A reference in a text, or a dollar that is only a dollar."""

    text: str
    """As it was written; a dollar for ``$$``."""
    root: str = ""
    """Empty for a dollar; any other word may be the name of what a loop goes through."""
    path: tuple[str, ...] = ()
    default: str = ""
    """What stands behind it in its braces, from ``??`` on."""


@attrs.frozen
class Slip:
    """What looks like a reference and is none."""

    text: str
    """As it was written."""
    why: str = ""
    """What is wrong with it, where that is known."""

    @property
    def reason(self) -> str:
        """What is wrong with it, and what to write."""
        if self.why:
            return self.why
        text = self.text
        shown = text if len(text) <= _LONGEST_SHOWN else f"{text[: _LONGEST_SHOWN - 3]}..."
        if instead := _refers_only(text):
            return f"{shown!r} computes, and a text only refers to values: {instead}"
        meant = _meant(text)
        hint = f"did you mean {meant!r}?" if meant else _FORMS
        return f"{shown!r} is no reference; {hint} ('$$' writes a dollar)"


def find(text: str, *, has_variables: bool = False) -> Iterator[str | Found | Slip]:
    """Take a text apart: plain text, references, and what only looks like one.

    Args:
        text: the text.
        has_variables: whether a reference may begin with any name, as in a loop.

    >>> [found.path for found in find('$results["first step"].n') if isinstance(found, Found)]
    [('first step', 'n')]
    """
    end = 0
    while match := _TOKEN.search(text, end):
        if match.start() > end:
            yield text[end : match.start()]
        end = match.end()
        if match["dollar"]:
            yield Found("$")
        elif match["open"]:
            yield Slip(match[0])
        else:
            root, path = match["braced"] or match["bare"], match["braced_path"] or ""
            if match["bare"]:
                path = match["bare_path"]
                if root == "now":  # the clock has no parts: "$now.Then" is the time, and a sentence
                    path, end = "", match.end("bare")
            braced = bool(match["braced"])
            if has_variables and _is_variable(root):
                found: Found | Slip | str = Found(text[match.start() : end], root, _keys(path))
            else:
                found, end = _judge(text, match.start(), end, root, path, braced)
            if match["default"] and isinstance(found, Found):
                found = attrs.evolve(found, default=match["default"])
            yield found
    if end < len(text):
        yield text[end:]


def written(root: str, path: Iterable[str]) -> str:
    """A reference, as it is to be written.

    >>> written("results", ["first step", "n"])
    '$results["first step"].n'
    """
    return f"${root}" + "".join(_link(key) for key in path)


def segment(key: str) -> str:
    """One key of a path as messages name it: with its brackets, if it can stand only in them.

    >>> segment("name"), segment("first step")
    ("'name'", '["first step"]')
    """
    return repr(key) if _PLAIN.fullmatch(key) else _link(key)


def _link(key: str) -> str:
    if _PLAIN.fullmatch(key):
        return f".{key}"
    escaped = key.replace("\\", "\\\\").replace('"', '\\"')
    return f'["{escaped}"]'


def _is_variable(root: str) -> bool:
    return root not in ALL_ROOTS and VARIABLE.fullmatch(root) is not None


def _judge(
    text: str, start: int, end: int, root: str, path: str, braced: bool
) -> tuple[str | Found | Slip, int]:
    """What a match is, and where it ends."""
    if root not in ALL_ROOTS:
        whole = text[start:end]
        # "$HOME/bin" is for somebody else, and so is "$5".
        return (Slip(whole) if path or braced else whole), end
    if root == "now" and path:
        return Slip(text[start:end]), end
    broken = None
    if not braced:
        broken = _BROKEN.match(text, end) or (_BROKEN_ROOT.match(text, end) if not path else None)
        if root == "now" and broken and not broken[0].startswith("["):
            broken = None
    if broken:
        return Slip(text[start : broken.end()]), broken.end()
    return Found(text[start:end], root, _keys(path)), end


def _keys(path: str) -> tuple[str, ...]:
    return tuple(
        name or index or _ESCAPE.sub(r"\1", quoted[1:-1])
        for name, index, quoted in _SEGMENT.findall(path)
    )


_FORMS = (
    "references are '$results.step.key.0', '$results[\"first step\"]', '$errors.step', "
    "'$states.step', '$context.key', '$env.NAME', '$run.workflow' and '$now'"
)


def _refers_only(text: str) -> str:
    """What to write instead of what is to be worked out in a text; empty if it is no such thing."""
    found = _COMPUTES.match(text)
    if found is None:
        return ""
    one, lets = found["one"], "let a step before this one work it out"
    if one is None:
        return lets
    root = re.match(r"\w+", one)
    # "${HOME%/}" is a shell's.
    is_known = root is not None and root[0] in ALL_ROOTS
    return f"write ${{{one}}}, and {lets}" if is_known or found["blank"] else ""


def _meant(text: str) -> str | None:
    """The reference that was most likely meant; None if it would be a guess."""
    inner = text[1:].strip("{} \t\n")
    word = re.match(r"\w+", inner)
    root = None if word is None else nearest(word[0], ALL_ROOTS, cutoff=0.6)
    if root is None or word is None or len(text) > _LONGEST_SHOWN:
        return None
    if root == "now":
        return "$now"
    keys = _meant_keys(inner[word.end() :])
    if keys is None:
        return None if word[0] == root else f"${root}"
    whole = written(root, keys)
    return f"${{{whole[1:]}}}" if text.startswith("${") else whole


def _meant_keys(rest: str) -> list[str] | None:
    """The keys of what is not quite a path: spaces, missing quotes, a bracket left open."""
    parts = re.findall(r"\.([^.\[\]]+)|\[([^\[\]]*)\]?", rest)
    keys = [(name or inner).strip().strip("\"'") for name, inner in parts]
    known = "".join(f".{name}" if name else f"[{inner}]" for name, inner in parts)
    if not all(keys) or "*" in keys or any(key.startswith("-") for key in keys):
        return None
    return keys if known.rstrip("]") == rest.rstrip("]") else None
