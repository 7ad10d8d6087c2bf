"""``http_request`` and servers that answer what nobody should: an error that says what was wrong."""

from __future__ import annotations

import datetime as dt
import gzip
import json
import os
import ssl
import subprocess
import sys
import tracemalloc
import zlib
from functools import partial

import pytest
import trio
import trustme

import hocket
from hocket.tools.http import HttpRequest, HttpRequestFailed, http_request

from .servers import raw, start

JSON = "Content-Type: application/json"
TEXT = "Content-Type: text/plain"


async def failure(url, **options):
    with pytest.raises(HttpRequestFailed) as caught:
        await http_request(url, **options)
    return caught.value


# --- What a body is said to be --------------------------------------------------------------------
NO_CHARSETS = ["hex", "rot13", "base64", "zip", "idna", "punycode", "undefined", "unicode_escape"]
NO_CHARSETS += ["none-such", "aliases", "x" * 500, "raw_unicode_escape"]


@pytest.mark.parametrize("kind", ["text/plain", "application/json"])
@pytest.mark.parametrize("charset", NO_CHARSETS, ids=lambda name: name[:20])
async def test_a_charset_that_is_none_is_named(nursery, charset, kind):
    server = await start(nursery, raw(b"{}", f"Content-Type: {kind}; charset={charset}"))
    error = await failure(server.url)
    assert f"cannot be decoded by the charset that it names, '{charset[:40]}" in str(error)
    assert (error.status, error.body) == (200, "{}")


@pytest.mark.parametrize("charset", ["latin-1", "utf-16", "UTF8", '"cp1252"', "", "utf-8; x=y"])
async def test_a_charset_is_followed(nursery, charset):
    encoding = charset.partition(";")[0].strip('"') or "utf-8"
    body = '{"a": "grüße"}'.encode(encoding)
    server = await start(nursery, raw(body, f"Content-Type: text/plain; charset={charset}"))
    assert await http_request(server.url) == '{"a": "grüße"}'
    assert await http_request(server.url, expect="json") == {"a": "grüße"}


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32"])
async def test_json_says_by_itself_which_utf_it_is_in(nursery, encoding):
    server = await start(nursery, raw('["grüße"]'.encode(encoding), JSON))
    assert await http_request(server.url) == ["grüße"]


@pytest.mark.parametrize(
    "body",
    [b"[" * 200_000, b'{"a":' * 200_000, b"[" * 200_000 + b"]" * 200_000],
    ids=["lists", "mappings", "closed"],
)
async def test_json_that_is_nested_too_deeply_is_an_error(nursery, body):
    server = await start(nursery, raw(body, JSON))
    error = await failure(server.url)
    assert error.reason == "not JSON that can be read: it is nested too deeply"


@pytest.mark.parametrize("body", [b"9" * 5000, b"\xff", b"{", b"nul", b"[1]]", b'"\x00"'])
async def test_what_is_no_json_is_an_error(nursery, body):
    server = await start(nursery, raw(body, JSON))
    assert (await failure(server.url)).reason.startswith("not JSON (")


async def test_a_body_that_json_cannot_hold_is_not_sent(nursery):
    server = await start(nursery, raw())
    deep: list[object] = []
    for _ in range(200_000):
        deep = [deep]
    circle: list[object] = []
    circle.append(circle)
    for body in ({1, 2}, deep, circle, float("nan"), "\udc80"):
        assert "not sent: the body cannot be written as JSON" in str(
            await failure(server.url, body=body)
        )
    assert not server.asked


async def test_a_content_type_of_ones_own_is_the_only_one(nursery):
    server = await start(nursery, raw())
    await http_request(server.url, body={"a": 1}, headers={"Content-Type": "application/x+json"})
    assert server.asked[0].lower().count(b"content-type") == 1
    assert b"Content-Type: application/x+json\r\n" in server.asked[0]


@pytest.mark.parametrize("value", [{"b": 1}, [[1]], ({"b": 1},), b"x", {1}], ids=repr)
async def test_a_value_that_no_query_can_hold_is_named_and_not_sent(nursery, value):
    server = await start(nursery, raw())
    error = await failure(server.url, params={"good": 1, "bad": value})
    assert "not sent: params['bad'] must be a text, a number, a flag, nothing" in str(error)
    assert not server.asked


# --- How much it is, and how it is packed ---------------------------------------------------------
def chunked(body):
    return b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n" % (
        len(body),
        body,
    )


TOO_LARGE = {
    "announced": b"HTTP/1.1 200 OK\r\nContent-Length: 999999999999\r\n\r\n",
    "sent": b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 1001,
    "chunked": chunked(b"x" * 1001),
    "gzip": raw(gzip.compress(bytes(1001)), "Content-Encoding: gzip"),
    "gzip twice": raw(gzip.compress(gzip.compress(bytes(10**6))), "Content-Encoding: gzip, gzip"),
    "deflate": raw(zlib.compress(bytes(1001)), "Content-Encoding: deflate"),
    "redirect": raw(b"x" * 1001, "Location: /", status="302 Found"),
    "status": raw(b"x" * 1001, status="503 No"),
}


