"""The HTTP server of the workload `http`, in a process of its own: it answers with the path."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator

from benches.measure.environment import ROOT, variables


@contextlib.contextmanager
def serving() -> Iterator[str]:
    """Run the server; give its address."""
    command = [sys.executable, "-m", "benches.measure.server"]
    pipe = subprocess.PIPE
    server = subprocess.Popen(
        command, stdin=pipe, stdout=pipe, cwd=ROOT, env=variables(), start_new_session=True
    )
    try:
        address = server.stdout.readline().decode().strip()
        if not address:
            raise RuntimeError("the HTTP server has not started; what it said is above")
        yield address
    finally:
        server.kill()
        server.wait()


async def app(scope, receive, send) -> None:
    await receive()
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": scope["path"][1:].encode()})


def main() -> None:
    import uvicorn

    # Said to be TCP, or asyncio leaves Nagle's algorithm on: 40 ms an answer.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.bind(("127.0.0.1", 0))
    listener.listen()
    config = uvicorn.Config(app, lifespan="off", log_level="warning", access_log=False)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    print(f"http://127.0.0.1:{listener.getsockname()[1]}", flush=True)
    uvicorn.Server(config).run(sockets=[listener])


def _end_with_parent() -> None:
    sys.stdin.buffer.read()
    os._exit(0)


if __name__ == "__main__":
    main()
