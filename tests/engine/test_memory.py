"""A million steps where there is no memory for them: an error, and never an abort."""

import subprocess
import sys

import pytest

PROGRAM = """
import resource
import sys

import trio

from hocket import *
from hocket.testing import assert_idle

kind, mib = sys.argv[1], float(sys.argv[2])
ids = [str(n) for n in range(1_000_000)]


async def act(step=None):
    pass


async def suspend(step):
    await trio.lowlevel.checkpoint()


def prepare(manager):
    if kind == "group":
        group = ParallelGroup("g", ids, "all_settled", step_timeout=5)
        return lambda: manager.execute_group(group, act)
    if kind == "tasks":
        tasks = [WorkerTask(step, act, 5) for step in ids[:100_000]]
        return lambda: manager.pool.execute_many(tasks)
    steps = [
        WorkflowStep(step, execute=act, depends_on=[ids[n - 1]] if n % 5 else [])
        for n, step in enumerate(ids[:30_000])
    ]
    definition = WorkflowDefinition("w", steps)
    definition.validate()
    return lambda: WorkflowManager(pool=manager.pool).execute(definition)


async def main():
    manager = ParallelExecutionManager(max_concurrent=10)
    run = prepare(manager)
    before = resource.getrlimit(resource.RLIMIT_AS)
    with open("/proc/self/statm") as pages:
        used = int(pages.read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + int(mib * 2**20), before[1]))
    try:
        await run()
        ending = "success"
    except MemoryError:
        ending = "MemoryError"
    resource.setrlimit(resource.RLIMIT_AS, before)
    assert_idle(manager)
    result = await manager.execute_group(ParallelGroup("g", ["a", "b"]), suspend)
    assert result.success
    print(ending)


trio.run(main)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="limits the address space as Linux counts it")
@pytest.mark.parametrize("kind", ["group", "tasks", "workflow"])
def test_where_memory_lacks_there_is_an_error_and_the_pool_works_on(kind):
    endings = []
    for mib in (0, 1, 3, 7, 16, 40, 1000):
        command = [sys.executable, "-c", PROGRAM, kind, str(mib)]
        ended = subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)
        assert ended.returncode == 0, f"{mib} MiB: {ended.returncode} {ended.stderr}"
        endings.append(ended.stdout.strip())
    assert set(endings) == {"MemoryError", "success"}
    assert endings == sorted(endings), "with more memory it goes further"