@pytest.mark.parametrize("answer", TOO_LARGE.values(), ids=TOO_LARGE)
async def test_a_body_may_have_max_bytes_and_no_more(nursery, answer):
    server = await start(nursery, answer)
    error = await failure(server.url, max_bytes=1000)
    assert "the body has more than 1,000 bytes; if that is right, raise max_bytes" in str(error)


async def test_a_body_of_exactly_max_bytes_is_taken_and_without_a_limit_any(nursery):
    server = await start(nursery, raw(gzip.compress(b"x" * 1000), "Content-Encoding: gzip"))
    assert await http_request(server.url, max_bytes=1000) == "x" * 1000
    assert await http_request(server.url, max_bytes=None) == "x" * 1000


async def test_what_the_answer_to_head_announces_does_not_count(nursery):
    server = await start(nursery, TOO_LARGE["announced"])
    assert await http_request(server.url, method="HEAD", max_bytes=1000) == ""


async def test_a_bomb_takes_no_more_memory_than_max_bytes(nursery):
    bomb = gzip.compress(bytes(50_000_000), 1)
    server = await start(nursery, raw(bomb, "Content-Encoding: gzip"))
    async with HttpRequest() as request:
        with pytest.raises(HttpRequestFailed):
            await request(server.url, max_bytes=1000)
        tracemalloc.start()
        with pytest.raises(HttpRequestFailed, match="more than 2,000,000 bytes"):
            await request(server.url, max_bytes=2_000_000)
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert most < 10_000_000


@pytest.mark.parametrize("packing", ["gzip", "x-gzip", "members", "deflate", "raw", "twice"])
async def test_a_packed_body_is_unpacked_whole(nursery, packing):
    body = json.dumps(list(range(50_000))).encode()
    bare = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    name, packed = {
        "gzip": ("gzip", gzip.compress(body)),
        "x-gzip": ("X-Gzip", gzip.compress(body) + b"\0\0"),  # some servers pad it
        "members": ("gzip", gzip.compress(body[:99]) + gzip.compress(body[99:])),
        "deflate": ("deflate", zlib.compress(body)),
        "raw": ("deflate", bare.compress(body) + bare.flush()),
        "twice": ("deflate, gzip", gzip.compress(zlib.compress(body))),
    }[packing]
    server = await start(nursery, raw(packed, JSON, f"Content-Encoding: {name}"))
    assert await http_request(server.url) == list(range(50_000))
    assert b"accept-encoding: gzip, deflate\r\n" in server.asked[0].lower()


@pytest.mark.parametrize(
    ("body", "encoding", "text"),
    [
        (gzip.compress(b"x" * 99)[:-9], "gzip", "the body is not gzip, .*: it ends too early"),
        (b"plain", "gzip", "the body is not gzip, as its content encoding says: "),
        (b"plain", "deflate", "the body is not deflate, as its content encoding says: "),
        (
            b"plain",
            "br",
            "gzip or deflate was asked for, and the body has the content encoding 'br'",
        ),
        (b"plain", ", ".join(["gzip"] * 50), "the body is packed 50 times over"),
    ],
    ids=["early", "gzip", "deflate", "br", "often"],
)
async def test_a_body_that_is_packed_otherwise_than_it_says_is_an_error(
    nursery, body, encoding, text
):
    server = await start(nursery, raw(body, f"Content-Encoding: {encoding}"))
    with pytest.raises(HttpRequestFailed, match=text):
        await http_request(server.url)


@pytest.mark.parametrize("max_bytes", [0, -1, 1.5, True, "1000"])
async def test_max_bytes_is_a_whole_number(max_bytes):
    with pytest.raises(ValueError, match="max_bytes must be a whole number of at least 1, or None"):
        await http_request("http://127.0.0.1:9/", max_bytes=max_bytes)


# --- Heads ----------------------------------------------------------------------------------------
WRONG = {
    "nothing": b"",
    "garbage": b"\x16\x03\x01garbage\r\n\r\n",
    "status": b"HTTP/1.1 abc OK\r\n\r\n",
    "header": b"HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
    "length": b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
    "two lengths": b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
    "short": b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nab",
    "huge head": b"HTTP/1.1 200 OK\r\nx: " + b"y" * 500_000 + b"\r\n\r\n",
}


@pytest.mark.parametrize("answer", WRONG.values(), ids=WRONG)
async def test_an_answer_that_is_no_http_is_an_error_that_says_something(nursery, answer):
    server = await start(nursery, answer)
    error = await failure(server.url)
    assert len(error.reason.partition("Error: ")[2]) > 10
    assert len(str(error)) < 400


