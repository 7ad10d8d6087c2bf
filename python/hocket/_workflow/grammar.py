"""From the text of an expression to its parts: CEL's grammar, a subset, with JavaScript's ranks.

Each rank of signs is one function deeper; what stands between parentheses starts again from the
top, at most 32 times inside each other.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NoReturn

import attrs

from .._base.suggestions import did_you_mean
from .nodes import Call, Chain, Choice, Items, Link, Literal, Node, Root, Unary
from .syntax import ALL_ROOTS
from .tokens import Token, refuse, scan

__all__ = ["METHODS", "no_root", "parse"]

_DEEPEST = 32
# The lower, the looser.
_RANKS: tuple[tuple[str, ...], ...] = (
    ("||", "??"),
    ("&&",),
    ("==", "===", "!=", "!=="),
    ("<", "<=", ">", ">=", "in"),
    ("+", "-"),
    ("*", "/", "%"),
)
_WORDS = {"true": True, "false": False, "null": None, "undefined": None}
_FUNCTIONS = {"has": 1, "size": 1}
METHODS = {"contains": 1, "endsWith": 1, "matches": 1, "size": 0, "startsWith": 1}
"""The methods there are, and how many arguments each takes."""
_MEANT = {
    "and": "write &&",
    "or": "write ||",
    "not": "write !",
    "is": "write ==",
    "True": "write true",
    "False": "write false",
    "None": "write null",
    "NULL": "write null",
    "nil": "write null",
    "eq": "write ==",
    "ne": "write !=",
}


def parse(expression: str, *, has_variables: bool = False) -> Node:
    """Read an expression.

    Args:
        expression: the text.
        has_variables: whether a reference may begin with any name, as in a loop.

    Raises:
        ExpressionError: it cannot be read; the error says where, and what to write.
    """
    return _Parser(expression, scan(expression), has_variables).whole()


def no_root(name: str, variables: Iterable[str] = ()) -> str:
    """Say that no reference begins with a name, and what was most likely meant."""
    known = [*ALL_ROOTS, *variables]
    near = did_you_mean(name, known, "${}".format)
    there = ", ".join(f"${root}" for root in known)
    return f"there is no ${name}{near} (references: {there})"


@attrs.define
class _Parser:
    expression: str
    tokens: list[Token]
    has_variables: bool
    place: int = 0
    depth: int = 0

    @property
    def next(self) -> Token:
        return self.tokens[self.place]

    def take(self) -> Token:
        token = self.next
        self.place += 1
        return token

    def is_sign(self, *signs: str) -> bool:
        return self.next.kind == "sign" and self.next.text in signs

    def expect(self, sign: str, why: str) -> None:
        if not self.is_sign(sign):
            self.refuse(f"expected {sign!r} {why}; found {_found(self.next)}")
        self.take()

    def refuse(self, reason: str, at: int | None = None) -> NoReturn:
        refuse(self.expression, self.next.at if at is None else at, reason)

    def whole(self) -> Node:
        node = self.choice()
        if self.next.kind != "end":
            self.refuse(f"expected an operator or the end; found {_found(self.next)}{self.hint()}")
        return node

    def hint(self) -> str:
        meant = _MEANT.get(self.next.text)
        return f"; {meant}" if meant else ""

    def choice(self) -> Node:
        self.depth += 1
        if self.depth > _DEEPEST:
            self.refuse(f"an expression is nested at most {_DEEPEST} deep")
        condition = self.chain(0)
        if self.is_sign("?"):
            at = self.take().at
            one = self.choice()
            self.expect(":", "and the other value, as in a ? b : c")
            condition = Choice(at, condition, one, self.choice())
        self.depth -= 1
        return condition

    def chain(self, rank: int) -> Node:
        """Values with signs of this rank, or a higher one, between them."""
        if rank == len(_RANKS):
            return self.unary()
        first = self.chain(rank + 1)
        rest: list[tuple[str, int, Node]] = []
        while self.next.kind in ("sign", "name") and self.next.text in _RANKS[rank]:
            token = self.take()
            rest.append((token.text, token.at, self.chain(rank + 1)))
        if not rest:
            return first
        made = Chain(first.at, first, tuple(rest))
        if rank == 0:
            self.check_mixture(made)
        return made

    def check_mixture(self, chain: Chain) -> None:
        """As in JavaScript, ``??`` beside ``&&`` or ``||`` needs parentheses: nobody knows its rank."""
        signs = {sign for sign, _, _ in chain.rest}
        for node in (chain.first, *(value for _, _, value in chain.rest)):
            if isinstance(node, Chain) and not node.wrapped:
                signs |= {sign for sign, _, _ in node.rest} & {"&&"}
        if "??" in signs and len(signs) > 1:
            at = next(at for sign, at, _ in chain.rest if sign == "??")
            self.refuse("put parentheses around '??' and its values beside '&&' or '||'", at)

    def unary(self) -> Node:
        signs: list[Token] = []
        while self.is_sign("!", "-", "+"):
            signs.append(self.take())
            if len(signs) > _DEEPEST:
                self.refuse(f"an expression is nested at most {_DEEPEST} deep")
        node = self.links()
        for token in reversed(signs):
            node = Unary(token.at, token.text, node)
        return node

    def links(self) -> Node:
        node = self.primary()
        count = 0
        while self.is_sign(".", "["):
            count += 1
            if count > 5 * _DEEPEST:
                self.refuse(f"a path has at most {5 * _DEEPEST} keys")
            node = self.dot(node) if self.take().text == "." else self.index(node)
        return node

    def index(self, base: Node) -> Node:
        at = self.next.at
        key = self.choice()
        self.expect("]", "after the index")
        if isinstance(key, Literal) and isinstance(key.value, str):
            return Link(at, base, key.value)
        return Link(at, base, key)

    def dot(self, base: Node) -> Node:
        token = self.take()
        digits = token.kind == "number" and token.text.isdecimal()
        if token.kind != "name" and not digits:
            self.refuse(f"expected a key after '.'; found {_found(token)}", token.at)
        if self.is_sign("(") and token.kind == "name":
            return self.call(token, base)
        if self.is_sign("-") and self.next.at == token.at + len(token.text):
            self.check_dash(token)
        return Link(token.at, base, token.text)

    def check_dash(self, token: Token) -> None:
        """A bare name right behind ``a-`` was meant as a part of the key."""
        after = self.tokens[self.place + 1]
        if after.kind == "name" and after.at == self.next.at + 1 and after.text not in _WORDS:
            name = f"{token.text}-{after.text}"
            self.refuse(f'{name!r} is a subtraction here; write ["{name}"] for that key', token.at)

    def call(self, token: Token, base: Node | None = None) -> Node:
        known = _FUNCTIONS if base is None else METHODS
        if token.text not in known:
            near = did_you_mean(token.text, known)
            there = ", ".join(f"{name}()" for name in known)
            what = "function" if base is None else "method"
            self.refuse(f"there is no {what} {token.text}(){near} (there are {there})", token.at)
        arguments = self.arguments()
        count = known[token.text]
        if len(arguments) != count:
            takes = ("no argument", "one argument")[count]
            self.refuse(f"{token.text}() takes {takes}; found {len(arguments)}", token.at)
        if token.text == "has" and not isinstance(arguments[0], Link):
            self.refuse("has() takes a reference, such as $results.step.key", arguments[0].at)
        return Call(token.at, token.text, arguments if base is None else (base, *arguments))

    def arguments(self) -> tuple[Node, ...]:
        self.take()
        return self.items(")", "after the arguments")

    def items(self, end: str, why: str) -> tuple[Node, ...]:
        found: list[Node] = []
        while not self.is_sign(end):
            found.append(self.choice())
            if not self.is_sign(","):
                break
            self.take()
        self.expect(end, why)
        return tuple(found)

    def primary(self) -> Node:
        token = self.take()
        if token.kind in ("number", "text"):
            return Literal(token.at, token.value)
        if token.kind == "reference":
            return self.root(token)
        if token.kind == "name":
            return self.word(token)
        if token.text == "(":
            inner = self.choice()
            self.expect(")", "to close the parenthesis")
            return attrs.evolve(inner, wrapped=True) if isinstance(inner, Chain) else inner
        if token.text == "[":
            return Items(token.at, self.items("]", "to close the list"))
        return self.refuse(f"expected a value; found {_found(token)}", token.at)

    def root(self, token: Token) -> Node:
        name = token.text[1:]
        if name not in ALL_ROOTS and not self.has_variables:
            self.refuse(no_root(name), token.at)
        return Root(token.at, name)

    def word(self, token: Token) -> Node:
        if token.text in _WORDS:
            return Literal(token.at, _WORDS[token.text])
        if self.is_sign("("):
            return self.call(token)
        return self.refuse(_strange_word(token.text), token.at)


def _strange_word(text: str) -> str:
    if text in ALL_ROOTS:
        return f"a reference begins with a dollar: write ${text}"
    meant = f"put text in quotes, and write $results.{text} for a step's value"
    return f"{text!r} has no meaning here; {_MEANT.get(text, meant)}"


def _found(token: Token) -> str:
    return "the end" if token.kind == "end" else repr(token.text)
