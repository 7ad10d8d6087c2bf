"""Expressions against CEL's own conformance tests, as far as they are in the part that hocket has.

They are read where `HOCKET_CEL_TESTS` names the folder that holds them: `tests/simple/testdata` in a
clone of the repository `google/cel-spec`. What differs on purpose stands in `OTHERWISE`, by the
reason.
"""

from __future__ import annotations

import ast
import math
import os
import re
from pathlib import Path

import pytest

from hocket import ExpressionError, UnresolvedReference, WorkflowContext
from hocket._workflow.expressions import compile_expression

FILES = [
    "basic",
    "comparisons",
    "fields",
    "fp_math",
    "integer_math",
    "lists",
    "logic",
    "macros",
    "namespace",
    "parse",
    "plumbing",
    "string",
]

# What hocket's part of the language does not have.
NOT_IN_THE_PART = {
    "unsigned numbers": r"(?<![\w.'\"])\d+[uU]\b|0x[0-9a-fA-F]+u",
    "bytes": r"\b[bB][rR]?['\"]",
    "raw texts": r"\b[rR]['\"]",
    "mappings written out": r"\{",
    "conversions": r"\b(?:dyn|int|uint|double|string|bytes|bool|type|duration|timestamp)\(",
    "names of types": r"\b(?:type|dyn|int|uint|double|string|bytes|bool|list|map|null_type)\b(?!['\"(])",
    "macros": r"\.(?:all|exists|exists_one|existsOne|map|filter|transformList)\(",
    "optionals": r"\?\.|\[\?|optional\.",
    "other functions": r"\b(?:getFullYear|f_unknown|unknown_fn|split|charAt|cel)\b",
    "comments": r"//",
    "names with dots before them": r"(?<![\w)\]'\"])\.[A-Za-z_]",
    "whole numbers of 64 bits": r"\d{16,}|\d{11,} \* |0x[0-9a-fA-F]{15,}|\*.*\*.*\*",
    "names in backquotes": r"`",
    "texts of several lines": r"'''|\"\"\"",
}


# --- reading the text form of protocol buffers --------------------------------------------------
TOKEN = re.compile(
    r"""\s+|\#[^\n]*|(?P<text>"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*')|(?P<sign>[{}\[\]:,;])|"""
    r"""(?P<word>[^\s{}\[\]:,;"'#]+)"""
)


def tokens(text):
    for match in TOKEN.finditer(text):
        if match.lastgroup:
            yield match[0]


def message(words):
    """Read fields until a closing brace: a list of pairs, as a field may come several times."""
    fields = []
    for word in words:
        if word == "}":
            break
        if word in ",;":
            continue
        name = word if word != "[" else "".join(iter(words.__next__, "]"))
        value = next(words)
        if value == ":":
            value = next(words)
        fields.append((name, message(words) if value == "{" else value))
    return fields


def quoted(text):
    """Read a text, some of whose escapes are the bytes of its UTF-8."""
    text = re.sub(r"\\(?:u(.{4})|U(.{8})|.)", _for_python, text)
    text = re.sub(
        r"[^\x20-\x7e]", lambda found: "".join(f"\\x{b:02x}" for b in found[0].encode()), text
    )
    return ast.literal_eval(f"b{text}").decode()


def _for_python(found):
    code = found[1] or found[2]
    return chr(int(code, 16)) if code else found[0].replace(r"\?", "?")


def field(fields, name, default=None):
    return next((value for key, value in fields if key == name), default)


class Other(Exception):
    """A value of a kind that hocket does not have."""


def value_of(fields):
    [(kind, value)] = fields
    match kind:
        case "int64_value":
            return int(value, 0)
        case "double_value":
            return float(value)
        case "bool_value":
            return value == "true"
        case "string_value":
            return quoted(value)
        case "null_value":
            return None
        case "list_value":
            return [value_of(item) for key, item in value if key == "values"]
        case "map_value":
            entries = [entry for key, entry in value if key == "entries"]
            return {value_of(field(one, "key")): value_of(field(one, "value")) for one in entries}
    raise Other(kind)


def cases():
    folder = os.environ.get("HOCKET_CEL_TESTS")
    for name in FILES if folder else ():
        text = (Path(folder) / f"{name}.textproto").read_text(encoding="utf-8")
        for _, section in (pair for pair in message(tokens(text)) if pair[0] == "section"):
            for key, test in section:
                if key == "test":
                    where = f"{name}/{quoted(field(section, 'name'))}/{quoted(field(test, 'name'))}"
                    yield where, test


def translated(test):
    """Return an expression in hocket's words, and the values that it refers to."""
    text, values = quoted(field(test, "expr")), {}
    for key, binding in test:
        if key == "bindings":
            name = quoted(field(binding, "key"))
            values[name] = value_of(field(field(binding, "value"), "value"))
            text = re.sub(
                rf"(?<![\w.'\"]){re.escape(name)}(?![\w'\"])", f"$context[{name!r}]", text
            )
    return text, values


CASES = dict(cases())


