"""Steps with loops and sequences, made in Python by the names that they have in files."""

from __future__ import annotations

from collections.abc import AsyncIterable, Callable, Iterable, Mapping
from typing import Any, Self, TypeAlias, TypeVar, Unpack

from .._model.rate import Rate
from .._model.strategy import StrategyLike, WaitStrategy
from .common import Always, Common
from .computed import CountLike, LimitLike
from .conditions import ConditionLike
from .context import WorkflowContext
from .loop import ForEach, Matrix, Passes, Repeat, check_name
from .sides import AnyStep, Members
from .step_checks import check_template

__all__ = ["StepMakers"]

T = TypeVar("T")

Items: TypeAlias = str | Iterable[Any] | AsyncIterable[Any] | Callable[[WorkflowContext], Any]


def _make(cls: type[T], id: str, **given: Any) -> T:
    # The class below is only ever the base of the one that takes these.
    make: Any = cls
    made: T = make(id, **given)
    return made


class StepMakers(AnyStep):
    """Makes steps that run others: what :class:`WorkflowStep` has besides its constructor."""

    __slots__ = ()

    @classmethod
    def sequence(cls, id: str, steps: Members, **common: Unpack[Common]) -> Self:
        """Make a step that runs others one after the other.

        Args:
            id: its id.
            steps: steps, or ids of steps of the workflow.
            common: ``depends_on``, ``when``, ``timeout``, ``on_error``, ``continue_on_error``: as for every
                step.

        Raises:
            TypeError, ValueError: an argument is wrong; the message names it.

        >>> from hocket import WorkflowStep
        >>> WorkflowStep.sequence("ship", ["build", "push"]).kind
        'block'
        """
        return _make(cls, id, sequence=steps, **common)

    @classmethod
    def for_each(
        cls,
        id: str,
        in_: Items,
        step: Any = None,
        *,
        steps: Members | None = None,
        sequence: Members | None = None,
        as_: str = "item",
        key: str | Callable[[Any], str] | None = None,
        max_concurrent: CountLike | None = None,
        wait_strategy: StrategyLike = WaitStrategy.ALL,
        fail_fast: bool = True,
        continue_on_error: bool = False,
        rate: Rate | None = None,
        **common: Unpack[Always],
    ) -> Self:
        """Make a step that does the same for every item of a list. Its value is a
        :class:`ParallelExecutionResult` with the values by key.

        Args:
            id: its id.
            in_: a list; a mapping, whose values are the items and whose keys theirs; a text that refers to
                one of the two (``"$results.users"``); or a function of the context that gives one, or
                anything to iterate over, which is then read as passes end.
            step: what to do for each item: a step, which gives the item's value. Its id is nobody's
                to refer to.
            steps: the same, as a graph of several steps; the item's value has theirs by id.
            sequence: the same, one after the other.
            as_: what an item is called: ``$item``, ``context.variables["item"]``. ``$index`` is its place.
            key: a text with references, or a function of the item: what results, errors and messages call
                an item. Default: its key in a mapping, its index in a list.
            max_concurrent: at most so many items at once: a number, or what works one out before the
                first, an expression as text or a function of the context. Default: only the pool's limit.
            wait_strategy: when the loop is decided; as for a group.
            fail_fast: False: all items run, and then the loop fails if one has failed.
            continue_on_error: failing items stop neither the loop nor the workflow. Default False.
            rate: at most so many items start in a time: a :class:`Rate`.
            common: ``depends_on``, ``when``, ``timeout``, ``on_error``: as for every step.

        Raises:
            TypeError, ValueError: an argument is wrong; the message names it.

        >>> from hocket import WorkflowStep
        >>> greet = WorkflowStep("greet", tool="greeter", input="$city")
        >>> WorkflowStep.for_each("all", "$results.cities", greet, as_="city", key="$city").kind
        'loop'
        """
        where = f"step {id!r}: for_each: "
        try:
            name = check_name(as_)
        except ValueError as error:
            raise ValueError(f"{where}as_: {error}") from None
        passes = Passes(
            where,
            key=key,
            max_concurrent=max_concurrent,
            wait_strategy=wait_strategy,
            fail_fast=fail_fast,
            continue_on_error=continue_on_error,
            rate=rate,
        )
        block = check_template("for_each", id, step, steps, sequence)
        return _make(cls, id, loop=ForEach(in_, name, passes, block), **common)

    @classmethod
    def matrix(
        cls,
        id: str,
        axes: Mapping[str, str | Iterable[Any]],
        step: Any = None,
        *,
        steps: Members | None = None,
        sequence: Members | None = None,
        include: str | Iterable[Mapping[str, Any]] = (),
        exclude: str | Iterable[Mapping[str, Any]] = (),
        key: str | Callable[[Any], str] | None = None,
        max_concurrent: CountLike | None = None,
        wait_strategy: StrategyLike = WaitStrategy.ALL,
        fail_fast: bool = True,
        continue_on_error: bool = False,
        rate: Rate | None = None,
        **common: Unpack[Always],
    ) -> Self:
        """Make a step that does the same for every combination of values: for every cell.

        Args:
            id: its id.
            axes: for each name its values, a list or a text that refers to one: ``$matrix.os``.
            step: what to do for each cell, as for :meth:`for_each`. Its ``when`` leaves cells out.
            steps: as for :meth:`for_each`.
            sequence: as for :meth:`for_each`.
            include: more cells: mappings of names to values.
            exclude: which cells to leave out: mappings of some names to values.
            key: as for :meth:`for_each`. Default: the values, ``"linux, 3.12"``.
            max_concurrent: as for :meth:`for_each`.
            wait_strategy: as for :meth:`for_each`.
            fail_fast: as for :meth:`for_each`.
            continue_on_error: as for :meth:`for_each`.
            rate: as for :meth:`for_each`.
            common: ``depends_on``, ``when``, ``timeout``, ``on_error``: as for every step.

        Raises:
            TypeError, ValueError: an argument is wrong; the message names it.

        >>> from hocket import WorkflowStep
        >>> test = WorkflowStep("test", tool="run_tests", input="$matrix")
        >>> WorkflowStep.matrix("tests", {"os": ["linux", "mac"], "py": ["3.11", "3.12"]}, test).kind
        'loop'
        """
        where = f"step {id!r}: matrix: "
        passes = Passes(
            where,
            key=key,
            max_concurrent=max_concurrent,
            wait_strategy=wait_strategy,
            fail_fast=fail_fast,
            continue_on_error=continue_on_error,
            rate=rate,
        )
        block = check_template("matrix", id, step, steps, sequence)
        loop = Matrix.of(where, axes, include, exclude, passes, block)
        return _make(cls, id, loop=loop, **common)

    @classmethod
    def repeat(
        cls,
        id: str,
        step: Any = None,
        *,
        until: ConditionLike,
        steps: Members | None = None,
        sequence: Members | None = None,
        delay: LimitLike | None = None,
        max: CountLike | None = None,
        **common: Unpack[Common],
    ) -> Self:
        """Make a step that does the same again until a condition holds. Its value is that of the last
        time.

        Args:
            id: its id; ``$results.<id>`` is the value of the last pass, in ``until`` and in the steps.
            step: what to do, as for :meth:`for_each`.
            until: an expression, or a function of the context, worked out after each pass. ``$index`` is
                how many there were before.
            steps: as for :meth:`for_each`.
            sequence: as for :meth:`for_each`.
            delay: seconds between two passes, or what works them out after each: an expression as text or
                a function of the context. Default: none.
            max: after so many passes the step fails; it may be worked out before the first. Default: no
                limit.
            common: ``depends_on``, ``when``, ``timeout``, ``on_error``, ``continue_on_error``: as for every
                step.

        Raises:
            TypeError, ValueError: an argument is wrong; the message names it.

        >>> from hocket import WorkflowStep
        >>> ask = WorkflowStep("ask", tool="http_request", input={"url": "http://localhost"})
        >>> WorkflowStep.repeat("poll", ask, until="$results.poll.done", delay=5, max=20).kind
        'loop'
        """
        block = check_template("repeat", id, step, steps, sequence)
        loop = Repeat(f"step {id!r}: repeat: ", block, until=until, delay=delay, max=max)
        return _make(cls, id, loop=loop, **common)
