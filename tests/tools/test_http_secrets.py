"""What is secret about a request reaches the server that it is for, and nobody else."""

from __future__ import annotations

import base64
import html
import json
import logging
import pickle
import traceback
from functools import partial

import pytest
import trio
from hypothesis import given, strategies as st

from hocket import WorkflowContext, WorkflowDefinition, WorkflowManager, WorkflowStep
from hocket.tools import builtin_tools
from hocket.tools._masking import Secrets, masked_url
from hocket.tools.http import HttpRequest, HttpRequestFailed, http_request

from .servers import raw, start

PASSWORD, TOKEN, KEY = "swordfish", "tokentokentoken", "key-of-mine"


def everything_of(error):
    return "".join([str(error), repr(error), *traceback.format_exception(error)])


def assert_hidden(text, *secrets):
    for secret in secrets or (PASSWORD, TOKEN, KEY):
        assert secret not in text


def with_secrets(url):
    return url.replace("//", f"//ada:{PASSWORD}@") + f"/page?token={TOKEN}#{TOKEN}"


@pytest.mark.parametrize(
    ("url", "masked"),
    [
        ("https://example.com/users", "https://example.com/users"),
        ("https://example.com:8080/@ada", "https://example.com:8080/@ada"),
        ("https://ada:secret@example.com/", "https://***@example.com/"),
        ("https://token@example.com", "https://***@example.com"),
        ("https://ada:se@cret@example.com/", "https://***@example.com/"),
        ("https://ada:se/cret@example.com/x", "https://***@example.com/x"),
        ("https://ada:se?cret@example.com/x", "https://***@example.com/x"),
        ("https://ada:se#cret@example.com/x", "https://***@example.com/x"),
        ("ada:secret@example.com/x", "***@example.com/x"),
        ("https://@ada:se/cret@example.com/x", "https://***@example.com/x"),
        ("http:/ada:secret@example.com/x", "***@example.com/x"),
        ("http://[::1]:80/?a=b", "http://[::1]:80/?***"),
        ("http://example.com/?", "http://example.com/?"),
        ("http://example.com#token", "http://example.com#***"),
        ("/path?next=http://example.com", "/path?***"),
        ("", ""),
    ],
)
def test_a_url_is_shown_without_what_is_secret(url, masked):
    assert masked_url(url) == masked


@given(st.text(), st.text(alphabet="abc@/?#:\\[]%.", max_size=20))
def test_masking_twice_is_masking_once(text, odd):
    for url in (text, odd, f"http://{odd}", f"http://ada:{odd}@example.com/{odd}"):
        assert masked_url(masked_url(url)) == masked_url(url)


WORDS = st.text(alphabet="abcdefgh:@/?#&=+% ", min_size=6)


@given(WORDS)
def test_no_password_is_seen_whatever_characters_it_has(word):
    password = f"<{word}>"
    for url in (f"https://ada:{password}@example.com/x", f"ada:{password}@example.com"):
        assert password not in masked_url(url)


@given(st.text(alphabet="abcdefgh%+é", min_size=6))
def test_what_is_in_a_url_is_hidden_in_any_other_text(word):
    from urllib.parse import quote, quote_plus, unquote

    secrets = Secrets()
    secrets.add_url(f"https://ada:{quote(word)}@example.com/?a=1&token={quote_plus(word)}")
    for form in (word, quote(word), quote_plus(word), unquote(quote(word))):
        assert form not in secrets.hide(f"before {form} after")


ANSWERS = {
    "status": raw(b"no page", status="404 Not Found"),
    "garbage": b"garbage",
    "echo": lambda request: raw(request, status="500 Oh"),
    "echo as json": lambda request: raw(request, "Content-Type: application/json"),
    "echo as a status line": lambda request: request,
    "redirect": raw(b"", f"Location: //ada:{PASSWORD}@127.0.0.1:1/?x={TOKEN}", status="302 Found"),
    "wrong redirect": raw(b"", f"Location: http://ada:{PASSWORD}", status="302 Found"),
    "wrong host": raw(b"", f"Location: http://x:{TOKEN}/", status="302 Found"),
    "circle": raw(b"", f"Location: /?{TOKEN}", status="307 Again"),
    "too large": raw(b"x" * 1000, status="307 Again"),
}


@pytest.mark.parametrize("answer", ANSWERS.values(), ids=ANSWERS)
async def test_no_error_and_no_log_has_a_secret_in_it(nursery, answer, caplog):
    caplog.set_level(logging.DEBUG)
    server = await start(nursery, answer)
    with pytest.raises(HttpRequestFailed) as caught:
        await http_request(
            with_secrets(server.url),
            headers={"X-Api-Key": KEY, "Authorization": f"Bearer {TOKEN}"},
            params={"key": KEY},
            max_bytes=900,
        )
    assert TOKEN.encode() in server.asked[0]  # it was sent
    assert_hidden(everything_of(caught.value) + caplog.text)
    assert "Bearer ***" not in caught.value.url
    if "HTTP Request" in caplog.text:
        assert f"HTTP Request: GET {server.url}/page?***" in caplog.text


