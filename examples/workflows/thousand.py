"""A thousand items, at most two thousand a second, and a summary: thousand.yaml, in Python."""

import sys

import trio

import hocket

NUMBERS = (
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000) SELECT i FROM n"
)
# Every 250th fails.
CHECK = "SELECT CASE WHEN :i % 250 THEN :i ELSE abs(-9223372036854775808) END AS i"


def query(id, text, **more):
    return hocket.WorkflowStep(id, tool="database_query", input={"query": text, **more})


def counts(context):
    checks = context.results["checks"]
    return {"done": len(checks.completed_steps), "failed": len(checks.failed_steps)}


workflow = hocket.WorkflowDefinition(
    "thousand",
    [
        query("numbers", NUMBERS, create=True),
        hocket.WorkflowStep.for_each(
            "checks",
            "$results.numbers",
            query("check", CHECK, parameters="$row"),
            as_="row",
            key="$row.i",
            max_concurrent=8,
            continue_on_error=True,
            rate=hocket.Rate(2000, burst=100),
        ),
        hocket.WorkflowStep(
            "summary",
            tool="database_query",
            input=lambda context: {
                "query": "SELECT :done AS done, :failed AS failed",
                "parameters": counts(context),
            },
            depends_on=["checks"],
        ),
    ],
    parameters={"database": hocket.Parameter(type="str", required=True)},
    output={"summary": "$results.summary.0", "failed": "$results.checks.failed_steps"},
)


async def main(database):
    result = await hocket.WorkflowManager().execute(workflow, {"database": database})
    result.raise_for_failure()
    print(result.output)


if __name__ == "__main__":
    trio.run(main, *sys.argv[1:])
