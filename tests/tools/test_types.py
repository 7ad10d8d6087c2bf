"""What a tool declares of its parameters is held against an input before anything runs."""

from __future__ import annotations

import collections.abc
import enum
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal, NewType, Optional, TypedDict, TypeVar, Union

import pytest
from hypothesis import given, settings, strategies as st

from hocket import ToolRegistry, WorkflowContext
from hocket._files.document import parse
from hocket.tools._types import mistyped

Colour = enum.Enum("Colour", "RED")


class Row(TypedDict):
    a: int


UserId = NewType("UserId", int)
T = TypeVar("T")


@pytest.mark.parametrize(
    ("value", "annotation", "text"),
    [
        (5, str, "text; found 5; put it in quotes"),
        (True, str, "text; found true; put it in quotes"),
        (None, str, "text; found null"),
        (["a"], str, "text; found ['a']"),
        ("fast", float, "a number; found 'fast'"),
        ("5", float, "a number; found '5'; write 5, without quotes"),
        ("1.5", float, "a number; found '1.5'; write 1.5, without quotes"),
        (True, float, "a number; found true"),
        (1.5, int, "a whole number; found 1.5"),
        ("1.5", int, "a whole number; found '1.5'"),
        ("5", int, "a whole number; found '5'; write 5, without quotes"),
        (True, int, "a whole number; found true"),
        ("yes", bool, "true or false; found 'yes'; write true"),
        ("off", bool, "true or false; found 'off'; write false"),
        (1, bool, "true or false; found 1"),
        ("a, b", list[str], "a list of texts; found 'a, b'; write [\"a, b\"]"),
        (["a", 5], Sequence[str], "a list of texts; found ['a', 5]"),
        ([["a"]], list[list[int]], "a list; found [['a']]"),
        (5, list, "a list; found 5"),
        ({"a": "b"}, dict[str, int], "a mapping of whole numbers; found {'a': 'b'}"),
        ([1], Mapping, "a mapping; found [1]"),
        ("c", Literal["a", "b"], "'a' or 'b'; found 'c'"),
        (1, Literal["a", True], "'a' or True; found 1"),
        (5, str | None, "text or null; found 5; put it in quotes"),
        (5, Optional[str], "text or null; found 5; put it in quotes"),  # noqa: UP045 - as some write it
        ([], Union[int, str], "a whole number or text; found []"),  # noqa: UP007 - as some write it
        ("x", Annotated[int, "of rows"], "a whole number; found 'x'"),
        ("x" * 99, int, f"a whole number; found {('x' * 99)!r:.57}..."),
        ("x", None, "null; found 'x'"),
    ],
)
def test_what_certainly_does_not_fit_is_refused(value, annotation, text):
    what, found = mistyped(value, annotation, str)
    assert f"{what}; {found}" == text


@pytest.mark.parametrize(
    ("value", "annotation"),
    [
        *[("a", str), (5, int), (5, float), (1.5, float), (True, bool), (None, None)],
        *[([], list[int]), ({}, dict[str, int]), ([{"a": [1]}], list[dict[str, list[int]]])],
        *[("a", Literal["a"]), (5, int | str), ("a", int | str), (None, str | None)],
        # What no file can hold, or nobody knows: the tool is the judge.
        *[("a", Path), ("2030-01-31", date), ("RED", Colour), ({"a": 1}, Row), (5, UserId)],
        *[("a", T), ("a", "SomewhereElse"), ("a", Any), ("a", object), ("a", collections.abc.Iterable)],
        *[([1], tuple[int, ...]), ([1], set[int]), ("RED", Literal[Colour.RED]), ("a", bytes)],
        # Python's own values, of which only the tool knows whether they will do.
        *[(Path("a"), str), ((1, 2), list[str]), (b"a", str), (object(), int)],
    ],
)  # fmt: skip
def test_what_may_fit_is_left_to_the_tool(value, annotation):
    assert mistyped(value, annotation, str) is None


class Strange:
    """An annotation that can be neither compared nor hashed nor shown."""

    def __eq__(self, other):
        raise TypeError("no")

    __hash__ = None
    __repr__ = __eq__


def test_an_annotation_may_be_anything():
    assert mistyped(5, Strange(), str) is None