HOSTS = ["xn--a", "a" * 64, "a..b", "[::1", "*", "%00", "xn--\xff", "127.0.0.1:99999", "0.0.0.256"]


@pytest.mark.parametrize("host", HOSTS)
async def test_a_host_name_that_is_none_is_an_error_wherever_it_comes_from(nursery, host):
    server = await start(nursery, raw(b"", f"Location: http://{host}/", status="302 Found"))
    for url in (server.url, f"http://{host}/"):
        reason = (await failure(url)).reason
        assert reason.startswith(("no answer, ", "not sent, "))
        assert len(reason) > 20


async def test_a_failure_names_the_method_that_a_redirect_made(nursery):
    def answer(request):
        if request.startswith(b"POST"):
            return raw(b"", "Location: /gone", status="303 See Other")
        return raw(b"", status="404 Not Found")

    server = await start(nursery, answer)
    error = await failure(server.url, method="POST")
    assert (error.method, error.url) == ("GET", f"{server.url}/gone")


async def test_redirects_in_a_circle_end(nursery):
    server = await start(nursery, raw(b"", "Location: /", status="302 Found"))
    assert (await failure(server.url)).reason == "more than 20 redirects"
    assert len(server.asked) == 21


@pytest.mark.parametrize(
    ("headers", "text"),
    [
        ({"x-token": "secret\nmore"}, "headers['x-token'] must be one line of ASCII characters"),
        ({"x-token": "grüße"}, "headers['x-token'] must be one line of ASCII characters"),
        ({"x-token": None}, "headers['x-token'] must be a text or a number; found NoneType"),
        ({"x-token": True}, "headers['x-token'] must be a text or a number; found bool"),
        ({"x token": "a"}, "headers['x token'] has no name that a header can have"),
        ({"": "a"}, "headers[''] has no name that a header can have"),
        ({1: "a"}, "headers[1] has no name that a header can have"),
    ],
    ids=str,
)
async def test_a_header_that_cannot_be_sent_is_named_and_its_value_is_not(headers, text):
    error = await failure("http://127.0.0.1:9/", headers=headers)
    assert error.reason == f"not sent: {text}"


async def test_numbers_are_sent_as_headers_and_params_are_added_to_the_query(nursery):
    server = await start(nursery, raw())
    await http_request(f"{server.url}/?a=1", headers={"x-page": 2}, params={"b": [3, True]})
    assert server.asked[0].startswith(b"GET /?a=1&b=3&b=true HTTP/1.1\r\n")
    assert b"x-page: 2\r\n" in server.asked[0].lower()


@pytest.mark.parametrize("method", ["", "GET /", "GE\nT", "grüße"])
async def test_a_method_is_one_word(method):
    error = await failure("http://127.0.0.1:9/", method=method)
    assert error.reason == "not sent: the method must be one word, such as GET"


# --- Certificates, and what making a client takes -------------------------------------------------
def server_context(authority, *names, **options):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(*names, **options).configure_cert(context)
    return context


@pytest.fixture
def authority(monkeypatch, tmp_path):
    """One that is trusted, as long as the test runs."""
    authority = trustme.CA()
    path = tmp_path / "authority.pem"
    authority.cert_pem.write_to_path(str(path))
    monkeypatch.setenv("SSL_CERT_FILE", str(path))
    return authority


async def test_a_trusted_certificate_is_trusted(nursery, authority):
    server = await start(nursery, raw(b"ok"), server_context(authority, "localhost"))
    assert await http_request(server.url) == "ok"


async def test_a_redirect_from_http_to_https_is_followed(nursery, authority):
    secure = await start(nursery, raw(b"ok"), server_context(authority, "localhost"))
    plain = await start(nursery, raw(b"", f"Location: {secure.url}", status="301 Moved"))
    assert await http_request(plain.url) == "ok"


@pytest.mark.parametrize(
    ("made", "text"),
    [
        (lambda ca: server_context(trustme.CA(), "localhost"), "unable to get local issuer"),
        (lambda ca: server_context(ca, "example.org"), "not valid for 'localhost'"),
        (
            lambda ca: server_context(ca, "localhost", not_after=long_ago()),
            "certificate has expired",
        ),
    ],
    ids=["unknown", "wrong name", "expired"],
)
async def test_the_error_for_a_certificate_says_what_is_wrong_with_it(
    nursery, authority, made, text
):
    server = await start(nursery, raw(b"ok"), made(authority))
    error = await failure(server.url)
    assert error.reason.startswith("no answer, the server's certificate is not trusted: ")
    assert text in error.reason


def long_ago():
    return dt.datetime(2001, 1, 1, tzinfo=dt.UTC)


