"""One SQL statement, as it runs in a thread: opened, run, committed or taken back."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import attrs
import trio

from .._base.errors import HocketError

__all__ = ["Locked", "Statement"]

# Steps of SQLite's machine between two looks at the cancellation: about a millisecond.
_STEPS = 20_000
# Seconds that SQLite waits for others to let it commit, between two looks at the cancellation.
_COMMIT_WAIT = 0.05
_COMMITS = 100

# What comes before the first word of a statement.
_BLANK = re.compile(r"(?:[\s\ufeff;]|--[^\n]*(?:\n|\Z)|/\*.*?(?:\*/|\Z))*", re.DOTALL)
_OF_TRANSACTIONS = {"BEGIN", "COMMIT", "END", "ROLLBACK", "SAVEPOINT", "RELEASE"}
# SQLite runs these outside of transactions only, or they do nothing inside of one.
_ALONE = {"ATTACH", "DETACH", "VACUUM"}
_PRAGMAS_ALONE = {"FOREIGN_KEYS", "JOURNAL_MODE", "SYNCHRONOUS", "TEMP_STORE", "WAL_CHECKPOINT"}
_WORDS = re.compile(r"([A-Za-z]+)(?:\s+(?:\w+\s*\.\s*)?(\w+))?")


class Locked(Exception):
    """Another connection has the database, and nothing has been done."""

    def __init__(self, error: sqlite3.OperationalError) -> None:
        super().__init__(error)
        self.error = error


@attrs.define
class Statement:
    """One statement; every method runs in the thread."""

    query: str
    database: str
    parameters: Sequence[Any] | Mapping[str, Any] | None
    create: bool
    cancelled: BaseException | None = None

    def run(self) -> Any:
        """Run it in a transaction of its own.

        Raises:
            Locked: it may be tried again.
            sqlite3.Error, HocketError: it failed.
            Cancelled: it was, and nothing has changed.
        """
        try:
            with closing(self._connect()) as connection:
                if self._is_alone():
                    # Once it has begun it ends: stopped later it may have done what it says.
                    trio.from_thread.check_cancelled()
                    return self._execute(connection)
                with self._transaction(connection):
                    return self._execute(connection)
        except sqlite3.OperationalError as error:
            if self.cancelled is not None:
                raise self.cancelled from None
            if _is_locked(error):
                raise Locked(error) from error
            raise
        except UnicodeDecodeError as error:
            # From sqlite3 itself, for a name in the schema or in a message of SQLite's.
            raise sqlite3.DatabaseError(f"a name in the database is not UTF-8: {error}") from error
        except (OverflowError, UnicodeEncodeError) as error:
            raise sqlite3.DataError(f"a value is none that SQLite has: {error}") from error

    def _is_alone(self) -> bool:
        blank = _BLANK.match(self.query)
        start = blank.end() if blank else 0
        if start == len(self.query):
            raise HocketError("the query is empty; write one SQL statement")
        words = _WORDS.match(self.query, start)
        first, second = (word.upper() for word in words.groups("")) if words else ("", "")
        if first in _OF_TRANSACTIONS:
            raise HocketError(
                f"database_query runs each statement in a transaction of its own; leave out {first}, "
                f"or write a tool of your own for statements that belong together"
            )
        return first in _ALONE or (first == "PRAGMA" and second in _PRAGMAS_ALONE)

    def _connect(self) -> sqlite3.Connection:
        if self.database == ":memory:":
            return sqlite3.connect(self.database, isolation_level=None)
        if not self.database or "\0" in self.database:
            raise HocketError(f"{self.database!r} is no path of a database")
        path = Path(self.database).absolute()
        address = f"{path.as_uri()}?mode={'rwc' if self.create else 'rw'}"
        try:
            # Without isolation_level sqlite3 begins no transaction on its own account: it does so
            # before some statements and not before others.
            return sqlite3.connect(address, uri=True, isolation_level=None, timeout=0)
        except sqlite3.OperationalError as error:
            raise HocketError(self._unopened(path, error)) from error

    def _unopened(self, path: Path, error: sqlite3.OperationalError) -> str:
        if path.is_dir():
            return f"{self.database!r} is a directory, and no database ({path})"
        if path.exists():
            return f"the database {self.database!r} ({path}) cannot be opened: {error}"
        if not path.parent.is_dir():
            return f"there is no database {self.database!r}, and no directory {str(path.parent)!r}"
        if self.create:
            return f"the database {self.database!r} ({path}) cannot be made: {error}"
        return (
            f"there is no database {self.database!r} ({path}); "
            f"correct the path, or pass create: true to make one"
        )

    @contextmanager
    def _transaction(self, connection: sqlite3.Connection) -> Iterator[None]:
        # Not Connection.interrupt(): it does nothing if it comes just before the statement starts.
        # SQLite asks this one, so no cancellation falls between.
        connection.set_progress_handler(self._is_cancelled, _STEPS)
        connection.execute("BEGIN")
        try:
            yield
            if self._is_cancelled():
                raise sqlite3.OperationalError("interrupted")
            self._commit(connection)
        finally:
            connection.set_progress_handler(None, 0)
            # Some errors have ended it already.
            if connection.in_transaction:
                connection.execute("ROLLBACK")

    def _commit(self, connection: sqlite3.Connection) -> None:
        # Once more from the start would be to wait behind new readers for ever: one who waits
        # here keeps them out.
        connection.set_progress_handler(None, 0)
        connection.execute(f"PRAGMA busy_timeout = {round(_COMMIT_WAIT * 1000)}").close()
        left = _COMMITS
        while connection.in_transaction:
            try:
                connection.execute("COMMIT")
            except sqlite3.OperationalError as error:
                left -= 1
                if not _is_locked(error) or self._is_cancelled() or not left:
                    raise

    def _execute(self, connection: sqlite3.Connection) -> Any:
        with closing(connection.execute(self.query, self.parameters or ())) as cursor:
            return _result(cursor)

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
