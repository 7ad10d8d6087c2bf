"""Choose by amount, join again, and clean up after a failure: approval.yaml, in Python."""

import sys

import trio

import hocket


def query(id, text, *before, **more):
    return hocket.WorkflowStep(
        id, tool="database_query", input={"query": text, **more}, depends_on=before
    )


def log(id, text, *before):
    return query(id, "INSERT INTO log VALUES (?)", *before, parameters=[text])


def kind(context):
    amount = context.values["amount"]
    return "wrong" if amount < 0 else "large" if amount > 1000 else "small"


sides = hocket.SwitchBranch(
    kind,
    [
        hocket.SwitchCase("small", [log("accept", "accepted")]),
        hocket.SwitchCase("large", [log("ask", "asked"), log("accept_large", "accepted", "ask")]),
    ],
    default_steps=[query("refuse", "INSERT INTO nowhere VALUES ('refused')")],
)
workflow = hocket.WorkflowDefinition(
    "approval",
    [
        query("table", "CREATE TABLE IF NOT EXISTS log (what TEXT)", create=True),
        hocket.WorkflowStep(
            "decide", branch=sides, depends_on=["table"], on_error="skip_dependents"
        ),
        log("book", "booked", "accept", "accept_large"),
        log("undo", "undone", hocket.Edge("decide", "failed")),
        query(
            "all",
            "SELECT what FROM log",
            hocket.Edge("book", "ended"),
            hocket.Edge("undo", "ended"),
        ),
    ],
    parameters={
        "database": hocket.Parameter(type="str", required=True),
        "amount": hocket.Parameter(type="int", required=True),
    },
    output={
        "taken": "$results.decide.taken ?? null",
        "log": "$results.all",
        "booked": "$states.book",
    },
)


async def main(database, amount):
    given = {"database": database, "amount": int(amount)}
    result = await hocket.WorkflowManager().execute(workflow, given)
    result.raise_for_failure()
    print(result.output)
    for step in result.states:
        print(result.explain(step))


if __name__ == "__main__":
    trio.run(main, *sys.argv[1:])
