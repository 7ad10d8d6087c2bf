"""Items on their way through a pool: taken in one by one, run, and landed as outcomes.

A stream has one run, whose steps come in while it is open (``_core.Feed``), and land where the
consumer finds them (``_core.Landing``). A task of its own supervises it, so that what runs can be
cancelled without the consumer, who is somewhere in the body of its ``async with``. An async input is
read by that task, from its first item to its end, and closed there. A sync one is read by the
consumer's task, in the consumer's context, whenever it asks for an outcome: only then is there room
for more.
"""

from __future__ import annotations

from collections.abc import (
    AsyncGenerator,
    AsyncIterable,
    AsyncIterator,
    Callable,
    Iterable,
    Iterator,
)
from functools import partial
from typing import Any

import trio
from trio.lowlevel import disable_ki_protection, enable_ki_protection

from .. import _core
from .._base.exceptions import note_on
from .._model.outcome import Outcome
from .bell import Bell
from .intake import close_now, id_of
from .run import RunSpec, open_run
from .supervisor import Host, unwrap

__all__ = ["Belt"]

_GAP: Any = object()


class Belt:
    """Carries items through a pool.

    Args:
        spec: the run, whose lists are places for items on their way.
        items: the input.
        key: makes the id of an item.
        ordered: whether outcomes land in the order of the items.
        collects: whether an error is an outcome like others. Otherwise it stops the belt.
        keeps: whether values are kept until the end, and no outcome is handed out.
        on_failure: is called if something else than a step's error has ended it.
    """

    __slots__ = (
        "_feed",
        "_items",
        "_iterator",
        "_key",
        "_on_failure",
        "_scope",
        "collects",
        "failed",
        "failure",
        "input_error",
        "keeps",
        "landing",
        "left",
        "news",
        "over",
        "progress",
        "reads_here",
        "spec",
        "taken",
    )

    def __init__(
        self,
        spec: RunSpec,
        items: Iterable[Any] | AsyncIterable[Any],
        key: Callable[[Any], str] | None,
        *,
        ordered: bool,
        collects: bool,
        keeps: bool,
        on_failure: Callable[[], object],
    ) -> None:
        self.spec = spec
        # The first error that is no outcome decides the run: nothing more of it starts.
        spec.is_fed, spec.thresholds = True, (None, None if collects else 1)
        self.collects = collects
        self.keeps = keeps
        self.failed: list[Outcome[Any, Any]] = []
        """Where errors are no outcomes like others: the steps that have failed."""
        self.input_error: Exception | None = None
        """What reading the input has raised."""
        self.failure: BaseException | None = None
        """What has ended it that is no step's error: Ctrl-C, a mistake of the program, a cancellation."""
        self.left = False
        """Whether the consumer has left."""
        self.over = False
        """Whether nothing of it runs any more."""
        self.taken = 0
        """How many items were taken, when the consumer has left."""
        self.reads_here = not isinstance(items, AsyncIterable)
        """Whether the consumer's task has to read the input, and has not read all of it."""
        self.news = Bell()
        """For the consumer: something has landed, or it is over."""
        self.progress = Bell()
        """For who reads an async input: there is room. For a sync one: it has been read."""
        # A consumer that is handed outcomes makes room itself, and comes back to read.
        reader = self.progress if not self.reads_here else self.news if keeps else None
        self.landing = _core.Landing(
            len(spec.ids),
            Outcome,
            ordered=ordered,
            keeps=keeps,
            failures=None if collects else self.failed,
            on_landed=self.news.ring,
            on_room=None if reader is None else reader.ring,
        )
        """What is on its way, what may be handed out, and whether nothing is any more: what runs was
        cancelled then, or has failed."""
        spec.landing = self.landing
        self._items = items
        self._key = None if key is None else partial(id_of, key)
        self._on_failure = on_failure
        self._iterator: Iterator[Any] | None = None
        self._feed: _core.Feed
        self._scope: trio.CancelScope | None = None

    def open(self, core: _core.Pool) -> None:
        """Take the run in on a pool, for the task that we are in."""
        self._feed = _core.Feed(open_run(core, self.spec), self._key)

    @enable_ki_protection
    async def conduct(self) -> None:
        """Run the steps, and read the input if it is async, until both have ended. Raises nothing."""
        try:
            run = self.spec.run
            assert run is not None, "it is open"
            async with trio.open_nursery() as nursery:
                self._scope = nursery.cancel_scope
                if self.landing.stopped:
                    self.stop()
                host = Host(run, nursery, isolated=False)
                host.hold()
                try:
                    # Its verdict is a failure, which also ends the reading of the input.
                    run.attach(host.spawn, self.stop, host.alarm, True)
                    run.start()
                    await self._take_all()
                    self._feed.end()
                    # Where all slots are taken elsewhere, a worker has to wait for those that are left.
                    run.start()
                finally:
                    # Also of a stream that is left: a slot that it is granted until it is closed must
                    # not bring a worker into a nursery that is over.
                    host.release()
        except BaseException as error:  # noqa: BLE001 - the consumer raises it
            self.failure = unwrap(error)
            self.landing.stop()
        finally:
            self.over = True
            try:
                self.spec.close()
            finally:
                self._tell_end()

    def _tell_end(self) -> None:
        if self.news.task is not None:
            self.news.ring()
        elif self.failure is not None:
            self._on_failure()

    def forget(self) -> None:
        """Let go of what holds this in turn: nothing comes any more, and who asks has been told."""
        self.spec.landing = self.spec.run = None
        # An error that somebody keeps may lead to the frames that were there as it was raised.
        self.failure = self.input_error = None
        self.taken += self.landing.taken
        self.landing, self.failed = _core.Landing(0, Outcome), []
        self._on_failure = _nobody
        if hasattr(self, "_feed"):
            del self._feed

    @enable_ki_protection
    def stop(self) -> None:
        """Cancel what runs, and take in nothing more. The core calls this as a step has failed."""
        self.landing.stop()
        if self._scope is not None:
            self._scope.cancel(reason="the stream has failed, or its consumer has left")

    @enable_ki_protection
    async def take(self) -> None:
        """Read a sync input as far as there is room."""
        while self.reads_here and self.landing.room and not self.landing.stopped:
            self.read()
            if self.reads_here and self.landing.room:
                await trio.lowlevel.cancel_shielded_checkpoint()

    @enable_ki_protection
    def read(self) -> None:
        """Read a sync input, until there is no room or others are to have their turn."""
        try:
            is_read = self._read_here()
        except Exception as error:  # noqa: BLE001 - the consumer raises it
            self._input_failed(error)
            is_read = True
        if is_read:
            self.reads_here = False
            self.progress.ring()

    @disable_ki_protection
    def _read_here(self) -> bool:
        """Return whether that was all."""
        # Ctrl-C may interrupt this frame, as it may the input's own.
        iterator = self._iterator
        if iterator is None:
            items: Any = self._items
            self._iterator = iterator = iter(items)
        return self._feed.take(iterator)

    def close_input(self) -> None:
        """Close a sync generator, in the consumer's task, which has read it."""
        if self._iterator is not None:
            close_now(self._iterator)

    async def _take_all(self) -> None:
        while self.reads_here:
            await self.progress.wait()
        if not isinstance(self._items, AsyncIterable):
            return
        try:
            source = aiter(self._items)
            try:
                goes_on = True
                while goes_on:
                    goes_on = await self._read(source) and await self._wait_for_turn(source)
            finally:
                if isinstance(source, AsyncGenerator):
                    await _close(source)
        except Exception as error:
            if self.left:
                raise  # no outcome is asked for any more: it comes out of the end of the block
            self._input_failed(error)

    @disable_ki_protection
    async def _read(self, source: AsyncIterator[Any]) -> bool:
        """Take what comes, until there is no room or others are to have their turn.

        Returns whether there may be more.
        """
        # Ctrl-C may interrupt this frame, as it may the input's own.
        add = self._feed.add
        async for item in source:
            if not add(item):
                return True
        return False

    @enable_ki_protection
    async def _wait_for_turn(self, source: AsyncIterator[Any]) -> bool:
        """Wait until one more item may be taken; return whether there may be any."""
        held: list[Any] = []
        goes_on = True
        while goes_on or held:
            try:
                await self._pause()
            except trio.Cancelled as cancelled:
                is_ours = self._scope is None or self._scope.cancel_called
                if is_ours or not goes_on or not isinstance(source, AsyncGenerator):
                    raise
                # It may come from a scope that the input holds open while it yields, and has to get there.
                goes_on = await _throw(source, cancelled, held)
                continue
            if not held:
                return True
            self._feed.add(held.pop(0))
        return False

    async def _pause(self) -> None:
        """Wait for room, or let others have their turn."""
        if self.landing.room:
            await trio.lowlevel.checkpoint()
        while not self.landing.room:
            await self.progress.wait()

    def _input_failed(self, error: Exception) -> None:
        note_on(error, f"in the input of {self.spec.kind} {self.spec.id!r}")
        self.input_error = error
        if not self.collects:
            self.stop()

    @property
    def errors(self) -> dict[str, Exception]:
        """Where errors are no outcomes like others: what steps have raised, by their ids."""
        errors: dict[str, Exception] = {}
        for outcome in self.failed:
            name = outcome.id
            while name in errors:  # ids that a key makes may be the same
                name = f"{name} ({outcome.index})"
            errors[name] = outcome.error  # type: ignore[assignment]  # it has failed
        return errors

    def values(self) -> list[Any]:
        """Return all values, where they are kept and none is missing."""
        return self.landing.rest(_GAP)

    def not_handed_out(self) -> dict[int, Any]:
        """Return the values that have landed, or wait for one before them, by their index."""
        found = enumerate(self.landing.rest(_GAP))
        if self.keeps:
            return {index: value for index, value in found if value is not _GAP}
        outcomes = (outcome for _, outcome in found if outcome is not _GAP)
        values = {outcome.index: outcome.value for outcome in outcomes if outcome.ok}
        return dict(sorted(values.items()))


@disable_ki_protection
def _nobody() -> None:
    """The consumer has left."""


async def _close(generator: AsyncGenerator[Any, None]) -> None:
    await generator.aclose()


@disable_ki_protection
async def _throw(
    generator: AsyncGenerator[Any, None], error: BaseException, given: list[Any]
) -> bool:
    """Throw an error in where a generator yields, and note what it yields then; return whether it does."""
    try:
        given.append(await generator.athrow(error))
    except StopAsyncIteration:
        return False
    finally:
        del error  # its traceback holds this frame
    return True
