"""Tools: async functions that the steps of a workflow call by name."""

from __future__ import annotations

import importlib
import inspect
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from types import ModuleType
from typing import Any, TypeVar, overload

import attrs

from ._callables import is_async_callable, require_async
from ._context import WorkflowContext
from ._errors import ToolInputError, ToolModuleError, UnknownTool
from ._mistake import Keys, Mistake
from ._plan import Analysis
from ._references import compile_template
from ._suggest import did_you_mean

__all__ = ["OpenTool", "Tool", "ToolRegistry", "tool"]

_MARK = "__hocket_tool__"
_CONTEXT = "context"
_Made = TypeVar("_Made", bound=Callable[..., Any])


@overload
def tool(fn: _Made, /) -> _Made: ...
@overload
def tool(fn: None = None, /, *, name: str | None = None) -> Callable[[_Made], _Made]: ...
def tool(fn: Any = None, /, *, name: str | None = None) -> Any:
    """Mark an async function, or a class of tools, as a tool; it stays what it is.

    ``ToolRegistry.from_module`` finds what is marked. See :meth:`ToolRegistry.register` for what
    a tool may be.

    Args:
        fn: the function or class, when used without parentheses.
        name: the name that steps call it by. Default: its own.

    Raises:
        TypeError: it is not async; the message says how to wrap it.

    >>> @tool(name="shout")
    ... async def to_upper(text: str) -> str:
    ...     return text.upper()
    """
    if fn is None:
        return lambda made: _mark(made, name)
    return _mark(fn, name)


@attrs.frozen
class Tool:
    """A tool as it is registered: what to call, and which arguments it takes."""

    name: str
    target: Callable[..., Any]
    """The async function, or the class whose instances are the tool for one run."""
    parameters: frozenset[str]
    """The names that an input may have; without ``context``."""
    required: frozenset[str]
    """Those that it must have."""
    takes_any: bool
    """Whether other names are fine too (``**kwargs``)."""
    takes_context: bool
    """Whether it gets the :class:`WorkflowContext` as ``context``."""
    single: str | None
    """The parameter that gets an input which is no mapping; None if it takes no such input."""

    @property
    def is_class(self) -> bool:
        """Whether every run makes its own instance."""
        return inspect.isclass(self.target)

    def arguments(self, mapping: Mapping[str, Any]) -> dict[str, Any]:
        """An input as keyword arguments: ``userId`` becomes ``user_id`` if only that exists."""
        return {self._parameter(key): value for key, value in mapping.items()}

    def problems(self, value: Any) -> list[tuple[Keys, str]]:
        """What is wrong with an input: where in it, and what. An empty list means it fits."""
        if value is not None and not isinstance(value, Mapping):
            return self._problems_of_one(value)
        given: set[str] = set()
        problems: list[tuple[Keys, str]] = []
        for key in value or ():
            parameter = self._parameter(key)
            if not self._accepts(parameter):
                problems.append(((key,), self._unknown(key)))
            elif parameter in given:
                problems.append(((key,), f"tool {self.name!r} gets {parameter!r} twice"))
            given.add(parameter)
        missing = sorted(self.required - given)
        return problems + [((), f"tool {self.name!r} needs {name!r}") for name in missing]

    def _problems_of_one(self, value: Any) -> list[tuple[Keys, str]]:
        if self.single is not None and self.required <= {self.single}:
            return []
        takes = ", ".join(sorted(self.required or self.parameters))
        takes = f"a mapping with {takes}" if takes else "no input"
        return [((), f"tool {self.name!r} takes {takes}; found {value!r}")]

    def _unknown(self, key: object) -> str:
        known = ", ".join(sorted(self.parameters)) or "none"
        near = did_you_mean(key, self.parameters)
        return f"tool {self.name!r} has no parameter {key!r}{near} (parameters: {known})"

    def _accepts(self, key: object) -> bool:
        if not isinstance(key, str) or (key == _CONTEXT and self.takes_context):
            return False
        return self.takes_any or key in self.parameters

    def _parameter(self, key: Any) -> Any:
        if key in self.parameters or not isinstance(key, str):
            return key
        snake = re.sub(r"(?<=[a-z0-9])([A-Z])", r"_\1", key).lower()
        return snake if snake in self.parameters else key


