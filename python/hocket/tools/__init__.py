"""The tools that come with hocket: an HTTP client and SQLite."""

from __future__ import annotations

from ._registry import ToolRegistry

__all__ = ["builtin_tools"]


def builtin_tools() -> ToolRegistry:
    """A new registry with ``http_request`` and ``database_query``.

    >>> builtin_tools().names()
    ['database_query', 'http_request']
    """
    from .http import HttpRequest
    from .sqlite import database_query

    registry = ToolRegistry()
    registry.register(HttpRequest)
    registry.register(database_query)
    return registry
