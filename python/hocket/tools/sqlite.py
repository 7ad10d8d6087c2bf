"""``database_query``: one SQL statement on an SQLite file, in a thread."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

import trio

from .._base.checks import check_flag
from .._base.errors import HocketError
from .._base.jsonable import iso_dates
from .._workflow.context import WorkflowContext
from ._sqlite_statement import Locked, Statement
from ._tool import tool

__all__ = ["database_query"]

Parameters = Sequence[Any] | Mapping[str, Any] | None

_LONGEST_LOCK_WAIT = 5.0
# Seconds between two attempts at a lock; the last one goes on.
_LOCK_WAITS = (0.001, 0.002, 0.005, 0.01, 0.025, 0.05)
# Statements at once. Others wait for one of these to end, and not for Trio's threads, nor those
# for them.
_MOST_THREADS = 40
_threads: trio.lowlevel.RunVar[trio.CapacityLimiter] = trio.lowlevel.RunVar("hocket database_query")


@tool
async def database_query(
    query: str,
    database: str | os.PathLike[str] | None = None,
    parameters: Parameters = None,
    *,
    create: bool = False,
    context: WorkflowContext | None = None,
) -> Any:
    """Run one SQL statement in a transaction of its own.

    It runs in a thread, which has always ended when this returns. Cancellation undoes it: it is
    looked for every 20,000 steps of SQLite's machine, which take about a millisecond, and while
    another connection's lock is waited for. One step may take longer: a function on a large value,
    the sorting of many rows, the writing of a large transaction or taking it back. What is committed
    stays, and the statement's value is returned.

    Another connection's lock is waited for, for 5 seconds. Up to 40 statements run at once, those
    that wait for a lock not counted.

    Args:
        query: one statement. ``VACUUM`` and ``PRAGMA journal_mode`` and the like run without a
            transaction, as SQLite asks, and to their end once they have begun. ``BEGIN``,
            ``COMMIT`` and the like are refused.
        database: an SQLite file. Default: ``context.values["database"]``. ``":memory:"`` is an empty
            one for this statement alone.
        parameters: values for ``?`` (a list) or ``:name`` (a mapping) in the statement. Dates and
            times become text in ISO 8601.
        create: whether to make the file if there is none. Default False: that is an error.
        context: the run's context, which hocket passes.

    Returns:
        For a statement with rows, a list with a dict by column name for each; for another,
        ``{"rowcount": ..., "lastrowid": ...}``.

    Raises:
        sqlite3.Error: SQLite refused the statement; nothing has changed.
        HocketError: there is no database, or none that can be opened, two columns of the result
            have one name, or the query is no statement, or one about transactions.
        TypeError: an option is of the wrong type.
    """
    _check_options(query, parameters, create)
    if database is None and context is not None:
        database = context.values.get("database")
    if database is None:
        raise HocketError(
            "database_query needs a database: pass it in the input, or as the value 'database' "
            "of the run (hocket run ... --set database=FILE)"
        )
    _check_database(database)
    statement = Statement(query, os.fsdecode(database), iso_dates(parameters), create)
    return await _run(statement)


def _check_options(query: Any, parameters: Any, create: Any) -> None:
    if not isinstance(query, str):
        raise TypeError(f"query must be a text; found {type(query).__name__}")
    wanted = isinstance(parameters, Mapping | Sequence) and not isinstance(parameters, str | bytes)
    if parameters is not None and not wanted:
        raise TypeError(
            f"parameters must be a list (for '?') or a mapping (for ':name'); "
            f"found {type(parameters).__name__}; write a single value as [value]"
        )
    check_flag("create", create)


def _check_database(database: Any) -> None:
    if not isinstance(database, str | bytes | os.PathLike):
        raise TypeError(
            f"database must be the path of an SQLite file; found {type(database).__name__}"
        )


async def _run(statement: Statement) -> Any:
    """Run it, again and again while the database is locked, without a thread meanwhile."""
    deadline = trio.current_time() + _LONGEST_LOCK_WAIT
    attempt = 0
    while True:
        try:
            return await trio.to_thread.run_sync(statement.run, limiter=_limiter())
        except Locked as locked:
            if trio.current_time() >= deadline:
                raise locked.error from None
        await trio.sleep(_LOCK_WAITS[min(attempt, len(_LOCK_WAITS) - 1)])
        attempt += 1


def _limiter() -> trio.CapacityLimiter:
    try:
        return _threads.get()
    except LookupError:
        limiter = trio.CapacityLimiter(_MOST_THREADS)
        _threads.set(limiter)
        return limiter
