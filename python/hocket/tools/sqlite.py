"""``database_query``: one SQL statement on an SQLite file, in a thread."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Mapping, Sequence
from contextlib import closing
from typing import Any

import attrs
import trio

from .._base.errors import HocketError
from .._base.jsonable import iso_dates
from .._workflow.context import WorkflowContext
from ._tool import tool

__all__ = ["database_query"]

Parameters = Sequence[Any] | Mapping[str, Any] | None

# Steps of SQLite's machine between two looks at the cancellation: about a millisecond.
_STEPS = 20_000
# SQLite sleeps while another connection holds the lock, and does not look at the cancellation
# meanwhile; so it sleeps for short times, and what it was about to do is tried again.
_LOCK_WAIT = 0.05
_LONGEST_LOCK_WAIT = 5.0


@tool
async def database_query(
    query: str,
    database: str | os.PathLike[str] | None = None,
    parameters: Parameters = None,
    *,
    context: WorkflowContext | None = None,
) -> Any:
    """Run one SQL statement in a transaction of its own.

    It runs in a thread, which has always ended when this returns. Cancellation stops it within
    milliseconds and undoes it. Another connection's lock is waited for, for 5 seconds.

    Args:
        query: one statement.
        database: an SQLite file. Default: ``context.values["database"]``.
        parameters: values for ``?`` (a list) or ``:name`` (a mapping) in the statement. Dates and
            times become text in ISO 8601.
        context: the run's context, which hocket passes.

    Returns:
        For a statement with rows, a list with a dict by column name for each; for another,
        ``{"rowcount": ..., "lastrowid": ...}``.

    Raises:
        sqlite3.Error: SQLite refused the statement; nothing has changed.
        HocketError: there is no database, or two columns of the result have one name.
    """
    if database is None and context is not None:
        database = context.values.get("database")
    if database is None:
        raise HocketError(
            "database_query needs a database: pass it in the input, or as the value 'database' "
            "of the run (hocket run ... --set database=FILE)"
        )
    return await trio.to_thread.run_sync(_Query(query, os.fspath(database), parameters).run)


@attrs.define
class _Query:
    """One statement; every method runs in the thread."""

    query: str
    database: str
    parameters: Parameters
    cancelled: BaseException | None = None

    def run(self) -> Any:
        deadline = time.monotonic() + _LONGEST_LOCK_WAIT
        while True:
            try:
                return self._run_once()
            except sqlite3.OperationalError as error:
                if self.cancelled is not None:
                    raise self.cancelled from None
                if not _is_locked(error) or time.monotonic() > deadline:
                    raise
            trio.from_thread.check_cancelled()

    def _run_once(self) -> Any:
        with closing(sqlite3.connect(self.database, timeout=_LOCK_WAIT)) as connection:
            # Not Connection.interrupt(): it does nothing if it comes just before the statement
            # starts. SQLite asks this one, so no cancellation falls between.
            connection.set_progress_handler(self._is_cancelled, _STEPS)
            # The context manager commits, or rolls back what has failed.
            with connection:
                cursor = connection.execute(self.query, iso_dates(self.parameters) or ())
                result = _result(cursor)
                if self._is_cancelled():
                    raise sqlite3.OperationalError("interrupted")
                return result

    def _is_cancelled(self) -> bool:
        if self.cancelled is None:
            try:
                trio.from_thread.check_cancelled()
            except (trio.Cancelled, KeyboardInterrupt) as error:
                self.cancelled = error
        return self.cancelled is not None


def _result(cursor: sqlite3.Cursor) -> Any:
    if cursor.description is None:
        return {"rowcount": cursor.rowcount, "lastrowid": cursor.lastrowid}
    names = [column[0] for column in cursor.description]
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise HocketError(f"two columns are named {twice!r}; rename one with AS")
    return [dict(zip(names, row, strict=True)) for row in cursor]


def _is_locked(error: sqlite3.OperationalError) -> bool:
    code = getattr(error, "sqlite_errorcode", 0)  # errors of Python's own have none
    return bool(code & 0xFF == sqlite3.SQLITE_BUSY)