# Why hocket gives something else, and where.
OTHERWISE = {
    "numbers are those of JavaScript: fractions have remainders, nothing overflows, and to divide by 0 "
    "is no error": r"fp_math/.*/mod_not_support|integer_math/int64_math/(?:mod|divide)_zero|"
    r"integer_math/int64_math/int64_overflow_mul.*|logic/(?:AND|OR)/error_.*|"
    r"logic/conditional/error_case|plumbing/eval_results/error_result",
    "what is true is as in JavaScript, and && and || give one of their values": (
        r"logic/conditional/bad_type|logic/(?:AND|OR|NOT)/no_overload|"
        r"logic/OR/short_circuit_type_right"
    ),
    "a mistake in a part of an expression is one, whatever the other part is": (
        r"basic/variables/unbound_is_runtime_error|parse/receiver_function_names/.*"
    ),
    "there are no containers of names, and a value of the run may be called true": (
        r"basic/reserved_const/.*|namespace/.*"
    ),
    "parentheses count as nesting, of which 32 are allowed": r"parse/nest/parens",
}


def is_in_the_part(test):
    try:
        text, _ = translated(test)
        value = field(test, "value")
        if value is not None:
            value_of(value)
    except Other:
        return False
    return not any(re.search(pattern, text) for pattern in NOT_IN_THE_PART.values())


def is_otherwise(where):
    return any(re.fullmatch(pattern, where) for pattern in OTHERWISE.values())


@pytest.mark.skipif(not CASES, reason="HOCKET_CEL_TESTS names no folder of CEL's conformance tests")
def test_what_the_conformance_tests_of_cel_ask_for_holds():
    asked = {where: test for where, test in CASES.items() if is_in_the_part(test)}
    wrong = [where for where, test in asked.items() if not holds(test) and not is_otherwise(where)]
    assert wrong == []
    assert len(asked) > 250


def holds(test):
    text, values = translated(test)
    expected = field(test, "value", [("bool_value", "true")])
    try:
        found = compile_expression(text).value(WorkflowContext(values=values))
    except (ExpressionError, UnresolvedReference):
        return any(key in ("eval_error", "any_eval_errors") for key, _ in test)
    if any(key in ("eval_error", "any_eval_errors") for key, _ in test):
        return False
    return is_same(found, value_of(expected))


def is_same(found, expected):
    if isinstance(found, float) and math.isnan(found):
        return isinstance(expected, float) and math.isnan(expected)
    return found == expected and isinstance(found, bool) == isinstance(expected, bool)


# The same in our own words, for everybody (`$context.x` for a variable).
CEL = [
    *[("1 == 1", True), ("1 == 2", False), ("'' == ''", True), ("'' == 'a'", False)],
    *[("'abc' == 'ABC'", False), ("null == null", True), ("true == true", True)],
    *[("[] == []", True), ("['abc', 'def'] == ['def', 'abc']", False), ("[[1]] == [[1]]", True)],
    *[("2 != 1", True), ("-2 < -1", True), ("'a' < 'b'", True), ("'A' < 'a'", True)],
    *[("false < true", True), ("'abc' <= 'abd'", True), ("2 >= 1.5", True)],
    *[("true && true", True), ("true && false", False), ("false || true", True), ("!true", False)],
    *[("1 in [1, 2, 3]", True), ("'siete' in ['uno', 'dos']", False), ("'k' in $context.m", True)],
    *[("40 + 2", 42), ("42 - 12", 30), ("40 * 2", 80), ("47 % 5", 2), ("-(42)", -42)],
    *[("'he' + 'llo'", "hello"), ("'' + ''", ""), ("true ? 1 : 2", 1), ("false ? 'a' : 'b'", "b")],
    *[("[7, 8, 9][0]", 7), ("$context.m['k']", 1), ("$context.m.k", 1)],
    *[("[1, 2] + [3]", [1, 2, 3]), ("[] + []", []), ("[1] + [2] == [2] + [1]", False)],
    *[("size('')", 0), ("size('four')", 4), ("size([1, 2])", 2), ("size($context.m)", 1)],
    *[("'foobar'.startsWith('foo')", True), ("'foobar'.startsWith('fox')", False)],
    *[("'foobar'.endsWith('bar')", True), ("'foobar'.contains('oo')", True)],
    *[("'abcd'.contains('')", True), ("''.endsWith('')", True), ("''.matches('')", True)],
    *[("'hubba'.matches('ubb')", True), ("'cows'.matches('goats')", False)],
    *[("'abcd'.matches('bc')", True), ("'grey'.matches('gr(a|e)y')", True)],
    *[("has($context.m.k)", True), ("has($context.m.q)", False)],
    *[(r"'\a\b\f\n\r\t\v\'\"\\\`\?'", "\a\b\f\n\r\t\v'\"\\`?"), (r"'\0'", "\0")],
    *[(r"'\x4a\X4B\u270c\U0001f431\012\177'", "JK\u270c\U0001f431\n\x7f")],
]


@pytest.mark.parametrize(("text", "expected"), CEL)
def test_what_cel_says_of_an_expression_holds(text, expected):
    found = compile_expression(text).value(WorkflowContext(values={"m": {"k": 1}}))
    assert is_same(found, expected)
