"""A site to crawl: slow at times, overloaded at times, and some pages are not there.

    python examples/batches/site.py

It prints its address, and serves until it is interrupted.
"""

import collections
import contextlib
import functools

import trio

REASONS = {200: "OK", 404: "Not Found", 429: "Too Many Requests", 500: "Internal Server Error"}


def answer(page, visit):
    """Return a page's status, and for how many seconds the site thinks about it."""
    if page % 250 == 249:
        return 404, 0.0
    if page % 400 == 11 and visit == 1:
        return 429, 0.0
    if page % 20 == 3 and visit == 1:
        return 500, 0.0
    return 200, 0.3 if page % 50 == 7 else 0.01


async def serve(visits, stream):
    """Answer one connection's requests, one after the other, until the client goes away."""
    with contextlib.suppress(trio.BrokenResourceError):
        async with stream:
            await answer_all(visits, stream)


async def answer_all(visits, stream):
    received = b""
    async for part in stream:
        received += part
        while b"\r\n\r\n" in received:
            request, _, received = received.partition(b"\r\n\r\n")
            page = int(request.split()[1].rpartition(b"/")[2])
            visits[page] += 1
            status, seconds = answer(page, visits[page])
            await trio.sleep(seconds)
            body = f"page {page}"
            head = f"HTTP/1.1 {status} {REASONS[status]}\r\nContent-Length: {len(body)}\r\n"
            if status == 429:
                head += "Retry-After: 1\r\n"
            await stream.send_all(f"{head}\r\n{body}".encode())


async def open_site(nursery):
    """Serve in this nursery, and return the site's address."""
    handler = functools.partial(serve, collections.Counter())
    listeners = await nursery.start(functools.partial(trio.serve_tcp, host="127.0.0.1"), handler, 0)
    return f"http://127.0.0.1:{listeners[0].socket.getsockname()[1]}"


async def main():
    async with trio.open_nursery() as nursery:
        print(await open_site(nursery), flush=True)


if __name__ == "__main__":
    trio.run(main)
