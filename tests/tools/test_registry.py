"""Tools: what may be one, what it is called with, and how long it lives."""

from __future__ import annotations

import functools
import inspect
import sys
import types

import pytest
import trio

from hocket._base.errors import ToolInputError, ToolModuleError, UnknownTool
from hocket._workflow.context import WorkflowContext
from hocket.tools import builtin_tools
from hocket.tools._registry import ToolRegistry
from hocket.tools._tool import tool

CONTEXT = WorkflowContext(values={"who": "ada"})


async def greet(name, greeting="hello"):
    return f"{greeting} {name}"


async def anything(**options):
    return options


async def by_context(text, context):
    return f"{text} {context.values['who']}"


async def nothing():
    return "nothing"


async def snake(user_id, userName=None):  # noqa: N803 - both spellings, on purpose
    return user_id, userName


def sync_tool(x):
    return x


async def generator(x):
    yield x


class Client:
    """A tool with a life: notes what happens to it."""

    events: list[object] = []  # noqa: RUF012 - cleared by every test that reads it

    async def __aenter__(self):
        self.events.append("open")
        return self

    async def __aexit__(self, *error):
        with trio.CancelScope(shield=True):
            await trio.lowlevel.checkpoint()
        self.events.append("closed")

    async def __call__(self, path):
        self.events.append(path)
        await trio.lowlevel.checkpoint()
        return path


def registry_of(*tools):
    registry = ToolRegistry()
    for each in tools:
        registry.register(each)
    return registry


async def call(fn, input):
    async with registry_of(fn).open() as tools:
        return await tools[fn.__name__](input, CONTEXT)


@pytest.mark.parametrize(
    ("fn", "input", "value"),
    [
        (greet, {"name": "bob"}, "hello bob"),
        (greet, {"name": "bob", "greeting": "hi"}, "hi bob"),
        (greet, "bob", "hello bob"),
        (anything, {"a": 1, "bC": 2}, {"a": 1, "bC": 2}),
        (anything, None, {}),
        (by_context, {"text": "hi"}, "hi ada"),
        (by_context, "hi", "hi ada"),
        (nothing, None, "nothing"),
        (nothing, {}, "nothing"),
        (snake, {"userId": 5, "userName": "x"}, (5, "x")),
        (snake, [1, 2], ([1, 2], None)),
    ],
)
async def test_a_tool_is_called_with_the_input(fn, input, value):
    assert await call(fn, input) == value


@pytest.mark.parametrize(
    ("fn", "input", "expected"),
    [
        (greet, None, "tool 'greet' needs 'name'"),
        (
            greet,
            {"nam": "bob"},
            ("tool 'greet' has no parameter 'nam'; did you mean 'name'? "
            "(parameters: greeting, name); tool 'greet' needs 'name'"),
        ),
        (nothing, {"x": 1}, "tool 'nothing' has no parameter 'x' (parameters: none)"),
        (nothing, "x", "tool 'nothing' takes no input; found 'x'"),
        (anything, 5, "tool 'anything' takes no input; found 5"),
        (
            by_context,
            {"text": "x", "context": 1},
            "tool 'by_context' gets 'context' from hocket; leave it out",
        ),
        (snake, {"userId": 1, "user_id": 2}, "tool 'snake' gets 'user_id' twice"),
        (greet, {5: 1}, ("tool 'greet' has no parameter 5 (parameters: greeting, name); tool "
         "'greet' needs 'name'")),
    ],
)  # fmt: skip
async def test_an_input_that_does_not_fit_is_refused_before_the_call(fn, input, expected):
    problems = registry_of(fn).check_input(fn.__name__, input)
    assert "; ".join(text for _, text in problems) == expected
    with pytest.raises(ToolInputError) as caught:
        await call(fn, input)
    assert str(caught.value) == expected


