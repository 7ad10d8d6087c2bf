"""Two queries side by side, and what needs both: order.yaml, written in Python."""

import sys

import trio

import hocket


def query(id, text, *before, when=None, **more):
    return hocket.WorkflowStep(
        id, tool="database_query", input={"query": text, **more}, depends_on=before, when=when
    )


large = "SELECT city, amount FROM orders WHERE amount >= ? ORDER BY amount"
workflow = hocket.WorkflowDefinition(
    "order",
    [
        query("table", "CREATE TABLE IF NOT EXISTS orders (city TEXT, amount INT)", create=True),
        query(
            "fill", "INSERT INTO orders VALUES ('Ghent', 12), ('Lima', 5), ('Ghent', 30)", "table"
        ),
        hocket.WorkflowStep.parallel(
            "both",
            [
                query("total", "SELECT sum(amount) AS sum FROM orders"),
                query("large", large, parameters=["$context.least"]),
            ],
            depends_on=["fill"],
        ),
        query("clear", "DELETE FROM orders", "both", when="$results.large.length > 0"),
    ],
    parameters={
        "database": hocket.Parameter(type="str", required=True),
        "least": hocket.Parameter(type="int", default=10),
    },
    output={
        "total": "$results.total.0.sum",
        "large": "$results.large",
        "cleared": "$results.clear.rowcount ?? 0",
    },
)


async def main(database):
    result = await hocket.WorkflowManager().execute(workflow, {"database": database})
    result.raise_for_failure()
    print(result.output)


if __name__ == "__main__":
    trio.run(main, sys.argv[1])
