"""``http_request`` against a real server on loopback."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import date, datetime

import pytest
import trio
from hypercorn.config import Config
from hypercorn.trio import serve

from hocket._base.errors import HocketError
from hocket._workflow.context import WorkflowContext
from hocket.tools import builtin_tools
from hocket.tools.http import HttpRequest, HttpRequestFailed, http_request

LONG = "x" * 500


class Server:
    """A tiny ASGI application that remembers who asked, and never answers ``/never``."""

    def __init__(self):
        self.url = ""
        self.clients: list[object] = []
        self.asked = trio.Event()

    async def __call__(self, scope, receive, send):
        if scope["type"] == "lifespan":
            while (await receive())["type"] != "lifespan.shutdown":
                await send({"type": "lifespan.startup.complete"})
            await send({"type": "lifespan.shutdown.complete"})
            return
        self.clients.append(scope["client"])
        self.asked.set()
        body = (await receive())["body"]
        if scope["path"] == "/never":
            await receive()  # until the client is gone
            return
        status, kind, answer = self.answer(scope, body)
        headers = [(b"content-type", kind.encode()), (b"location", b"/text")]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": answer.encode()})

    def answer(self, scope, body):
        echo = {
            "method": scope["method"],
            "query": scope["query_string"].decode(),
            "body": body.decode(),
            "kind": dict(scope["headers"]).get(b"content-type", b"").decode(),
            "token": dict(scope["headers"]).get(b"x-token", b"").decode(),
        }
        return {
            "/text": (200, "text/plain; charset=utf-8", "grüße"),
            "/problem": (200, "application/problem+json", '{"a": 1}'),
            "/empty": (204, "application/json", ""),
            "/broken": (200, "application/json", "{"),
            "/moved": (302, "text/plain", ""),
            "/fails": (503, "text/plain", LONG),
        }.get(scope["path"], (200, "application/json", json.dumps(echo)))


@pytest.fixture
async def server(nursery):
    app, config, shutdown = Server(), Config(), trio.Event()
    config.bind = ["127.0.0.1:0"]
    config.graceful_timeout = 0.1
    config.errorlog = None
    (app.url,) = await nursery.start(
        lambda task_status: serve(
            app, config, shutdown_trigger=shutdown.wait, task_status=task_status
        )
    )
    yield app
    shutdown.set()


async def test_json_is_parsed_and_text_is_not(server):
    async with HttpRequest() as request:
        assert (await request(f"{server.url}/echo"))["method"] == "GET"
        assert await request(f"{server.url}/text") == "grüße"
        assert await request(f"{server.url}/problem") == {"a": 1}
        assert await request(f"{server.url}/problem", expect="text") == '{"a": 1}'
        assert await request(f"{server.url}/empty") is None
        assert await request(f"{server.url}/moved") == "grüße"


async def test_method_query_headers_and_body_are_sent(server):
    async with HttpRequest() as request:
        got = await request(
            f"{server.url}/echo",
            method="post",
            params={"page": 2},
            headers={"x-token": "secret"},
            body={"name": "ada"},
        )
        assert (got["method"], got["query"], got["token"]) == ("POST", "page=2", "secret")
        assert (json.loads(got["body"]), got["kind"]) == ({"name": "ada"}, "application/json")
        assert (await request(f"{server.url}/echo", "PUT", body="plain"))["body"] == "plain"


async def test_dates_are_sent_in_iso_8601(server):
    at = datetime(2030, 1, 31, 12, 30)  # noqa: DTZ001 - as a database gives it
    async with HttpRequest() as request:
        got = await request(
            f"{server.url}/echo",
            "POST",
            params={"since": at, "days": [date(2030, 1, 31)]},
            body={"at": [at], "day": {"is": date(2030, 1, 31)}},
        )
    assert got["query"] == "since=2030-01-31T12%3A30%3A00&days=2030-01-31"
    assert json.loads(got["body"]) == {"at": ["2030-01-31T12:30:00"], "day": {"is": "2030-01-31"}}


async def test_a_run_has_one_client_which_keeps_its_connection(server):
    context = WorkflowContext()
    async with builtin_tools().open() as tools:
        for _ in range(3):
            await tools["http_request"]({"url": f"{server.url}/echo"}, context)
    assert len(server.clients) == 3
    assert len(set(server.clients)) == 1


async def test_a_status_other_than_2xx_is_an_error_with_the_beginning_of_the_body(server):
    with pytest.raises(HttpRequestFailed) as caught:
        await http_request(f"{server.url}/fails")
    error = caught.value
    assert str(error) == f"GET {server.url}/fails: status 503: {LONG[:200]}..."
    assert (error.status, error.body, error.method) == (503, LONG, "GET")
    assert isinstance(error, HocketError)


async def test_an_answer_that_is_not_json_is_an_error_if_json_was_expected(server):
    with pytest.raises(HttpRequestFailed, match=r"broken: not JSON \(.*\): {$"):
        await http_request(f"{server.url}/broken")
    with pytest.raises(HttpRequestFailed, match="text: not JSON"):
        await http_request(f"{server.url}/text", expect="json")


async def test_no_answer_is_an_error_that_names_the_request():
    with trio.socket.socket() as taken:  # bound, and never listening
        await taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/"
        with pytest.raises(HttpRequestFailed) as caught:
            await http_request(url)
    assert str(caught.value).startswith(f"GET {url}: no answer, ConnectError: ")
    assert caught.value.status is None


@pytest.mark.parametrize("url", ["users", "ftp://x/", "http://[", ""])
async def test_a_wrong_url_is_an_error_that_names_it(url):
    with pytest.raises(HttpRequestFailed) as caught:
        await http_request(url)
    assert str(caught.value).startswith((f"GET {url}: not sent", f"GET {url}: no answer, "))


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"timeout": 0}, "timeout must be more than 0 seconds"),
        ({"expect": "xml"}, "expect must be 'auto', 'json' or 'text'; got 'xml'"),
    ],
    ids=str,
)
async def test_a_wrong_option_is_refused_before_the_request(options, text):
    with pytest.raises(ValueError, match=text):
        await http_request("http://127.0.0.1:9/", **options)


@pytest.mark.parametrize("option", ["headers", "params"])
@pytest.mark.parametrize("value", ["a: b", [("a", "b")], 5], ids=repr)
async def test_headers_and_params_are_mappings(option, value):
    text = f"{option} must be a mapping of names to values; found {type(value).__name__}"
    with pytest.raises(TypeError, match=text):
        await http_request("http://127.0.0.1:9/", **{option: value})


async def test_a_request_past_its_timeout_is_too_slow(server):
    with pytest.raises(trio.TooSlowError, match=r"GET .*/never took longer than 0.02 s"):
        await http_request(f"{server.url}/never", timeout=0.02)


async def test_a_cancelled_request_ends_at_once_and_its_client_is_closed(server):
    async with HttpRequest() as request:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(request, f"{server.url}/never")
            await server.asked.wait()
            nursery.cancel_scope.cancel()
        (client,) = request._connections._clients.values()
        assert (await request(f"{server.url}/echo"))["method"] == "GET"
    assert client.is_closed


def test_without_httpx_the_message_names_the_extra():
    code = (
        "import sys; sys.modules['httpx'] = None\n"
        "import trio\n"
        "from hocket.tools.http import http_request\n"
        "try: trio.run(http_request, 'http://127.0.0.1:9/')\n"
        "except ImportError as error: print(type(error).__name__, error)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == (
        "MissingExtra the tool 'http_request' needs httpx; install it: pip install \"hocket[http]\""
    )
