"""aiometer: `run_all` with `max_at_once`. It has no time limit for a call, and `run_any` waits for the losers."""

from functools import partial

import aiometer

from benches.work.frame import LIMIT, threes

PACKAGES = ["aiometer>=1.0"]
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
