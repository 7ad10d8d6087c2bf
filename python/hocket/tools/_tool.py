"""A tool: an async function that steps call by name, and what it may be called with."""

from __future__ import annotations

import inspect
import re
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from types import UnionType
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin, overload

import attrs

from .._base.callables import is_async_callable, never_awaitable, not_async
from .._base.errors import ToolInputError
from .._base.mistakes import Keys
from .._base.names import snake_case
from .._base.shown import shown
from .._base.suggestions import did_you_mean
from .._workflow.context import WorkflowContext
from ._step_context import StepContext
from ._types import UNKNOWN, Known, mistyped

__all__ = ["OpenTool", "Tool", "is_async", "is_marked", "make_tool", "tool"]

_MARK = "__hocket_tool__"
_CONTEXT = "context"
# The type of a parameter whose names mean nothing where it stands.
_STEP_CONTEXT = re.compile(r"([\w.]+\.)?StepContext( *\| *None)?")
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
    """The names that an input may have."""
    required: frozenset[str]
    """Those that it must have."""
    hidden: frozenset[str]
    """Parameters of the function that a decorator hides behind ``**kwargs``. An input may have
    them, but need not: the decorator may give them itself."""
    takes_any: bool
    """Whether other names are fine too (``**kwargs``)."""
    takes_context: bool
    """Whether it gets the :class:`WorkflowContext` as ``context``."""
    step_parameters: frozenset[str]
    """The names of the parameters that get the :class:`StepContext`."""
    types: Mapping[str, Any]
    """The declared types of parameters, those that have one."""
    defaults: Mapping[str, Any]
    """What parameters are if an input does not give them."""
    single: str | None
    """The parameter that gets an input which is no mapping; None if it takes no such input. An
    empty text: the first one, whatever its name."""

    @property
    def is_class(self) -> bool:
        """Whether every run makes its own instance."""
        return inspect.isclass(self.target)

    @property
    def blocks(self) -> bool:
        """Whether it is a plain function, which only a thread can run."""
        return not self.is_class and not is_async(self.target)

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

    def mistyped(self, value: Any, known: Known) -> list[tuple[Keys, str]]:
        """What in an input is not of the type that its parameter declares: where, and what.

        Args:
            value: the input.
            known: what each text of it stands for.
        """
        found: list[tuple[Keys, str]] = []
        given = known(value) if isinstance(value, str) else value
        if isinstance(given, Mapping):
            known = known if given is value else str
            found = [
                ((key,), self._mistyped(self._parameter(key), v, known)) for key, v in given.items()
            ]
        elif given is not None and self.single:
            found = [((), self._mistyped(self.single, value, known))]
        return [(keys, text) for keys, text in found if text]

    def _mistyped(self, parameter: str, value: Any, known: Known) -> str:
        if parameter not in self.types or value is self.defaults.get(parameter, UNKNOWN):
            return ""
        wrong = mistyped(value, self.types[parameter], known)
        if wrong is None:
            return ""
        what, found = wrong
        return f"tool {self.name!r} takes {what} for {parameter!r}; {found}"

    def _problems_of_one(self, value: Any) -> list[tuple[Keys, str]]:
        if self.single is not None and self.required <= {self.single}:
            return []
        takes = ", ".join(sorted(self.required or self.parameters))
        takes = f"a mapping with {takes}" if takes else "no input"
        return [((), f"tool {self.name!r} takes {takes}; found {shown(value)}")]

    def _unknown(self, key: object) -> str:
        if self._is_given(key):
            return f"tool {self.name!r} gets {shown(key)} from hocket; leave it out"
        known = ", ".join(sorted(self.parameters)) or "none"
        near = did_you_mean(key, self.parameters)
        return f"tool {self.name!r} has no parameter {shown(key)}{near} (parameters: {known})"

    def _accepts(self, key: object) -> bool:
        if not isinstance(key, str) or self._is_given(key):
            return False
        return self.takes_any or key in self.parameters

    def _is_given(self, key: object) -> bool:
        return (key == _CONTEXT and self.takes_context) or key in self.step_parameters

    def _parameter(self, key: Any) -> Any:
        known = self.parameters | self.hidden
        if key in known or not isinstance(key, str):
            return key
        snake = snake_case(key)
        return snake if snake in known else key


