"""``database_query`` on a real file, in a real thread."""

from __future__ import annotations

import itertools
import sqlite3
import threading
from contextlib import closing
from datetime import UTC, date, datetime, time

import pytest
import trio
import trio.testing

from hocket._base.errors import HocketError
from hocket._workflow.context import WorkflowContext
from hocket.tools import _sqlite_statement, builtin_tools, sqlite as sqlite_tool
from hocket.tools._sqlite_statement import Statement
from hocket.tools.sqlite import database_query

# Counts, and never ends.
ENDLESS = """
    WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers)
    SELECT max(n) FROM numbers
"""
ENDLESS_WRITE = f"INSERT INTO users (name) {ENDLESS}"
# Each is stopped only as it is looked whether it is cancelled.
CHANGES = [
    "INSERT INTO users (name) VALUES ('cid')",
    "INSERT INTO users (name) VALUES ('cid') RETURNING id",
    "WITH new(name) AS (VALUES ('cid')) INSERT INTO users (name) SELECT name FROM new",
    "WITH old AS (SELECT 1 AS id) DELETE FROM users WHERE id IN (SELECT id FROM old)",
    "WITH old AS (SELECT 1 AS id) UPDATE users SET name = 'x' WHERE id IN (SELECT id FROM old)",
    "REPLACE INTO users VALUES (1, 'x')",
    "CREATE TABLE other (id)",
    "CREATE TABLE other AS SELECT * FROM users",
    "CREATE INDEX by_name ON users (name)",
    "DROP TABLE users",
    "ALTER TABLE users RENAME TO people",
    "-- DROP\n/* all */ DELETE FROM users",
    "PRAGMA user_version = 3",
]


@pytest.fixture
def database(tmp_path):
    path = tmp_path / "test.db"
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT UNIQUE)")
        connection.execute("INSERT INTO users (name) VALUES ('ada'), ('bob')")
    return path


def everything(database):
    with closing(sqlite3.connect(database)) as connection:
        return [connection.execute("PRAGMA user_version").fetchone(), *connection.iterdump()]


def names(database):
    with closing(sqlite3.connect(database)) as connection:
        return [name for (name,) in connection.execute("SELECT name FROM users ORDER BY id")]


async def test_a_query_gives_a_list_of_dicts(database):
    rows = await database_query("SELECT id, name FROM users ORDER BY id", database)
    assert rows == [{"id": 1, "name": "ada"}, {"id": 2, "name": "bob"}]


@pytest.mark.parametrize(
    ("query", "parameters"),
    [
        ("SELECT id FROM users WHERE name = ?", ["bob"]),
        ("SELECT id FROM users WHERE name = :name", {"name": "bob"}),
    ],
    ids=["by position", "by name"],
)
async def test_parameters_go_by_position_or_by_name(database, query, parameters):
    assert await database_query(query, database, parameters) == [{"id": 2}]


@pytest.mark.parametrize("kind", [list, dict])
async def test_dates_are_written_in_iso_8601(database, kind):
    values = [datetime(2030, 1, 31, 12, 30, tzinfo=UTC), date(2030, 1, 31), time(12, 30)]
    names = ["a", "b", "c"]
    parameters = values if kind is list else dict(zip(names, values, strict=True))
    marks = "? AS a, ? AS b, ? AS c" if kind is list else ":a AS a, :b AS b, :c AS c"
    (row,) = await database_query(f"SELECT {marks}", database, parameters)
    assert list(row.values()) == ["2030-01-31T12:30:00+00:00", "2030-01-31", "12:30:00"]


async def test_a_write_is_committed_and_gives_counts(database):
    done = await database_query("INSERT INTO users (name) VALUES ('cid')", database)
    assert done == {"rowcount": 1, "lastrowid": 3}
    assert (await database_query("UPDATE users SET name = name || '!'", database))["rowcount"] == 3
    assert names(database) == ["ada!", "bob!", "cid!"]


async def test_a_write_that_returns_rows_is_committed_too(database):
    query = "INSERT INTO users (name) VALUES ('cid') RETURNING id"
    assert await database_query(query, database) == [{"id": 3}]
    assert names(database) == ["ada", "bob", "cid"]


async def test_a_failed_write_changes_nothing(database):
    with pytest.raises(sqlite3.IntegrityError):
        await database_query("INSERT INTO users (name) VALUES ('cid'), ('ada')", database)
    assert names(database) == ["ada", "bob"]


async def test_columns_of_one_name_are_refused_instead_of_lost(database):
    with pytest.raises(HocketError, match="two columns are named 'id'; rename one with AS"):
        await database_query("SELECT a.id, b.id FROM users a, users b", database)


async def test_the_database_may_be_a_value_of_the_run(database):
    context = WorkflowContext(values={"database": str(database)})
    async with builtin_tools().open() as tools:
        rows = await tools["database_query"]({"query": "SELECT count(*) AS n FROM users"}, context)
    assert rows == [{"n": 2}]


