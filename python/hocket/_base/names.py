"""Names in the two spellings that workflow files have."""

from __future__ import annotations

import re

__all__ = ["snake_case"]

_HUMP = re.compile(r"(?<=[a-z0-9])([A-Z])")


def snake_case(name: str) -> str:
    """Return a camelCase name as Python writes it.

    >>> snake_case("userId")
    'user_id'
    """
    return _HUMP.sub(r"_\1", name).lower()
