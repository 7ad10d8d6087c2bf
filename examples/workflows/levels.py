"""Groups on three levels, a time limit on each, and every error in the end: levels.yaml, in Python."""

import sys

import trio

import hocket

parallel = hocket.WorkflowStep.parallel


def get(id, path):
    return hocket.WorkflowStep(id, tool="http_request", input={"url": f"$context.url/{path}"})


mirrors = parallel("mirrors", [get("slow", "slow"), get("quick", "short")], "any", step_timeout=2)
europe = parallel("europe", [mirrors, get("lost", "lost")], fail_fast=False, timeout=5)
asia = parallel("asia", [get("late", "slow"), get("there", "short")], "all_settled", step_timeout=2)
told = hocket.WorkflowStep(
    "tell",
    tool="database_query",
    input={
        "query": "SELECT :what AS what",
        "parameters": {"what": "$failure.type"},
        "database": ":memory:",
    },
)
workflow = hocket.WorkflowDefinition(
    "levels",
    [
        parallel("regions", [europe, asia], "all_settled", timeout=10),
        hocket.WorkflowStep.for_each(
            "report",
            "$run.failures",
            told,
            as_="failure",
            key="$failure.step",
            depends_on=[hocket.Edge("regions", "ended")],
        ),
    ],
    max_duration=20,
    parameters={"url": hocket.Parameter(type="str", required=True)},
    output={
        "mirror": "$results.mirrors.winner",
        "regions": "$results.regions.failed_steps",
        "errors": "$results.report.results",
    },
)


async def main(url):
    result = await hocket.WorkflowManager().execute(workflow, {"url": url})
    result.raise_for_failure()
    print(result.output)


if __name__ == "__main__":
    trio.run(main, *sys.argv[1:])
