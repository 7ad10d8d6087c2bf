"""A bare `for` loop with `await`: the floor of steps that return at once. No step runs beside another."""

PACKAGES = []
RUNTIMES = ["trio"]
SOURCE = "https://trio.readthedocs.io/en/stable/tutorial.html"
TIME_LIMIT = False
SERIAL = True


async def each(step, names):
    values = {}
    for name in names:
        values[name] = await step(name)
    return values


async def graph(step, dependencies):
    # They are in an order in which they can run.
    return await each(step, dependencies)
