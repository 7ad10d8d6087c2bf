"""A dollar is a reference, a dollar, or a mistake that says what to write; never a silent text."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, strategies as st

from hocket._workflow.context import WorkflowContext
from hocket._workflow.syntax import Found, Slip, find, segment, written
from hocket._workflow.templates import compile_template


def slips(text):
    return [piece for piece in find(text) if isinstance(piece, Slip)]


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("${results.first step}", '${results["first step"]}'),
        ("${ results.b }", "${results.b}"),
        ("${{ results.a }}", "${results.a}"),
        ("${{results.a}}", "${results.a}"),
        ("${results.a", "${results.a}"),
        ("${results.a and so on", "${results.a}"),
        ("$results.'first step'", '$results["first step"]'),
        ('$results."first step"', '$results["first step"]'),
        ("$results[first step]", '$results["first step"]'),
        ('$results["a.b', '$results["a.b"]'),
        ("$result.a", "$results.a"),
        ("$Results.a", "$results.a"),
        ("$RESULTS[0]", "$results.0"),
        ("$ctx.x", "$context.x"),
        ("${contxt.x}", "${context.x}"),
        ("${error.a}", "${errors.a}"),
        ("${now.year}", "$now"),
        ("$now[0]", "$now"),
    ],
)
def test_what_was_meant_is_suggested_where_it_is_plain(text, meant):
    (slip,) = slips(text)
    assert f"did you mean {meant!r}?" in slip.reason


@pytest.mark.parametrize(
    "text",
    [
        *[
            "$results.a[*]",
            "$context[-1]",
            "$results.a[b.c][",
            "$results.a..b",
            "$results.a.*",
            "$results-a",
        ],
        *[
            "$results->a",
            "$results::a",
            "$results(a)",
            "$results{a}",
            "$results.a.[0]",
            "$results.a.{b}",
            "$errors[",
        ],
        *[
            "$envs.X",
            "$envs[0]",
            "${envs.X}",
            "${HOME}",
            "${1}",
            "${a-b}",
            "${a:-b}",
            "${x}",
            "${results.}",
            "${results..a}",
        ],
        *[
            "${results.a-}",
            "${results[}",
            "${results.a[-1]}",
            "${#a}",
            "${!a}",
            "${results.a.$context.b}",
        ],
        *["$secrets.KEY", "${{secrets.KEY}}", "$steps.a.outputs", '$inputs["a"]', "$vars.x"],
    ],
)
def test_what_looks_like_a_reference_and_is_none_is_a_mistake(text):
    assert slips(text)
    assert slips(f"before {text} after")
    assert "is no reference" in slips(text)[0].reason
    assert "'$$' writes a dollar" in slips(text)[0].reason


@pytest.mark.parametrize(
    "text",
    [
        *[
            "$",
            "$5",
            "5$",
            "$HOME",
            "$HOME/bin",
            "${}",
            "${-}",
            "a$",
            "$_",
            "$results_of",
            "$resultset",
            "$now.",
            "$now.Then",
        ],
        *[
            '"$context.a."',
            "**$context.a.**",
            "$context.a,",
            "($context.a)",
            "$context.a...",
            "$context.a-",
        ],
        *[
            "$context.a.$context.b",
            "$context.a/$context.b",
            "${context.a}.b",
            "${context.a}[0]",
            "$context.",
        ],
        *["$$results.a[*]", "$${x", "y}", "$$env.X", "^a$", "a$|b$", "$1.50"],
    ],
)
def test_other_dollars_are_no_mistake(text):
    assert not slips(text)


def test_the_text_around_a_slip_is_kept():
    text = "a ${b c} d $results.e[*] f $context.g"
    assert "".join(p if isinstance(p, str) else p.text for p in find(text)) == text


KEYS = st.text(min_size=0, max_size=8) | st.sampled_from(
    ["first step", "a.b", "a-b", "-a", "a-", '"', "'", "\\", "\\\"", "]", "}", "$", "0", "é", ""]
)  # fmt: skip


@given(st.lists(KEYS, min_size=1, max_size=4), st.sampled_from(["results", "errors", "context"]))
def test_every_path_can_be_written_and_is_read_as_it_was(path, root):
    whole = written(root, path)
    (found,) = find(whole)
    assert (found.root, found.path) == (root, tuple(path))
    (braced,) = find(f"${{{whole[1:]}}}")
    assert (braced.root, braced.path) == (root, tuple(path))


@given(st.lists(KEYS, min_size=1, max_size=3))
def test_a_written_path_leads_to_what_is_there(path):
    value = "here"
    for key in reversed(path):
        value = {key: value}
    context = WorkflowContext(values=value)
    assert compile_template(written("context", path)).resolve(context) == "here"
    text = f"<{written('context', path)}>"
    assert compile_template(text).resolve(context) == "<here>"


PIECES = st.sampled_from(
    [
        *[
            "$",
            "$$",
            "${",
            "{{",
            "}",
            "}}",
            "[",
            "]",
            "[*",
            "(",
            ")",
            ".",
            "..",
            "-",
            "->",
            ":",
            "'",
            '"',
            "\\",
            "results",
            "errors",
            "context",
            "now",
            "env",
            "a",
            "b",
            "0",
        ],
        *["first", "step", "é", "\n"],
    ]
)


@given(st.lists(PIECES, max_size=12).map("".join))
def test_no_suggestion_is_one_that_cannot_be_written(text):
    for slip in slips(text):
        for meant in re.findall(r"did you mean '((?:\\.|[^'])*)'\?", slip.reason):
            pieces = list(find(meant.replace("\\'", "'").replace("\\\\", "\\")))
            assert len(pieces) == 1
            assert isinstance(pieces[0], Found)


@given(st.lists(PIECES, max_size=12).map("".join))
def test_nothing_of_a_text_is_lost(text):
    undone = "".join(
        p if isinstance(p, str) else "$$" if isinstance(p, Found) and not p.root else p.text
        for p in find(text)
    )
    assert undone == text


def test_a_key_is_named_as_it_can_be_written():
    assert segment("name") == "'name'"
    assert segment("first name") == '["first name"]'


@pytest.mark.parametrize("root", ["results", "errors", "context"])
def test_a_root_alone_is_what_is_there_at_that_moment(root):
    context = WorkflowContext(results={"a": 1}, errors={}, values={"b": 2})
    before = compile_template(f"${root}").resolve(context)
    context.results["later"] = 3
    context.errors["later"] = ValueError()
    context.values["later"] = 4
    assert "later" not in before
    before["mine"] = 5
    assert "mine" not in compile_template(f"${{{root}}}").resolve(context)
