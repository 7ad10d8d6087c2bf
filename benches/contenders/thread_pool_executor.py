"""concurrent.futures: a ThreadPoolExecutor of ten threads. What runs cannot be cancelled."""

from concurrent.futures import ThreadPoolExecutor

from benches.work.frame import CALLERS, LIMIT, threes

PACKAGES = []
RUNTIMES = ["threads"]
SOURCE = "https://docs.python.org/3/library/concurrent.futures.html#threadpoolexecutor-example"
TIME_LIMIT = False


def each(step, names):
    with ThreadPoolExecutor(LIMIT) as pool:
        return dict(zip(names, pool.map(step, names), strict=True))


def settle(step, names):
    values, errors = {}, {}
    with ThreadPoolExecutor(LIMIT) as pool:
        futures = {name: pool.submit(step, name) for name in names}
        for name, future in futures.items():
            try:
                values[name] = future.result()
            except ValueError as error:
                errors[name] = error
    return values, errors


def groups(step, names):
    values = {}
    with ThreadPoolExecutor(LIMIT) as pool:
        for group in threes(names):
            values.update(zip(group, pool.map(step, group), strict=True))
    return values


def calls(step, names):
    values = {}
    left = iter(names)

    def caller():
        for name in left:
            values[name] = pool.submit(step, name).result()

    with ThreadPoolExecutor(LIMIT) as pool, ThreadPoolExecutor(CALLERS) as callers:
        for future in [callers.submit(caller) for _ in range(CALLERS)]:
            future.result()
    return values


def beside(step, names, small):
    with ThreadPoolExecutor(LIMIT) as pool:
        for name in names:
            pool.submit(step, name)
        found = small(lambda group: list(pool.map(step, group)))
        pool.shutdown(cancel_futures=True)
    return found
