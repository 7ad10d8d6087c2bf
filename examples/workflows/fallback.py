"""Ask several servers, take the first answer, and go on without one: fallback.yaml, in Python."""

import sys

import trio

import hocket


def ask(id, url, **options):
    return hocket.WorkflowStep(id, tool="http_request", input={"url": url}, **options)


servers = hocket.ParallelGroup(
    "ask", [ask("near", "$context.near"), ask("far", "$context.far")], "any", step_timeout=5
)
workflow = hocket.WorkflowDefinition(
    "fallback",
    [
        hocket.WorkflowStep("ask", group=servers, on_error="skip_dependents"),
        ask(
            "detail",
            "$results.ask.value.detail",
            depends_on=["ask"],
            when="has($results.ask.value.detail)",
        ),
    ],
    parameters={name: hocket.Parameter(type="str", required=True) for name in ("near", "far")},
    output={
        "answer": "$results.ask.value ?? 'nobody answered'",
        "detail": "$results.detail ?? null",
        "state": "$states.ask",
    },
)


async def main(near, far):
    result = await hocket.WorkflowManager().execute(workflow, {"near": near, "far": far})
    result.raise_for_failure()
    print(result.output)


if __name__ == "__main__":
    trio.run(main, *sys.argv[1:])