@attrs.frozen
class OpenTool:
    """A tool that is ready for the steps of one run."""

    tool: Tool
    _call: Callable[..., Awaitable[Any]]

    @property
    def takes_step(self) -> bool:
        """Whether it has a parameter for a :class:`StepContext`."""
        return bool(self.tool.step_parameters)

    def __call__(
        self, input: Any, context: WorkflowContext, step: StepContext | None = None
    ) -> Awaitable[Any]:
        """Start the tool: the coroutine to await for its value.

        Args:
            input: a mapping becomes keyword arguments; None, none; anything else is the first
                argument.
            context: goes to a tool that has a parameter ``context``.
            step: goes to a tool that takes one; the others need none.

        Raises:
            ToolInputError: the input does not fit the tool's signature.
        """
        if problems := self.tool.problems(input):
            raise ToolInputError("; ".join(text for _, text in problems))
        extra: dict[str, Any] = dict.fromkeys(self.tool.step_parameters, step)
        if self.tool.takes_context:
            extra[_CONTEXT] = context
        if input is None:
            return self._call(**extra)
        if isinstance(input, Mapping):
            return self._call(**extra, **self.tool.arguments(input))
        assert self.tool.single is not None  # or there would have been a problem
        if not self.tool.single:
            return self._call(input, **extra)
        return self._call(**extra, **{self.tool.single: input})


def _mark(fn: Any, name: str | None) -> Any:
    if isinstance(fn, str):
        raise TypeError(f"write @tool(name={shown(fn)}): the name goes by keyword")
    made = make_tool(fn, name)  # refuses here, where the mistake is, not when it is loaded
    setattr(fn, _MARK, made.name)
    return fn


def is_marked(value: Any) -> bool:
    """Whether ``@tool`` was put on it."""
    # A registry module often imports tools; what is marked is a tool wherever it came from.
    return isinstance(getattr(value, _MARK, None), str) and callable(value)


def is_async(fn: Any) -> bool:
    """Whether it is an async function, or one in a decorator, which need not be async itself."""
    return is_async_callable(fn) or (callable(fn) and is_async_callable(inspect.unwrap(fn)))


def make_tool(fn: Any, name: str | None) -> Tool:
    """Describe an async function or a class of tools.

    Raises:
        TypeError: it cannot be a tool; the message says why.
    """
    if inspect.isclass(fn):
        _require_tool_class(fn)
    else:
        if not is_async(fn) and never_awaitable(fn):
            raise not_async("a tool", fn)
    name = name or getattr(fn, _MARK, None) or getattr(fn, "__name__", None)
    if not isinstance(name, str) or not name.strip():
        raise TypeError(f"a tool needs a name; pass one for {shown(fn)}")
    if inspect.isclass(fn):
        call: Any = inspect.getattr_static(fn, "__call__")
        return _describe(name, fn, _parameters(call)[1:], _parameters(call, behind=True)[1:])
    return _describe(name, fn, _parameters(fn), _parameters(fn, behind=True))


def _require_tool_class(cls: type) -> None:
    if not inspect.iscoroutinefunction(inspect.getattr_static(cls, "__call__", None)):
        raise TypeError(f"a tool class needs 'async def __call__'; {cls.__qualname__!r} has none")
    if not (hasattr(cls, "__aenter__") and hasattr(cls, "__aexit__")):
        raise TypeError(
            f"a tool class needs '__aenter__' and '__aexit__'; {cls.__qualname__!r} lacks them; "
            f"if it needs nothing for the whole run, make it an async function"
        )
    for parameter in inspect.signature(cls, follow_wrapped=False).parameters.values():
        if parameter.default is parameter.empty and parameter.kind not in (
            parameter.VAR_POSITIONAL,
            parameter.VAR_KEYWORD,
        ):
            raise TypeError(
                f"a tool class is made anew for each run, without arguments; {cls.__qualname__!r} "
                f"needs {parameter.name!r}: give it a default"
            )


