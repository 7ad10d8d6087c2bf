"""A step that does without its slot for a while."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from types import TracebackType

import trio
from trio.lowlevel import current_task, enable_ki_protection

from .. import _core

__all__ = ["Releasable"]


class Releasable:
    """What a step may do with its own slot: :meth:`released`."""

    __slots__ = ()

    # The pool's own.
    _core: _core.Pool

    def released(self) -> AbstractAsyncContextManager[None, None]:
        """Give back the slot of the step that we are in, for the time of an ``async with`` block.

        For a step that waits long for something that takes no part of what the pool limits. Others run
        meanwhile. At the end of the block the step stands in line for a slot like any other, and goes
        on as it has one. While it waits it counts in ``queue_length``, and not as running. It starts
        nothing: no ``rate`` counts it, and :meth:`pause` and :meth:`hold_for` let it go on. A step's
        time limit counts on all the while, and so does the ``max_concurrent`` of its own group.

        The wait at the end can be cancelled, by a cancel scope or the step's time limit. The step then
        goes on without a slot, to its end as a rule, and is given one as soon as it would have had
        it. So a scope of the step's own belongs inside of the block, where it cannot strike that wait.

        Raises:
            RuntimeError: as the block is entered: this is no step of this pool, or the step has
                released its slot already.

        >>> import trio
        >>> pool = WorkerPool(max_concurrent=1)
        >>> async def order(name: str) -> str:
        ...     async with pool.released():
        ...         await trio.sleep(60)  # until they have cooked
        ...     return name
        >>> from hocket.testing import run_virtual
        >>> async def main() -> float:
        ...     await pool.map(order, ["soup", "fish", "cake"])
        ...     return trio.current_time()
        >>> run_virtual(main)
        60.0
        """
        return Released(self._core)


class Released:
    """The time for which a step does without its slot; :meth:`WorkerPool.released` begins one."""

    __slots__ = ("_core", "_slot")

    def __init__(self, core: _core.Pool) -> None:
        self._core = core
        self._slot: _core.Released | None = None

    @enable_ki_protection
    async def __aenter__(self) -> None:
        if not trio.lowlevel.in_trio_run():
            raise RuntimeError("pool.released() belongs into a step, which trio.run runs")
        slot = _core.Released(self._core, current_task())
        await trio.lowlevel.checkpoint()
        slot.give_up()
        self._slot = slot

    @enable_ki_protection
    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        slot, self._slot = self._slot, None
        assert slot is not None, "it was entered"
        bell = trio.Event()
        has_one = slot.want_back(bell.set)
        try:
            if _is_fatal(error):
                return  # Ctrl-C, or the step is being closed: nothing is waited for
            if has_one:
                await trio.lowlevel.checkpoint()
            else:
                await bell.wait()
        finally:
            slot.leave()


def _is_fatal(error: BaseException | None) -> bool:
    return error is not None and not isinstance(
        error, Exception | BaseExceptionGroup | trio.Cancelled
    )