@pytest.mark.parametrize("context", [None, WorkflowContext()], ids=["none", "empty"])
async def test_without_a_database_the_message_says_how_to_name_one(context):
    with pytest.raises(HocketError) as caught:
        await database_query("SELECT 1", context=context)
    assert str(caught.value) == (
        "database_query needs a database: pass it in the input, or as the value 'database' of "
        "the run (hocket run ... --set database=FILE)"
    )


@pytest.mark.parametrize("query", [ENDLESS, ENDLESS_WRITE], ids=["read", "write"])
async def test_a_cancelled_query_stops_is_undone_and_its_thread_has_ended(
    database, query, monkeypatch
):
    started, ended = trio.Event(), threading.Event()
    token = trio.lowlevel.current_trio_token()
    connect = sqlite3.connect

    class Connection(sqlite3.Connection):
        def execute(self, *args):
            token.run_sync_soon(started.set)
            return super().execute(*args)

        def close(self):
            super().close()
            ended.set()

    monkeypatch.setattr(
        sqlite3, "connect", lambda *args, **kw: connect(*args, factory=Connection, **kw)
    )
    with trio.fail_after(30):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(database_query, query, database)
            await started.wait()
            nursery.cancel_scope.cancel()
    assert ended.is_set()
    monkeypatch.undo()
    assert names(database) == ["ada", "bob"]


@pytest.mark.parametrize("query", CHANGES)
async def test_whatever_a_cancelled_statement_was_about_to_change_is_as_before(
    database, query, monkeypatch
):
    monkeypatch.setattr(_sqlite_statement, "_STEPS", 1)
    original, before, look = Statement._is_cancelled, everything(database), 0
    while True:
        look += 1
        scope, looks = trio.CancelScope(), itertools.count(1)

        def counted(self, scope=scope, looks=looks, look=look):
            if next(looks) == look:
                trio.from_thread.run_sync(scope.cancel)
            return original(self)

        monkeypatch.setattr(Statement, "_is_cancelled", counted)
        with scope:
            await database_query(query, database)
        if not scope.cancelled_caught:
            break
        assert everything(database) == before
    assert everything(database) != before
    assert look > 2


@pytest.mark.parametrize(
    "query",
    [
        "VACUUM",
        "PRAGMA journal_mode = WAL",
        "PRAGMA main.wal_checkpoint",
        "pragma\tsynchronous = 1",
    ],
)
async def test_what_sqlite_runs_outside_of_transactions_only_runs(database, query):
    assert isinstance(await database_query(query, database), list | dict)
    assert names(database) == ["ada", "bob"]


@pytest.mark.parametrize(
    "query",
    ["BEGIN", "begin immediate", "COMMIT;", "END", " ROLLBACK", "SAVEPOINT a", "/**/RELEASE a"],
)
async def test_statements_about_transactions_are_refused(database, query):
    with pytest.raises(HocketError, match="runs each statement in a transaction of its own; leave"):
        await database_query(query, database)


@pytest.mark.parametrize("name", ["tset.db", "a?mode=rwc", "a#b", "100%25", "grüße", "no/x.db"])
async def test_a_mistyped_path_makes_no_file(tmp_path, name):
    path = tmp_path / name
    with pytest.raises(HocketError, match="there is no database") as caught:
        await database_query("CREATE TABLE a (id)", path)
    assert repr(str(path)) in str(caught.value)
    assert ("no directory" in str(caught.value)) == ("/" in name)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["new.db", "a?mode=ro", "a#b", "100%25", "grüße"])
async def test_a_file_is_made_if_that_is_asked_for(tmp_path, name):
    path = tmp_path / name
    await database_query("CREATE TABLE a (id)", str(path), create=True)
    assert await database_query("SELECT * FROM a", path) == []
    assert list(tmp_path.iterdir()) == [path]


async def test_what_cannot_be_opened_is_named(tmp_path):
    with pytest.raises(HocketError, match="is a directory, and no database"):
        await database_query("SELECT 1", tmp_path, create=True)
    (tmp_path / "loop.db").symlink_to(tmp_path / "loop.db")
    with pytest.raises(HocketError, match=r"loop\.db.* cannot be made: unable to open"):
        await database_query("SELECT 1", tmp_path / "loop.db", create=True)


@pytest.mark.parametrize("query", ["", " ;", "-- nothing", "/* nothing */ ;"])
async def test_a_query_without_a_statement_is_refused(database, query):
    with pytest.raises(HocketError, match="the query is empty"):
        await database_query(query, database)


@pytest.mark.parametrize("value", [2**63, "\ud800"], ids=ascii)
async def test_a_value_that_sqlite_does_not_have_is_an_error_of_the_database(database, value):
    before = everything(database)
    with pytest.raises(sqlite3.DataError, match="a value is none that SQLite has"):
        await database_query("INSERT INTO users (name) VALUES (?)", database, [value])
    assert everything(database) == before


