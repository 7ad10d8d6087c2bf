"""``database_query`` on a real file, in a real thread."""

from __future__ import annotations

import sqlite3
import threading
from contextlib import closing
from datetime import UTC, date, datetime, time

import pytest
import trio
import trio.testing

from hocket._base.errors import HocketError
from hocket._workflow.context import WorkflowContext
from hocket.tools import builtin_tools
from hocket.tools.sqlite import database_query

# Counts, and never ends.
ENDLESS = """
    WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers)
    SELECT max(n) FROM numbers
"""
ENDLESS_WRITE = f"INSERT INTO users (name) {ENDLESS}"


@pytest.fixture
def database(tmp_path):
    path = tmp_path / "test.db"
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT UNIQUE)")
        connection.execute("INSERT INTO users (name) VALUES ('ada'), ('bob')")
    return path


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
