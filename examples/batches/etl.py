"""300,000 records of an async generator, enriched 50 at once, in order, written to SQLite; errors collected.

python examples/batches/etl.py [RECORDS [DATABASE]]
"""

import contextlib
import sqlite3
import sys

import trio

import hocket


async def records(count):
    """Stands for a cursor, a socket or a file of lines: records that come page by page."""
    for start in range(0, count, 1000):
        await trio.lowlevel.checkpoint()  # the next page
        for number in range(start, min(start + 1000, count)):
            yield {"id": number, "amount": number % 97}


async def enrich(record):
    """Stands for a look-up elsewhere."""
    await trio.lowlevel.checkpoint()
    if record["id"] % 10_000 == 9_999:
        raise ValueError(f"no customer for record {record['id']}")
    return record["id"], record["amount"] * 1.19


async def main(count, database):
    pool = hocket.WorkerPool(max_concurrent=50)
    with (
        hocket.progress(total=count) as observer,
        contextlib.closing(sqlite3.connect(database)) as db,
    ):
        db.execute("CREATE TABLE IF NOT EXISTS rows (id INTEGER PRIMARY KEY, gross REAL)")
        failed = []
        stream = pool.stream(
            enrich, records(count), ordered=True, on_error="collect", observer=observer
        )
        async with stream as outcomes:
            async for outcome in outcomes:
                if outcome.error is not None:
                    failed.append((outcome.item["id"], outcome.error))
                    continue
                db.execute("INSERT INTO rows VALUES (?, ?)", outcome.value)
                if outcome.index % 1000 == 0:
                    db.commit()  # what is shown as done is kept, whatever comes
        db.commit()
        (rows,) = db.execute("SELECT count(*) FROM rows").fetchone()
    print(f"{rows:,} rows written, {len(failed)} records failed; the first: {failed[:1]}")


if __name__ == "__main__":
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 300_000
    trio.run(main, count, sys.argv[2] if len(sys.argv) > 2 else ":memory:")
