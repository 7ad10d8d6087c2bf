"""A web handler with a deadline that hedges: it asks a second replica when the first one is slow.

    python examples/batches/handler.py [REQUESTS]

Three real HTTP servers on loopback are its replicas, of which the first is slow now and then and the
last one refuses.
"""

import itertools
import statistics
import sys
from functools import partial

import trio

import hocket

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello"
REFUSAL = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"

# A tenth more requests than without hedges, at most, and a few to begin with.
BUDGET = hocket.HedgingBudget(share=0.1, burst=5)


async def serve(slow_every, refuses, stream):
    async with stream:
        await stream.receive_some()
        if next(slow_every):
            await trio.sleep(2)
        await stream.send_all(REFUSAL if refuses else ANSWER)


async def get(port):
    """One request, as plain as can be."""
    async with await trio.open_tcp_stream("127.0.0.1", port) as stream:
        await stream.send_all(b"GET / HTTP/1.1\r\nHost: replica\r\n\r\n")
        answer = b"".join([part async for part in stream])
    if not answer.startswith(b"HTTP/1.1 200"):
        raise OSError(answer.partition(b"\r\n")[0].decode())
    return answer.partition(b"\r\n\r\n")[2].decode()


async def handle(ports):
    """Answer one request: from the first replica, or from whichever answers within a second."""
    with trio.fail_after(1):
        return await hocket.first_success(
            [partial(get, port) for port in ports],
            stagger=0.05,
            max_hedges=1,
            hedging_budget=BUDGET,
        )


async def main(requests):
    async with trio.open_nursery() as nursery:
        ports = []
        for every, refuses in ((20, False), (10**9, False), (10**9, True)):
            slow_every = (number % every == every - 1 for number in itertools.count())
            listeners = await nursery.start(trio.serve_tcp, partial(serve, slow_every, refuses), 0)
            ports.append(listeners[0].socket.getsockname()[1])
        times = []

        async def request(number):
            start = trio.current_time()
            # Every fifth meets the replica that refuses first.
            order = [ports[2], *ports[:2]] if number % 5 == 0 else ports
            answer = await handle(order)
            times.append(trio.current_time() - start)
            return answer

        answers = await hocket.map(request, range(requests), max_concurrent=10)
        slowest = statistics.quantiles(times, n=100)[98]
        print(f"{answers.count('hello')} of {requests} answered, 99 % within {slowest:.2f} s")
        nursery.cancel_scope.cancel()


if __name__ == "__main__":
    trio.run(main, int(sys.argv[1]) if len(sys.argv) > 1 else 200)