async def test_https_where_there_is_none_says_so(nursery, authority):
    server = await start(nursery, raw(b"ok"))
    error = await failure(server.url.replace("http://", "https://"))
    assert error.reason.startswith("no answer, TLS failed: ")


async def test_certificates_that_cannot_be_loaded_are_named(monkeypatch, tmp_path):
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "none.pem"))
    error = await failure("https://127.0.0.1:9/")
    where = f"could not be loaded from {tmp_path / 'none.pem'} (SSL_CERT_FILE or SSL_CERT_DIR): "
    assert where in error.reason


async def test_certificates_are_loaded_once_for_all_runs_and_never_on_the_loop(
    nursery, authority, monkeypatch
):
    server = await start(nursery, raw(b"ok"), server_context(authority, "localhost"))
    import httpx

    made, loop = [], trio.lowlevel.current_trio_token()
    create = httpx.create_ssl_context

    def counted(*args, **options):
        if not options.get("verify", args):
            pytest.fail("made without a context")
        try:
            on_loop = trio.lowlevel.current_trio_token() is loop
        except RuntimeError:
            on_loop = False
        made.append(on_loop)
        return create(*args, **options)

    monkeypatch.setattr(httpx, "create_ssl_context", lambda: counted(True))
    async with trio.open_nursery() as requests:
        for _ in range(10):
            requests.start_soon(http_request, server.url)
    assert made == [False]


def test_without_https_no_certificates_are_loaded():
    code = (
        "import ssl, trio, hocket.tools.http as http\n"
        "def refuse(*args, **options): raise SystemExit('certificates were loaded')\n"
        "ssl.SSLContext.load_verify_locations = ssl.create_default_context = refuse\n"
        "try: trio.run(http.http_request, 'http://127.0.0.1:9/')\n"
        "except http.HttpRequestFailed as error: print(error)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "no answer, ConnectError" in done.stdout, done.stderr


async def test_any_number_of_requests_run_at_once(nursery):
    number, together = 200, trio.Event()
    if os.sysconf("SC_OPEN_MAX") < 4 * number:
        pytest.skip("this process may not open so many sockets")
    waiting = 0

    async def talk(stream):
        nonlocal waiting
        await stream.receive_some()
        waiting += 1
        if waiting == number:
            together.set()
        await together.wait()
        await stream.send_all(raw(b"ok"))
        await stream.aclose()

    listeners = await nursery.start(partial(trio.serve_tcp, talk, 0, host="127.0.0.1"))
    url = f"http://127.0.0.1:{listeners[0].socket.getsockname()[1]}"
    with trio.fail_after(30):
        async with HttpRequest() as request, trio.open_nursery() as requests:
            for _ in range(number):
                requests.start_soon(request, url)


# --- A server that asks to be left alone ----------------------------------------------------------
DATE = "Date: Sat, 01 Jan 2050 12:00:00 GMT"
WAITS = [
    (["Retry-After: 7"], 7),
    (["Retry-After: 0"], 0),
    (["Retry-After: 999999999999999"], 999_999_999),
    ([DATE, "Retry-After: Sat, 01 Jan 2050 12:02:00 GMT"], 120),
    ([DATE, "Retry-After: Sat, 01 Jan 2050 11:00:00 GMT"], 0),
    (["Retry-After: Sat, 01 Jan 2000 12:00:00 GMT"], 0),
    ([DATE, "Retry-After: Sat, 01 Jan 2050 12:02:00"], None),
    (["Retry-After: soon"], None),
    (["Retry-After: -5"], None),
    (["Retry-After: 1.5"], None),
    (["Retry-After: ²"], None),
    (["Retry-After:"], None),
    ([], None),
]


@pytest.mark.parametrize(("headers", "seconds"), WAITS)
async def test_the_error_says_for_how_long(nursery, headers, seconds):
    server = await start(nursery, raw(b"no", *headers, status="429 Too Many Requests"))
    error = await failure(server.url)
    assert (error.status, error.retry_after) == (429, seconds)


async def test_a_step_of_a_file_is_tried_again_after_that_time(nursery, tmp_path):
    asked = []

    def answer(request):
        asked.append(trio.current_time())
        if len(asked) == 1:
            return raw(b"", "Retry-After: 1", status="503 Service Unavailable")
        return raw(b"text")

    server = await start(nursery, answer)
    path = tmp_path / "workflow.yaml"
    path.write_text(
        "name: w\nsteps:\n  - id: a\n    tool: http_request\n    input: {url: $context.url}\n"
        "    retry: {on: [HTTP 5xx], wait_initial: 0, wait_jitter: 0}\n"
    )
    workflow = hocket.load_workflow(path)
    result = await hocket.WorkflowManager().execute(workflow, {"url": server.url})
    assert result.output == "text"
    assert 1 <= asked[1] - asked[0] < 5
