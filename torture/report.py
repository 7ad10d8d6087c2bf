"""How a campaign is shown: a line while it runs, a table when it is over."""

from __future__ import annotations

import datetime as dt
import os
import platform
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import trio

import hocket
from torture.campaign import Campaign

BEGIN, END = "<!-- figures: begin -->", "<!-- figures: end -->"


class Progress:
    """One line on the terminal, or one in ten seconds where there is none."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._live = sys.stderr.isatty()
        self._began = self._told = time.monotonic()

    def __call__(self, campaign: Campaign) -> None:
        now = time.monotonic()
        if now - self._told < (0.2 if self._live else 10):
            return
        self._told = now
        rate = campaign.done / (now - self._began)
        left = f", {(campaign.trials - campaign.done) / rate:.0f} s left" if rate else ""
        self._write(f"{self._line(campaign)}{left}", last=not self._live)

    def end(self, campaign: Campaign) -> None:
        """Say how it went; of the first failures, all."""
        self._write(f"{self._line(campaign)} in {campaign.seconds:.1f} s", last=True)
        for failure in campaign.failures[:3]:
            print(f"{failure.text}\nAgain: {campaign.replay(failure.seed)}", file=sys.stderr)

    def _line(self, campaign: Campaign) -> str:
        return (
            f"{self._name:>12}: {campaign.done:,} of {campaign.trials:,} {campaign.suite.unit}, "
            f"{len(campaign.failures)} failed"
        )

    def _write(self, text: str, *, last: bool) -> None:
        start = "\r\033[K" if self._live else ""
        print(start + text, end="\n" if last else "", file=sys.stderr, flush=True)


def table(campaigns: Sequence[Campaign]) -> str:
    """Return the summary as Markdown: what was tried, how often, what was lost."""
    rows = [
        "| suite | promise | tried | lost | seconds | first seed |",
        "|---|---|---|---:|---:|---:|",
    ]
    for done in campaigns:
        tried = "; ".join([f"**{done.done:,} {done.suite.unit}**", *figures(done.counts)])
        lost = str(len(done.failures))
        if done.failures:
            lost += f" (seed {', '.join(str(failure.seed) for failure in done.failures[:3])})"
        rows.append(
            f"| {done.suite.name} | {done.suite.promise} | {tried} | {lost} "
            f"| {done.seconds:.0f} | {done.first} |"
        )
    return "\n".join(rows)


def figures(counts: Mapping[str, float]) -> list[str]:
    def number(count: float) -> str:
        return f"{count:,.0f}" if count == int(count) else f"{count:,.2f}"

    return [f"{name} {number(count)}" for name, count in counts.items()]


def machine() -> str:
    model = platform.processor() or platform.machine()
    for line in Path("/proc/cpuinfo").read_text().splitlines() if sys.platform == "linux" else ():
        if line.startswith("model name"):
            model = line.partition(":")[2].strip()
            break
    return (
        f"{model}, {os.cpu_count()} processors, {platform.system()} {platform.release()}; "
        f"{platform.python_implementation()} {platform.python_version()}, trio {trio.__version__}, "
        f"hocket {hocket.__version__}"
    )


def write(path: str, campaigns: Sequence[Campaign]) -> None:
    """Put the table between the marks in a file."""
    file = Path(path)
    text = file.read_text(encoding="utf-8")
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    today = dt.datetime.now(tz=dt.UTC).date()
    inner = f"{table(campaigns)}\n\n{today}: {machine()}."
    file.write_text(f"{before}{BEGIN}\n\n{inner}\n\n{END}{after}", encoding="utf-8")
