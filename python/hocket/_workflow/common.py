"""What every step may be given."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeAlias, TypedDict

from .computed import LimitLike
from .conditions import ConditionLike
from .rules import Edge
from .sides import AnyStep

if TYPE_CHECKING:
    from typing_extensions import TypeVar

    # What makes a loop's step knows nothing of its value. Before Python 3.13 only checkers know a default.
    R_co = TypeVar("R_co", covariant=True, default=Any)
else:
    from typing import TypeVar

    R_co = TypeVar("R_co", covariant=True)

__all__ = ["Always", "Before", "Common", "HasResults", "OnError", "R_co"]

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