@attrs.frozen
class OpenTool:
    """A tool that is ready for the steps of one run."""

    tool: Tool
    _call: Callable[..., Awaitable[Any]]

    def __call__(self, input: Any, context: WorkflowContext) -> Awaitable[Any]:
        """Start the tool: the coroutine to await for its value.

        Args:
            input: a mapping becomes keyword arguments; None, none; anything else is the first
                argument.
            context: goes to a tool that has a parameter ``context``.

        Raises:
            ToolInputError: the input does not fit the tool's signature.
        """
        if problems := self.tool.problems(input):
            raise ToolInputError("; ".join(text for _, text in problems))
        extra = {_CONTEXT: context} if self.tool.takes_context else {}
        if input is None:
            return self._call(**extra)
        if isinstance(input, Mapping):
            return self._call(**extra, **self.tool.arguments(input))
        assert self.tool.single is not None  # or there would have been a problem
        return self._call(**extra, **{self.tool.single: input})


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

        Args:
            fn: the function or the class.
            name: what steps call it by. Default: the name given to ``@tool``, else its own.

        Returns:
            What it was given, so that this works as a decorator.

        Raises:
            TypeError: it is not async; the message says how to wrap it.
            ValueError: the name is taken by another tool.
        """
        made = _make_tool(fn, name)
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
            raise UnknownTool(self._unknown(name)) from None

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
            text: ``package.module`` for every ``@tool`` and every registry in the module, or
                ``package.module:name`` for one registry, tool or async function in it.

        Raises:
            ToolModuleError: the module or name does not exist, fails to import, or has no tools.
        """
        module_name, _, attribute = text.partition(":")
        module = _import(text, module_name)
        registry = cls()
        if attribute:
            registry._add(_attribute(text, module, attribute))
        else:
            for value in list(vars(module).values()):
                if isinstance(value, ToolRegistry) or _is_marked(value):
                    registry._add(value)
        if not registry._tools:
            raise ToolModuleError(
                f"{text!r} has no tools; mark an async function with @hocket.tool"
            )
        return registry

    def check_input(self, name: str, input: Any) -> list[tuple[Keys, str]]:
        """What is wrong with a step's input: where in it, and what.

        A function, or a single reference, is known only in the run: nothing is wrong with it.

        Raises:
            UnknownTool: there is no such tool.
        """
        if callable(input) or (isinstance(input, str) and _is_reference(input)):
            return []
        return self.get(name).problems(input)

    def check_steps(self, analysis: Analysis) -> list[Mistake]:
        """Every step of a workflow that names no tool of this registry, or does not fit it."""
        mistakes: list[Mistake] = []
        for place in analysis.places.values():
            name = place.step.tool
            if name is None:
                continue
            if name not in self._tools:
                mistakes.append(Mistake((*place.keys, "tool"), self._unknown(name)))
                continue
            for keys, text in self.check_input(name, place.step.input):
                mistakes.append(Mistake((*place.keys, "input", *keys), text))
        return mistakes

    @asynccontextmanager
    async def open(self) -> AsyncIterator[dict[str, OpenTool]]:
        """Make the tools ready for one run, and clean up after it.

        Gives a mapping from name to a callable: ``await tools[name](input, context)``.
        """
        async with AsyncExitStack() as stack:
            tools: dict[str, OpenTool] = {}
            for name, made in self._tools.items():
                call = made.target
                if made.is_class:
                    call = await stack.enter_async_context(made.target())
                tools[name] = OpenTool(made, call)
            yield tools

    def _unknown(self, name: str) -> str:
        known = ", ".join(self.names()) or "none"
        return f"there is no tool {name!r}{did_you_mean(name, self.names())} (tools: {known})"

    def _add(self, value: Any) -> None:
        if isinstance(value, ToolRegistry):
            self._tools |= value._tools
            return
        try:
            self.register(value)
        except TypeError as error:
            raise ToolModuleError(str(error)) from error