@pytest.mark.parametrize("place", range(100, 201, 4))
async def test_a_message_is_shortened_after_its_secrets_are_hidden(nursery, place):
    server = await start(nursery, f"XTTP/1.1 {'x' * place}{TOKEN}\r\n\r\n".encode())
    with pytest.raises(HttpRequestFailed) as caught:
        await http_request(server.url, headers={"Authorization": TOKEN})
    assert_hidden(everything_of(caught.value), TOKEN[:4])


@pytest.mark.parametrize("header", ["Content-Encoding: {}", "Content-Type: text/x; charset={}"])
async def test_what_a_header_of_the_answer_says_is_shown_without_secrets(nursery, header):
    server = await start(nursery, raw(b"hi", header.format("x" * 32 + "SecretOfMine")))
    with pytest.raises(HttpRequestFailed) as caught:
        await http_request(server.url, headers={"X-Api-Key": "SecretOfMine"})
    assert "xxx***'" in str(caught.value)
    assert "secret" not in f"{caught.value}{caught.value!r}".lower()


@given(st.text(min_size=4), st.sampled_from(["", "'", '"', "'\"", "/", "\\"]))
def test_a_secret_is_hidden_however_an_answer_spells_it(word, beside):
    secret = f"{word[:2]}{beside}{word[2:]}"
    secrets = Secrets()
    secrets.add_headers({"X-Key": secret})
    spelled = [json.dumps(secret), json.dumps(secret, ensure_ascii=False), html.escape(secret)]
    spelled += [json.dumps(secret).replace("/", "\\/")]
    for around in ("", "'", '"', "'\""):
        spelled.append(repr(f"{secret}{around}".encode(errors="replace")))
    for text in spelled:
        assert secrets.hide(text).strip("b'\"\\") == "***"


@pytest.mark.parametrize(
    "url",
    [
        f"http://ada:{PASSWORD}/{TOKEN}@127.0.0.1/",
        f"ada:{PASSWORD}@127.0.0.1/?{TOKEN}",
        f"http://ada:{PASSWORD}@127.0.0.1:{TOKEN}/",
        f"http://ada:{PASSWORD}@[::1/?{TOKEN}",
        f"http://127.0.0.1:1/?{TOKEN}",
    ],
)
async def test_a_url_that_leads_nowhere_is_no_place_for_secrets_either(url):
    with pytest.raises(HttpRequestFailed) as caught:
        await http_request(url)
    assert_hidden(everything_of(caught.value), PASSWORD)
    assert caught.value.url == masked_url(url)
    error = pickle.loads(pickle.dumps(caught.value))
    assert (str(error), error.url) == (str(caught.value), caught.value.url)


async def test_a_request_that_is_too_slow_is_named_without_secrets(nursery):
    async def never(stream):
        await trio.sleep_forever()

    listeners = await nursery.start(partial(trio.serve_tcp, never, 0, host="127.0.0.1"))
    url = f"http://127.0.0.1:{listeners[0].socket.getsockname()[1]}"
    with pytest.raises(trio.TooSlowError) as caught:
        await http_request(with_secrets(url), timeout=0.02)
    assert_hidden(everything_of(caught.value))


async def test_logs_of_other_requests_are_left_alone(nursery, caplog):
    import httpx

    caplog.set_level(logging.INFO)
    server = await start(nursery, raw(b"ok"))
    await http_request(server.url)
    async with httpx.AsyncClient() as client:
        await client.get(f"{server.url}/?mine=1")
    assert f"HTTP Request: GET {server.url}/?mine=1" in caplog.text


# --- From one host to another ---------------------------------------------------------------------
CREDENTIALS = {
    "Authorization": f"Bearer {TOKEN}",
    "Cookie": f"session={TOKEN}",
    "X-Api-Key": KEY,
    "Proxy-Authorization": f"Basic {TOKEN}",
    "X-Anything": TOKEN,
}


@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "303 See", "307 Again", "308 Moved"])
async def test_no_credential_goes_to_another_host(nursery, status):
    there = await start(nursery, raw(b"ok"))
    here = await start(nursery, raw(b"", f"Location: {there.url}/x", status=status))
    url = here.url.replace("//", f"//ada:{PASSWORD}@")
    for headers in ({}, CREDENTIALS):
        sent = {**headers, "Accept": "text/odd", "User-Agent": "me"}
        assert await http_request(url, headers=sent) == "ok"
    for asked in there.asked:
        assert b"accept: text/odd\r\n" in asked.lower()
        assert b"user-agent: me\r\n" in asked.lower()
        names = {line.partition(b":")[0].lower() for line in asked.splitlines()[1:] if line}
        wanted = {b"host", b"accept", b"user-agent", b"accept-encoding", b"connection"}
        assert names == wanted
        assert_hidden(asked.decode())


