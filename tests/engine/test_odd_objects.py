"""Steps, values, errors, observers and ids whose own methods raise: nothing of ours fails by them."""

from __future__ import annotations

import dataclasses
import logging
from functools import partial

import attrs
import pytest
import trio

from hocket import (
    EventKind,
    GroupFailed,
    ParallelExecutionManager,
    ParallelGroup,
    StepEvent,
    WorkerPool,
    WorkerTask,
    WorkflowDefinition,
    WorkflowStep,
)
from hocket._engine.supervisor import unwrap
from hocket.testing import assert_idle, leaks


def refuse(*_, **__):
    raise LookupError("odd")


@dataclasses.dataclass(frozen=True)
class Frozen(Exception):
    code: int = 1


@attrs.frozen
class FrozenToo(Exception):
    code: int = 1


class SetsNothing(Exception):
    __setattr__ = __delattr__ = refuse


class ShowsNothing(Exception):
    __str__ = __repr__ = __format__ = refuse


class ComparesNothing(Exception):
    __eq__ = __ne__ = __hash__ = __bool__ = refuse


class ReadsNothing(Exception):
    __getattribute__ = refuse


class LiesAboutItsClass(Exception):
    __class__ = property(refuse)


class TakesNoNotes(Exception):
    add_note = with_traceback = refuse


class DerivesNothing(ExceptionGroup[Exception]):
    derive = split = subgroup = refuse
    message = exceptions = property(refuse)


class DerivesNonsense(DerivesNothing):
    def derive(self, excs):
        return 1


def group_of(kind):
    return partial(kind, "odd", [ValueError()])


def noted(notes):
    return type("Noted", (Exception,), {"__notes__": notes})


# How each is made: pytest compares what it is given.
MARKED = {
    "frozen": Frozen,
    "frozen attrs": FrozenToo,
    "sets nothing": SetsNothing,
    "shows nothing": ShowsNothing,
    "compares nothing": ComparesNothing,
    "lies about its class": LiesAboutItsClass,
    "takes no notes": TakesNoNotes,
    "derives nothing": group_of(DerivesNothing),
    "derives nonsense": group_of(DerivesNonsense),
    "reads nothing": ReadsNothing,
}
UNMARKED = {
    "a tuple": noted(()),
    "a text": noted("text"),
    "a number": noted(1),
    "a property that raises": noted(property(refuse)),
    "a dict": noted({}),
}
marked = pytest.mark.parametrize("make", MARKED.values(), ids=list(MARKED))
unmarked = pytest.mark.parametrize("make", UNMARKED.values(), ids=list(UNMARKED))
odd_errors = pytest.mark.parametrize(
    "make", [*MARKED.values(), *UNMARKED.values()], ids=[*MARKED, *UNMARKED]
)


async def fail(error):
    raise error


@odd_errors
async def test_every_error_of_a_group_is_raised_whatever_one_of_them_refuses(make):
    error = make()
    plain = ValueError("plain")
    group = ParallelGroup("g", ["a", "b"], "all_settled")
    errors = {"a": error, "b": plain}

    async def execute(step):
        raise errors[step]

    result = await ParallelExecutionManager().execute_group(group, execute)
    result = attrs.evolve(result, success=False)
    with pytest.raises(GroupFailed) as caught:
        result.raise_for_failure()
    assert [id(one) for one in caught.value.exceptions] == [id(error), id(plain)]
    assert plain.__notes__ == ["in step 'b' of group 'g'"]


@marked
async def test_an_error_names_its_step_in_a_note_once_though_it_lets_nothing_be_set(make):
    error = make()
    task = WorkerTask("a", partial(fail, error))
    for _ in range(2):
        with pytest.raises(GroupFailed) as caught:
            await WorkerPool().execute_many([task])
    assert object.__getattribute__(error, "__notes__") == ["in step 'a' of group 'tasks'"]
    assert caught.value.message == "group 'tasks' failed: 1 of 1 steps"


@unmarked
async def test_the_step_of_an_error_that_takes_no_note_is_named_by_the_group(make):
    error = make()
    with pytest.raises(GroupFailed) as caught:
        await WorkerPool().execute_many([WorkerTask("a", partial(fail, error))])
    assert caught.value.message == (
        "group 'tasks' failed: 1 of 1 steps (errors that take no note: step 'a': Noted)"
    )


