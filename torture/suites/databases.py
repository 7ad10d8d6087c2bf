"""``database_query`` on databases that are locked, broken, read-only, absent or shared, and cancelled.

Real SQLite files, and real threads. A statement that ends in a value has done exactly what the same
statement does by hand; one that ends otherwise has done nothing. None leaves a lock or a file behind.
"""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import sqlite3
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

import attrs
import trio

from hocket import HocketError
from hocket.tools import _sqlite_statement, sqlite as tool
from hocket.tools.sqlite import database_query
from torture.suite import Suite

NUMBERS = "numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers LIMIT 100)"
READS = [
    "SELECT * FROM users ORDER BY name DESC",
    f"WITH RECURSIVE {NUMBERS} SELECT count(*) AS c, max(n) AS m FROM numbers, users",
    "/* a -- b */ -- c\n SELECT name FROM users WHERE id > 2",
    "PRAGMA integrity_check",
    "EXPLAIN SELECT 1",
]
WRITES = [
    "INSERT INTO users (name) VALUES ('zoe'), ('yan')",
    "INSERT INTO users (name) VALUES ('zoe') RETURNING id, name",
    "UPDATE users SET name = name || '!' WHERE id % 2",
    "DELETE FROM users",
    "REPLACE INTO users VALUES (1, 'one')",
    f"WITH RECURSIVE {NUMBERS} INSERT INTO users (name) SELECT 'n' || n FROM numbers",
    "WITH few AS (SELECT id FROM users LIMIT 3) DELETE FROM users WHERE id IN few",
    "WITH few AS (SELECT 2 AS id) UPDATE users SET name = 'few' WHERE id IN (SELECT id FROM few)",
    "CREATE TABLE other AS SELECT * FROM users",
    "CREATE INDEX by_name ON users (name, id)",
    "CREATE VIEW names AS SELECT name FROM users",
    "CREATE TRIGGER twice AFTER INSERT ON users BEGIN UPDATE users SET name = 'x'; END",
    "DROP TABLE users",
    "ALTER TABLE users ADD COLUMN age INTEGER DEFAULT 7",
    "ALTER TABLE users RENAME TO people",
    "-- first\n/* second */ DELETE FROM users WHERE id = 1",
    "PRAGMA user_version = 7",
    "PRAGMA journal_mode = WAL",
    "PRAGMA main.application_id=9",
    "VACUUM",
    "ANALYZE",
    "REINDEX",
]
REFUSED = ["BEGIN", "COMMIT", "/* x */ ROLLBACK", "SAVEPOINT a", "end", "RELEASE a"]


def make(path: Path, rng: random.Random) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute(f"PRAGMA journal_mode = {rng.choice(['DELETE', 'WAL'])}")
        connection.execute("BEGIN")
        connection.execute("CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT)")
        rows = [(f"name {n}",) for n in range(rng.choice([5, 200]))]
        connection.executemany("INSERT INTO users (name) VALUES (?)", rows)
        connection.execute("COMMIT")


def contents(path: Path) -> list[Any]:
    """All that is in it; and nobody holds a lock on it."""
    with closing(sqlite3.connect(path, isolation_level=None, timeout=0)) as connection:
        connection.execute("BEGIN EXCLUSIVE")
        connection.execute("ROLLBACK")
        version = connection.execute("PRAGMA user_version").fetchone()
        application = connection.execute("PRAGMA application_id").fetchone()
        mode = connection.execute("PRAGMA journal_mode").fetchone()
        return [version, application, mode, *connection.iterdump()]


def by_hand(path: Path, query: str) -> list[Any]:
    copy = path.with_name("copy.db")
    shutil.copy(path, copy)
    with closing(sqlite3.connect(copy, isolation_level=None)) as connection:
        connection.execute(query).fetchall()
    done = contents(copy)
    copy.unlink()
    return done


@contextmanager
def cancelled_at(look: int | None, steps: int) -> Iterator[trio.CancelScope]:
    """A scope that is cancelled as the statement looks for the so-manieth time whether it is."""
    looks, original = 0, _sqlite_statement.Statement._is_cancelled

    def counted(self: Any) -> bool:
        nonlocal looks
        looks += 1
        if looks == look:
            trio.from_thread.run_sync(scope.cancel)
        return original(self)

    with (
        mock.patch.object(_sqlite_statement.Statement, "_is_cancelled", counted),
        mock.patch.object(_sqlite_statement, "_STEPS", steps),
        trio.CancelScope() as scope,
    ):
        yield scope


