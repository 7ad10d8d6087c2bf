"""A workflow file as plain data that still knows where everything stands in the file."""

from __future__ import annotations

import re
from types import MappingProxyType
from typing import Any

import attrs

from .._base.errors import MissingExtra
from .._base.mistakes import Keys, Mistake
from .scalars import MERGE, TEXT, Unreadable, core_tag, core_value

try:
    import yaml  # type: ignore[import-untyped,unused-ignore]
except ModuleNotFoundError as error:
    raise MissingExtra("reading a workflow file needs PyYAML", "yaml") from error

from .yaml_errors import not_yaml, strange_character  # it needs PyYAML too

__all__ = ["Document", "parse"]

_DEEPEST = 100
# Aliases of aliases grow exponentially when they are walked, and merge keys as they are read; an
# honest file does not come near.
_MOST_ADDED = 200_000
_MOST_MISTAKES = 1_000
# A workflow of 100,000 steps has about a million.
_MOST_WRITTEN = 3_000_000
# Most values are scalars, which have neither keys nor children.
_NOTHING: Any = MappingProxyType({})
_MAP = "tag:yaml.org,2002:map"
_SEQ = "tag:yaml.org,2002:seq"
_LINE_ENDS = re.compile("\r\n|[\n\r\x85\u2028\u2029]")

Place = tuple[int, int]
"""Line and column in the file, both from 1."""


@attrs.define(eq=False)
class _Node:
    """One value of the file.

    ``size`` counts the values in it, aliases written out; ``written`` is the text of a
    scalar, which is what it is as a key (``on``, ``1.0``); ``span`` is where in the file's text one
    stands that may hold references.
    """

    value: Any
    place: Place
    written: str | None = None
    span: tuple[int, int] | None = None
    size: int = 1
    keys: dict[Any, Place] = _NOTHING
    children: dict[Any, _Node] = _NOTHING
    merges: list[_Node] = _NOTHING
    open: bool = False


@attrs.frozen
class Document:
    """What a file holds."""

    data: Any
    _root: _Node
    _text: str = attrs.field(repr=False)

    def locate(self, keys: Keys, *, key: bool = False, part: str = "") -> Place:
        """Where something stands; the nearest surrounding value if it is not there itself.

        Args:
            keys: the keys and indices that lead to it, as in ``data``.
            key: whether the key itself is meant, not its value.
            part: what of a text is meant; empty for all of it.
        """
        node = self._root
        for depth, name in enumerate(keys):
            if key and depth == len(keys) - 1 and name in node.keys:
                return node.keys[name]
            child = node.children.get(name)
            if child is None:
                break
            node = child
        return self._inside(node, part) if part and node.value != part else node.place

    def _inside(self, node: _Node, part: str) -> Place:
        """Where a part of a text stands; the text itself if it is written with escapes there."""
        start, end = node.span or (0, 0)
        found = self._text.find(part, start, end)
        if found < 0:
            return node.place
        *before, last = _LINE_ENDS.split(self._text[start:found])
        line, column = node.place
        return line + len(before), len(last) + (1 if before else column)


def parse(text: str) -> tuple[Document | None, list[Mistake]]:
    """Read YAML. Without a document there is at least one mistake; with one there may be."""
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    builder = _Builder()
    if strange := yaml.reader.Reader.NON_PRINTABLE.search(text):
        return None, [strange_character(text, strange.start())]
    try:
        for event in yaml.parse(text, Loader=loader):
            builder.take(event)
    except yaml.YAMLError as error:
        return None, [*builder.mistakes, not_yaml(text, error)]
    except _Stop as stop:
        return None, [*builder.mistakes, stop.mistake]
    if builder.root is None:
        return None, [Mistake((), "the file is empty; expected a mapping with name and steps")]
    return Document(builder.root.value, builder.root, text), builder.mistakes


class _Stop(Exception):
    """The file cannot be read any further."""

    def __init__(self, text: str, place: Place) -> None:
        self.mistake = _mistake(text, place)