@pytest.mark.parametrize("limit", [None, 5])
@odd_errors
async def test_a_single_call_raises_the_very_error_of_its_task(autojump_clock, make, limit):
    error = make()
    pool = WorkerPool(timeout=limit)

    async def late():
        await trio.sleep(1)
        raise error

    raised = None
    try:
        await pool.execute(late)
    except Exception as caught:
        raised = caught
    assert raised is error
    assert_idle(pool)


@odd_errors
async def test_an_error_on_the_way_out_of_a_cancelled_step_is_the_step_s(autojump_clock, make):
    error = make()

    async def cleaned_up():
        try:
            await trio.sleep_forever()
        finally:
            raise error

    tasks = [WorkerTask("a", cleaned_up, timeout=1)]
    pool = WorkerPool()
    result = await pool.execute_with_strategy(tasks, "all_settled")
    assert result.errors["a"] is error
    assert_idle(pool)


async def test_a_group_with_a_cancellation_in_it_is_split_whatever_its_class_derives(
    autojump_clock,
):
    class Both(BaseExceptionGroup):
        derive = split = refuse

    error = ValueError("while cancelled")

    async def both(step):
        if step == "b":
            return await trio.sleep(1)
        try:
            return await trio.sleep_forever()
        except trio.Cancelled as cancelled:
            raise Both("both", [cancelled, error]) from None

    manager = ParallelExecutionManager()
    result = await manager.execute_group(ParallelGroup("g", ["a", "b"], "any"), both)
    assert result.errors["a"].exceptions == (error,)
    assert_idle(manager)


def test_what_is_raised_beside_a_fatal_exception_is_seen_though_that_takes_no_note():
    class Fatal(BaseException):
        __notes__ = ()

    error = BaseExceptionGroup("", [Fatal(), ShowsNothing()])
    assert unwrap(error) is error
    fatal = SystemExit()
    assert unwrap(BaseExceptionGroup("", [fatal, ShowsNothing()])) is fatal
    assert fatal.__notes__ == ["beside it: [<ShowsNothing; its repr failed: LookupError>]"]


# --- values, steps and observers

METHODS = [
    "eq",
    "ne",
    "hash",
    "bool",
    "len",
    "iter",
    "repr",
    "str",
    "format",
    "contains",
    "getattr",
]


def odd(**more):
    return type("Odd", (), {f"__{method}__": refuse for method in METHODS} | more)()


async def test_values_and_steps_are_passed_on_and_never_looked_at():
    steps, values = [odd(), odd()], [odd(), odd()]

    async def execute(step):
        return values[0] if step is steps[0] else values[1]

    group = ParallelGroup("g", steps, key=lambda step: "ab"[step is steps[1]])
    result = await ParallelExecutionManager().execute_group(group, execute)
    assert result.results["a"] is values[0]
    assert result.results["b"] is values[1]
    assert "<dict; its repr failed: LookupError>" in repr(result)


async def test_steps_of_one_id_are_named_whatever_their_repr_raises():
    group = ParallelGroup("g", [odd(), odd()], key=lambda _: "a")
    text = r"steps\[0\] <Odd; its repr failed: LookupError> and steps\[1\] .* the same id, 'a'"
    with pytest.raises(ValueError, match=text):
        await ParallelExecutionManager().execute_group(group, refuse)


async def test_an_observer_that_fails_is_removed_by_its_identity(caplog):
    told = []
    equal_to_all = type(
        "Any", (), {"__eq__": lambda *_: True, "__call__": lambda _, e: told.append(e)}
    )
    fails = odd(__call__=refuse)

    async def execute(step):
        return step

    manager = ParallelExecutionManager()
    observers = [equal_to_all(), fails]
    await manager.execute_group(ParallelGroup("g", ["a"]), execute, observer=observers)
    assert [event.kind for event in told] == [EventKind.STARTED, EventKind.SUCCEEDED]
    [line] = [record.getMessage() for record in caplog.records if record.levelno == logging.ERROR]
    assert line == "observer <Odd; its repr failed: LookupError> failed and was removed"