@attrs.define
class Trial:
    rng: random.Random
    folder: Path
    counts: Counter[str] = attrs.Factory(Counter)

    async def run(self) -> None:
        path = self.folder / "test.db"
        make(path, self.rng)
        kinds = [self.cancelled, self.cancelled, self.locked, self.corrupt, self.read_only]
        await self.rng.choice([*kinds, self.absent, self.together])(path)
        left = {"test.db", "test.db-wal", "test.db-shm", "test.db-journal"}
        assert {one.name for one in self.folder.iterdir()} <= left

    async def cancelled(self, path: Path) -> None:
        """At any look, and at none."""
        self.counts["cancelled at a look"] += 1
        query = self.rng.choice(WRITES + READS)
        before, after = contents(path), by_hand(path, query)
        look = self.rng.choice([None, *range(1, 30), *range(30, 3000, 100)])
        with cancelled_at(look, self.rng.choice([1, 1, 2, 7, 100])) as scope:
            await database_query(query, path)
        assert contents(path) == (before if scope.cancelled_caught else after), query

    async def locked(self, path: Path) -> None:
        """By another connection, for a while or for longer than it is waited for."""
        self.counts["locked"] += 1
        query = self.rng.choice(WRITES + READS)
        before, after = contents(path), by_hand(path, query)
        lock = self.rng.choice(["EXCLUSIVE", "IMMEDIATE", "DEFERRED"])
        released, ended = self.rng.choice([0.005, 10]), False
        with (
            closing(sqlite3.connect(path, isolation_level=None)) as other,
            mock.patch.object(tool, "_LONGEST_LOCK_WAIT", 0.02),
            mock.patch.object(_sqlite_statement, "_COMMIT_WAIT", 0.001),
            mock.patch.object(_sqlite_statement, "_COMMITS", 10),
            trio.move_on_after(self.rng.choice([0.01, 10])),
        ):
            other.execute(f"BEGIN {lock}")
            other.execute("SELECT count(*) FROM users").fetchall()
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self.release, other, released)
                with contextlib.suppress(sqlite3.OperationalError):
                    await database_query(query, path)
                    ended = True
                nursery.cancel_scope.cancel()
        assert contents(path) == (after if ended else before), query

    async def release(self, other: sqlite3.Connection, seconds: float) -> None:
        await trio.sleep(seconds)
        other.execute("ROLLBACK")

    async def corrupt(self, path: Path) -> None:
        """Whatever is in the file: it ends, in a value or an error that says something."""
        self.counts["corrupt"] += 1
        spoil(path, self.rng)
        said = "nothing"
        with cancelled_at(self.rng.choice([None, None, 5]), 100):
            try:
                await database_query(self.rng.choice(WRITES + READS), path)
            except (sqlite3.Error, HocketError) as error:
                said = str(error)
        assert said
        with contextlib.suppress(sqlite3.Error, UnicodeDecodeError):
            contents(path)

    async def read_only(self, path: Path) -> None:
        """A file that this process may not write to, nor beside it."""
        self.counts["read-only"] += 1
        with closing(sqlite3.connect(path)) as connection:
            connection.execute("PRAGMA journal_mode = DELETE")
        query = self.rng.choice(WRITES + READS)
        before, after = contents(path), by_hand(path, query)
        refused = ""
        with read_only(path):
            try:
                await database_query(query, path)
            except sqlite3.OperationalError as error:
                refused = str(error)
        assert "readonly" in refused if refused else before == after, (query, refused)
        assert contents(path) == before

    async def absent(self, path: Path) -> None:
        """A wrong path makes no file, unless that is asked for; a wrong statement does nothing."""
        self.counts["absent"] += 1
        before = contents(path)
        wrong = self.folder / self.rng.choice(
            ["tset.db", "no/test.db", "a?mode=rwc", "a#b%20c", "é"]
        )
        with contextlib.suppress(HocketError):
            await database_query(self.rng.choice(WRITES + READS), wrong)
            raise AssertionError(wrong)
        if wrong.parent == self.folder:
            await database_query("CREATE TABLE made (id)", wrong, create=True)
            assert wrong.is_file()
            wrong.unlink()
        with contextlib.suppress(HocketError):
            await database_query(self.rng.choice(REFUSED), path)
            raise AssertionError
        assert contents(path) == before

    async def together(self, path: Path) -> None:
        """Several at once, some cancelled: each that gave a value has its row, and no other."""
        self.counts["together"] += 1
        done: set[str] = set()

        async def insert(name: str, seconds: float) -> None:
            with trio.move_on_after(seconds):
                await database_query("INSERT INTO users (name) VALUES (?)", path, [name])
                done.add(name)

        async with trio.open_nursery() as nursery:
            for n in range(5):
                nursery.start_soon(insert, f"new {n}", self.rng.choice([0.001, 0.003, 10]))
        rows = await database_query("SELECT name FROM users WHERE name LIKE 'new %'", path)
        assert {row["name"] for row in rows} == done
        assert len(rows) == len(done)


def spoil(path: Path, rng: random.Random) -> None:
    raw = bytearray(path.read_bytes())
    for _ in range(rng.choice([1, 10, 500])):
        raw[rng.randrange(len(raw))] = rng.randrange(256)
    if rng.random() < 0.3:
        raw = raw[: rng.randrange(len(raw))] or bytearray(b"x")
    path.write_bytes(rng.choice([raw, raw, raw, rng.randbytes(5000)]))


@contextmanager
def read_only(path: Path) -> Iterator[None]:
    """Nothing may be written to a file, nor beside it. Root may all the same, so it steps down."""
    path.chmod(0o444)
    path.parent.chmod(0o555)
    is_root = os.geteuid() == 0
    if is_root:
        os.seteuid(65534)
    try:
        yield
    finally:
        if is_root:
            os.seteuid(0)
        path.parent.chmod(0o755)


def trial(seed: int) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        one = Trial(random.Random(seed), folder)
        trio.run(one.run)
    return dict(one.counts)


SUITE = Suite(
    name="databases",
    promise="whatever state a database is in, and whenever it is cancelled, a statement does all that "
    "it says and gives its value, or does nothing and says why",
    unit="statements",
    trial=trial,
    small=300,
    large=100_000,
)
