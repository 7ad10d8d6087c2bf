"""From a workflow file, or what one would hold, to a definition: with every mistake at once."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from .._workflow.definition import WorkflowDefinition
from .reading import Reading

if TYPE_CHECKING:
    from ..tools._registry import ToolRegistry

__all__ = ["load_workflow", "read_workflow", "workflow_from_dict"]


def load_workflow(
    path: str | os.PathLike[str], tools: ToolRegistry | None = None
) -> WorkflowDefinition:
    """Read a workflow from a YAML file, in either spelling.

    Args:
        path: the file.
        tools: if given, tool names and inputs are checked as well; a manager with these tools does
            not check them again.

    Raises:
        WorkflowFileError: the file cannot be read or has mistakes; it lists them all.
        MissingExtra: PyYAML is not installed.

    >>> load_workflow("no_such_file.yaml")
    Traceback (most recent call last):
    hocket.WorkflowFileError: no_such_file.yaml has 1 mistake:
    no_such_file.yaml: cannot read the file: No such file or directory
    """
    return read_workflow(path, tools, None)


def read_workflow(
    path: str | os.PathLike[str], tools: ToolRegistry | None, values: Mapping[str, Any] | None
) -> WorkflowDefinition:
    """Read a workflow as :func:`load_workflow` does.

    Args:
        path: the file.
        tools: if given, tool names and inputs are checked as well.
        values: what ``$context`` will be, if that is known: references to it are checked then.

    Raises:
        WorkflowFileError: the file cannot be read or has mistakes; it lists them all.
    """
    return Reading(tools).file(os.fsdecode(path), values)


def workflow_from_dict(
    mapping: Mapping[str, Any], source: str = "<dict>", tools: ToolRegistry | None = None
) -> WorkflowDefinition:
    """Read what a workflow file would hold from nested dicts and lists.

    Args:
        mapping: the workflow, in either spelling.
        source: what messages call it.
        tools: as for :func:`load_workflow`.

    Raises:
        WorkflowFileError: it has mistakes; it lists them all.

    >>> workflow_from_dict({"name": "hello", "steps": [{"id": "greet", "tool": "greeter"}]}).name
    'hello'
    """
    return Reading(tools).data(mapping, source)
