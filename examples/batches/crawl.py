"""5,000 pages of one site: 50 at once, 400 starts a second, retried, rows written to SQLite as they arrive.

    python examples/batches/site.py     # prints the address of a site to try it on
    python examples/batches/crawl.py ADDRESS [PAGES [DATABASE]]

A row is written before its page counts as ended. So Ctrl-C keeps all that was shown as done.
"""

import contextlib
import sqlite3
import sys

import httpx
import trio

import hocket


def again(error):
    """Say when to ask for a page again: as the server wishes, or after a while, or not at all."""
    if not isinstance(error, httpx.HTTPStatusError):
        return isinstance(error, httpx.TransportError | hocket.StepTimeout)
    asked = error.response.headers.get("Retry-After")
    return float(asked) if asked else error.response.status_code >= 500


async def main(site, count, database):
    pool = hocket.WorkerPool(max_concurrent=50, rate=hocket.Rate(400))
    retry = hocket.Retry(5, on=again, wait_initial=0.1, wait_jitter=0.1)
    urls = (f"{site}/{page}" for page in range(count))

    async def crawl(url):
        response = await client.get(url)
        if response.status_code == 429:
            pool.hold_for(float(response.headers["Retry-After"]))  # it means all of us
        response.raise_for_status()
        db.execute("INSERT OR REPLACE INTO pages VALUES (?, ?)", (url, response.text))

    with (
        hocket.progress(total=count) as observer,
        contextlib.closing(sqlite3.connect(database, isolation_level=None)) as db,
    ):
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("CREATE TABLE IF NOT EXISTS pages (url TEXT PRIMARY KEY, text TEXT)")
        async with (
            httpx.AsyncClient() as client,
            pool.stream(
                crawl, urls, on_error="collect", step_timeout=5, retry=retry, observer=observer
            ) as outcomes,
        ):
            seen = [(outcome.ok, outcome.attempts) async for outcome in outcomes]
    rows, attempts = (sum(column) for column in zip(*seen, strict=True))
    print(f"{rows:,} pages of {count:,} are there, after {attempts:,} requests")


if __name__ == "__main__":
    count = int(sys.argv[2]) if len(sys.argv) > 2 else 5000
    trio.run(main, sys.argv[1], count, sys.argv[3] if len(sys.argv) > 3 else "pages.sqlite")
