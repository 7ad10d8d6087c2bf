"""The scalars of a file are those of YAML 1.2, keys are text, and what would surprise is refused."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import given, strategies as st

from hocket._cli.settings import read_settings
from hocket._files.document import parse
from hocket._files.scalars import Unreadable, core_tag, core_value


def read(text):
    document, mistakes = parse(text)
    assert not mistakes
    return document.data


def refusal(text):
    _, (mistake,) = parse(text)
    return mistake.text


@pytest.mark.parametrize(
    "text",
    [
        *[
            "NO",
            "No",
            "no",
            "N",
            "n",
            "YES",
            "Yes",
            "yes",
            "Y",
            "y",
            "ON",
            "On",
            "on",
            "OFF",
            "Off",
            "off",
        ],
        *[
            "12:30",
            "190:20:30.15",
            "1_000",
            "0b101",
            "2030-01-31",
            "2030-01-31T12:00:00Z",
            "=",
            "0o8",
            "0xg",
            "-0x1F",
        ],
        *["nULL", "tRUE", ".Nan", "+.nan", "1e", "1.2.3", "-", "+", ".", ".e1", "e5", "_1", "1e5x"],
        "2030-01-31 12:00:00",
    ],
)
def test_what_only_yaml_1_1_takes_for_something_else_is_text(text):
    assert read(f"[{text}]") == [text]
    assert read_settings([f"v={text}"]) == {"v": text}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        *[(text, None) for text in ("null", "Null", "NULL", "~", "")],
        *[(text, True) for text in ("true", "True", "TRUE")],
        *[(text, False) for text in ("false", "False", "FALSE")],
        *[("0", 0), ("-0", 0), ("+12", 12), ("-19", -19), ("0o17", 15), ("0x1F", 31)],
        *[("0.", 0.0), ("-0.0", 0.0), (".5", 0.5), ("+12e03", 12_000.0), ("-2E+05", -200_000.0)],
        *[("1e3", 1000.0), ("01.5", 1.5)],
        *[(".inf", math.inf), ("-.Inf", -math.inf), ("+.INF", math.inf)],
        *[("!!str 5", "5"), ("!!int '5'", 5), ("!!float 5", 5.0), ("! 5", "5"), ("'null'", "null")],
    ],
)
def test_null_flags_and_numbers_are_those_of_the_core_schema(text, value):
    data = read(f"- {text}\n")
    assert data == [value]
    assert type(data[0]) is type(value)


def test_what_is_no_number_is_one():
    assert math.isnan(read("[.nan]")[0])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("0777", "another in YAML 1.2: put it in quotes if it is text, or write 777, or 0o777"),
        ("-0777", "put it in quotes if it is text, or write -777"),
        ("089", "put it in quotes if it is text, or write 89"),
        ("00", "put it in quotes if it is text, or write 0, or 0o0"),
        ("9" * 5_000, "a number of 5,000 characters; at most 500 are read: put it in quotes"),
        ("0x" + "f" * 5_000, "a number of 5,002 characters"),
        ("0." + "3" * 5_000, "a number of 5,002 characters"),
        ("1e999", "1e999 is a number beyond all that can be kept: put it in quotes"),
        ("!!bool foo", "expected true or false; found 'foo'"),
        ("!!int ''", "expected a whole number; found ''"),
        ("!!float x", "expected a number; found 'x'"),
        ("!!null x", "expected null; found 'x'"),
        ("!!set {a}", "unknown tag 'tag:yaml.org,2002:set'; leave it out"),
        ("!!omap [a: 1]", "unknown tag"),
        ("!!timestamp 2030-01-31", "unknown tag"),
        ("!!binary aGk=", "unknown tag"),
        ("!mine x", "unknown tag '!mine'; leave it out"),
        ("{1: a, '1': b}", "the key '1' stands twice in one mapping"),
        ("{? [a] : b}", "a key must be text; found a whole value"),
        ("{? {a: b} : c}", "a key must be text; found a whole value"),
    ],
)  # fmt: skip
def test_what_has_no_one_meaning_is_refused_and_the_message_says_what_to_write(text, said):
    assert said in refusal(f"a: {text}\n")


@pytest.mark.parametrize("text", ["0777", "089", "9" * 5_000, "1e999"])
def test_in_quotes_it_is_text(text):
    assert read(f"a: '{text}'\n") == {"a": text}


@pytest.mark.parametrize("number", ["777", "0o777", "-777", "89"])
def test_the_numbers_that_are_suggested_are_read(number):
    assert isinstance(read(f"a: {number}\n")["a"], int)


@pytest.mark.parametrize(
    "key", ["on", "NO", "true", "null", "~", "1", "1.0", "0x10", "0777", ".nan", "2030-01-31"]
)
def test_a_key_is_text_as_it_is_written(key):
    assert read(f"{key}: 5\n") == {key: 5}
    assert read(f"? {key}\n: 5\n") == {key: 5}
    assert read(f"{{{key}: 5}}") == {key: 5}


def test_a_key_that_an_alias_stands_for_is_text_too():
    assert read("a: &n 1.50\n*n : b\n") == {"a": 1.5, "1.50": "b"}


PLAIN = st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\x85\ufeff"))
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | PLAIN,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(PLAIN, inner, max_size=3),
    max_leaves=10,
)


@given(JSON)
def test_json_is_read_as_what_it_says(data):
    document, mistakes = parse(json.dumps([data], ensure_ascii=False))
    if any("is not allowed" in one.text or "not YAML" in one.text for one in mistakes):
        return  # a letter that YAML has no place for
    assert document.data == [data]


@given(st.text("0123456789+-.eExXobaAfFnNiItTrRuUlLsS_:~", max_size=8))
def test_a_plain_scalar_is_text_or_what_json_or_python_reads_in_it(text):
    tag = core_tag(text)
    try:
        value = core_value(tag, text)
    except Unreadable:
        return
    match value:
        case str():
            assert value == text
        case None | bool():
            assert text.lower() in ("", "~", "null", "true", "false")
        case int():
            assert value == int(text, 0)
        case float():
            expected = float(
                text.replace(".inf", "inf").lower().replace(".inf", "inf").replace(".nan", "nan")
            )
            assert value == expected or (math.isnan(value) and math.isnan(expected))
