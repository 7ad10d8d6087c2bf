"""Items on their way through a pool: taken in one by one, run, and landed as outcomes.

A stream has one run, whose steps come in while it is open (``_core.Feed``). A task of its own
supervises it, so that what runs can be cancelled without the consumer, who is somewhere in the body
of its ``async with``. An async input is read by that task, from its first item to its end, and
closed there. A sync one is read by the consumer's task, in the consumer's context, whenever it asks
for an outcome: only then is there room for more.
"""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncGenerator, AsyncIterable, Callable, Iterable, Iterator
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

# So many items are taken without a checkpoint at most: others are to have their turn.
_STRETCH = 256

_NOTHING_MORE: Any = object()


class Belt:
    """Carries items through a pool.

    Args:
        spec: the run, whose lists are places for items on their way.
        items: the input.
        key: makes the id of an item.
        ordered: whether outcomes land in the order of the items.
        collects: whether an error is an outcome like others. Otherwise it stops the belt.
        on_failure: is called if something else than a step's error has ended it.
    """

    __slots__ = (
        "_feed",
        "_free",
        "_indices",
        "_items",
        "_iterator",
        "_key",
        "_on_failure",
        "_ordered",
        "_scope",
        "_waiting",
        "collects",
        "errors",
        "failure",
        "input_error",
        "landed",
        "left",
        "news",
        "over",
        "progress",
        "reads_here",
        "room",
        "spec",
        "stopped",
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
        on_failure: Callable[[], object],
    ) -> None:
        places = len(spec.ids)
        self.spec = spec
        spec.is_fed, spec.landing = True, self._land
        # The first error that is no outcome decides the run: nothing more of it starts.
        spec.thresholds = (None, None if collects else 1)
        self.collects = collects
        self.taken = 0
        """How many items were taken."""
        self.room = places
        """How many more may be taken: as many as there are places, but for those that are taken
        and not handed out. The consumer counts it up."""
        self.landed: deque[Outcome[Any, Any]] = deque()
        """What may be handed out now."""
        self.errors: dict[str, Exception] = {}
        """Where errors are no outcomes: what steps have raised."""
        self.input_error: Exception | None = None
        """What reading the input has raised."""
        self.failure: BaseException | None = None
        """What has ended it that is no step's error: Ctrl-C, a mistake of the program, a cancellation."""
        self.stopped = False
        """Whether nothing more is to be handed out: what runs was cancelled, or has failed."""
        self.left = False
        """Whether the consumer has left."""
        self.over = False
        """Whether nothing of it runs any more."""
        self.reads_here = not isinstance(items, AsyncIterable)
        """Whether the consumer's task has to read the input, and has not read all of it."""
        self.news = Bell()
        """For the consumer: something has landed, or it is over."""
        self.progress = Bell()
        """For who reads an async input: there is room. For a sync one: it has been read."""
        self._waiting: dict[int, Outcome[Any, Any]] = {}
        """With ``ordered``: what has to wait for one before it; and at -1 nothing, ever."""
        self._ordered = 0 if ordered else None
        """With ``ordered``: the index that lands next."""
        self._items = items
        self._key = key
        self._on_failure = on_failure
        self._free = list(range(places))
        self._indices = [0] * places
        self._iterator: Iterator[Any] | None = None
        self._feed: _core.Feed
        self._scope: trio.CancelScope | None = None

    def open(self, core: _core.Pool) -> None:
        """Take the run in on a pool, for the task that we are in."""
        self._feed = _core.Feed(open_run(core, self.spec))

    @enable_ki_protection
    async def conduct(self) -> None:
        """Run the steps, and read the input if it is async, until both have ended. Raises nothing."""
        try:
            run = self.spec.run
            assert run is not None, "it is open"
            async with trio.open_nursery() as nursery:
                self._scope = nursery.cancel_scope
                if self.stopped:
                    self.stop()
                host = Host(run, nursery, isolated=False)
                host.hold()
                try:
                    run.attach(host.spawn, host.stop, host.alarm, False)
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
            self.stopped = True
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
        self.landed, self.errors, self._waiting = deque(), {}, {}
        self._on_failure = _nobody
        if hasattr(self, "_feed"):
            del self._feed

    def stop(self) -> None:
        """Cancel what runs, and take in nothing more."""
        self.stopped = True
        if self._scope is not None:
            self._scope.cancel(reason="the stream has failed, or its consumer has left")

    @enable_ki_protection
    async def take(self) -> None:
        """Read a sync input as far as there is room."""
        while self.room > 0 and self.reads_here and not self.stopped:
            try:
                is_read = self._read_here(min(self.room, _STRETCH))
            except Exception as error:  # noqa: BLE001 - the consumer raises it
                self._input_failed(error)
                is_read = True
            if is_read:
                self.reads_here = False
                self.progress.ring()
            elif self.room > 0:
                await trio.lowlevel.cancel_shielded_checkpoint()

    @disable_ki_protection
    def _read_here(self, most: int) -> bool:
        """Take so many items; return whether that was all of them."""
        # Ctrl-C may interrupt this frame, as it may the input's own.
        iterator = self._iterator
        if iterator is None:
            iterator = self._iterator = iter(self._items)  # type: ignore[arg-type]
        put, end = self._put, _NOTHING_MORE
        for _ in range(most):
            item = next(iterator, end)
            if item is end:
                return True
            put(item)
        return False

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
                await self._read(source)
            finally:
                if isinstance(source, AsyncGenerator):
                    await _close(source)
        except Exception as error:
            if self.left:
                raise  # no outcome is asked for any more: it comes out of the end of the block
            self._input_failed(error)

    @disable_ki_protection
    async def _read(self, source: AsyncIterable[Any]) -> None:
        # Ctrl-C may interrupt this frame, as it may the input's own.
        put = self._put
        async for item in source:
            put(item)
            if self.room <= 0:
                await self.progress.wait()
            elif self.taken % _STRETCH == 0:
                await trio.lowlevel.checkpoint()

    @enable_ki_protection
    def _put(self, item: Any) -> None:
        index = self.taken
        name = str(index) if self._key is None else id_of(self._key, item)
        spec, place = self.spec, self._free.pop()
        self.taken = index + 1
        self.room -= 1
        self._indices[place] = index
        spec.steps[place] = item
        spec.ids[place] = name
        self._feed.put(place)

    @enable_ki_protection
    def _land(
        self,
        place: int,
        value: Any,
        error: Exception | None,
        wait: float,
        duration: float,
        attempt: int,
    ) -> None:
        spec, index = self.spec, self._indices[place]
        name, item = spec.ids[place], spec.steps[place]
        outcome = Outcome(index, name, item, value, error, wait, duration, attempt)
        spec.steps[place] = None
        self._free.append(place)
        if error is not None and not self.collects:
            self._step_failed(outcome, error)
        elif self._ordered is None:
            self.landed.append(outcome)
            if self.news.task is not None:
                self.news.ring()
        elif index == self._ordered:
            self._land_in_order(outcome)
        else:
            self._waiting[index] = outcome

    def _land_in_order(self, outcome: Outcome[Any, Any] | None) -> None:
        following = self._ordered or 0
        while outcome is not None:
            self.landed.append(outcome)
            following += 1
            outcome = self._waiting.pop(following, None)
        self._ordered = following
        self.news.ring()

    def _step_failed(self, outcome: Outcome[Any, Any], error: Exception) -> None:
        known = outcome.id in self.errors  # ids that a key makes may be the same
        self.errors[f"{outcome.id} ({outcome.index})" if known else outcome.id] = error
        self.stop()

    def _input_failed(self, error: Exception) -> None:
        note_on(error, f"in the input of {self.spec.kind} {self.spec.id!r}")
        self.input_error = error
        if not self.collects:
            self.stop()

    def not_handed_out(self) -> dict[int, Any]:
        """Return the values that have landed, or wait for one before them, by their index."""
        left = {outcome.index: outcome for outcome in self.landed} | self._waiting
        return {index: outcome.value for index, outcome in sorted(left.items()) if outcome.ok}


@disable_ki_protection
def _nobody() -> None:
    """The consumer has left."""


async def _close(generator: AsyncGenerator[Any, None]) -> None:
    await generator.aclose()
