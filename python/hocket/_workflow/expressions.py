"""Conditions: expressions over references, compiled once and worked out in every run.

CEL's grammar, a subset, with JavaScript's ranks of operators, its truth and its strict equality.
Nothing in it can call code or loop, so its cost is bounded by its length and by what it looks at.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs

from .. import _core
from .._base.errors import ExpressionError, UnresolvedReference
from .context import WorkflowContext
from .grammar import parse
from .lookup import NotThere, look_up
from .nodes import Call, Chain, Choice, Items, Link, Literal, Node, Root, Unary
from .operators import BINARY, Mismatch, is_true, kind_of, negative, positive, same, size_of
from .references import Reference, resolve
from .syntax import ROOTS_OF_STEPS, written
from .tokens import refuse

__all__ = ["Expression", "compile_expression"]

Work = Callable[[WorkflowContext], Any]
_SIGNS: dict[str, Callable[[Any], Any]] = {
    "!": lambda value: not is_true(value),
    "-": negative,
    "+": positive,
}


@attrs.frozen(eq=False)
class Expression:
    """A compiled expression."""

    text: str
    """As it was written."""
    references: tuple[Reference, ...]
    """What it refers to, each as far as it is written out."""
    _work: Work

    def value(self, context: WorkflowContext) -> Any:
        """Work it out.

        Raises:
            ExpressionError: values do not fit their operators, or a key is missing in what is there.
        """
        try:
            return self._work(context)
        except RecursionError:
            raise ExpressionError(self.text, 1, "there is too little stack left") from None

    def holds(self, context: WorkflowContext) -> bool:
        """Work it out, and say whether the value is true, as JavaScript sees it."""
        return is_true(self.value(context))


def compile_expression(
    text: str, *, absent_is_null: bool = True, has_variables: bool = False
) -> Expression:
    """Read an expression.

    Args:
        text: the expression.
        absent_is_null: whether the value of a step that gave none is null, as in conditions. Where
            it is not, only what has a default (``??``) may be absent.
        has_variables: whether it may stand in a loop, where references may begin with other names;
            whether they do is for the caller to check.

    Raises:
        ExpressionError: it cannot be read.

    >>> expression = compile_expression("$context.n * 2 > 5 && !$context.off")
    >>> expression.holds(WorkflowContext(values={"n": 3, "off": False}))
    True
    """
    compiler = _Compiler(text, absent_is_null)
    work = compiler.work(parse(text, has_variables=has_variables))
    return Expression(text, tuple(compiler.references), work)


@attrs.define
class _Compiler:
    text: str
    absent_is_null: bool
    references: list[Reference] = attrs.field(factory=list)

    def work(self, node: Node, *, lenient: bool = False) -> Work:
        """The function that works a part out. A lenient one is null where there is nothing."""
        match node:
            case Literal():
                return _constant(node.value)
            case Root() | Link():
                return self.path(node, lenient)
            case Unary():
                return self.guarded(node.at, _SIGNS[node.sign], node.value)
            case Chain():
                return self.chain(node)
            case Choice():
                return self.choice(node)
            case Items():
                return self.items(node)
            case Call():
                return self.call(node)

    def guarded(self, at: int, function: Callable[..., Any], *arguments: Node) -> Work:
        """Call a function that may find that its values do not fit."""
        works = [self.work(argument) for argument in arguments]
        text = self.text
        if len(works) == 1:
            (only,) = works

            def one(context: WorkflowContext) -> Any:
                value = only(context)
                try:
                    return function(value)
                except Mismatch as error:
                    refuse(text, at, str(error))

            return one
        first, second = works

        def two(context: WorkflowContext) -> Any:
            one, other = first(context), second(context)
            try:
                return function(one, other)
            except Mismatch as error:
                refuse(text, at, str(error))

        return two

    def chain(self, node: Chain) -> Work:
        rank = node.rest[0][0]
        if rank in ("||", "??", "&&"):
            return self.logic(node)
        if len(node.rest) == 1:
            (sign, at, second), *_ = node.rest
            return self.guarded(at, BINARY[sign], node.first, second)
        first = self.work(node.first)
        rest = [(BINARY[sign], at, self.work(value)) for sign, at, value in node.rest]
        text = self.text

        def many(context: WorkflowContext) -> Any:
            value = first(context)
            for function, at, work in rest:
                other = work(context)
                try:
                    value = function(value, other)
                except Mismatch as error:
                    refuse(text, at, str(error))
            return value

        return many

    def logic(self, node: Chain) -> Work:
        """``||``, ``&&`` or ``??``: the first value that decides, as in JavaScript."""
        sign = node.rest[0][0]
        nodes = [node.first, *(value for _, _, value in node.rest)]
        # The last one is left of nothing.
        works = [self.work(one, lenient=sign == "??") for one in nodes[:-1]]
        last = self.work(nodes[-1])
        decides = {"||": is_true, "&&": _is_false, "??": _is_there}[sign]

        def work(context: WorkflowContext) -> Any:
            for each in works:
                value = each(context)
                if decides(value):
                    return value
            return last(context)

        return work

    def choice(self, node: Choice) -> Work:
        condition, one, other = map(self.work, (node.condition, node.one, node.other))
        return lambda context: one(context) if is_true(condition(context)) else other(context)

    def items(self, node: Items) -> Work:
        works = [self.work(item) for item in node.items]
        return lambda context: [work(context) for work in works]

    def call(self, node: Call) -> Work:
        if node.name == "has":
            work = self.work(node.arguments[0], lenient=True)
            return lambda context: work(context) is not None
        if node.name == "size":
            return self.guarded(node.at, size_of, node.arguments[0])
        if node.name == "matches":
            return self.guarded(node.at, self.matching(node.arguments[1]), *node.arguments)
        return self.guarded(node.at, _METHODS[node.name], *node.arguments)

    def matching(self, pattern: Node) -> Callable[[Any, Any], bool]:
        """A pattern that is written out is compiled here; any other one in the run."""
        if not isinstance(pattern, Literal):
            return lambda value, found: _matches(value, _pattern(found))
        try:
            compiled = _pattern(pattern.value)
        except Mismatch as error:
            refuse(self.text, pattern.at, str(error))
        return lambda value, _: _matches(value, compiled)

    def path(self, node: Root | Link, lenient: bool) -> Work:
        links: list[Link] = []
        base: Node = node
        while isinstance(base, Link):
            links.append(base)
            base = base.base
        links.reverse()
        if not isinstance(base, Root):
            return self.further(self.work(base, lenient=lenient), links, lenient)
        keys: list[str] = []
        for link in links:
            key = _key_written(link.key)
            if key is None:
                break
            keys.append(key)
        work = self.reference(base, keys, len(links), lenient)
        return self.further(work, links[len(keys) :], lenient)

    def reference(self, root: Root, keys: list[str], count: int, lenient: bool) -> Work:
        """What a root leads to, by the keys that are written out."""
        if root.name == "now" and count:
            refuse(self.text, root.at, "$now is a text, and has no keys")
        if root.name in ROOTS_OF_STEPS and count and not keys:
            refuse(self.text, root.at, f"write the step after ${root.name}. out: it is waited for")
        reference = Reference(
            written(root.name, keys),
            root.name,
            tuple(keys),
            optional=lenient,
            column=root.at + 1,
            expression=self.text if self.absent_is_null else "",
        )
        self.references.append(reference)
        text, at = self.text, root.at
        name = reference.step if self.absent_is_null else None

        def work(context: WorkflowContext) -> Any:
            if name is not None and context.lacks(root.name, name):
                return None
            try:
                return resolve(reference, context)
            except UnresolvedReference as error:
                if lenient:
                    return None
                refuse(text, at, f"{error.reference}: {error.reason}")

        return work

    def further(self, base: Work, links: list[Link], lenient: bool) -> Work:
        """What a value holds under keys that the run works out."""
        if not links:
            return base
        keys = [
            (link.at, _constant(link.key) if isinstance(link.key, str) else self.work(link.key))
            for link in links
        ]
        text = self.text

        def work(context: WorkflowContext) -> Any:
            value = base(context)
            for at, key_of in keys:
                if value is None and lenient:
                    return None
                key = key_of(context)
                try:
                    value = look_up(value, _key(key))
                except NotThere:
                    if lenient:
                        return None
                    refuse(text, at, f"there is nothing under {key!r}: it is {kind_of(value)}")
                except Mismatch as error:
                    refuse(text, at, str(error))
            return value

        return work


def _constant(value: Any) -> Work:
    return lambda _: value


def _is_false(value: Any) -> bool:
    return not is_true(value)


def _is_there(value: Any) -> bool:
    return value is not None


def _key_written(key: str | Node) -> str | None:
    if isinstance(key, str):
        return key
    number = key.value if isinstance(key, Literal) else None
    is_index = isinstance(number, int) and not isinstance(number, bool)
    return str(number) if is_index else None


def _key(key: Any) -> str:
    if isinstance(key, str):
        return key
    if isinstance(key, float) and key.is_integer():
        key = int(key)
    if isinstance(key, int) and not isinstance(key, bool):
        return str(key)
    raise Mismatch(f"a key is a text or a whole number; found {kind_of(key)}")


def _contains(value: Any, part: Any) -> bool:
    if isinstance(value, str) and isinstance(part, str):
        return part in value
    if isinstance(value, list | tuple):
        return any(same(item, part) for item in value)
    found = f"{kind_of(value)} and {kind_of(part)}"
    raise Mismatch(
        f"contains() looks for a text in a text, or for a value in a list; found {found}"
    )


def _texts(name: str, method: Callable[[str, str], bool]) -> Callable[[Any, Any], bool]:
    def work(value: Any, part: Any) -> bool:
        if not isinstance(value, str) or not isinstance(part, str):
            found = f"{kind_of(value)} and {kind_of(part)}"
            raise Mismatch(f"{name}() takes a text and a text; found {found}")
        return method(value, part)

    return work


_METHODS: dict[str, Callable[[Any, Any], bool]] = {
    "contains": _contains,
    "startsWith": _texts("startsWith", str.startswith),
    "endsWith": _texts("endsWith", str.endswith),
}


def _pattern(pattern: Any) -> _core.Pattern:
    if not isinstance(pattern, str):
        raise Mismatch(f"matches() takes a pattern as text; found {kind_of(pattern)}")
    try:
        return _core.Pattern(pattern)
    except (ValueError, UnicodeEncodeError) as error:
        raise Mismatch(f"not a regular expression: {str(error).splitlines()[-1]}") from None


def _matches(value: Any, pattern: _core.Pattern) -> bool:
    if not isinstance(value, str):
        raise Mismatch(f"matches() looks into a text; found {kind_of(value)}")
    try:
        return pattern.is_in(value)
    except UnicodeEncodeError:
        raise Mismatch("matches() cannot read half a character") from None
