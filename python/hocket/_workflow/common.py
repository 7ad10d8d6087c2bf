"""What every step may be given."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Literal, Protocol, TypeAlias, TypedDict

from .computed import LimitLike
from .conditions import ConditionLike
from .rules import Edge
from .sides import AnyStep

__all__ = ["Always", "Before", "Common", "HasResults", "OnError"]

OnError: TypeAlias = Literal["fail", "continue", "skip_dependents"]
Before: TypeAlias = Iterable[str | AnyStep | Edge]


class Always(TypedDict, total=False):
    """What every step may be given, and a loop too."""

    depends_on: Before
    when: ConditionLike | None
    timeout: LimitLike | None
    on_error: OnError | None


class Common(Always, total=False):
    """What every step may be given that runs no passes of its own."""

    continue_on_error: bool


class HasResults(Protocol):
    """What has results by step id: a context, or the result of a workflow."""

    @property
    def results(self) -> Mapping[str, Any]: ...
