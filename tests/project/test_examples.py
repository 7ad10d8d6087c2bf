"""The small workflows in examples/, as files and in Python, against real tools."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "examples" / "workflows"


class Server(BaseHTTPRequestHandler):
    """Answers two paths; of the others it knows nothing."""

    def do_GET(self):
        port = self.server.server_address[1]
        known = {
            "/answer": {"text": "here", "detail": f"http://127.0.0.1:{port}/detail"},
            "/short": {"text": "short"},
            "/detail": {"text": "more"},
        }
        body = json.dumps(known.get(self.path)).encode()
        self.send_response(200 if self.path in known else 404)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        """Say nothing."""


@pytest.fixture
def url():
    server = HTTPServer(("127.0.0.1", 0), Server)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    thread.join()
    server.server_close()


def from_file(name, **given):
    settings = [f"--set={key}={value}" for key, value in given.items()]
    command = [sys.executable, "-m", "hocket", "run", str(FOLDER / f"{name}.yaml"), "--quiet"]
    done = subprocess.run([*command, *settings], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def from_python(name, *given):
    command = [sys.executable, str(FOLDER / f"{name}.py"), *map(str, given)]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    first, *lines = done.stdout.splitlines()
    return ast.literal_eval(first), lines


def test_every_example_is_a_file_and_a_program():
    names = {path.stem for path in FOLDER.glob("*.yaml")}
    assert names == {path.stem for path in FOLDER.glob("*.py")} == {"order", "fallback", "approval"}


def test_two_queries_run_side_by_side_and_then_what_needs_both(tmp_path):
    output = from_file("order", database=tmp_path / "file.db")
    large = [{"city": "Ghent", "amount": 12}, {"city": "Ghent", "amount": 30}]
    assert output == {"total": 47, "large": large, "cleared": 3}
    assert from_python("order", tmp_path / "python.db")[0] == output
    none = from_file("order", database=tmp_path / "file.db", least=100)
    assert none == {"total": 47, "large": [], "cleared": 0}


@pytest.mark.parametrize(
    ("near", "far", "expected"),
    [
        ("/answer", "/lost", {"detail": {"text": "more"}, "state": "succeeded"}),
        ("/lost", "/short", {"answer": {"text": "short"}, "detail": None, "state": "succeeded"}),
        ("/lost", "/lost", {"answer": "nobody answered", "detail": None, "state": "failed"}),
    ],
)
def test_the_first_server_that_answers_counts_and_none_is_no_end(url, near, far, expected):
    output = from_file("fallback", near=url + near, far=url + far)
    assert {key: output[key] for key in expected} == expected
    assert from_python("fallback", url + near, url + far)[0] == output


@pytest.mark.parametrize(
    ("amount", "log", "taken", "booked"),
    [
        (5, ["accepted", "booked"], "cases[0]", "succeeded"),
        (5_000, ["asked", "accepted", "booked"], "cases[1]", "succeeded"),
        (-5, ["undone"], None, "skipped"),
    ],
)
def test_a_side_is_chosen_joined_and_cleaned_up_after(tmp_path, amount, log, taken, booked):
    output = from_file("approval", database=tmp_path / "file.db", amount=amount)
    assert output == {"taken": taken, "log": [{"what": text} for text in log], "booked": booked}
    theirs, lines = from_python("approval", tmp_path / "python.db", amount)
    assert theirs == output
    why = "book was skipped: no step that it depends on succeeded: accept was omitted: decide took"
    assert any(line.startswith(why) for line in lines) == (amount < 0)
