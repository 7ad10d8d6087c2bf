"""The registry of the tools that a workflow may use."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Container, Iterator, Mapping
from contextlib import AbstractAsyncContextManager
from functools import partial
from types import ModuleType
from typing import TYPE_CHECKING, Any, TypeVar

from .._base.errors import ToolModuleError, UnknownTool, UnresolvedReference
from .._base.mistakes import Keys, Mistake, Mistakes, is_unreadable
from .._base.shown import said
from .._base.suggestions import did_you_mean
from .._base.weak_set import WeakSet
from .._workflow.context import WorkflowContext
from .._workflow.references import resolve
from .._workflow.step import WorkflowStep
from .._workflow.templates import compile_template
from ._modules import import_tools
from ._opening import Opening
from ._tool import OpenTool, Tool, is_async, is_marked, make_tool
from ._types import UNKNOWN

if TYPE_CHECKING:
    from .._workflow.analysis import Analysis

__all__ = ["ToolRegistry"]

_Made = TypeVar("_Made", bound=Callable[..., Any])


class ToolRegistry:
    """The tools that a workflow may use, by name.

    >>> registry = ToolRegistry()
    >>> @registry.register
    ... async def greet(name: str) -> str:
    ...     return f"hello {name}"
    >>> registry.names()
    ['greet']
    """

    def __init__(self) -> None:
        self._tools: dict[str, Tool] = {}
        # Workflows that fit these tools. More tools take nothing from what fits, and no tool leaves.
        self._fitting: WeakSet[Analysis] = WeakSet()

    def __contains__(self, name: object) -> bool:
        return name in self._tools

    def __iter__(self) -> Iterator[str]:
        return iter(self._tools)

    def __len__(self) -> int:
        return len(self._tools)

    def register(self, fn: _Made, name: str | None = None) -> _Made:
        """Add a tool.

        A tool is an async function, or a class for a tool that needs something for the whole run
        (a connection, say): every run makes one instance, enters it with ``async with`` before
        the first step, calls it (``async def __call__``) for every step, and leaves it after the
        last, also when the run is cancelled.

        Its parameters are what an input may have, but for two: one named ``context`` gets the run's
        :class:`WorkflowContext`, and one of the type :class:`StepContext` the step that calls it.
        Of a decorated function, the decorator's parameters count: one of ``(*args, **kwargs)`` takes
        any input, as it may add or drop some. If it passes on what it gets, it may say so with
        ``wrapper.__signature__ = inspect.signature(fn)``, and inputs are checked.

        Args:
            fn: the function or the class.
            name: what steps call it by. Default: the name given to ``@tool``, else its own.

        Returns:
            What it was given, so that this works as a decorator.

        Raises:
            TypeError: it is not async; the message says how to wrap it.
            ValueError: the name is taken by another tool.
        """
        made = make_tool(fn, name)
        taken = self._tools.get(made.name)
        if taken is not None and taken.target is not fn:
            raise ValueError(
                f"there is a tool {made.name!r} already; register this one under another name, "
                f"or replace it with registry.merge(other)"
            )
        self._tools[made.name] = made
        return fn

    def get(self, name: str) -> Tool:
        """The tool of that name.

        Raises:
            UnknownTool: there is none; the message suggests the nearest.
        """
        try:
            return self._tools[name]
        except KeyError:
            raise UnknownTool(self._unknown(name, Mistakes())) from None

    def names(self) -> list[str]:
        """The names of all tools, sorted."""
        return sorted(self._tools)

    def merge(self, other: ToolRegistry) -> ToolRegistry:
        """A new registry with the tools of both; of two with one name, that of ``other``."""
        merged = ToolRegistry()
        merged._tools = self._tools | other._tools
        return merged

    @classmethod
    def from_module(cls, text: str) -> ToolRegistry:
        """Load the tools of a module.

        Args:
            text: ``package.module``, or the path of a file (``../my_tools.py``), for every ``@tool``
                and every registry in it; with ``:name`` behind it, for one registry, tool or async
                function in it.

        Raises:
            ToolModuleError: the module or name does not exist, fails to import, or has no tools.
        """
        module, attribute = import_tools(text)
        registry = cls()
        if attribute:
            registry._add(text, _attribute(text, module, attribute))
        else:
            for value in list(vars(module).values()):
                if _is_ours(value):
                    registry._add(text, value)
        if not registry._tools:
            raise ToolModuleError(
                f"{text!r} has no tools; mark an async function with @hocket.tool"
            )
        return registry

    def check_input(
        self, name: str, input: Any, values: Mapping[str, Any] | None = None
    ) -> list[tuple[Keys, str]]:
        """What is wrong with a step's input: where in it, and what.

        A function, or a single reference, is known only in the run: nothing is wrong with it. So
        are the parts of an input that references stand for; of all others the types are checked.

        Args:
            name: the tool.
            input: what it is to get.
            values: what ``$context`` will be, if that is known.

        Raises:
            UnknownTool: there is no such tool.
        """
        tool, known = self.get(name), partial(_known, values=values)
        given = known(input) if isinstance(input, str) else input
        if callable(given) or given is UNKNOWN:
            return []
        problems = tool.problems(given)
        if problems and not isinstance(given, Mapping):
            return problems
        return problems + tool.mistyped(input, known)

    def check_steps(
        self, analysis: Analysis, values: Mapping[str, Any] | None = None
    ) -> list[Mistake]:
        """Every step of a workflow that names no tool of this registry, or does not fit it.

        Args:
            analysis: that of the workflow.
            values: what ``$context`` will be, if that is known.
        """
        if values is None and analysis in self._fitting:
            return []
        mistakes = Mistakes()
        for step, where in analysis.places.tool_steps():
            assert step.tool is not None
            if mistakes.full:
                break
            if is_unreadable(step.tool):
                continue  # which is reported
            if step.tool not in self._tools:
                mistakes.add((*where, "tool"), self._unknown(step.tool, mistakes))
                continue
            if text := _wrong_place(self._tools[step.tool], step):
                mistakes.add((*where, "run_in" if step.run_in == "thread" else "tool"), text)
            for keys, text in self.check_input(step.tool, step.input, values):
                mistakes.add((*where, "input", *keys), text)
        if not mistakes.found:
            self._fitting.add(analysis)
        return mistakes.found

    def open(
        self, names: Container[str] | None = None
    ) -> AbstractAsyncContextManager[dict[str, OpenTool]]:
        """Make tools ready for one run, and clean up after it.

        Args:
            names: which ones. Default: all.

        Gives a mapping from name to a callable: ``await tools[name](input, context)``, with
        a third argument, its step, for a tool that takes one.
        """
        tools = self._tools.items()
        return Opening({name: made for name, made in tools if names is None or name in names})

    def _unknown(self, name: str, mistakes: Mistakes) -> str:
        known = ", ".join(self.names()) or "none"
        return f"there is no tool {name!r}{mistakes.near(name, self.names())} (tools: {known})"

    def _add(self, text: str, value: Any) -> None:
        if isinstance(value, ToolRegistry):
            self._tools |= value._tools
            return
        try:
            self.register(value)
        except (TypeError, ValueError) as error:
            raise ToolModuleError(f"{text!r}: {error}") from error


def _is_ours(value: Any) -> bool:
    """Whether a module's value is a registry or a tool; a lazy object that fails is neither."""
    try:
        return isinstance(value, ToolRegistry) or is_marked(value)
    except Exception:  # noqa: BLE001 - somebody else's object, such as the proxy of a request
        return False


