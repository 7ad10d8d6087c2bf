"""Every public name has one home, a docstring and a stable address.

The rule: a name is defined in one private module and re-exported by ``hocket``. ``__module__`` names
the private module, so that annotations resolve where they were written. Errors are the exception:
theirs is ``hocket``, because a traceback prints it to the user.
"""

from __future__ import annotations

import ast
import enum
import inspect
import pickle
import types
from pathlib import Path

import pytest

import hocket

INIT = Path(hocket.__file__)
PUBLIC = {name: getattr(hocket, name) for name in hocket.__all__}
CLASSES = {name: value for name, value in PUBLIC.items() if inspect.isclass(value)}
ERRORS = {name: value for name, value in CLASSES.items() if issubclass(value, BaseException)}
FUNCTIONS = {name: value for name, value in PUBLIC.items() if inspect.isroutine(value)}


def test_all_is_sorted_and_names_nothing_twice():
    assert list(hocket.__all__) == sorted(set(hocket.__all__))


def test_all_names_every_public_name_of_the_package_and_no_private_one():
    visible = {
        name
        for name, value in vars(hocket).items()
        if not name.startswith("_") and not isinstance(value, types.ModuleType)
    }
    # `from __future__ import annotations` leaves a name behind.
    visible.discard("annotations")
    assert visible <= set(hocket.__all__)
    assert not [name for name in hocket.__all__ if name.startswith("_") and name != "__version__"]


def test_dir_offers_every_public_name():
    assert set(hocket.__all__) <= set(dir(hocket))


def test_every_re_export_is_explicit():
    tree = ast.parse(INIT.read_text(encoding="utf-8"))
    implicit = [
        alias.name
        for node in tree.body
        if isinstance(node, ast.ImportFrom) and node.level
        for alias in node.names
        if alias.asname != alias.name
    ]
    assert not implicit


def test_the_package_itself_defines_no_class():
    tree = ast.parse(INIT.read_text(encoding="utf-8"))
    assert not [node.name for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]


@pytest.mark.parametrize("name", [*CLASSES, *FUNCTIONS])
def test_a_name_says_where_it_lives(name):
    home = PUBLIC[name].__module__
    if name in ERRORS:
        assert home == "hocket"
    else:
        assert home.startswith(("hocket._", "hocket.tools._")), f"{name} claims to live in {home}"
        # A class by another name would break pickling and every error message that names it.
        assert PUBLIC[name].__qualname__ == name


@pytest.mark.parametrize("name", [*CLASSES, *FUNCTIONS])
def test_a_name_has_a_docstring_of_its_own(name):
    value = PUBLIC[name]
    own = vars(value).get("__doc__") if inspect.isclass(value) else value.__doc__
    assert own is not None
    assert own.strip()


@pytest.mark.parametrize("name", CLASSES)
def test_every_public_method_has_a_docstring(name):
    def bare(member: object) -> object:
        # Class methods and static methods keep theirs on the function that they wrap.
        return getattr(member, "__func__", member)

    undocumented = [
        f"{name}.{member}"
        for member, value in vars(CLASSES[name]).items()
        if not member.startswith("_")
        and (inspect.isroutine(bare(value)) or isinstance(value, property))
        and not (bare(value).__doc__ or "").strip()
    ]
    assert not undocumented


@pytest.mark.parametrize(
    "name",
    [name for name, value in CLASSES.items() if not issubclass(value, enum.Enum)],
)
def test_a_class_can_be_pickled_by_reference(name):
    assert pickle.loads(pickle.dumps(CLASSES[name])) is CLASSES[name]


@pytest.mark.parametrize("name", ERRORS)
def test_every_error_is_of_the_one_family(name):
    assert issubclass(ERRORS[name], hocket.HocketError)


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no_such_name"):
        _ = hocket.no_such_name