def wrapped(kind, signature=False):
    """A decorator as they are usually written, of one of some kinds, around a tool."""

    def decorate(fn):
        async def plain(*args, **options):
            return await fn(*args, **options)

        def sync(*args, **options):
            return fn(*args, **options)

        async def first(*args, **options):
            return await fn("first", *args, **options)

        async def by_name(*args, **options):
            return await fn(*args, connection="by name", **options)

        async def exact(name):
            return await fn(name, "exact")

        async def own(*args, retries=1, **options):
            return await fn(*args, **options), retries

        made = functools.wraps(fn)(
            {"plain": plain, "sync": sync, "first": first, "by_name": by_name}.get(kind)
            or {"exact": exact, "own": own}[kind]
        )
        if signature:
            made.__signature__ = inspect.signature(fn)
        return made

    return decorate


async def query(connection, userName):  # noqa: N803 - as in an API
    return connection, userName


async def search(text, connection):
    return text, connection


@pytest.mark.parametrize(
    ("fn", "input", "value"),
    [
        (wrapped("plain")(greet), {"name": "bob"}, "hello bob"),
        (wrapped("plain")(greet), "bob", "hello bob"),
        (wrapped("plain")(snake), {"userId": 5}, (5, None)),
        (wrapped("plain")(by_context), {"text": "hi"}, "hi ada"),
        (wrapped("plain")(by_context), "hi", "hi ada"),
        (wrapped("plain")(wrapped("first")(query)), {"userName": "x"}, ("first", "x")),
        (wrapped("sync")(greet), {"name": "bob"}, "hello bob"),
        (wrapped("first")(query), {"userName": "bob"}, ("first", "bob")),
        (wrapped("first")(query), "bob", ("first", "bob")),
        (wrapped("by_name")(search), {"text": "x"}, ("x", "by name")),
        (wrapped("by_name")(search), "x", ("x", "by name")),
        (wrapped("exact")(search), {"name": "x"}, ("x", "exact")),
        (wrapped("exact")(search), "x", ("x", "exact")),
        (wrapped("own")(greet), {"name": "bob", "retries": 3}, ("hello bob", 3)),
    ],
)
async def test_a_decorator_may_add_and_drop_parameters_of_a_tool(fn, input, value):
    assert registry_of(fn).check_input(fn.__name__, input) == []
    assert await call(fn, input) == value


@pytest.mark.parametrize(
    ("fn", "input", "expected"),
    [
        (wrapped("exact")(search), {"text": "x"}, "tool 'search' has no parameter 'text'"),
        (wrapped("plain", signature=True)(greet), {"nam": "x"}, "did you mean 'name'?"),
        (wrapped("plain")(by_context), {"context": 1}, "gets 'context' from hocket; leave it out"),
    ],
)
def test_what_a_decorator_says_of_its_parameters_is_checked(fn, input, expected):
    problems = registry_of(fn).check_input(fn.__name__, input)
    assert expected in "; ".join(text for _, text in problems)


@pytest.mark.parametrize("input", [lambda context: {}, "$results.a", "${context.all}"])
def test_an_input_known_only_in_the_run_is_not_checked_before(input):
    assert registry_of(greet).check_input("greet", input) == []


@pytest.mark.parametrize(
    ("fn", "text"),
    [
        pytest.param(
            generator,
            "a tool must return a value; 'generator' yields (async generator)",
            id="async generator",
        ),
        pytest.param("greet", "a tool must be an async function; got 'greet'", id="text"),
        pytest.param(
            type("Sync", (), {"__call__": sync_tool}),
            "a tool class needs 'async def __call__'; 'Sync' has none",
            id="class with a sync call",
        ),
        pytest.param(
            type("Bare", (), {"__call__": greet}),
            "a tool class needs '__aenter__' and '__aexit__'; 'Bare' lacks them; if it needs "
            "nothing for the whole run, make it an async function",
            id="class without a life",
        ),
        pytest.param(
            functools.partial(greet, "x"),
            f"a tool needs a name; pass one for {functools.partial(greet, 'x')!r}",
            id="no name",
        ),
    ],
)
def test_what_cannot_be_a_tool_is_refused_at_the_door(fn, text):
    with pytest.raises(TypeError) as caught:
        ToolRegistry().register(fn)
    assert str(caught.value) == text


