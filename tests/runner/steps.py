"""Steps that tests of workflows are made of, and running them."""

from __future__ import annotations

import trio

import hocket
from hocket import WorkflowStep


async def one(context):
    return 1


async def fails(context):
    raise OSError("disk full")


async def soon(context):
    await trio.sleep(1)


async def waits(context):
    await trio.sleep(10)


def step(id, *before, execute=one, **options):
    return WorkflowStep(id, execute=execute, depends_on=before, **options)


async def run(*steps, context=None, observer=None, tools=None, pool=None, **options):
    workflow = hocket.WorkflowDefinition("w", steps, **options)
    manager = hocket.WorkflowManager(tools, pool=pool)
    return await manager.execute(workflow, context, observer=observer)