class _Builder:
    """Builds nodes from events, without recursion.

    PyYAML's own composer recurses, in C without a limit: a file of 100,000 brackets ends the
    process. So the nesting is kept, and limited, here.
    """

    def __init__(self) -> None:
        self.root: _Node | None = None
        self.mistakes: list[Mistake] = []
        self._stack: list[_Node] = []
        # The key of each open mapping whose value comes next; _NO_KEY when a key comes next.
        self._pending: list[Any] = []
        self._anchors: dict[str, _Node] = {}
        # Where a document after the first one starts.
        self._second: Place | None = None
        self._written = 0
        self._merged = 0

    def take(self, event: yaml.Event) -> None:
        place = (event.start_mark.line + 1, event.start_mark.column + 1)
        if self._second is not None:
            self._take_after(event, self._second)
            return
        match event:
            case yaml.ScalarEvent():
                self._add(self._anchor(event, self._scalar(event, place)), place)
            case yaml.AliasEvent():
                self._add(self._alias(event.anchor, place), place)
            case yaml.CollectionStartEvent():
                self._start(event, place)
            case yaml.CollectionEndEvent():
                self._end()
            case yaml.DocumentStartEvent() if self.root is not None:
                self._second = place

    def _take_after(self, event: yaml.Event, place: Place) -> None:
        """Let nothing but a "---" follow the document, as some editors and templates leave one."""
        about_nothing = yaml.DocumentStartEvent | yaml.DocumentEndEvent | yaml.StreamEndEvent
        if isinstance(event, about_nothing):
            return
        if not (isinstance(event, yaml.ScalarEvent) and _is_empty(event)):
            raise _Stop("a second document starts here; a file holds one workflow", place)

    def _note(self, text: str, place: Place) -> None:
        self.mistakes.append(_mistake(text, place))
        if len(self.mistakes) >= _MOST_MISTAKES:
            raise _Stop(f"these are {_MOST_MISTAKES:,} mistakes; what follows is not read", place)

    def _start(self, event: Any, place: Place) -> None:
        is_mapping = isinstance(event, yaml.MappingStartEvent)
        if event.tag not in (None, "!", _MAP if is_mapping else _SEQ):
            self._note(f"unknown tag {event.tag!r}; leave it out", place)
        if len(self._stack) >= _DEEPEST:
            raise _Stop(f"nested more than {_DEEPEST} deep", place)
        node = _Node({} if is_mapping else [], place, keys={}, children={}, merges=[], open=True)
        self._count_one(place)
        self._stack.append(self._anchor(event, node))
        self._pending.append(_NO_KEY)

    def _end(self) -> None:
        node = self._stack.pop()
        self._pending.pop()
        node.open = False
        for merged in node.merges:
            self._merged += 1 + len(merged.value)
            self._check_added(self._merged, node)  # before it grows
            _merge(node, merged)
        node.size += sum(child.size for child in node.children.values())
        self._check_added(node.size - self._written, node)
        self._add(node, node.place)

    def _count_one(self, place: Place) -> None:
        self._written += 1
        if self._written > _MOST_WRITTEN:
            raise _Stop(f"the file holds more than {_MOST_WRITTEN:,} values", place)

    def _check_added(self, added: int, node: _Node) -> None:
        if added > _MOST_ADDED:
            text = f"aliases and merge keys make {_MOST_ADDED:,} values more than are written here"
            raise _Stop(text, node.place)

    def _add(self, node: _Node, place: Place) -> None:
        if not self._stack:
            self.root = node
            return
        parent = self._stack[-1]
        if isinstance(parent.value, list):
            parent.children[len(parent.value)] = node
            parent.value.append(node.value)
        elif self._pending[-1] is _NO_KEY:
            self._pending[-1] = self._key(parent, node, place)
        else:
            self._pair(parent, self._pending[-1], node)
            self._pending[-1] = _NO_KEY

    def _key(self, parent: _Node, node: _Node, place: Place) -> Any:
        if node.value is _MERGE_KEY:
            return _MERGE_KEY
        key = node.value if node.written is None else node.written
        if not isinstance(key, str):
            self._note("a key must be text; found a whole value", place)
            return _DROPPED
        if key in parent.keys:
            line = parent.keys[key][0]
            self._note(
                f"the key {key!r} stands twice in one mapping; it is in line {line} too", place
            )
            return _DROPPED
        parent.keys[key] = place
        return key

    def _expects_key(self) -> bool:
        if not self._stack or not isinstance(self._stack[-1].value, dict):
            return False
        return self._pending[-1] is _NO_KEY

    def _pair(self, parent: _Node, key: Any, node: _Node) -> None:
        if key is _DROPPED:
            return
        if key is _MERGE_KEY:
            merged = list(node.children.values()) if isinstance(node.value, list) else [node]
            if all(isinstance(one.value, dict) for one in merged):
                parent.merges += merged
            else:
                text = "'<<' takes a mapping, or a list of mappings"
                self._note(text, node.place)
            return
        parent.value[key] = node.value
        parent.children[key] = node

    def _anchor(self, event: Any, node: _Node) -> _Node:
        if event.anchor is not None:
            self._anchors[event.anchor] = node
        return node

    def _alias(self, name: str, place: Place) -> _Node:
        node = self._anchors.get(name)
        if node is None:
            raise _Stop(f"the alias '*{name}' names no anchor before it", place)
        if node.open:
            raise _Stop(f"the alias '*{name}' stands inside the value that it names", place)
        return node

    def _scalar(self, event: yaml.ScalarEvent, place: Place) -> _Node:
        self._count_one(place)
        text, span = event.value, None
        if "$" in text:
            span = event.start_mark.index, event.end_mark.index
        tag = event.tag
        if tag in (None, "!"):
            tag = core_tag(text) if tag is None and event.implicit[0] else TEXT
        if tag == MERGE:
            return _Node(_MERGE_KEY, place, text)
        try:
            return _Node(core_value(tag, text), place, text, span)
        except KeyError:
            self._note(f"unknown tag {tag!r}; leave it out", place)
        except Unreadable as error:
            if not self._expects_key():  # a key is text, whatever it looks like
                self._note(str(error), place)
        return _Node(text, place, text, span)


def _mistake(text: str, place: Place) -> Mistake:
    line, column = place
    return Mistake((), text, line=line, column=column)


def _is_empty(event: yaml.ScalarEvent) -> bool:
    return not event.value and event.tag is None and event.anchor is None and event.implicit[0]


class _Sentinel:
    """A key that stands for no key of the file."""


_NO_KEY, _MERGE_KEY, _DROPPED = _Sentinel(), _Sentinel(), _Sentinel()


def _merge(node: _Node, merged: _Node) -> None:
    for key, value in merged.value.items():
        if key not in node.value:  # what stands in the mapping itself counts
            node.value[key] = value
            node.children[key] = merged.children[key]
