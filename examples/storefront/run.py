"""Run the storefront workflow against a real HTTP server and a real SQLite database.

    python run.py [--directory DIR] [options of `hocket run`, such as --json]

The server runs in this process, on a free port of the loopback interface; the workflow runs in
another one, as the command that one would type. Without --directory, the database and the report
are in a temporary directory, which is removed in the end.
"""

from __future__ import annotations

import argparse
import math
import shlex
import signal
import sqlite3
import sys
import tempfile
from collections.abc import Sequence
from contextlib import closing
from functools import partial
from pathlib import Path

import trio
from hypercorn.config import Config
from hypercorn.trio import serve
from server import Storefront

HERE = Path(__file__).parent
SCHEMA = """
    CREATE TABLE orders (
        id INTEGER PRIMARY KEY, customer INTEGER, product INTEGER, quantity INTEGER,
        shipped INTEGER, reported INTEGER DEFAULT 0
    );
    CREATE TABLE warehouses (name TEXT);
    CREATE TABLE daily_totals (
        made_at TEXT, orders INTEGER, items INTEGER, revenue REAL, currency TEXT, report TEXT
    );
    INSERT INTO orders (customer, product, quantity, shipped) VALUES
        (1, 10, 2, 1), (1, 12, 6, 1), (2, 11, 1, 1), (3, 12, 4, 1), (2, 10, 1, 0), (3, 11, 3, 0);
    INSERT INTO warehouses VALUES ('Antwerp'), ('Ghent');
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run it; return the exit code of ``hocket run``."""
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("--directory", type=Path, help="where to leave the database and report")
    arguments, options = parser.parse_known_args(argv)
    # Ctrl-C is for the workflow: it must not strike the server that the workflow still talks to.
    run = partial(trio.run, restrict_keyboard_interrupt_to_checkpoints=True)
    try:
        if arguments.directory is not None:
            return run(demonstrate, arguments.directory.resolve(), options)
        with tempfile.TemporaryDirectory(prefix="storefront-") as directory:
            return run(demonstrate, Path(directory), options)
    except* KeyboardInterrupt:
        pass
    return 128 + signal.SIGINT


async def demonstrate(directory: Path, options: Sequence[str]) -> int:
    """Seed the database, start the server, run the workflow, stop the server."""
    seed(directory / "shop.db")
    shop, stop = Storefront(), trio.Event()
    config = Config()
    config.bind = ["127.0.0.1:0"]  # a free port
    config.loglevel = "WARNING"
    config.shutdown_timeout = config.graceful_timeout = 0.1  # nobody waits for the slow page
    server = partial(serve, shop, config, shutdown_trigger=stop.wait)  # type: ignore[arg-type]
    async with trio.open_nursery() as nursery:
        # It has bound its port, and accepts, when start() returns.
        (base,) = await nursery.start(server)
        say(f"a server on {base}, a database in {directory / 'shop.db'}")
        code = await run_workflow(base, directory, options)
        stop.set()
    say(
        f"the server was told: {shop.notifications[-1]['text'] if shop.notifications else 'nothing'}"
    )
    return code


def seed(database: Path) -> None:
    """Make the shop's database."""
    with closing(sqlite3.connect(database)) as connection:
        connection.executescript(SCHEMA)


async def run_workflow(base: str, directory: Path, options: Sequence[str]) -> int:
    """Run ``hocket run`` as a command of its own; return its exit code."""
    settings = {
        "base": base,
        "currency": "GBP",
        "database": directory / "shop.db",
        "report": directory / "report.md",
    }
    words = ["run", "workflow.yaml", "--tools", "shop_tools"]
    for name, value in settings.items():
        words += ["--set", f"{name}={value}"]
    words += options
    say(f"$ hocket {shlex.join(words)}\n")
    done = await trio.run_process(
        [sys.executable, "-m", "hocket", *words],
        cwd=HERE,
        stdin=None,
        check=False,
        # Ctrl-C in a terminal reaches whole groups of processes; this one is told once, by us.
        start_new_session=True,
        deliver_cancel=interrupt,
    )
    say("")
    return done.returncode


async def interrupt(process: trio.Process) -> None:
    """Cancel the workflow as Ctrl-C does, so that it cleans up and reports."""
    process.send_signal(signal.SIGINT)
    with trio.move_on_after(math.inf, shield=True):
        await process.wait()


def say(text: str) -> None:
    """Tell the user, without getting into the way of the output."""
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
