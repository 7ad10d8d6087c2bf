"""What an installed hocket consists of, needs, and loads."""

from __future__ import annotations

import importlib.metadata
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import hocket

ROOT = Path(__file__).parents[2]
PACKAGE = Path(hocket.__file__).parent

REFUSE = """
import sys

class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {blocked!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Refuse())
"""

USE = """
import trio
import hocket

async def shout(name):
    await trio.lowlevel.checkpoint()
    return name.upper()

async def main():
    group = hocket.ParallelGroup("letters", ["a", "b"])
    result = await hocket.ParallelExecutionManager().execute_group(group, shout)
    print(result.results)

trio.run(main)
"""


def run(program: str, *flags: str) -> str:
    """Run a program in a fresh interpreter that treats warnings as errors."""
    done = subprocess.run(
        [sys.executable, "-W", "error", *flags, "-c", program],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def names(requirements: list[str]) -> set[str]:
    return {re.split(r"[^A-Za-z0-9_.-]", text, maxsplit=1)[0].lower() for text in requirements}


def project() -> dict:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def test_the_types_are_shipped():
    assert (PACKAGE / "py.typed").is_file()
    assert (PACKAGE / "_core.pyi").is_file()


def test_the_core_install_needs_trio_attrs_and_cattrs_only():
    needed = [
        text for text in importlib.metadata.requires("hocket") or [] if "extra ==" not in text
    ]
    assert names(needed) == {"attrs", "cattrs", "trio"}


def test_the_extra_all_holds_what_the_other_extras_for_users_hold():
    extras = project()["optional-dependencies"]
    assert set(extras["all"]) == {*extras["cli"], *extras["yaml"], *extras["http"]}
    assert set(extras["all"]) <= set(extras["dev"])


def test_what_builds_the_site_is_there_for_the_checks_too():
    extras = project()["optional-dependencies"]
    assert set(extras["docs"]) <= set(extras["dev"])


def test_maturin_is_bounded_alike_for_builds_and_for_development():
    built_with = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    (maturin,) = built_with["build-system"]["requires"]
    assert maturin in project()["optional-dependencies"]["dev"]


def test_the_version_is_the_one_of_the_workspace():
    workspace = tomllib.loads((ROOT / "Cargo.toml").read_text(encoding="utf-8"))["workspace"]
    assert importlib.metadata.version("hocket") == workspace["package"]["version"]


def crates_of(manifest: str) -> set[str]:
    """The crates that one depends on, on any platform, but for those of this repository."""
    read = tomllib.loads((ROOT / manifest).read_text(encoding="utf-8"))
    tables = [read.get("dependencies", {})]
    tables += [target.get("dependencies", {}) for target in read.get("target", {}).values()]
    return {name for table in tables for name in table if not name.startswith("hocket")}


def test_the_licences_of_all_that_is_linked_in_are_there_for_the_version_that_is():
    text = (ROOT / "THIRD-PARTY-LICENSES.md").read_text(encoding="utf-8")
    listed = set(re.findall(r"^- (\S+) (\S+?):? ", text, flags=re.MULTILINE))
    locked = tomllib.loads((ROOT / "Cargo.lock").read_text(encoding="utf-8"))["package"]
    versions = {(package["name"], package["version"]) for package in locked}
    assert listed <= versions, "run 'make licenses'"
    names = {name for name, _ in listed}
    assert crates_of("rust/core/Cargo.toml") | crates_of("rust/py/Cargo.toml") <= names
    assert "hocket-core" not in names
    assert "THIRD-PARTY-LICENSES.md" in project()["license-files"]


def test_wheels_are_made_for_every_python_that_is_named():
    named = {
        text.rpartition(" ")[2]
        for text in project()["classifiers"]
        if re.fullmatch(r"Programming Language :: Python :: 3\.\d+", text)
    }
    wheels = (ROOT / ".github/workflows/wheels.yml").read_text(encoding="utf-8")
    made = [set(found.split()) for found in re.findall(r"--interpreter ([\d.t ]+)", wheels)]
    assert len(made) == 4
    assert all(one == named | {"3.14t", "3.15t"} for one in made)


def test_the_changelog_knows_the_version():
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert f"## [{importlib.metadata.version('hocket')}]" in changelog


def test_the_command_is_installed():
    (command,) = importlib.metadata.entry_points(group="console_scripts", name="hocket")
    assert command.value == "hocket._cli.main:main"


def test_a_group_runs_without_any_optional_package():
    blocked = {"httpx", "rich", "yaml"}
    assert run(REFUSE.format(blocked=blocked) + USE) == "{'a': 'A', 'b': 'B'}"


@pytest.mark.parametrize("package", ["cattrs", "httpx", "rich", "sqlite3", "yaml"])
def test_importing_hocket_does_not_load(package):
    assert run(f"import sys, hocket; print({package!r} in sys.modules)") == "False"


def test_importing_hocket_warns_of_nothing_and_prints_nothing():
    assert run("import hocket") == ""


def test_hocket_imports_without_docstrings_and_asserts():
    assert run("import hocket; print(hocket.WorkerPool.__name__)", "-OO") == "WorkerPool"


def test_every_public_name_resolves_in_a_fresh_interpreter():
    program = "import hocket; print(len([getattr(hocket, name) for name in hocket.__all__]))"
    assert int(run(program)) == len(hocket.__all__)
