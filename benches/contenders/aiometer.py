"""aiometer: `run_all` and `amap`, retries by stamina. No time limit for a call; `run_any` waits for the losers."""

from functools import partial

import aiometer
import stamina

from benches.work.frame import ATTEMPTS, LIMIT, threes

PACKAGES = ["aiometer>=1.0", "stamina>=25.1"]
RUNTIMES = ["trio", "asyncio", "uvloop"]
SOURCE = "https://github.com/florimondmanca/aiometer#readme"
TIME_LIMIT = False


async def each(step, names):
    values = await aiometer.run_all([partial(step, name) for name in names], max_at_once=LIMIT)
    return dict(zip(names, values, strict=True))


async def settle(step, names):
    values, errors = {}, {}

    async def one(name):
        try:
            values[name] = await step(name)
        except ValueError as error:
            errors[name] = error

    await aiometer.run_on_each(one, names, max_at_once=LIMIT)
    return values, errors


async def groups(step, names):
    values = {}
    for group in threes(names):
        found = await aiometer.run_all([partial(step, name) for name in group], max_at_once=LIMIT)
        values.update(zip(group, found, strict=True))
    return values


async def stream(step, names):
    # It takes lists only.
    listed = [name async for name in names]

    async def one(name):
        return name, await step(name)

    async with aiometer.amap(one, listed, max_at_once=LIMIT) as results:
        return {name: value async for name, value in results}


async def rated(step, names, per_second):
    steps = [partial(step, name) for name in names]
    values = await aiometer.run_all(steps, max_at_once=LIMIT, max_per_second=per_second)
    return dict(zip(names, values, strict=True))


async def retried(step, names):
    # It would log each retry.
    stamina.instrumentation.set_on_retry_hooks([])
    patient = stamina.retry(
        on=ValueError, attempts=ATTEMPTS, timeout=None, wait_initial=0, wait_max=0, wait_jitter=0
    )
    return await each(patient(step), names)
