"""The small workflows in examples/, as files and in Python, against real tools."""

from __future__ import annotations

import ast
import json
import sqlite3
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "examples" / "workflows"
FROM = FOLDER.parent / "from"


USERS = [
    {"id": n, "name": name, "active": name != "Eve"} for n, name in enumerate(["Ada", "Bo", "Eve"])
]


class Server(BaseHTTPRequestHandler):
    """Answers some paths; of the others it knows nothing. One is slow, one fails now and then."""

    shaky = 0

    def do_GET(self):
        port = self.server.server_address[1]
        if self.path == "/slow":
            time.sleep(4)
        if self.path == "/shaky":
            Server.shaky += 1
            return self.reply(503 if Server.shaky % 4 else 200, {"text": "at last"})
        known = {
            "/answer": {"text": "here", "detail": f"http://127.0.0.1:{port}/detail"},
            "/short": {"text": "short"},
            "/detail": {"text": "more"},
            "/users": USERS,
            "/slow": {"text": "slow"},
            "/orders?user=0": [{"amount": 12}],
        }
        return self.reply(200 if self.path in known else 404, known.get(self.path))

    def reply(self, status, answer):
        body = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        """Say nothing."""


@pytest.fixture
def url():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Server)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    thread.join()
    server.server_close()


def from_file(name, folder=FOLDER, **given):
    settings = [f"--set={key}={value}" for key, value in given.items()]
    command = [sys.executable, "-m", "hocket", "run", str(folder / f"{name}.yaml"), "--quiet"]
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
    ours = {"order", "fallback", "approval", "fan_out", "thousand", "levels"}
    assert names == {path.stem for path in FOLDER.glob("*.py")} == ours


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


def test_each_of_an_earlier_answer_gets_a_request_of_its_own(url):
    output = from_file("fan_out", url=url)
    assert output == {"orders": {"Ada": [{"amount": 12}]}, "failed": ["Bo"], "skipped": ["Eve"]}
    assert from_python("fan_out", url)[0] == output


def test_a_thousand_items_keep_to_a_rate_and_are_one_line_of_the_report(tmp_path):
    command = [sys.executable, "-m", "hocket", "run", str(FOLDER / "thousand.yaml")]
    command += [f"--set=database={tmp_path / 'file.db'}", "--progress=none"]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    rows = done.stdout.partition("{")[0]
    assert rows.count("for_each of 1,000") == 1
    assert len(rows.splitlines()) < 10
    output = {"summary": {"done": 996, "failed": 4}, "failed": ["250", "500", "750", "1000"]}
    assert json.loads(done.stdout[len(rows) :].rpartition("}")[0] + "}") == output
    assert from_python("thousand", tmp_path / "python.db")[0] == output


def test_limits_and_errors_on_three_levels_are_told_in_the_end(url):
    output = from_file("levels", url=url)
    assert output["mirror"] == "quick"
    assert output["regions"] == ["europe"]
    errors = {key: rows[0]["what"] for key, rows in output["errors"].items()}
    assert errors == {"lost": "HttpRequestFailed", "late": "StepTimeout", "europe": "GroupFailed"}
    assert from_python("levels", url)[0] == output


# --- what others show, written for hocket


def test_the_coin_is_flipped_until_it_is_heads(tmp_path):
    output = from_file("argo-coinflip", FROM, database=tmp_path / "file.db")
    sides = [row["side"] for row in output["flips"]]
    assert sides == ["tails"] * (len(sides) - 1) + ["heads"]
    assert (output["last"], output["said"]) == ("heads", "it was heads")


def test_a_shaky_server_is_asked_again(url):
    assert from_file("argo-retry", FROM, url=url) == "at last"


def test_one_branch_fails_and_the_other_counts(url):
    assert from_file("google-parallel", FROM, url=url) == {
        "user": "here",
        "notification": "none",
        "failed": ["notification"],
        "why": 404,
    }


def test_a_loop_runs_in_a_loop():
    output = from_file("kestra-nested", FROM)
    pairs = [
        rows[0]["pair"] for one in output.values() for rows in one["inner"]["results"].values()
    ]
    assert pairs == ["10a", "10b", "20a", "20b", "30a", "30b"]


@pytest.mark.parametrize(
    ("table", "log"), [("orders", ["archived", "succeeded"]), ("nothing", ["count: ", "failed"])]
)
def test_handlers_say_how_it_ended(tmp_path, table, log):
    database = sqlite3.connect(tmp_path / "file.db")
    database.executescript(
        "CREATE TABLE orders (n); CREATE TABLE log (what); INSERT INTO orders VALUES (1)"
    )
    database.close()
    command = [sys.executable, "-m", "hocket", "run", str(FROM / "dagu-handlers.yaml"), "--quiet"]
    command += [f"--set=database={tmp_path / 'file.db'}", f"--set=table={table}"]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == (table == "nothing"), done.stderr
    database = sqlite3.connect(tmp_path / "file.db")
    found = [what for (what,) in database.execute("SELECT what FROM log")]
    database.close()
    assert [text[: len(one)] for text, one in zip(found, log, strict=True)] == log