def test_an_event_is_shown_whatever_its_error_refuses():
    event = StepEvent(EventKind.FAILED, "a", None, 0.0, error=ShowsNothing())
    assert "error=<ShowsNothing; its repr failed: LookupError>" in repr(event)


async def test_a_callable_s_name_may_be_anything():
    class Call:
        def __init__(self, name):
            self.__qualname__ = name

        async def __call__(self):
            return [name for name, _ in pool.holders()]

    pool = WorkerPool()
    for strange in (["x"], 1, odd()):
        assert await pool.execute(Call(strange)) == [Call.__qualname__]


def test_a_pool_need_not_be_hashable_nor_comparable():
    class Pool(WorkerPool):
        __eq__ = refuse
        __hash__ = None

    pools = [Pool(), Pool()]
    assert leaks(ignore=pools) == []


# --- ids


class Caseless(str):
    __slots__ = ()

    def __eq__(self, other):
        return self.lower() == str(other).lower()

    def __hash__(self):
        return hash(self.lower())


class Hashless(str):
    __slots__ = ()
    __hash__ = None


class Raising(str):
    __slots__ = ()
    __eq__ = __repr__ = refuse
    __hash__ = str.__hash__


class Array(str):
    """Compares as arrays do: the answer is neither yes nor no."""

    __slots__ = ()
    __hash__ = str.__hash__

    def __eq__(self, other):
        return odd()


@pytest.mark.parametrize("kind", [Caseless, Hashless, Raising, Array])
async def test_an_id_by_which_nothing_would_be_found_is_refused_at_the_door(kind):
    async def execute(*_):
        raise AssertionError("it ran")

    for make in (
        lambda id_: ParallelGroup(id_, []),
        lambda id_: WorkerTask(id_, execute),
        lambda id_: WorkflowStep(id_, execute=execute),
        lambda id_: WorkflowStep("a", execute=execute, depends_on=[id_]),
        lambda id_: WorkflowDefinition(id_, [WorkflowStep("a", execute=execute)]),
    ):
        with pytest.raises(TypeError, match=f"class {kind.__name__} has an equality or a hash"):
            make(kind("A"))
    manager = ParallelExecutionManager()
    for steps, key in (
        ([kind("A")], None),
        ([1], lambda _: kind("A")),
        ([odd(id=kind("A"))], None),
    ):
        with pytest.raises(TypeError, match=r"steps\[0\] .* that equals its plain text; results"):
            await manager.execute_group(ParallelGroup("g", steps, key=key), execute)
    assert_idle(manager)


class Looks(str):
    """Only looks different."""

    __slots__ = ()
    __str__ = __repr__ = __format__ = __len__ = refuse


@pytest.mark.parametrize("text", ["a", "\udc80", "\0"])
@pytest.mark.parametrize("kind", [str, Looks])
async def test_a_result_is_found_by_the_id_given_and_by_the_text_that_it_equals(kind, text):
    async def execute(step):
        return 1

    given = kind(text)
    group = ParallelGroup(kind("g"), [given])
    result = await ParallelExecutionManager().execute_group(group, execute)
    assert result.results[given] == result.results[text] == 1
    assert [type(step) for step in result.steps] == [str]
    assert type(result.group_id) is str


@pytest.mark.parametrize("lacks", [lambda self: self.nothing, refuse])
async def test_an_id_that_fails_as_it_is_read_is_an_error_and_not_a_missing_id(lacks):
    class Step:
        id = property(lacks)

    manager = ParallelExecutionManager()
    with pytest.raises((AttributeError, LookupError)) as caught:
        await manager.execute_group(ParallelGroup("g", [Step()]), refuse)
    assert caught.value.__notes__ == ["in the attribute 'id' of group 'g': steps[0]"]


async def test_a_number_is_an_id_by_its_digits_whatever_its_text_is():
    class Number(int):
        __str__ = __repr__ = refuse

    async def execute(step):
        return 1

    group = ParallelGroup("g", [0], key=lambda _: Number(7))
    result = await ParallelExecutionManager().execute_group(group, execute)
    assert result.results == {"7": 1}
