"""References are found once, and replaced by what they lead to."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import NamedTuple

import attrs
import pytest
from hypothesis import given, strategies as st

from hocket import WorkflowDefinition, WorkflowStep
from hocket._base.errors import UnresolvedReference
from hocket._workflow.context import WorkflowContext
from hocket._workflow.templates import compile_template


@attrs.frozen
class Outcome:
    completed_steps: list[str]
    count: int = 2

    def method(self):
        return "never reached"


class Point(NamedTuple):
    x: int
    y: int


FAILURE = ValueError("it broke")

CONTEXT = WorkflowContext(
    results={
        "fetch": {"users": [{"name": "ada"}, {"name": "bob"}], "total": 2, "7": "seven", 8: "8"},
        "fetch-all": Outcome(["a", "b", "c"]),
        "point": Point(1, 2),
        "text": "hello",
        "nothing": None,
        "flag": True,
    },
    errors={"notify": FAILURE},
    values={"user": {"name": "grace"}, "region": "eu"},
    now=lambda: datetime(2030, 1, 31, 13, 0, 0, 5_000, timezone(timedelta(hours=1))),
)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("$results.fetch.users", CONTEXT.results["fetch"]["users"]),
        ("$results.fetch.users.1.name", "bob"),
        ("$results.fetch.users[0].name", "ada"),
        ("$results.fetch.users.length", 2),
        ("$results.fetch.7", "seven"),
        ("$results.fetch.8", "8"),
        ("$results.text.length", 5),
        ("$results.nothing", None),
        ("$results.fetch-all.completed_steps", ["a", "b", "c"]),
        ("$results.fetch-all.completedSteps.length", 3),
        ("$results.point.y", 2),
        ("$results.point.0", 1),
        ("$results.point.length", 2),
        ("$errors.notify", FAILURE),
        ("$errors.notify.message", "it broke"),
        ("$errors.notify.type", "ValueError"),
        ("$errors.fetch", None),
        ("$errors.fetch.message", None),
        ("$context.region", "eu"),
        ("${context.user.name}", "grace"),
        ("$now", "2030-01-31T12:00:00.005Z"),
        ("$context", CONTEXT.values),
    ],
)
def test_a_text_that_is_one_reference_keeps_the_type_of_the_value(text, value):
    assert compile_template(text).resolve(CONTEXT) == value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("report for $context.user.name.", "report for grace."),
        ("$context.region/$context.user.name", "eu/grace"),
        ("${context.region}.pdf", "eu.pdf"),
        ("${context.region}-1", "eu-1"),
        ("at $now.", "at 2030-01-31T12:00:00.005Z."),
        ("$now.Then", "2030-01-31T12:00:00.005Z.Then"),
        ("$results.fetch.total of them", "2 of them"),
        ("it is $results.flag, $results.nothing", "it is true, null"),
        ("body: $results.fetch.users.0", 'body: {"name": "ada"}'),
        ("failed: $errors.notify", "failed: it broke"),
    ],
)
def test_a_reference_inside_text_is_interpolated(text, value):
    assert compile_template(text).resolve(CONTEXT) == value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("$", "$"),
        ("$5", "$5"),
        ("5$", "5$"),
        ("$$", "$"),
        ("$$results.fetch", "$results.fetch"),
        ("$$$context.region", "$eu"),
        ("$HOME/x", "$HOME/x"),
        ("$resultset", "$resultset"),
        ("cost: $US, ${}", "cost: $US, ${}"),
        ("a. b", "a. b"),
    ],
)
def test_other_dollars_stay_and_two_make_one(text, value):
    assert compile_template(text).resolve(CONTEXT) == value


def test_an_input_without_references_is_handed_out_uncopied():
    value = {"a": [1, {"b": "text"}], "c": None}
    assert compile_template(value).resolve(CONTEXT) is value


def test_an_input_with_references_is_never_changed():
    value = {"a": ["$context.region", 1], "b": ("$$", {"c": "$now"})}
    first = compile_template(value)
    assert first.resolve(CONTEXT) == {"a": ["eu", 1], "b": ("$", {"c": "2030-01-31T12:00:00.005Z"})}
    assert first.resolve(CONTEXT) is not first.resolve(CONTEXT)
    assert value == {"a": ["$context.region", 1], "b": ("$$", {"c": "$now"})}


def test_references_know_where_they_stand():
    template = compile_template({"a": ["x", "$results.fetch and $now"]})
    assert [(r.text, r.where) for r in template.references] == [
        ("$results.fetch", ("a", 1)),
        ("$now", ("a", 1)),
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "$results.fetch.usrs",
            ("$results.fetch.usrs: $results.fetch has no 'usrs'; it has: users, total, 7; "
            "did you mean 'users'?"),
        ),
        (
            "$results.fetsh.users",
            ("$results.fetsh.users: $results has no 'fetsh'; it has: fetch, fetch-all, point, "
            "text, nothing, flag; did you mean 'fetch'?"),
        ),
        (
            "$results.notify.id",
            "$results.notify.id: step 'notify' has no result, it failed: it broke",
        ),
        (
            "$results.fetch.users.5.name",
            ("$results.fetch.users.5.name: $results.fetch.users has no '5'; "
            "it is a list of length 2, with: length"),
        ),
        (
            "$results.nothing.x",
            "$results.nothing.x: $results.nothing has no 'x'; it is None",
        ),
        (
            "$results.fetch.total.x",
            "$results.fetch.total.x: $results.fetch.total has no 'x'; it is of type int",
        ),
        ("$results.text.0", ("$results.text.0: $results.text has no '0'; it is a str of length 5, "
         "with: length")),
        (
            "in ${context.regoin}",
            ("${context.regoin}: $context has no 'regoin'; it has: user, region; "
            "did you mean 'region'?"),
        ),
    ],
)  # fmt: skip
def test_a_reference_that_leads_to_nothing_says_how_far_it_got(text, message):
    with pytest.raises(UnresolvedReference) as caught:
        compile_template({"x": [text]}).resolve(CONTEXT)
    assert str(caught.value) == message
    assert isinstance(caught.value, LookupError)


@pytest.mark.parametrize(
    "path", ["method", "__class__", "_hidden", "completed_steps.append", "completed_steps.__len__"]
)
def test_a_reference_reaches_data_never_methods_or_private_names(path):
    with pytest.raises(UnresolvedReference):
        compile_template(f"$results.fetch-all.{path}").resolve(CONTEXT)


@pytest.mark.parametrize("text", ["$result.fetch", "${error.fetch}", "$contxt.x"])
def test_what_nearly_is_a_reference_is_noticed(text):
    definition = WorkflowDefinition("w", [WorkflowStep("s", tool="t", input={"a": text})])
    (mistake,) = definition.analysis.mistakes
    assert mistake.keys == ("steps", 0, "input", "a")
    assert "is no reference; did you mean '$" in mistake.text


def test_an_input_that_holds_itself_is_refused():
    value: list[object] = ["$now"]
    value.append(value)
    with pytest.raises(ValueError, match="nested more than 100 deep"):
        compile_template(value)


def test_the_clock_of_a_context_is_the_wall_clock_in_utc():
    before = datetime.now(UTC)
    text = WorkflowContext().now_text()
    assert text.endswith("Z")
    now = datetime.fromisoformat(text)
    assert abs((now - before).total_seconds()) < 60


# --- against a model

KEYS = st.text("abcxyz_", min_size=1, max_size=4)
DATA = st.recursive(
    st.none() | st.integers() | st.text("ab $.{}", max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=12,
)


def paths(value, path=()):
    """Every path into a value, with what is there: the reference model of a lookup."""
    yield path, value
    if isinstance(value, dict):
        for key, item in value.items():
            yield from paths(item, (*path, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from paths(item, (*path, str(index)))


@given(DATA)
def test_every_path_into_a_value_leads_to_what_is_there(data):
    context = WorkflowContext(results={"step": data})
    for path, value in paths(data):
        reference = ".".join(("$results.step", *path))
        assert compile_template(reference).resolve(context) == value
        assert compile_template(f"${{{reference[1:]}}}").resolve(context) == value


@given(DATA)
def test_a_value_whose_dollars_are_doubled_comes_out_as_it_was(data):
    def doubled(value):
        if isinstance(value, str):
            return value.replace("$", "$$")
        if isinstance(value, dict):
            return {key: doubled(item) for key, item in value.items()}
        return [doubled(item) for item in value] if isinstance(value, list) else value

    template = compile_template(doubled(data))
    assert template.references == ()
    assert template.resolve(WorkflowContext()) == data


@given(st.lists(st.sampled_from(["$now", "$$", "$", " ", "x", ".", "${context.a}"]), max_size=8))
def test_text_is_rendered_piece_by_piece(pieces):
    pieces = [f"{piece} " for piece in pieces]  # a space ends every reference
    context = WorkflowContext(values={"a": 1}, now=CONTEXT.now)
    meaning = {"$now": CONTEXT.now_text(), "$$": "$", "${context.a}": "1"}
    expected = "".join(meaning.get(piece[:-1], piece[:-1]) + " " for piece in pieces)
    assert compile_template("".join(pieces)).resolve(context) == expected


class Odd(Exception):
    """Can be neither read nor shown."""

    def _refuse(self, *_):
        raise KeyError("odd")

    __str__ = __repr__ = __getattr__ = __iter__ = __len__ = _refuse
    broken = property(_refuse)


class OddMapping(dict):
    __contains__ = __iter__ = __getitem__ = Odd._refuse


ODD = WorkflowContext(results={"odd": Odd(), "map": OddMapping()}, errors={"failed": Odd()})


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("$results.odd.broken", "looking up 'broken' failed: KeyError: 'odd'"),
        ("$results.odd.other", "looking up 'other' failed: KeyError: 'odd'"),
        ("$results.map.a", "looking up 'a' failed: KeyError: 'odd'"),
        ("say $results.odd", "it has no text: KeyError: 'odd'"),
        ("$results.failed", "step 'failed' has no result, it failed: (its text failed: KeyError)"),
    ],
)
def test_a_value_whose_methods_raise_makes_the_reference_lead_to_nothing(text, reason):
    with pytest.raises(UnresolvedReference) as caught:
        compile_template(text).resolve(ODD)
    assert caught.value.reason == reason


def test_an_error_s_message_is_text_whatever_its_str_raises():
    assert compile_template("$errors.failed.message").resolve(ODD) == "(its text failed: KeyError)"
    assert compile_template("$errors.failed.type").resolve(ODD) == "Odd"
