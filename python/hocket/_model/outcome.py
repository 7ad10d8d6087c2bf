"""What has become of one item of a stream."""

from __future__ import annotations

from typing import Generic, TypeVar

import attrs

from .._base.shown import shown

__all__ = ["Outcome"]

T_co = TypeVar("T_co", covariant=True)
R_co = TypeVar("R_co", covariant=True)


@attrs.frozen
class Outcome(Generic[T_co, R_co]):
    """What has become of one item of a stream: a value, or an error.

    >>> Outcome(index=0, id="0", item=3, value=9).unwrap()
    9
    """

    index: int
    """The item's place in the input, counted from 0."""
    id: str
    """What errors, events and task names call the step: what ``key`` makes of the item, or else its
    ``index`` as text."""
    item: T_co = attrs.field(repr=shown)
    """The item itself."""
    value: R_co | None = attrs.field(default=None, repr=shown)
    """What the function returned; None if there is an error."""
    error: Exception | None = attrs.field(default=None, repr=shown)
    """What the function raised, or a :class:`StepTimeout`; None if it returned."""
    wait: float = 0.0
    """Seconds from when the item was taken from the input until the step started; where it was tried
    again, from when the attempt before had failed until the last one started."""
    duration: float = 0.0
    """Seconds from then until the step ended: those of the last attempt."""
    attempts: int = 1
    """How often the step was started: more than once only where there is a :class:`Retry`."""

    @property
    def ok(self) -> bool:
        """Whether the function returned."""
        return self.error is None

    def unwrap(self) -> R_co:
        """Return the value, or raise the error.

        Raises:
            Exception: what the step raised, as it is.
        """
        if self.error is not None:
            raise self.error
        return self.value  # type: ignore[return-value]  # without an error it is the value