async def test_credentials_stay_on_the_way_to_the_same_host(nursery):
    def answer(request):
        moved = raw(b"", "Location: /there", status="302 Found")
        return raw(b"ok") if b"/there" in request else moved

    server = await start(nursery, answer)
    await http_request(server.url, headers={"Authorization": TOKEN, "X-Api-Key": KEY})
    assert all(TOKEN.encode() in asked and KEY.encode() in asked for asked in server.asked)
    assert len(server.asked) == 2


async def test_user_and_password_of_a_url_are_sent_as_a_header(nursery):
    server = await start(nursery, raw())
    await http_request(server.url.replace("//", "//a%40b:c%3Ad%C3%A9@"))
    login = base64.b64encode("a@b:c:dé".encode())
    assert b"authorization: Basic " + login in server.asked[0]


async def test_cookies_in_a_header_stay_beside_those_that_a_redirect_sets(nursery):
    moved = raw(b"", "Set-Cookie: b=new", "Location: /there", status="302 Found")
    server = await start(nursery, lambda asked: raw(b"ok") if b" /there" in asked else moved)
    await http_request(server.url, headers={"Cookie": "a=1; b=old"})
    first, second = (asked.lower() for asked in server.asked)
    assert b"cookie: a=1; b=old\r\n" in first
    assert b"cookie: a=1; b=new\r\n" in second


async def test_cookies_in_a_header_do_not_come_back_from_another_host(nursery):
    here = await start(nursery, lambda asked: back if b" /back" in asked else away)
    there = await start(nursery, raw(b"", f"Location: {here.url}/back", status="302 Found"))
    away = raw(b"", f"Location: {there.url}/", status="302 Found")
    back = raw(b"ok")
    await http_request(here.url, headers={"Cookie": TOKEN})
    assert [TOKEN.encode() in asked for asked in (*here.asked, *there.asked)] == [
        True,
        False,
        False,
    ]


# --- Cookies --------------------------------------------------------------------------------------
def setting(request):
    if b" /login" in request:
        return raw(b"", "Set-Cookie: a=1; path=/", "Location: /home", status="302 Found")
    return raw(b"yes" if b"cookie: a=1" in request.lower() else b"no")


async def test_cookies_go_along_with_redirects_and_end_with_the_request(nursery):
    server = await start(nursery, setting)
    async with HttpRequest() as request:
        assert await request(f"{server.url}/login") == "yes"
        assert await request(f"{server.url.replace('//', '//ada:pw@')}/login") == "yes"
        assert await request(f"{server.url}/home") == "no"
        assert await request(f"{server.url}/home", cookies=True) == "no"


async def test_cookies_are_shared_by_the_steps_of_a_run_that_ask_for_it(nursery):
    server = await start(nursery, setting)

    def step(id, path, *, cookies, after=()):
        given = {"url": server.url + path, "cookies": cookies}
        return WorkflowStep(id, tool="http_request", input=given, depends_on=list(after))

    workflow = WorkflowDefinition(
        "shop",
        [
            step("login", "/login", cookies=True),
            step("with", "/home", cookies=True, after=["login"]),
            step("without", "/home", cookies=False, after=["login"]),
        ],
    )
    manager = WorkflowManager(builtin_tools())
    result = await manager.execute(workflow)
    assert result.results == {"login": "yes", "with": "yes", "without": "no"}
    # Another run begins without any.
    one = WorkflowDefinition("again", [step("with", "/home", cookies=True)])
    assert (await manager.execute(one, WorkflowContext())).results == {"with": "no"}


async def test_cookies_that_a_server_has_set_are_secret_too(nursery):
    def answer(request):
        if b" /login" in request:
            return raw(b"", f"Set-Cookie: session={TOKEN}; path=/")
        return raw(request, status="500 No")

    server = await start(nursery, answer)
    async with HttpRequest() as request:
        await request(f"{server.url}/login", cookies=True)
        with pytest.raises(HttpRequestFailed) as caught:
            await request(f"{server.url}/home", cookies=True)
    assert TOKEN.encode() in server.asked[1]
    assert "cookie: ***" in caught.value.body.lower()
    assert_hidden(everything_of(caught.value))


@pytest.mark.parametrize("cookies", [1, "yes", None, {"a": "b"}])
async def test_cookies_is_a_yes_or_a_no(cookies):
    with pytest.raises(TypeError, match="cookies must be True or False"):
        await http_request("http://127.0.0.1:9/", cookies=cookies)
