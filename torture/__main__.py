"""``python -m torture [SUITE ...]``: run suites, show progress, write the report."""

from __future__ import annotations

import argparse
import random
import signal
import sys

from torture import campaign, report
from torture.suite import NAMES, load


def main() -> int:
    parser = argparse.ArgumentParser(prog="torture", description=__doc__)
    parser.add_argument("suites", nargs="*", metavar="SUITE", help=f"of {', '.join(NAMES)}")
    parser.add_argument("--small", action="store_true", help="as many trials as `make test` runs")
    parser.add_argument("--seed", type=int, help="the first seed (default: a random one, printed)")
    parser.add_argument("--trials", type=int, help="how many trials of each suite")
    parser.add_argument("--processes", type=int, help="how many at once (default: one a processor)")
    parser.add_argument("--write", metavar="FILE", help="write the table into this Markdown file")
    options = parser.parse_args()
    for name in options.suites:
        if name not in NAMES:
            parser.error(f"there is no suite {name!r}: choose from {', '.join(NAMES)}")
    # A shell's background job ignores Ctrl-C, and so would all processes that it starts.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    seed = options.seed if options.seed is not None else random.randrange(10**6, 10**9)
    print(f"seed {seed}", flush=True)
    campaigns = []
    for name in options.suites or NAMES:
        suite = load(name)
        trials = options.trials or (suite.small if options.small else suite.large)
        if trials == 0:
            continue
        progress = report.Progress(suite.name)
        done = campaign.run(suite, seed, trials, processes=options.processes, tell=progress)
        progress.end(done)
        campaigns.append(done)
    print(report.table(campaigns))
    if options.write:
        report.write(options.write, campaigns)
    return 1 if any(done.failures for done in campaigns) else 0


if __name__ == "__main__":
    sys.exit(main())