def _parameters(fn: Callable[..., Any], *, behind: bool = False) -> list[inspect.Parameter]:
    """What it takes; with ``behind``, what the function takes that its decorators wrap."""
    names = getattr(inspect.unwrap(_unbound(fn)), "__globals__", {})
    parameters = inspect.signature(fn, follow_wrapped=behind).parameters.values()
    return [p.replace(annotation=_evaluated(p.annotation, names)) for p in parameters]


def _unbound(fn: Any) -> Any:
    while isinstance(fn, partial):
        fn = fn.func
    is_object = not inspect.isroutine(fn) and not inspect.isclass(fn)
    return inspect.getattr_static(type(fn), "__call__", fn) if is_object else fn


def _evaluated(annotation: Any, names: dict[str, Any]) -> Any:
    if not isinstance(annotation, str):
        return annotation
    try:
        return eval(annotation, names)  # noqa: S307 - as typing.get_type_hints does, one by one
    except Exception:  # noqa: BLE001 - a type may be imported for type checkers only
        return annotation


def _takes_step(annotation: Any) -> bool:
    if isinstance(annotation, str):
        return _STEP_CONTEXT.fullmatch(annotation) is not None
    if get_origin(annotation) is Annotated:
        return _takes_step(get_args(annotation)[0])
    if get_origin(annotation) in (Union, UnionType):
        return any(map(_takes_step, get_args(annotation)))
    return annotation is StepContext


def _require_names(name: str, parameters: list[inspect.Parameter]) -> None:
    for p in parameters:
        if p.kind is p.POSITIONAL_ONLY:
            raise TypeError(
                f"tool {name!r} cannot be given {p.name!r}: inputs go by name, and it is "
                f"positional-only: take the '/' out of its parameters"
            )
        if p.kind in (p.VAR_POSITIONAL, p.VAR_KEYWORD) and _takes_step(p.annotation):
            raise TypeError(f"tool {name!r} takes its step in one parameter; found {str(p)!r}")


def _describe(
    name: str, fn: Any, parameters: list[inspect.Parameter], behind: list[inspect.Parameter]
) -> Tool:
    _require_names(name, parameters)
    empty = inspect.Parameter.empty
    kinds = {p.kind for p in parameters}
    takes_any = inspect.Parameter.VAR_KEYWORD in kinds
    named = _named(parameters)
    hidden = [p for p in _named(behind) if takes_any and p.name not in {p.name for p in named}]
    # What hocket gives is given through a decorator too.
    steps = frozenset(p.name for p in named + hidden if _takes_step(p.annotation))
    given = steps | {_CONTEXT}
    inputs = [p for p in named if p.name not in given]
    single = next((p.name for p in inputs if p.kind is p.POSITIONAL_OR_KEYWORD), None)
    if single is None and hidden:
        single = _first_hidden(hidden, kinds, given)
    return Tool(
        name=name,
        target=fn,
        parameters=frozenset(p.name for p in inputs),
        required=frozenset(p.name for p in inputs if p.default is empty),
        hidden=frozenset(p.name for p in hidden if p.name not in given),
        takes_any=takes_any,
        takes_context=_CONTEXT not in steps and any(p.name == _CONTEXT for p in named + hidden),
        step_parameters=steps,
        types={p.name: p.annotation for p in inputs if p.annotation is not empty},
        defaults={p.name: p.default for p in inputs if p.default is not empty},
        single=single,
    )


def _named(parameters: list[inspect.Parameter]) -> list[inspect.Parameter]:
    return [p for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)]


def _first_hidden(
    hidden: list[inspect.Parameter], kinds: set[Any], given: frozenset[str]
) -> str | None:
    """How an input that is no mapping goes through a decorator of ``(*args, **kwargs)``."""
    if inspect.Parameter.VAR_POSITIONAL in kinds and hidden[0].name not in given:
        return ""  # by place, as the decorator may put something before it
    first = (p.name for p in hidden if p.kind is p.POSITIONAL_OR_KEYWORD and p.name not in given)
    return next(first, None)