def test_the_decorator_refuses_at_once_too():
    with pytest.raises(TypeError, match="'generator' yields"):
        tool(generator)
    with pytest.raises(TypeError, match=r"write @tool\(name='shout'\)"):
        tool("shout")


def test_a_tool_is_known_by_the_name_that_was_given_last():
    @tool(name="marked")
    async def fn():
        pass

    registry = ToolRegistry()
    assert registry.register(fn) is fn
    registry.register(fn, name="other")
    assert registry.names() == list(registry) == ["marked", "other"]
    assert "marked" in registry
    assert len(registry) == 2


def test_a_name_is_taken_only_once():
    registry = registry_of(greet)
    registry.register(greet)
    with pytest.raises(ValueError, match="there is a tool 'greet' already"):
        registry.register(nothing, name="greet")


def test_of_two_merged_registries_the_second_counts():
    first, second = registry_of(greet, nothing), ToolRegistry()
    second.register(anything, name="greet")
    merged = first.merge(second)
    assert merged.names() == ["greet", "nothing"]
    assert merged.get("greet").target is anything
    assert first.get("greet").target is greet


def test_an_unknown_tool_is_refused_with_a_near_name():
    with pytest.raises(UnknownTool) as caught:
        registry_of(greet).get("gret")
    assert str(caught.value) == "there is no tool 'gret'; did you mean 'greet'? (tools: greet)"


# --- tools with a life


async def test_a_class_has_one_instance_a_run_which_is_closed_at_its_end():
    Client.events.clear()
    registry = ToolRegistry()
    registry.register(Client, name="client")
    async with registry.open() as tools:
        assert await tools["client"]({"path": "a"}, CONTEXT) == "a"
        assert await tools["client"]("b", CONTEXT) == "b"
    async with registry.open():
        pass
    assert Client.events == ["open", "a", "b", "closed", "open", "closed"]


async def test_a_class_is_closed_when_the_run_is_cancelled():
    Client.events.clear()
    with trio.CancelScope() as scope:
        async with registry_of(Client).open() as tools:
            scope.cancel()
            await tools["Client"]("a", CONTEXT)
    assert scope.cancelled_caught
    assert Client.events == ["open", "a", "closed"]


class Refusing(BaseException):
    """Lets nothing be written to it."""

    def __setattr__(self, name, value):
        raise AttributeError(f"{name} is read-only")


@pytest.mark.parametrize("way", ["inside", "as one opens", "as one closes"])
async def test_all_tools_are_closed_whatever_the_exception_refuses(way):
    closed = []

    def make(number):
        class Resource:
            async def __call__(self):
                """Do nothing."""

            async def __aenter__(self):
                if way == "as one opens" and number == 3:
                    raise Refusing
                return self

            async def __aexit__(self, kind, error, traceback):
                closed.append((number, kind))
                if way == "as one closes" and number == 2:
                    raise Refusing

        return Resource

    registry = ToolRegistry()
    for number in (1, 2, 3):
        registry.register(make(number), name=f"t{number}")

    async def use():
        async with registry.open():
            if way == "inside":
                raise Refusing

    with pytest.raises(Refusing) as caught:
        await use()
    assert (
        closed
        == {
            "inside": [(3, Refusing), (2, Refusing), (1, Refusing)],
            "as one opens": [(2, Refusing), (1, Refusing)],
            "as one closes": [(3, None), (2, None), (1, Refusing)],
        }[way]
    )
    assert caught.value.__context__ is None


async def test_a_tool_may_swallow_what_is_raised_and_those_around_it_see_nothing():
    seen = []

    class Outer:
        async def __call__(self):
            """Do nothing."""

        async def __aenter__(self):
            return self

        async def __aexit__(self, *error):
            seen.append(error[0])

    class Inner(Outer):
        async def __aexit__(self, *error):
            seen.append(error[0])
            return True

    registry = ToolRegistry()
    registry.register(Outer)
    registry.register(Inner)
    async with registry.open():
        raise ValueError
    assert seen == [ValueError, None]