def _known(text: str, values: Mapping[str, Any] | None) -> Any:
    """What a text of an input stands for before the run."""
    if "$" not in text:
        return text
    template = compile_template(text)
    if template.slips:
        return UNKNOWN  # reported as such
    if not template.references:
        return template.constant
    reference = template.references[0]
    if reference.text != text or reference.root == "now":
        return text  # a text is what it will be
    if reference.root != "context" or values is None:
        return UNKNOWN
    try:
        return resolve(reference, WorkflowContext(values=dict(values)))
    except UnresolvedReference:
        return UNKNOWN


def _near_name(name: str, value: Any) -> str:
    names = vars(value) if hasattr(value, "__dict__") else {}
    ours = [name for name, inner in names.items() if _is_ours(inner)]
    return did_you_mean(name, ours) or did_you_mean(name, names)


def _attribute(text: str, module: ModuleType, path: str) -> Any:
    try:
        return _named(text, module, path)
    except ToolModuleError:
        raise
    except Exception as error:
        # Somebody else's object, such as one that is loaded as it is first used.
        what = f"{type(error).__name__}: {said(error)}"
        raise ToolModuleError(f"the tools {text!r} cannot be looked at: {what}") from error


def _named(text: str, module: ModuleType, path: str) -> Any:
    value: Any = module
    for name in path.split("."):
        if not hasattr(value, name):
            near = _near_name(name, value)
            raise ToolModuleError(f"{text!r}: {module.__name__!r} has no {name!r}{near}")
        value = getattr(value, name)
    if isinstance(value, ToolRegistry) or inspect.isclass(value) or is_async(value):
        return value
    raise ToolModuleError(f"{text!r} is neither a ToolRegistry nor an async function")


def _wrong_place(tool: Tool, step: WorkflowStep[Any]) -> str | None:
    """Why the step cannot run its tool where it says."""
    if tool.blocks and step.run_in == "trio":
        return (
            f"tool {tool.name!r} is a sync function: write 'async def', or in the step run_in: thread "
            f"if it blocks"
        )
    if step.run_in == "thread" and not tool.blocks:
        return f"tool {tool.name!r} is async, and 'thread' is for functions that block: leave run_in out"
    return None