def _is_reference(text: str) -> bool:
    references = compile_template(text).references
    return len(references) == 1 and references[0].text == text


def _mark(fn: Any, name: str | None) -> Any:
    if isinstance(fn, str):
        raise TypeError(f"write @tool(name={fn!r}): the name goes by keyword")
    made = _make_tool(fn, name)  # refuses here, where the mistake is, not when it is loaded
    setattr(fn, _MARK, made.name)
    return fn


def _is_marked(value: Any) -> bool:
    # A registry module often imports tools; what is marked is a tool wherever it came from.
    return isinstance(getattr(value, _MARK, None), str) and callable(value)


def _make_tool(fn: Any, name: str | None) -> Tool:
    if inspect.isclass(fn):
        _require_tool_class(fn)
    else:
        require_async("a tool", fn)
    name = name or getattr(fn, _MARK, None) or getattr(fn, "__name__", None)
    if not isinstance(name, str) or not name.strip():
        raise TypeError(f"a tool needs a name; pass one for {fn!r}")
    if inspect.isclass(fn):
        call: Any = inspect.getattr_static(fn, "__call__")
        return _describe(name, fn, list(inspect.signature(call).parameters.values())[1:])
    return _describe(name, fn, list(inspect.signature(fn).parameters.values()))


def _require_tool_class(cls: type) -> None:
    if not inspect.iscoroutinefunction(inspect.getattr_static(cls, "__call__", None)):
        raise TypeError(f"a tool class needs 'async def __call__'; {cls.__qualname__!r} has none")
    if not (hasattr(cls, "__aenter__") and hasattr(cls, "__aexit__")):
        raise TypeError(
            f"a tool class needs '__aenter__' and '__aexit__'; {cls.__qualname__!r} lacks them; "
            f"if it needs nothing for the whole run, make it an async function"
        )


def _describe(name: str, fn: Any, parameters: list[inspect.Parameter]) -> Tool:
    empty = inspect.Parameter.empty
    named = [p for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)]
    inputs = [p for p in named if p.name != _CONTEXT]
    return Tool(
        name=name,
        target=fn,
        parameters=frozenset(p.name for p in inputs),
        required=frozenset(p.name for p in inputs if p.default is empty),
        takes_any=any(p.kind is p.VAR_KEYWORD for p in parameters),
        takes_context=len(inputs) < len(named),
        single=next((p.name for p in inputs if p.kind is p.POSITIONAL_OR_KEYWORD), None),
    )


def _import(text: str, name: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name and (name == error.name or name.startswith(f"{error.name}.")):
            raise ToolModuleError(
                f"there is no module {error.name!r} for the tools {text!r}; "
                f"give a name that Python can import, such as 'my_package.tools'"
            ) from error
        raise ToolModuleError(f"the tools {text!r} failed to import: {error}") from error
    except Exception as error:
        what = f"{type(error).__name__}: {error}"
        raise ToolModuleError(f"the tools {text!r} failed to import: {what}") from error


def _attribute(text: str, module: ModuleType, path: str) -> Any:
    value: Any = module
    for name in path.split("."):
        if not hasattr(value, name):
            near = did_you_mean(name, vars(value)) if hasattr(value, "__dict__") else ""
            raise ToolModuleError(f"{text!r}: {module.__name__!r} has no {name!r}{near}")
        value = getattr(value, name)
    if isinstance(value, ToolRegistry) or inspect.isclass(value) or is_async_callable(value):
        return value
    raise ToolModuleError(f"{text!r} is neither a ToolRegistry nor an async function")
