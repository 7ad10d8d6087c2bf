"""Tools that the files of the suite `files` name; none reaches further than this process."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any, Literal

import trio

from hocket import StepContext, tool


@tool
async def echo(value: Any = None, **others: Any) -> Any:
    await trio.lowlevel.checkpoint()
    return {**others, "value": value} if others else value


@tool
async def greet(city: str, delay: float = 0.0, loud: bool = False) -> str:
    await trio.lowlevel.checkpoint()
    return f"hello {city}"


@tool
async def count(
    names: list[str], most: int | None = None, how: Literal["up", "down"] = "up"
) -> int:
    return len(names[:most])


@tool
async def table(rows: Sequence[Mapping[str, int]], step: StepContext) -> dict[Any, Any]:
    return {step.id: len(rows), 1: date(2030, 1, 31), "1": datetime(2030, 1, 31, tzinfo=UTC)}


@tool
async def odd() -> dict[Any, Any]:
    return {"first name": float("nan"), 1: [float("inf")], "1": None, None: b"x", (1, 2): {3}}


@tool
async def fail(why: str = "it broke") -> None:
    raise ValueError(why)
