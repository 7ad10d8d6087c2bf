"""pipefunc: a pipeline with a function for each step, on a ThreadPoolExecutor of ten threads."""

from concurrent.futures import ThreadPoolExecutor
from inspect import Parameter, Signature

from pipefunc import PipeFunc, Pipeline

from benches.work.frame import LIMIT

PACKAGES = ["pipefunc>=0.87"]
RUNTIMES = ["threads"]
SOURCE = "https://pipefunc.readthedocs.io/en/latest/concepts/execution-and-parallelism/"
TIME_LIMIT = False
SLOW = True


def graph(step, dependencies):
    # A function depends on those whose outputs are its parameters: they must be identifiers.
    outputs = {name: f"y{at}" for at, name in enumerate(dependencies)}
    pipeline = Pipeline(
        [
            PipeFunc(call(step, name, [outputs[other] for other in before]), outputs[name])
            for name, before in dependencies.items()
        ],
    )
    with ThreadPoolExecutor(LIMIT) as pool:
        found = pipeline.map({}, executor=pool, storage="dict")
    return {name: found[output].output for name, output in outputs.items()}


def call(step, name, parameters):
    def run(**_):
        return step(name)

    run.__signature__ = Signature([Parameter(one, Parameter.KEYWORD_ONLY) for one in parameters])
    return run
