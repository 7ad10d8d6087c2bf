"""Expressions: what they come to, and what is said of those that come to nothing."""

from __future__ import annotations

import datetime as dt
import json
import math
import re
import shutil
import subprocess
import time

import pytest
from hypothesis import given, settings, strategies as st

from hocket import ExpressionError, WorkflowContext
from hocket._workflow.expressions import compile_expression

CONTEXT = WorkflowContext(
    results={
        "a": {"n": 3, "list": [1, "x", None], "first-step": {"deep": True}, "none": None},
        "text": "héllo",
        "first step": 1,
    },
    errors={"bad": OSError("disk full")},
    values={"i": 1, "key": "n", "on": True, "when": dt.date(2030, 1, 31)},
)


def value(text):
    return compile_expression(text).value(CONTEXT)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1 + 2 * 3", 7),
        ("(1 + 2) * 3", 9),
        ("10 - 4 - 3", 3),
        ("7 / 2", 3.5),
        ("-7 % 3", -1),
        ("2 * -3", -6),
        ("1 < 2 && 2 < 3 || false", True),
        ("!(1 == 2)", True),
        ("!0 == true", True),
        ("1 == 1.0", True),
        ("1 == '1'", False),
        ("1 == true", False),
        ("null == undefined", True),
        ("[1, [2]] == [1, [2]]", True),
        ("'a' + \"b\"", "ab"),
        ("'it\\'s \\u0041\\n'", "it's A\n"),
        ("0x1F + .5 + 1e2", 131.5),
        ("'' || 'x'", "x"),
        ("0 && 1", 0),
        ("true ? 1 : 2", 1),
        ("false ? 1 : true ? 2 : 3", 2),
        ("null ?? 5", 5),
        ("false ?? 5", False),
        ("($results.gone || 1) ?? 2", 1),
        ("2 in [1, 2]", True),
        ("'n' in $results.a", True),
        ("$results.a.n", 3),
        ("$results.a['first-step'].deep", True),
        ("$results['first step']", 1),
        ("$results.a.list[$context.i]", "x"),
        ("$results.a.list[1.0]", "x"),
        ("$results.a[$context.key]", 3),
        ("$results.a.list.length", 3),
        ("size($results.a) + $results.text.size()", 9),
        ("$results.text.contains('llo') && $results.text.startsWith('hé')", True),
        ("$results.a.list.contains(null)", True),
        ("$results.text.endsWith('o')", True),
        ("$results.text.matches('^h.llo$')", True),
        ("$results.text.matches('l' + '{2}')", True),
        ("$results.gone", None),
        ("$results.gone.deep.er[0]", None),
        ("$results.gone == null", True),
        ("$errors.bad.message", "disk full"),
        ("$errors.a.message", None),
        ("$states.bad", "failed"),
        ("$states.gone", None),
        ("has($results.a.n) && !has($results.a.m) && !has($results.a.none)", True),
        ("has($results.gone.x)", False),
        ("$results.a.m.k ?? 'd'", "d"),
        ("$context.nope ?? $env.NO_SUCH_VARIABLE ?? 1", 1),
        ("$results.a.list[9] ?? 'none'", "none"),
        ("$context.when < $context.when", False),
        ("$now > '2020'", True),
        ("[1, 2,][1]", 2),
        ("(1 ?? 2) || 3", 1),
    ],
)
def test_an_expression_comes_to_its_value(text, expected):
    found = value(text)
    assert found == expected
    assert type(found) is type(expected)


