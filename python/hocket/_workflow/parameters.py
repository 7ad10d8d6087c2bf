"""What a run of a workflow may be given: names, types, defaults."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from types import GenericAlias
from typing import TYPE_CHECKING, Any

import attrs

from .._base.checks import check_flag
from .._base.iterables import as_tuple
from .._base.mistakes import Mistake, Mistakes
from .._base.shown import shown
from .._base.suggestions import did_you_mean
from .operators import same

if TYPE_CHECKING:
    import cattrs

__all__ = ["Parameter", "check_type", "check_values_given", "fill_in"]

_TYPES: dict[str, Any] = {
    "str": str,
    "int": int,
    "float": float,
    "bool": bool,
    "list": list[Any],
    "dict": dict[str, Any],
    "any": Any,
}
_WORDS = {
    "str": "text",
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "list": "a list",
    "dict": "a mapping",
}
_ELSEWHERE = {
    "string": "str",
    "text": "str",
    "integer": "int",
    "number": "float",
    "boolean": "bool",
    "array": "list",
    "object": "dict",
    "map": "dict",
}
_INNER = re.compile(r"(list|dict)\[(\w+)\]")


def check_type(text: object) -> Any:
    """Return the type that a parameter's ``type`` names.

    Raises:
        ValueError: it names none; the message says which there are.

    >>> check_type("list[int]")
    list[int]
    """
    if isinstance(text, str):
        if text in _TYPES:
            return _TYPES[text]
        if (match := _INNER.fullmatch(text)) and match[2] in _TYPES:
            inner = _TYPES[match[2]]
            return (
                GenericAlias(list, inner)
                if match[1] == "list"
                else GenericAlias(dict, (str, inner))
            )
    near = ""
    if isinstance(text, str):
        meant = _ELSEWHERE.get(text.lower())
        near = f"; did you mean {meant!r}?" if meant else did_you_mean(text, _TYPES)
    names = ", ".join(_TYPES)
    raise ValueError(
        f"expected one of {names}, or list[...] or dict[...] of one; found {shown(text)}{near}"
    )


def _values(given: Iterable[Any] | None) -> tuple[Any, ...] | None:
    return None if given is None else as_tuple("enum", "a list of values", given)


@attrs.frozen(kw_only=True)
class Parameter:
    """One value that a run of a workflow is given: ``$context.<name>``.

    Args:
        type: ``"str"``, ``"int"``, ``"float"``, ``"bool"``, ``"list"``, ``"dict"`` or ``"any"``; or
            ``"list[int]"`` and the like, for what is in it. Default ``"any"``.
        default: what it is if the run does not say. Default None.
        enum: the values that it may have. Default: any of its type.
        required: whether each run must say. Default False.
        description: what it is for.

    Raises:
        TypeError, ValueError: an argument is wrong, or the default is not what the others ask for.

    >>> Parameter(type="int", default=5).default
    5
    """

    type: str = "any"
    default: Any = None
    enum: tuple[Any, ...] | None = attrs.field(default=None, converter=_values)
    required: bool = False
    description: str = ""

    def __attrs_post_init__(self) -> None:
        check_type(self.type)
        check_flag("required", self.required)
        for value in self.enum or ():
            if why := self._why_not_of_type(value):
                raise ValueError(f"enum: {why}")
        if self.enum is not None and not self.enum:
            raise ValueError("enum lists no value, so that there could be none")
        if self.default is None:
            return
        if self.required:
            raise ValueError(
                "a required parameter is always given: leave the default or required out"
            )
        if why := self.why_not(self.default):
            raise ValueError(f"default: {why}")

    def why_not(self, value: Any) -> str | None:
        """Say why it cannot have this value; None if it can."""
        if why := self._why_not_of_type(value):
            return why
        if self.enum is not None and not any(same(value, one) for one in self.enum):
            there = ", ".join(map(shown, self.enum))
            return f"expected one of {there}; found {_short(value)}{did_you_mean(value, self.enum)}"
        return None

    def _why_not_of_type(self, value: Any) -> str | None:
        outer, _, inner = self.type.partition("[")
        try:
            # A text can be iterated over, and cattrs would make a list of it.
            if outer in _OUTER and not _OUTER[outer](value):
                raise TypeError
            _converter().structure(value, check_type(self.type))
        except Exception:  # noqa: BLE001 - cattrs raises whatever its hooks do; all mean the same
            of = f" of {inner[:-1]}" if inner else ""
            return f"expected {_WORDS[outer]}{of}; found {_short(value)}"
        return None


def _short(value: Any) -> str:
    text = shown(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


@cache
def _converter() -> cattrs.Converter:
    """Checks types and converts nothing: the text 5 is no number."""
    import cattrs  # only workflows with parameters need it, and every import of hocket would pay

    converter = cattrs.Converter(detailed_validation=False)
    for type_, takes in _TAKES.items():
        converter.register_structure_hook(type_, _strict(takes))
    converter.register_structure_hook_func(lambda type_: type_ == list[Any], _strict(_is_list))
    converter.register_structure_hook_func(lambda type_: type_ == dict[str, Any], _strict(_is_dict))
    return converter


def _strict(takes: Callable[[Any], bool]) -> Callable[[Any, Any], Any]:
    def structure(value: Any, _: Any) -> Any:
        if not takes(value):
            raise TypeError
        return value

    return structure


def _is_list(value: Any) -> bool:
    return isinstance(value, list | tuple)


def _is_dict(value: Any) -> bool:
    return isinstance(value, Mapping)


_OUTER = {"list": _is_list, "dict": _is_dict}


_TAKES: dict[type, Callable[[Any], bool]] = {
    str: lambda value: isinstance(value, str),
    int: lambda value: isinstance(value, int) and not isinstance(value, bool),
    float: lambda value: isinstance(value, int | float) and not isinstance(value, bool),
    bool: lambda value: isinstance(value, bool),
}


def check_values_given(
    parameters: Mapping[str, Parameter], values: Mapping[str, Any]
) -> list[Mistake]:
    """Return what is wrong with the values of a run; nothing is where no parameters are declared."""
    mistakes = Mistakes()
    if not parameters:
        return []
    for name, value in values.items():
        if name not in parameters:
            there = ", ".join(parameters)
            near = mistakes.near(name, parameters)
            mistakes.add((name,), f"there is no such parameter{near} (parameters: {there})")
        elif why := parameters[name].why_not(value):
            mistakes.add((name,), why)
    for name in _missing(parameters, values):
        mistakes.add((name,), f"the run needs this parameter{_what_for(parameters[name])}")
    return mistakes.found


def _missing(parameters: Mapping[str, Parameter], values: Mapping[str, Any]) -> Iterable[str]:
    return [name for name, one in parameters.items() if one.required and name not in values]


def _what_for(parameter: Parameter) -> str:
    return f": {parameter.description}" if parameter.description else ""


def fill_in(parameters: Mapping[str, Parameter], values: Mapping[str, Any]) -> dict[str, Any]:
    """The values of a run, with the defaults of what it does not say."""
    known = {name: one.default for name, one in parameters.items() if not one.required}
    return known | dict(values)