TYPES = st.recursive(
    st.sampled_from([str, int, float, bool, type(None)]),
    lambda inner: inner.map(lambda t: list[t]) | inner.map(lambda t: dict[str, t])
    | st.tuples(inner, inner).map(lambda pair: Union[pair]),  # noqa: UP007 - made in the run
    max_leaves=4,
)  # fmt: skip


def values_of(annotation):
    """What fits an annotation: the same rules, the other way round."""
    if annotation is float:
        return st.floats(allow_nan=False) | st.integers()
    return st.from_type(annotation)


@settings(deadline=None)  # Hypothesis imports much for the first of some types
@given(st.data(), TYPES)
def test_a_value_of_the_declared_type_is_never_refused(data, annotation):
    assert mistyped(data.draw(values_of(annotation)), annotation, str) is None


def registry():
    tools = ToolRegistry()

    @tools.register
    async def greet(
        city: str,
        delay: float = 0.0,
        loud: bool = False,
        userId: int = None,  # noqa: N803, RUF013 - as some write it
        *,
        context: WorkflowContext = None,
    ):
        return city

    return tools


@pytest.mark.parametrize(
    ("input", "expected"),
    [
        ({"city": "NO"}, []),
        ({"city": "$results.a", "delay": "$errors.b", "loud": "${context.c}"}, []),
        ({"city": "to $results.a", "userId": None}, []),
        ({"city": "$now"}, []),
        ({"city": 5}, [(("city",), "tool 'greet' takes text for 'city'; found 5; put it in quotes")]),
        (
            {"city": "a", "delay": "fast", "loud": "yes"},
            [
                (("delay",), "tool 'greet' takes a number for 'delay'; found 'fast'"),
                (("loud",), "tool 'greet' takes true or false for 'loud'; found 'yes'; write true"),
            ],
        ),
        ({"city": "a", "delay": "$now"}, [
            (("delay",), "tool 'greet' takes a number for 'delay'; found '$now'")]),
        ({"city": "a", "delay": "in $results.a"}, [
            (("delay",), "tool 'greet' takes a number for 'delay'; found 'in $results.a'")]),
        (5, [((), "tool 'greet' takes text for 'city'; found 5; put it in quotes")]),
        ("$results.a", []),
    ],
)  # fmt: skip
def test_an_input_is_checked_where_it_is_known(input, expected):
    assert registry().check_input("greet", input) == expected


def test_a_wrong_name_hides_no_wrong_value_beside_it():
    found = registry().check_input("greet", {"town": "a", "city": 5, "delay": "fast"})
    assert [keys for keys, _ in found] == [("town",), ("city",), ("delay",)]


@pytest.mark.parametrize(
    ("input", "values", "found"),
    [
        ({"city": "$context.city"}, {"city": 5}, ["found 5 as $context.city; pass it as '\"5\"'"]),
        ({"city": "$context.a.b"}, {"a": {"b": True}}, ["found true"]),
        ({"city": "a", "delay": "$context.d"}, {"d": "fast"}, ["found 'fast'"]),
        ("$context.all", {"all": {"city": 5}}, ["found 5"]),
        ("$context.all", {"all": {"town": "a"}}, ["has no parameter 'town'", "needs 'city'"]),
        ({"city": "$context.city"}, {"city": "NO"}, []),
        ({"city": "at $context.city"}, {"city": 5}, []),
    ],
)
def test_a_value_of_the_run_is_checked_once_it_is_known(input, values, found):
    problems = registry().check_input("greet", input, values)
    assert len(problems) == len(found)
    for (_, text), expected in zip(problems, found, strict=True):
        assert expected in text


@pytest.mark.parametrize(
    ("value", "annotation"),
    [
        *[(5, str), (True, str), (0.5, str), ("5", int), ("1.5", float)],
        *[("yes", bool), ("no", bool), ("a: b", list[str])],
    ],
)
def test_writing_what_the_message_says_works(value, annotation):
    _, found = mistyped(value, annotation, str)
    if "put it in quotes" in found:
        written = f"'{value}'"
    else:
        written = found.partition("; write ")[2].removesuffix(", without quotes")
    document, mistakes = parse(f"v: {written}\n")
    assert not mistakes
    assert mistyped(document.data["v"], annotation, str) is None