@pytest.mark.parametrize("path", ["", "a\0b"])
async def test_a_text_that_is_no_path_is_refused(path):
    with pytest.raises(HocketError, match="is no path of a database"):
        await database_query("SELECT 1", path)


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"query": 1}, "query must be a text; found int"),
        ({"parameters": "bob"}, "parameters must be a list .* found str; write a single value as"),
        ({"parameters": 5}, "parameters must be a list"),
        ({"database": 5}, "database must be the path of an SQLite file; found int"),
        ({"create": "yes"}, "create must be True or False; got 'yes'"),
    ],
    ids=str,
)
async def test_an_option_of_the_wrong_type_is_refused(database, options, text):
    with pytest.raises(TypeError, match=text):
        await database_query(**{"query": "SELECT 1", "database": database, **options})


async def test_fifty_queries_that_wait_for_a_lock_take_no_threads(database, tmp_path):
    free = tmp_path / "free.db"
    await database_query("CREATE TABLE a (id)", free, create=True)
    limiter = trio.to_thread.current_default_thread_limiter()
    with closing(sqlite3.connect(database, isolation_level=None)) as other, trio.fail_after(30):
        other.execute("BEGIN EXCLUSIVE")
        async with trio.open_nursery() as nursery:
            for n in range(50):
                query = "INSERT INTO users (name) VALUES (?)"
                nursery.start_soon(database_query, query, database, [str(n)])
            await trio.sleep(0.05)
            assert limiter.borrowed_tokens == 0
            assert await database_query("SELECT * FROM a", free) == []
            other.execute("COMMIT")
    assert len(names(database)) == 52


async def test_many_long_queries_leave_trios_threads_to_others(database):
    async with trio.open_nursery() as nursery:
        for _ in range(45):
            nursery.start_soon(database_query, ENDLESS, database)
        await trio.testing.wait_all_tasks_blocked()
        assert trio.to_thread.current_default_thread_limiter().borrowed_tokens == 0
        assert await trio.to_thread.run_sync(lambda: "free") == "free"
        nursery.cancel_scope.cancel()


async def test_readers_are_waited_for_at_the_commit(database):
    with closing(sqlite3.connect(database, isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT * FROM users").fetchall()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(database_query, "DELETE FROM users", database)
            await trio.sleep(0.1)
            reader.execute("COMMIT")
    assert names(database) == []


async def test_a_commit_that_waits_for_readers_can_be_cancelled(database):
    with closing(sqlite3.connect(database, isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT * FROM users").fetchall()
        with trio.fail_after(4), trio.move_on_after(0.1) as scope:
            await database_query("DELETE FROM users", database)
        assert scope.cancelled_caught
    assert names(database) == ["ada", "bob"]


async def test_a_lock_that_is_never_given_back_is_an_error(database, monkeypatch):
    monkeypatch.setattr(sqlite_tool, "_LONGEST_LOCK_WAIT", 0.05)
    with closing(sqlite3.connect(database, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(sqlite3.OperationalError, match="database is locked"):
            await database_query("DELETE FROM users", database)


async def test_a_name_in_a_broken_database_is_an_error_of_the_database(database):
    raw = database.read_bytes()
    database.write_bytes(raw.replace(b"CREATE TABLE users", b"CREATE TABLE \xff\xfe\xfdrs"))
    with pytest.raises(sqlite3.DatabaseError):
        await database_query("SELECT * FROM users", database)


async def test_a_query_cancelled_before_it_starts_does_nothing(database):
    with trio.CancelScope() as scope:
        scope.cancel()
        await database_query("DELETE FROM users", database)
    assert scope.cancelled_caught
    assert names(database) == ["ada", "bob"]


async def test_a_finished_write_stands_even_if_the_cancellation_comes_late(database, monkeypatch):
    connect, scope = sqlite3.connect, trio.CancelScope()
    token = trio.lowlevel.current_trio_token()

    class Connection(sqlite3.Connection):
        def close(self):
            super().close()
            trio.from_thread.run_sync(scope.cancel, trio_token=token)

    monkeypatch.setattr(
        sqlite3, "connect", lambda *args, **kw: connect(*args, factory=Connection, **kw)
    )
    with scope:
        done = await database_query("DELETE FROM users", database)
    assert done["rowcount"] == 2
    assert not scope.cancelled_caught
    monkeypatch.undo()
    assert names(database) == []


async def test_a_lock_is_waited_for(database):
    with closing(sqlite3.connect(database, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        async with trio.open_nursery() as nursery:
            nursery.start_soon(database_query, "DELETE FROM users", database)
            await trio.testing.wait_all_tasks_blocked()
            other.execute("COMMIT")
    assert names(database) == []


async def test_waiting_for_a_lock_can_be_cancelled(database):
    with closing(sqlite3.connect(database, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with trio.fail_after(4):  # less than the 5 s for which a lock is waited for
            async with trio.open_nursery() as nursery:
                nursery.start_soon(database_query, "DELETE FROM users", database)
                await trio.testing.wait_all_tasks_blocked()
                nursery.cancel_scope.cancel()
    assert names(database) == ["ada", "bob"]
