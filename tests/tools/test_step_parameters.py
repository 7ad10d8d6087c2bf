"""Tools that ask for their step: how they say so, and that no input can give it."""

# No `from __future__ import annotations`: some types here are written as they are, others as text.

import functools
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Annotated, Optional

import pytest

import hocket
from hocket import StepContext, ToolInputError, ToolRegistry, WorkflowContext

if TYPE_CHECKING:
    from nowhere import Unknown

CONTEXT = WorkflowContext()
STEP = "the step"  # what comes in as the step goes on to the tool, whatever it is


async def by_type(text, step: StepContext):
    return text, step


async def by_package(text, step: hocket.StepContext):
    return text, step


async def by_text(text, step: "StepContext"):
    return text, step


async def by_text_and_package(text, step: "hocket.StepContext"):
    return text, step


async def or_none(text, step: StepContext | None = None):
    return text, step


async def optional(text, step: Optional[StepContext] = None):  # noqa: UP045 - still written
    return text, step


async def beside_an_unknown_type(text: "Unknown", step: "StepContext"):
    return text, step


async def beside_an_unknown_type_or_none(text: "Unknown", step: "hocket.StepContext | None"):
    return text, step


async def by_keyword(text, *, step: StepContext):
    return text, step


async def named_context(text, context: StepContext):
    return text, context


async def named_otherwise(me: StepContext, text):
    return text, me


@functools.wraps(by_type)
async def wrapped(*args, **options):
    return await by_type(*args, **options)


async def call(fn, input):
    registry = ToolRegistry()
    registry.register(fn, name="tool")
    async with registry.open() as tools:
        return await tools["tool"](input, CONTEXT, STEP)


ASKING = [
    by_type,
    by_package,
    by_text,
    by_text_and_package,
    or_none,
    optional,
    beside_an_unknown_type,
    beside_an_unknown_type_or_none,
    by_keyword,
    named_context,
    named_otherwise,
    wrapped,
]


@pytest.mark.parametrize("fn", [*ASKING, functools.partial(by_type)])
@pytest.mark.parametrize("input", [{"text": "hello"}, "hello"])
async def test_a_parameter_of_its_type_gets_the_step(fn, input):
    assert await call(fn, input) == ("hello", STEP)


@pytest.mark.parametrize("fn", ASKING)
def test_it_is_no_input(fn):
    registry = ToolRegistry()
    registry.register(fn, name="tool")
    assert registry.check_input("tool", {"text": "hello"}) == []
    # A decorator may give what is missing.
    missing = [] if fn is wrapped else [((), "tool 'tool' needs 'text'")]
    assert registry.check_input("tool", {}) == missing
    made = registry.get("tool")
    [name] = made.step_parameters
    problems = registry.check_input("tool", {"text": "hello", name: 1})
    assert problems == [((name,), f"tool 'tool' gets {name!r} from hocket; leave it out")]


async def test_an_input_cannot_slip_it_in_where_any_name_is_fine():
    async def anything(step: StepContext, **options):
        return step, options

    assert await call(anything, {"a": 1}) == (STEP, {"a": 1})
    with pytest.raises(ToolInputError) as caught:
        await call(anything, {"step": 1})
    assert str(caught.value) == "tool 'tool' gets 'step' from hocket; leave it out"


async def test_a_tool_may_have_both_contexts():
    async def both(context, step: StepContext):
        return context, step

    assert await call(both, None) == (CONTEXT, STEP)


async def test_a_tool_class_says_so_in_its_call():
    class Connection:
        async def __aenter__(self):
            return self

        async def __aexit__(self, *error):
            pass

        async def __call__(self, text, step: "StepContext"):
            return text, step

    assert await call(Connection, "hello") == ("hello", STEP)


@pytest.mark.parametrize(
    "annotation",
    [
        list[StepContext],
        Callable[[StepContext], Awaitable[None]],
        Annotated[int, StepContext],
        "MyStepContext",
        "list[StepContext]",
        "StepContextual",
        WorkflowContext,
    ],
    ids=str,
)
def test_another_type_is_an_input(annotation):
    async def other(step):
        pass

    other.__annotations__["step"] = annotation
    registry = ToolRegistry()
    registry.register(other)
    assert registry.get("other").parameters == {"step"}


async def test_a_tool_that_does_not_ask_is_called_as_ever():
    async def plain(text, step=None):
        return text, step

    assert await call(plain, {"text": "a"}) == ("a", None)
    assert await call(plain, {"text": "a", "step": 5}) == ("a", 5)


Alias = StepContext


async def by_alias(text: "Unknown", step: "Alias"):
    return text, step


async def by_old_optional(text: "Unknown", step: "hocket.StepContext | None" = None):
    return text, step


async def annotated(text, step: Annotated[StepContext, "of this run"]):
    return text, step


@pytest.mark.parametrize("fn", [by_alias, by_old_optional, annotated])
def test_each_annotation_is_looked_at_by_itself(fn):
    assert ToolRegistry().merge(registry_of(fn)).get(fn.__name__).step_parameters == {"step"}


def registry_of(fn):
    registry = ToolRegistry()
    registry.register(fn)
    return registry


async def positional(page, /):
    return page


async def many_steps(*step: StepContext):
    return step


class NeedsAnArgument:
    def __init__(self, url):
        self.url = url

    async def __aenter__(self):
        return self

    async def __aexit__(self, *exc):
        pass

    async def __call__(self):
        return self.url


@pytest.mark.parametrize(
    ("fn", "text"),
    [
        (positional, "tool 'positional' cannot be given 'page': inputs go by name"),
        (many_steps, r"tool 'many_steps' takes its step in one parameter; found '\*step"),
        (
            NeedsAnArgument,
            "made anew for each run, without arguments; 'NeedsAnArgument' needs 'url'",
        ),
    ],
)
def test_a_tool_that_could_never_be_called_is_refused_as_it_is_registered(fn, text):
    with pytest.raises(TypeError, match=text):
        ToolRegistry().register(fn)


class ForgetsItself:
    async def __aenter__(self):
        pass

    async def __aexit__(self, *exc):
        pass

    async def __call__(self):
        return 1


async def test_a_tool_class_that_enters_as_nothing_is_told_so():
    registry = registry_of(ForgetsItself)
    with pytest.raises(
        TypeError, match="'__aenter__' of tool 'ForgetsItself' must return the tool"
    ):
        async with registry.open():
            pass