@pytest.mark.parametrize(
    ("text", "column", "reason"),
    [
        ("$context.i = 1", 12, "write == to compare"),
        ("1 & 2", 3, "write && for 'and'"),
        ("1 | 2", 3, "write || for 'or'"),
        ("$results.a and 1", 12, "expected an operator or the end; found 'and'; write &&"),
        ("not $results.a", 1, "'not' has no meaning here; write !"),
        ("True", 1, "'True' has no meaning here; write true"),
        ("results.a", 1, "a reference begins with a dollar: write $results"),
        ("$result.a", 1, "there is no $result; did you mean $results?"),
        ("${results.a}", 1, "a reference is written"),
        ("ghent == 1", 1, "put text in quotes"),
        ("'open", 1, "the text has no end: close it with '"),
        ("'a\\q'", 3, "there is no escape"),
        ("1 +", 4, "expected a value; found the end"),
        ("(1", 3, "expected ')' to close the parenthesis; found the end"),
        ("[1", 3, "expected ']' to close the list"),
        ("1 2", 3, "expected an operator or the end; found '2'"),
        ("1 ? 2", 6, "expected ':'"),
        ("007", 1, "a number does not begin with 0: write 7"),
        ("1_000", 2, "'_000' does not belong to a number"),
        ("$results.a-b.c", 10, 'write ["a-b"] for that key'),
        ("1 ?? 2 || 3", 3, "put parentheses around '??'"),
        ("1 && 2 ?? 3", 8, "put parentheses around '??'"),
        ("siz($results.a)", 1, "there is no function siz(); did you mean 'size'?"),
        ("'a'.include('b')", 5, "there is no method include()"),
        ("'a'.contains()", 5, "contains() takes one argument; found 0"),
        ("has(1)", 5, "has() takes a reference"),
        ("'a'.matches('(')", 13, "not a regular expression: error: unclosed group"),
        ("$results[$context.key]", 1, "write the step after $results. out"),
        ("$now.year", 1, "$now is a text"),
        ("(" * 33 + "1" + ")" * 33, 33, "nested at most 32 deep"),
        ("!" * 40 + "1", 34, "nested at most 32 deep"),
        ("1" * 10_001, 1, "at most 10,000 characters"),
        ("1; 2", 2, "an expression is one value"),
    ],
)
def test_what_cannot_be_read_says_where_and_what_to_write(text, column, reason):
    with pytest.raises(ExpressionError) as caught:
        compile_expression(text)
    assert caught.value.column == column
    assert reason in caught.value.reason
    assert str(caught.value) == f"{text}: column {column}: {caught.value.reason}"


@pytest.mark.parametrize(
    ("text", "column", "reason"),
    [
        (
            "1 < 'a'",
            3,
            "'<' takes two numbers, texts or times; found the number 1 and the text 'a'",
        ),
        ("1 < $results.gone", 3, "found the number 1 and null"),
        (
            "'n' + 1",
            5,
            "'+' takes two numbers, two texts or two lists; found the text 'n' and the number 1",
        ),
        ("[1] + 2", 5, "found a list and the number 2"),
        ("'\\09'", 2, "there is no escape '\\09'"),
        ("'\\U00110000'", 2, "there is no escape '\\U'"),
        ("'3' * 2", 5, "'*' takes two numbers"),
        ("-'a'", 1, "'-' takes a number; found the text 'a'"),
        ("'a' in 'abc'", 5, "write text.contains(part)"),
        ("$results.a.m", 1, "$results.a has no 'm'; it has: n, list, first-step, none"),
        ("$context.kye", 1, "did you mean 'key'?"),
        ("$results.a.list[3]", 1, "$results.a.list has no '3'"),
        ("$results.a.list[0 - 1]", 17, "there is nothing under -1"),
        ("$results.a[true]", 12, "a key is a text or a whole number; found true"),
        ("$results.a.none.x", 1, "it is None"),
        ("5.size()", 2, "'.size' does not belong"),
        ("size(5)", 1, "size takes a text, a list or a mapping; found the number 5"),
        ("$results.a.contains(1)", 12, "contains() looks for a text in a text"),
        ("'a'.startsWith(1)", 5, "startsWith() takes a text and a text"),
        ("'a'.matches($context.i)", 5, "takes a pattern as text"),
        ("10 ** 2", 5, "expected a value; found '*'"),
    ],
)
def test_what_cannot_be_worked_out_says_where_and_why(text, column, reason):
    with pytest.raises(ExpressionError) as caught:
        value(text)
    assert caught.value.column == column
    assert reason in caught.value.reason


def test_the_references_of_an_expression_are_known_before_the_run():
    text = "$results.a.n > 1 && has($errors.b) || $states['c d'] == 'failed' ? $context.x : $now"
    found = compile_expression(text).references
    assert [(one.text, one.step, one.optional) for one in found] == [
        ("$results.a.n", "a", False),
        ("$errors.b", "b", True),
        ('$states["c d"]', "c d", False),
        ("$context.x", None, False),
        ("$now", None, False),
    ]


def test_nothing_is_worked_out_that_does_not_count():
    assert value("false && 1 < 'a'") is False
    assert value("true || 1 < 'a'") is True
    assert value("1 ?? (1 < 'a')") == 1
    assert value("true ? 1 : 1 < 'a'") == 1


def test_a_pattern_that_would_take_for_ever_elsewhere_does_not():
    began = time.process_time()
    context = WorkflowContext(values={"text": "a" * 50_000})
    assert not compile_expression("$context.text.matches('^(a+)+$$b')").holds(context)
    assert time.process_time() - began < 5


