"""A stream of outcomes: an async function over many items, read as they come."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterable, Callable, Iterable
from types import MappingProxyType, TracebackType
from typing import Generic, TypeVar

import trio
from trio.lowlevel import enable_ki_protection

from .. import _core
from .._base.errors import GroupFailed
from .._base.exceptions import is_a, leaves, note_on
from .._base.shown import shown
from .._model.outcome import Outcome
from .._model.result import group_failed
from .belt import Belt
from .entry import begin_call
from .run import RunSpec
from .supervisor import unwrap

__all__ = ["Stream"]

T = TypeVar("T")
R = TypeVar("R")

logger = logging.getLogger("hocket.stream")


class Stream(Generic[T, R]):
    """The outcomes of an async function over many items, as they come. See :meth:`WorkerPool.stream`.

    Inside of ``async with`` it is an async iterator of :class:`Outcome`, for one task at a time.

    >>> import trio
    >>> async def double(x: int) -> int:
    ...     await trio.sleep(0)
    ...     return 2 * x
    >>> async def main() -> None:
    ...     async with stream(double, range(3), ordered=True) as outcomes:
    ...         async for outcome in outcomes:
    ...             print(outcome.item, outcome.value)
    >>> trio.run(main)
    0 0
    1 2
    2 4
    """

    __slots__ = ("_belt", "_core", "_entered", "_manager", "_scope", "_told")

    def __init__(
        self,
        core: _core.Pool,
        spec: RunSpec,
        items: Iterable[T] | AsyncIterable[T],
        *,
        key: Callable[[T], str] | None,
        ordered: bool,
        collects: bool,
        keeps: bool = False,
    ) -> None:
        self._core = core
        self._belt = Belt(
            spec,
            items,
            key,
            ordered=ordered,
            collects=collects,
            keeps=keeps,
            on_failure=self._interrupt,
        )
        self._told = False
        """Whether the failure was raised."""
        self._entered = False

    def __repr__(self) -> str:
        belt = self._belt
        state = "closed" if belt.left else "open" if self._entered else "not entered"
        taken = belt.taken or belt.landing.taken
        return f"<Stream of {belt.spec.id!r}: {state}, {taken} items taken>"

    @enable_ki_protection
    async def __aenter__(self) -> Stream[T, R]:
        """Open the stream: the first items are taken, and their steps begin."""
        if self._entered:
            raise RuntimeError("a stream is entered once: call stream(...) again for another one")
        await begin_call()
        self._entered = True
        try:
            self._belt.open(self._core)
            # Around the body: something fatal in a step must not wait for it.
            self._scope = trio.CancelScope()
            self._scope.__enter__()
            self._manager = trio.open_nursery()
            nursery = await self._manager.__aenter__()
            nursery.start_soon(self._belt.conduct, name="hocket.stream")
        except BaseException:
            self._belt.spec.close()
            raise
        try:
            await self._belt.take()
        except BaseException as error:
            await self.__aexit__(type(error), error, error.__traceback__)
            raise
        return self

    @enable_ki_protection
    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close the stream: what runs is cancelled and awaited, and the input closed."""
        self._belt.left = True
        failure, rest = None, error
        try:
            failure = await self._leave()
        finally:
            try:
                # Without what has interrupted the body in our name.
                rest = None if self._scope.__exit__(kind, error, traceback) else error
            except BaseException as other:  # noqa: BLE001 - raised below, or by the block itself
                rest = other
            self._belt.spec.close()
        self._report_unseen("the consumer has left")
        if failure is None and rest is not error:
            failure = self._belt.failure
        try:
            self._raise(failure, rest)
            if rest is not None and rest is not error:
                raise rest
        finally:
            self._belt.forget()
            del failure, rest, error

    def _raise(self, failure: BaseException | None, rest: BaseException | None) -> None:
        """Raise what has ended the stream, unless the body's own exception comes first."""
        if failure is None or (rest is not None and is_a(failure, trio.Cancelled)):
            return
        if rest is None or _is_cancellation(rest) or not is_a(failure, Exception):
            try:
                raise failure
            finally:
                del failure, rest
        # The body's own error arrives as it is.
        note_on(rest, f"beside it: {shown(failure)}")
        logger.error("closing a stream has failed", exc_info=failure)

    def __aiter__(self) -> Stream[T, R]:
        """Return the stream itself: it is its own iterator."""
        if not self._entered:
            raise RuntimeError(
                "a stream has to be entered: write 'async with pool.stream(...) as outcomes:', "
                "and inside of it 'async for outcome in outcomes:'"
            )
        return self

    @enable_ki_protection
    async def __anext__(self) -> Outcome[T, R]:
        """Return the next outcome.

        Raises:
            StopAsyncIteration: there are no more, and nothing runs any more.
            GroupFailed: a step has failed, or the input has.
            RuntimeError: the stream is not entered, or left.
            trio.BusyResourceError: another task waits for the next outcome.
        """
        belt = self._belt
        if belt.reads_here and belt.landing.is_ready:
            belt.read()
        outcome: Outcome[T, R] | None = belt.landing.pop()
        if outcome is None:
            outcome = await self._wait_for_outcome()
        return outcome

    async def _wait_for_outcome(self) -> Outcome[T, R]:
        """Return the next outcome, as it may be handed out; raise what the end of the stream raises."""
        belt = self._belt
        self._check()
        if belt.landing.is_ready:  # it has been handed so many in a row
            await trio.lowlevel.checkpoint()
        await belt.take()
        outcome: Outcome[T, R] | None = belt.landing.pop_rested()
        while outcome is None:
            if belt.over:
                raise self._end()
            self._check()  # another task may have begun to wait before this one had its turn
            await belt.news.wait()
            await belt.take()
            outcome = belt.landing.pop_rested()
        return outcome

    def _check(self) -> None:
        if self._belt.left or not self._entered:
            raise RuntimeError(
                "the outcomes of a stream are read inside of its 'async with': "
                + ("this one has been left" if self._belt.left else "this one was not entered")
            )
        if self._belt.news.task is not None:
            raise trio.BusyResourceError(
                "another task waits for this stream's next outcome: let one task read it, and pass "
                "outcomes on through a memory channel"
            )

    def _end(self) -> BaseException:
        """Return what the end of the stream raises."""
        belt = self._belt
        if belt.failure is not None and not self._told:
            self._report_unseen("the stream was ended by something else")
            self._told = True
            return belt.failure
        if self._told or not (belt.failed or belt.input_error):
            return StopAsyncIteration()
        self._told = True
        return self._group_failed()

    def _group_failed(self) -> GroupFailed:
        belt, why = self._belt, []
        errors = belt.errors
        if errors:
            why.append(f"{len(errors)} of {belt.landing.taken} steps")
        if belt.input_error is not None:
            why.append("its input")
        spec = belt.spec
        failed = group_failed(spec.kind, spec.id, errors, " and ".join(why))
        if belt.input_error is not None:
            failed = GroupFailed(failed.message, [*errors.values(), belt.input_error])
        failed.finished = MappingProxyType(belt.not_handed_out())
        return failed

    def _interrupt(self) -> None:
        """It has failed, while the consumer is somewhere in its own code; the belt calls this."""
        if not is_a(self._belt.failure or Exception(), trio.Cancelled):
            self._scope.cancel(reason="the stream has failed")

    async def _leave(self) -> BaseException | None:
        """See to it that nothing runs any more; return what has gone wrong with that."""
        belt = self._belt
        belt.stop()
        closing: BaseException | None = None
        try:
            belt.close_input()
        except BaseException as error:  # noqa: BLE001 - raised when nothing runs any more
            closing = error
        try:
            await self._manager.__aexit__(None, None, None)
        except BaseException as error:  # noqa: BLE001 - as above
            closing = closing or unwrap(error)
        failure = None if self._told else belt.failure
        try:
            if failure is None or closing is None:
                return failure or closing
            if is_a(failure, trio.Cancelled):
                failure, closing = closing, failure
            if not is_a(closing, trio.Cancelled):
                note_on(failure, f"beside it: {shown(closing)}")
            return failure
        finally:
            # An error that Trio raised as we cancelled leads to this frame.
            del failure, closing

    def _report_unseen(self, why: str) -> None:
        """Log what has no other way out, as the consumer is not told of it."""
        if self._told:
            return
        unseen = self._belt.errors
        if self._belt.input_error is not None:
            unseen["input"] = self._belt.input_error
        for step, error in unseen.items():
            logger.warning("%s, and step %r has failed", why, step, exc_info=error)


def _is_cancellation(error: BaseException) -> bool:
    return all(is_a(leaf, trio.Cancelled) for leaf in leaves(error))
