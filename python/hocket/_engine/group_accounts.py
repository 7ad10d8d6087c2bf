"""What the groups of a manager have come to, by their ids."""

from __future__ import annotations

from collections import OrderedDict

import attrs

from .. import _core
from .._base.suggestions import did_you_mean
from .._model.statistics import GroupStats, group_stats

__all__ = ["GroupAccounts"]

# So that a service whose groups have ever new ids does not grow.
_MOST_ENDED = 1_000


@attrs.define
class _Account:
    ended: _core.Tally = attrs.Factory(_core.Tally)
    """What the runs that have ended came to together."""
    runs: int = 0
    """How many those are."""
    open: set[_core.Run] = attrs.Factory(set)


@attrs.define
class GroupAccounts:
    """One account for each id: of all its runs, those included that go on."""

    _open: dict[str, _Account] = attrs.Factory(dict)
    """Of groups that run now."""
    _ended: OrderedDict[str, _Account] = attrs.Factory(OrderedDict)
    """Of groups that do not, in the order in which they ended."""

    def begin(self, id: str, run: _core.Run) -> None:
        """Count a run in that has been opened."""
        account = self._open.get(id)
        if account is None:
            account = self._open[id] = self._ended.get(id) or _Account()
        self._ended.pop(id, None)
        account.open.add(run)

    def end(self, id: str, run: _core.Run) -> None:
        """Count a run out that has been closed, whatever it came to."""
        account = self._open.get(id)
        if account is None:
            return  # to count it in has failed, or it is counted out
        if run in account.open:
            total = account.ended.plus(run.tally())
            still_open = account.open - {run}
            # Together, so that nothing that strikes can come between them and count it twice.
            account.ended, account.runs, account.open = total, account.runs + 1, still_open
        if not account.open:
            self._ended[id] = account
            self._open.pop(id, None)
        if len(self._ended) > _MOST_ENDED:
            self._ended.popitem(last=False)

    def stats(self, id: str) -> GroupStats:
        """Return what a group has come to; KeyError if none of that id has run."""
        account = self._open.get(id, self._ended.get(id))
        if account is None:
            near = did_you_mean(id, [*self._open, *reversed(self._ended)])
            raise KeyError(
                f"no group {id!r} has run on this manager, or {_MOST_ENDED:,} others have ended since{near}"
            )
        tally = account.ended
        for run in account.open:
            tally = tally.plus(run.tally())
        return group_stats(tally, runs=account.runs, open_runs=len(account.open))