@given(st.text(alphabet="$results.ab 0'\"()[]!&|?:=<>+-*/%,in", max_size=40))
def test_any_text_is_an_expression_or_says_where_it_is_none(text):
    try:
        found = compile_expression(text)
        found.value(CONTEXT)
    except ExpressionError as error:
        column = error.column
    else:
        return
    assert 1 <= column <= len(text) + 1


# --- JavaScript

NODE = shutil.which("node")
needs_node = pytest.mark.skipif(NODE is None, reason="node is not installed")
VALUES = [
    *[
        "null",
        "undefined",
        "true",
        "false",
        "0",
        "1",
        "-1",
        "2.5",
        "7",
        "1e300",
        "65537",
    ],
    *["''", "'0'", "'a'", "'b'", "'abc'", "'\\ud83d\\ude00'", "'\\uffff'", "[]", "[1]"],
]
OPERATORS = ["==", "===", "!=", "!==", "<", "<=", ">", ">=", "&&", "||", "??"]
OPERATORS += ["+", "-", "*", "/", "%"]
STRICT = {"==": "===", "!=": "!=="}


def in_javascript(expressions):
    """What node makes of them; its == converts, and so === stands for ours."""
    script = (
        "const told = v => v === undefined ? null : typeof v === 'number' && !Number.isFinite(v) "
        "? String(v) : v;"
        "const lines = require('fs').readFileSync(0, 'utf8').split('\\n');"
        "console.log(JSON.stringify(lines.map(line => told(eval('(' + line + ')')))))"
    )
    done = subprocess.run(
        [NODE, "-e", script],
        input="\n".join(expressions),
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(done.stdout)


def as_json(found):
    if isinstance(found, float) and not math.isfinite(found):
        return {math.inf: "Infinity", -math.inf: "-Infinity"}.get(found, "NaN")
    return found


def agrees(text, theirs):
    """Whether JavaScript gives the same; what we refuse, it converts or orders by conversion."""
    try:
        ours = as_json(value(text))
    except ExpressionError as error:
        return error.reason
    assert (ours, type(ours) is bool) == (theirs, type(theirs) is bool), text
    return None


@needs_node
def test_every_operator_agrees_with_javascript_on_every_pair_of_values_or_refuses_it():
    pairs = [(a, sign, b) for a in VALUES for sign in OPERATORS for b in VALUES]
    # undefined is null, lists are equal by what they hold, and two are joined: not so in JavaScript.
    lists, absent = ("[]", "[1]"), ("null", "undefined")
    pairs = [
        (a, sign, b)
        for a, sign, b in pairs
        if sign not in ("==", "===", "!=", "!==", "+")
        or not ((a in lists and b in lists) or (a in absent and b in absent))
    ]
    theirs = in_javascript([f"{a} {STRICT.get(sign, sign)} {b}" for a, sign, b in pairs])
    refused = set()
    for (a, sign, b), their in zip(pairs, theirs, strict=True):
        if agrees(f"{a} {sign} {b}", their) is not None:
            refused.add((kind(a), sign, kind(b)))
    orders, sums = ("<", "<=", ">", ">="), ("-", "*", "/", "%")
    for a, sign, b in refused:
        assert sign in (*orders, *sums, "+")
        fits = {"number"} if sign in sums else {"number", "text"}
        fits |= {"flag"} if sign in orders else set()
        assert a != b or a not in fits, f"{a} {sign} {b} is refused"


def kind(text):
    if text in ("null", "undefined"):
        return "null"
    if text in ("true", "false"):
        return "flag"
    return "list" if text[0] == "[" else "text" if text[0] == "'" else "number"


ATOMS = st.sampled_from(["1", "2", "0", "3.5", "true", "false", "null", "'a'", "''"])


def wider(inner):
    binary = st.sampled_from([one for one in OPERATORS if one not in ("??", "%")])
    return st.one_of(
        st.tuples(inner, binary, inner).map(" ".join),
        st.tuples(st.sampled_from(["!", "-", "+"]), inner).map("".join),
        inner.map(lambda text: f"({text})"),
        st.tuples(inner, inner, inner).map(lambda three: "{} ? {} : {}".format(*three)),
    )


@needs_node
@settings(max_examples=15, deadline=None)
@given(st.lists(st.recursive(ATOMS, wider, max_leaves=8), min_size=60, max_size=60))
def test_operators_have_the_ranks_that_they_have_in_javascript(texts):
    # Two signs that touch are one operator there, and write to what they stand before.
    texts = [re.sub(r"([+-])(?=\1)", r"\1 ", text) for text in texts]
    strict = [
        " ".join(STRICT.get(word, word) for word in text.replace("(", "( ").split(" "))
        for text in texts
    ]
    for text, theirs in zip(texts, in_javascript(strict), strict=True):
        agrees(text, theirs)
