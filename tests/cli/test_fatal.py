"""What is raised beside the steps: the report and the exit code stay what they are."""

from __future__ import annotations

import json
import subprocess

import pytest

from hocket._cli.main import main
from tests.cli.commands import command, refuse, states, workflow, write

TOOL_CLASS = """
import asyncio
import hocket
import trio

EVENTS = []

@hocket.tool
class Session:
    async def __aenter__(self):
        EVENTS.append("opened")
        {entering}
        return self
    async def __aexit__(self, *error):
        EVENTS.append("closed")
        {leaving}
    async def __call__(self):
        return "the output"

@hocket.tool
class Broken:
    async def __aenter__(self): raise RuntimeError("nobody uses this one")
    async def __aexit__(self, *error): ...
    async def __call__(self): ...

@hocket.tool
async def other(): return 1
"""


@pytest.fixture
def run_with(folder, capsys):
    """Run a workflow of one step with a module of tools; give the code, and what was printed."""

    def run(text, *options, tool="Session"):
        write(folder, "others.py", text)
        code = main(["run", workflow(folder, {"tool": tool}), "--tools", "others", *options])
        return code, capsys.readouterr()

    return run


def tools(entering="pass", leaving="pass"):
    return TOOL_CLASS.replace("{entering}", entering).replace("{leaving}", leaving)


RAISES = ["raise OSError('no\\nroom')", "raise SystemExit(0)", "raise ExceptionGroup('g', [OSError('no room')])"]  # fmt: skip


@pytest.mark.parametrize("raises", RAISES)
def test_a_workflow_that_has_succeeded_keeps_its_output_though_a_tool_fails_to_close(
    run_with, raises
):
    code, printed = run_with(tools(leaving=raises))
    assert code == 1
    assert states(printed.out) == {"s0": "succeeded"}
    assert '\n"the output"\n' in printed.out
    assert "W: failed after " in printed.out
    assert "raised as the tool 'Session' was closed, after the last step" in printed.out.replace(
        "\n", " "
    ) or raises.startswith("raise ExceptionGroup")
    assert "Traceback" not in printed.err
    code, printed = run_with(tools(leaving=raises), "--json")
    document = json.loads(printed.out)
    assert (code, document["success"], document["output"]) == (1, False, "the output")
    assert document["error"]
    code, printed = run_with(tools(leaving=raises), "--quiet")
    assert (code, json.loads(printed.out)) == (1, "the output")
    assert printed.err


@pytest.mark.parametrize("raises", RAISES)
def test_a_tool_that_fails_to_open_is_told_and_no_step_has_run(run_with, raises):
    code, printed = run_with(tools(entering=raises), "--json")
    document = json.loads(printed.out)
    assert code == 1
    assert document["output"] is None
    assert document["error"]
    assert [step["state"] for step in document["steps"]] == ["not_reached"]
    assert "Traceback" not in printed.err


def test_only_tools_that_the_workflow_uses_are_opened(run_with):
    code, _ = run_with(tools(), "--quiet", tool="other")
    assert code == 0
    code, _ = run_with(tools(), "--quiet")
    assert code == 0


STEPS = """
import asyncio
import hocket
import trio

class Own(BaseException): ...

@hocket.tool
async def exits():
    {body}
"""


@pytest.mark.parametrize(
    "body",
    [
        "raise SystemExit(0)",
        "raise SystemExit('a text\\n')",
        "raise Own('own')",
        "raise GeneratorExit",
        "raise asyncio.CancelledError",
        "await trio.to_thread.run_sync(exit, 3)",
        "import sys; sys.exit()",
    ],
)
@pytest.mark.parametrize("option", [(), ("--json",), ("--quiet",)], ids=str)
def test_a_step_that_ends_the_program_ends_the_run_with_a_report(run_with, body, option):
    text = STEPS.replace("{body}", body)
    code, printed = run_with(text, *option, tool="exits")
    assert code == 1
    assert "Traceback" not in printed.err
    said = printed.err if option == ("--quiet",) else printed.out
    assert "it is no Exception, so it ended the whole run" in said.replace("\n", " ")
    if option == ("--json",):
        (step,) = json.loads(printed.out)["steps"]
        assert step["state"] == "failed"
        assert step["error"]
    elif not option:
        assert states(printed.out) == {"s0": "failed"}


@pytest.mark.parametrize("name", ["run", "check"])
@pytest.mark.parametrize(
    "body",
    [
        "import sys; sys.exit()",
        "raise SystemExit(0)",
        "class Own(BaseException): ...\nraise Own('x')",
    ],
)
def test_a_module_that_ends_the_program_as_it_is_imported_is_a_mistake(folder, capsys, body, name):
    write(folder, "others.py", f"import hocket\n@hocket.tool\nasync def fine(): ...\n{body}\n")
    err = refuse(capsys, [name, workflow(folder, {"tool": "fine"}), "--tools", "others"])
    assert "the tools 'others' failed to import: " in err
    assert "Traceback" not in err


@pytest.mark.parametrize(
    "body",
    [
        "import os; os.close(2)",
        "import sys; sys.stdout.close(); sys.stderr.close()",
        "import sys; sys.stdout = sys.stderr = None",
    ],
)
def test_a_module_that_takes_the_streams_away_ends_nothing(folder, body):
    write(folder, "others.py", f"import hocket\n@hocket.tool\nasync def fine(): ...\n{body}\n")
    words = command("run", workflow(folder, {"tool": "fine"}), "--tools", "others", "--quiet")
    done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stdout) == (0, "null\n"), done.stderr
    assert "Traceback" not in done.stderr
