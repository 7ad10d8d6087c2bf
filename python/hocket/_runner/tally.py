"""What the passes of a loop have come to, and whether that decides it."""

from __future__ import annotations

from typing import Any

from .._model.result import ParallelExecutionResult
from .._model.strategy import Quorum, WaitStrategy
from .._workflow.loop import Passes

__all__ = ["Tally"]

_MOST_NAMED = 3


class Tally:
    """Counts what has ended, and holds it against the strategy of the loop.

    Args:
        settings: those of the loop.
        known: the keys of all items, if they are known before the first one runs.
        tolerates: whether a pass may fail.
    """

    def __init__(self, settings: Passes, known: list[str] | None, *, tolerates: bool) -> None:
        self.settings = settings
        self.strategy = settings.wait_strategy
        self.is_all = self.strategy is WaitStrategy.ALL
        self.harmless = tolerates and self.is_all
        self.goes_on = settings.continue_on_error or not settings.fail_fast
        self.taken: dict[str, None] = {}
        self.known = known
        self.results: dict[str, Any] = {}
        self.errors: dict[str, Exception] = {}
        self.skipped = 0
        self.is_decided = False
        self._lost = False
        self._give_up_if_too_few()

    @property
    def need(self) -> int:
        """How many have to succeed, where that is a number."""
        return self.strategy.k if isinstance(self.strategy, Quorum) else 1

    def take(self, key: str) -> None:
        """An item is taken.

        Raises:
            ValueError: another one has its key.
        """
        if self.known is not None:
            return
        if key in self.taken:
            raise ValueError(
                f"the key {key!r} belongs to more than one item; give each its own key"
            )
        self.taken[key] = None

    def skip(self) -> None:
        """An item's condition said no."""
        self.skipped += 1
        self._give_up_if_too_few()

    def no_more(self) -> None:
        """All items are taken, and so it is known how many there are."""
        if self.known is None:
            self.known = list(self.taken)
            self._give_up_if_too_few()

    def _give_up_if_too_few(self) -> None:
        """Decide the loop if fewer items are left than have to succeed."""
        if self._is_out_of_reach and not (self.is_decided or self.goes_on):
            self._lost = self.is_decided = True

    def succeeded(self, key: str, value: Any) -> None:
        """A pass has given a value."""
        self.results[key] = value
        if self.is_decided or self.is_all or self.strategy is WaitStrategy.ALL_SETTLED:
            return
        if len(self.results) >= self.need:
            self.is_decided = True

    def failed(self, key: str, error: Exception) -> None:
        """A pass has failed."""
        is_first = not self.results and not self.errors
        self.errors[key] = error
        if self.is_decided or self.goes_on or self.harmless:
            return
        self._lost = (
            self.is_all
            or (self.strategy is WaitStrategy.RACE and is_first)
            or self._is_out_of_reach
        )
        self.is_decided = self._lost

    @property
    def _is_out_of_reach(self) -> bool:
        if self.known is None or self.is_all or self.strategy is WaitStrategy.ALL_SETTLED:
            return False
        return len(self.known) - self.skipped - len(self.errors) < self.need

    @property
    def success(self) -> bool:
        """Whether the loop has succeeded, now that nothing of it runs any more."""
        if self.settings.continue_on_error or self.strategy is WaitStrategy.ALL_SETTLED:
            return True
        if self.is_all:
            return self.harmless or not self.errors
        return not self._lost and len(self.results) >= self.need

    def result(self, loop: str, started: set[str], duration: float) -> ParallelExecutionResult[Any]:
        """What the loop has come to, its values in the order of the items."""
        keys = list(self.taken) if self.known is None else self.known
        results, errors = self.results, self.errors
        left = [key for key in keys if key not in results and key not in errors]
        is_contest = self.strategy in (WaitStrategy.ANY, WaitStrategy.RACE)
        return ParallelExecutionResult(
            group_id=loop,
            wait_strategy=self.strategy,
            success=self.success,
            steps=keys,
            completed_steps=list(results),
            failed_steps=list(errors),
            skipped_steps=left,
            cancelled_steps=[key for key in left if key in started],
            results={key: results[key] for key in keys if key in results},
            errors={key: errors[key] for key in keys if key in errors},
            winner=next(iter(results)) if self.success and is_contest and results else None,
            duration=duration,
            timed_out=False,
        )

    def why(self) -> str:
        """Say why it has failed, with the keys of the first that did."""
        keys = self.taken if self.known is None else self.known
        if not keys:
            return f"{self.strategy.value} needs {self._of_need()}, and there are none"
        if len(keys) < self.need:
            there = "is 1" if len(keys) == 1 else f"are {len(keys):,}"
            return f"{self.strategy.value} needs {self._of_need()}, and there {there}"
        skipped = f"{self.skipped:,} skipped"
        if not self.errors:
            left = len(keys) - self.skipped
            were = "1 was" if left == 1 else f"{left:,} were"
            return (
                f"{self.strategy.value} needs {self._of_need()}, and {were} left to run: {skipped}"
            )
        named = ", ".join(map(repr, list(self.errors)[:_MOST_NAMED]))
        more = ", ..." if len(self.errors) > _MOST_NAMED else ""
        text = f"{len(self.errors):,} of {len(keys):,} items: {named}{more}"
        if self.is_all or len(self.errors) == len(keys):
            return text
        text = f"{text}; {self.strategy.value} needs {self._of_need()} to succeed"
        return f"{text}, and {skipped}" if self.skipped else text

    def _of_need(self) -> str:
        return "1 item" if self.need == 1 else f"{self.need:,} items"
