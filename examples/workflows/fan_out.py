"""For each user of an earlier answer one request: fan_out.yaml, in Python."""

import sys

import trio

import hocket

orders = hocket.WorkflowStep(
    "request",
    tool="http_request",
    input={"url": "$context.url/orders", "params": {"user": "$user.id"}},
    when="$user.active",
)
workflow = hocket.WorkflowDefinition(
    "fan_out",
    [
        hocket.WorkflowStep("users", tool="http_request", input={"url": "$context.url/users"}),
        hocket.WorkflowStep.for_each(
            "orders",
            "$results.users",
            orders,
            as_="user",
            key="$user.name",
            max_concurrent=5,
            wait_strategy="all_settled",
        ),
    ],
    parameters={"url": hocket.Parameter(type="str", required=True)},
    output={
        "orders": "$results.orders.results",
        "failed": "$results.orders.failed_steps",
        "skipped": "$results.orders.skipped_steps",
    },
)


async def main(url):
    result = await hocket.WorkflowManager().execute(workflow, {"url": url})
    result.raise_for_failure()
    print(result.output)


if __name__ == "__main__":
    trio.run(main, *sys.argv[1:])