# --- modules


@pytest.fixture
def module(monkeypatch):
    made = types.ModuleType("some_tools")
    monkeypatch.setitem(sys.modules, "some_tools", made)
    made.greet = tool(name="greet")(functools.partial(greet))
    made.helper = nothing
    made.number = 5
    made.more = registry_of(anything)
    made.Greetd = object  # nearer to a wrong name than the tool is, and no tool
    return made


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("some_tools", ["anything", "greet"]),
        ("some_tools:more", ["anything"]),
        ("some_tools:helper", ["nothing"]),
        ("some_tools:greet", ["greet"]),
    ],
)
def test_the_tools_of_a_module_are_what_is_marked_or_what_is_named(module, text, names):
    assert ToolRegistry.from_module(text).names() == names


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "no_such_tools",
            (
                "there is no module 'no_such_tools' for the tools 'no_such_tools'; give a name that "
                "Python can import, such as 'my_package.tools', or the path of a file: 'my_tools.py'"
            ),
        ),
        ("some_tools:gret", "'some_tools:gret': 'some_tools' has no 'gret'; did you mean 'greet'?"),
        (
            "some_tools:gretd",
            "'some_tools:gretd': 'some_tools' has no 'gretd'; did you mean 'greet'?",
        ),
        (
            "some_tools:number",
            "'some_tools:number' is neither a ToolRegistry nor an async function",
        ),
        *[
            (
                text,
                (
                    f"{text!r} names no tools; write the name of a module, such as 'my_package.tools', "
                    "or the path of a file, such as 'my_tools.py'"
                ),
            )
            for text in ("", ".", ".tools", ":greet")
        ],
        (
            "some_tools.greet",
            (
                "there is no module 'some_tools.greet' for the tools 'some_tools.greet'; 'some_tools' is "
                "no package; for a tool in it write 'some_tools:greet'"
            ),
        ),
        (
            "some_tools.more.x:y",
            (
                "there is no module 'some_tools.more' for the tools 'some_tools.more.x:y'; 'some_tools' is "
                "no package; for a tool in it write 'some_tools:more.x'"
            ),
        ),
        ("math", "'math' has no tools; mark an async function with @hocket.tool"),
    ],
)
def test_a_module_without_tools_is_refused(module, text, message):
    with pytest.raises(ToolModuleError) as caught:
        ToolRegistry.from_module(text)
    assert str(caught.value) == message


class Lazy:
    """What stands for something that is not there yet, as the request of a web framework."""

    def __getattribute__(self, name):
        raise RuntimeError("outside of a request")


def test_a_lazy_object_in_a_module_is_no_tool_and_hides_none(module):
    module.request = Lazy()
    assert ToolRegistry.from_module("some_tools").names() == ["anything", "greet"]
    for text in ("some_tools:request", "some_tools:request.args"):
        with pytest.raises(
            ToolModuleError, match="cannot be looked at: RuntimeError: outside of a"
        ):
            ToolRegistry.from_module(text)


def test_two_tools_of_one_name_in_a_module_are_refused_in_words(module):
    module.other = tool(name="greet")(functools.partial(nothing))
    with pytest.raises(ToolModuleError, match="there is a tool 'greet' already; register this one"):
        ToolRegistry.from_module("some_tools")


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("1 / 0", "the tools 'broken_tools' failed to import: ZeroDivisionError: division by zero"),
        (
            "import no_such_dependency",
            (
                "the tools 'broken_tools' failed to import: ModuleNotFoundError: No module named "
                "'no_such_dependency'"
            ),
        ),
        ("raise SystemExit(0)", "the tools 'broken_tools' failed to import: SystemExit: 0"),
        (
            "class Stop(BaseException): pass\nraise Stop('a\\nb')",
            "the tools 'broken_tools' failed to import: Stop: a b",
        ),
        ("x = (", "the tools 'broken_tools' failed to import: SyntaxError: '(' was never closed"),
    ],
    ids=["error", "missing dependency", "exit", "no Exception", "syntax"],
)
def test_a_module_that_fails_to_import_says_why(tmp_path, monkeypatch, source, message):
    (tmp_path / "broken_tools.py").write_text(source)
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ToolModuleError) as caught:
        ToolRegistry.from_module("broken_tools")
    assert str(caught.value).startswith(message)


def test_two_tools_of_one_name_and_objects_that_raise_are_no_accident(tmp_path, monkeypatch):
    odd = "class Odd:\n    def __getattr__(self, name): raise RuntimeError(name)\nodd = Odd()\n"
    one = "import hocket\n@hocket.tool(name='a')\nasync def {}(): ...\n"
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "odd_tools.py").write_text(odd + one.format("f"))
    assert ToolRegistry.from_module("odd_tools").names() == ["a"]
    (tmp_path / "twice_tools.py").write_text(one.format("f") + one.format("g"))
    with pytest.raises(ToolModuleError, match="'twice_tools': there is a tool 'a' already"):
        ToolRegistry.from_module("twice_tools")


def test_the_built_in_tools_need_no_extra_until_they_are_called():
    registry = builtin_tools()
    assert registry.names() == ["database_query", "http_request"]
    assert registry.check_input("http_request", {"url": "x", "method": "GET"}) == []
    assert registry.check_input("database_query", {"query": "SELECT 1"}) == []


# --- files

FILE = "import hocket\nimport beside_it\n@hocket.tool\nasync def {}(): return beside_it.VALUE\n"


@pytest.fixture
def files(tmp_path, monkeypatch):
    """Files of tools in a directory beside the one to stand in."""
    (tmp_path / "here").mkdir()
    there = tmp_path / "there"
    there.mkdir()
    (there / "beside_it.py").write_text("VALUE = 5\n")
    for name, tool_name in (("my_tools", "mine"), ("json", "parse"), ("my-own tools", "odd")):
        (there / f"{name}.py").write_text(FILE.format(tool_name))
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.setattr(sys, "path", list(sys.path))
    before = set(sys.modules)
    yield there
    for name in set(sys.modules) - before:
        del sys.modules[name]


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("../there/my_tools.py", ["mine"]),
        ("../there/my_tools", ["mine"]),
        ("../there/my_tools.py:mine", ["mine"]),
        ("../there/json.py", ["parse"]),
        ("../there/my-own tools.py", ["odd"]),
        ("./../there/my_tools.py", ["mine"]),
    ],
)
def test_the_path_of_a_file_is_taken_and_what_is_beside_it_is_found(files, text, names):
    assert ToolRegistry.from_module(text).names() == names
    assert ToolRegistry.from_module(str(files / "my_tools.py")).names() == ["mine"]


def test_a_file_is_imported_once(files):
    one, other = (
        ToolRegistry.from_module(text) for text in ("../there/my_tools.py", str(files / "my_tools"))
    )
    assert one.get("mine").target is other.get("mine").target


def test_a_module_of_nearly_that_name_in_the_current_directory_is_suggested(files, monkeypatch):
    monkeypatch.chdir(files)
    with pytest.raises(ToolModuleError, match=r"'my_tool'; did you mean 'my_tools'\?$"):
        ToolRegistry.from_module("my_tool")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("../there/my_tool.py", "; did you mean '../there/my_tools.py'?"),
        ("../there/quite_another.py", "there is no file '../there/quite_another.py' for the tools"),
        ("../nowhere/my_tools.py", "there is no file '../nowhere/my_tools.py'"),
        ("../there/", "the tools '../there/' are a directory; name a file in it"),
        ("../there/my_tools.py:mien", "has no 'mien'; did you mean 'mine'?"),
    ],
)
def test_a_path_that_leads_to_no_tools_is_refused(files, text, message):
    with pytest.raises(ToolModuleError) as caught:
        ToolRegistry.from_module(text)
    assert message in str(caught.value)
    assert "quite" not in text or "did you mean" not in str(caught.value)
