"""Random workflows, as plain descriptions: for hocket, and for the reference that it is held against."""

from __future__ import annotations

import itertools
import random

import attrs
import trio

from hocket import (
    Edge,
    IfBranch,
    ParallelGroup,
    Retry,
    StepTimeout,
    SwitchBranch,
    SwitchCase,
    WorkerPoolConfig,
    WorkflowContext,
    WorkflowDefinition,
    WorkflowStep,
)

CONDITIONS = ["yes", "no", "broken", "state", "value"]
RULES = ["succeeded", "failed", "finished", "ended"]
TOLERANT = ["continue", "skip_dependents"]
HANDLERS = ["on_success", "on_failure", "on_cancel", "finally_"]
CLOSE = ["any", "race", "quorum(1)", "quorum(2)"]
STRATEGIES = ["all", "all", "any", "race", "all_settled", "quorum(1)", "quorum(2)"]


@attrs.define(eq=False)
class Flow:
    """One step."""

    id: str
    path: tuple[tuple[Flow, int], ...]
    """The steps around it, outermost first, and on which side of each it is."""
    plain: list[Flow] = attrs.field(factory=list)
    ruled: list[tuple[Flow, str]] = attrs.field(factory=list)
    when: str | None = None
    of: Flow | None = None
    """The step that the condition looks at."""
    on_error: str = "fail"
    seconds: float = 0.0
    fails: bool = False
    """Whether it fails at every attempt."""
    attempts: int = 1
    failures: int = 0
    """How many of its attempts fail, if not all do."""
    retries_late: bool = False
    """Whether it is tried again as well when it was out of time."""
    wait: float = 0.0
    """For how long it waits after the first attempt, and for twice as long after each other. Of one that
    repeats: between two passes."""
    at_once: int | None = None
    """How many ordinary steps of a group, or passes of a loop, may run at once."""
    timeout: float | None = None
    strategy: str | None = None
    """That of a group; None for a branch and an ordinary step."""
    continue_on_error: bool = False
    fail_fast: bool = True
    sides: list[list[Flow]] = attrs.field(factory=list)
    """Of a group its members, of a branch the steps of each side, of a block and of another workflow its
    steps, of a loop its passes, and of one that repeats those that there are at most."""
    takes: int = 0
    """Of a branch the side that it takes, of one that repeats the pass after which it has what it wants."""
    kind: str = "step"
    """``step``, ``group``, ``branch``, ``block``, ``loop``, ``repeat`` or ``workflow``."""
    in_order: bool = False
    """Of a block: whether it is a sequence."""
    max_duration: float | None = None
    """Of another workflow."""


@attrs.define
class Case:
    """A workflow, and what happens to it."""

    steps: list[Flow]
    fail_fast: bool
    max_duration: float | None
    cancelled_at: float | None
    all: list[Flow] = attrs.field(factory=list)
    handlers: dict[str, list[Flow]] = attrs.field(factory=dict)

    @property
    def seen(self) -> list[Flow]:
        """Every step that the run tells of: those in loops and in other workflows are not."""
        return [*self.all, *(one for steps in self.handlers.values() for one in steps)]


def make_case(rng: random.Random) -> Case:
    case = Case([], rng.random() < 0.6, None, None)
    case.steps = _graph(rng, case, (), rng.randint(1, 6))
    if rng.random() < 0.15:
        case.max_duration = rng.uniform(0.1, 6)
    if rng.random() < 0.15:
        case.cancelled_at = rng.uniform(0.1, 6)
    if rng.random() < 0.4:
        for name in rng.sample(HANDLERS, rng.randint(1, 4)):
            case.handlers[name] = _handler(rng, case, name)
    return case


def _handler(rng, case, name):
    made = []
    for number in range(rng.randint(1, 3)):
        flow = Flow(f"{name}{number}", (), seconds=rng.uniform(0.1, 2))
        if number == 0 and rng.random() < 0.15:
            flow.seconds = 40.5  # handlers have 30 seconds
        flow.fails = rng.random() < 0.2
        flow.on_error = rng.choice(["fail", "fail", *TOLERANT])
        earlier = [one for one in case.all if may_wait((), one)]  # members of groups too
        before = [*made, *earlier]
        for one in rng.sample(before, min(len(before), rng.choice([0, 0, 1]))):
            if rng.random() < 0.5:
                flow.plain.append(one)
            else:
                rules = RULES if one in earlier else ["succeeded", "finished", "ended"]
                flow.ruled.append((one, rng.choice(rules)))
        made.append(flow)
    return made


def _graph(rng, case, path, count):
    return [_step(rng, case, path) for _ in range(count)]


def _step(rng, case, path):
    before = [one for one in case.all if may_wait(path, one)]
    # No two things happen at one time, but for those that follow from each other.
    flow = Flow(f"s{len(case.all)}", path, seconds=rng.uniform(0.1, 2), fails=rng.random() < 0.2)
    flow.on_error = rng.choice(["fail", "fail", "fail", "continue", "skip_dependents"])
    case.all.append(flow)
    for one in rng.sample(before, min(len(before), rng.choice([0, 0, 1, 1, 2]))):
        if rng.random() < 0.6:
            flow.plain.append(one)
        else:
            rule = rng.choice(RULES)
            stops = case.fail_fast and one.on_error == "fail" and one.path == path
            flow.ruled.append((one, "finished" if rule == "failed" and stops else rule))
    if rng.random() < 0.3:
        known = CONDITIONS if before else CONDITIONS[:3]
        flow.when = rng.choice([one for one in known if one != "broken" or not is_close(path)])
        flow.of = rng.choice(before) if flow.when in ("state", "value") else None
    if flow.when == "broken":
        flow.on_error = rng.choice(TOLERANT)
    if len(path) < 2 and len(case.all) < 14 and not is_close(path) and rng.random() < 0.35:
        _inside(rng, case, flow)
        return flow
    if rng.random() < 0.15:
        flow.timeout = rng.uniform(0.1, 2)
    if rng.random() < 0.25:
        flow.attempts, flow.wait = rng.randint(2, 3), rng.uniform(0.1, 2)
        flow.failures = rng.randint(0, flow.attempts)
        flow.retries_late = rng.random() < 0.5
    return flow


def _inside(rng, case, flow):
    flow.fails = False
    flow.kind = rng.choice(["branch", "group", "block", "loop", "repeat", "workflow"])
    {
        "branch": _make_branch,
        "group": _make_group,
        "block": _make_block,
        "loop": _make_loop,
        "repeat": _make_repeat,
        "workflow": _make_workflow,
    }[flow.kind](rng, case, flow)


def _make_branch(rng, case, flow):
    for side in range(rng.randint(1, 3)):
        flow.sides.append([])
        flow.sides[side] = _graph(rng, case, (*flow.path, (flow, side)), rng.randint(1, 3))
    flow.takes = rng.randrange(len(flow.sides) + 1)


def _make_block(rng, case, flow):
    flow.in_order = rng.random() < 0.6
    flow.sides = [[]]
    flow.sides[0] = _graph(rng, case, (*flow.path, (flow, 0)), rng.randint(1, 4))


def _make_group(rng, case, flow):
    _decide_as_group(rng, flow)
    flow.sides[0] = _graph(rng, case, (*flow.path, (flow, 0)), rng.randint(2, 3))
    flow.at_once = rng.choice([None, None, 1, 2])
    if rng.random() < 0.15:
        flow.timeout = rng.uniform(0.1, 2)


def _make_loop(rng, case, flow):
    _decide_as_group(rng, flow)
    flow.sides = [_passes(rng, flow, rng.randint(0, 4))]
    # How few passes are left for those that decide it shows as the last one was taken in.
    if flow.strategy not in CLOSE or not any(one.when for one in flow.sides[0]):
        flow.at_once = rng.choice([None, None, 1, 2])


def _make_repeat(rng, case, flow):
    flow.sides = [_passes(rng, flow, rng.randint(1, 4))]
    flow.takes = rng.randint(0, 4)
    flow.wait = rng.uniform(0.1, 1)
    first = flow.sides[0][0]
    if first.when and flow.takes > 0 and len(flow.sides[0]) == 1:  # it fails at once
        flow.on_error = rng.choice(TOLERANT)


def _passes(rng, flow, count):
    """They are steps of the same kind: one that fails or not, or a sequence of such steps."""
    length, passes = rng.choice([0, 0, 2]), []
    for number in range(count):
        one = Flow(f"{flow.id}#{number}", (*flow.path, (flow, 0)))
        one.seconds, one.fails = rng.uniform(0.1, 2), rng.random() < 0.2
        if length:
            one.kind, one.in_order, one.sides = "block", True, [[]]
            one.sides[0] = _simple(rng, f"{one.id}.x", (*one.path, (one, 0)), length)
        elif rng.random() < 0.2:
            one.when = "no"
        passes.append(one)
    return passes


def _make_workflow(rng, case, flow):
    flow.fail_fast = rng.random() < 0.6
    flow.sides = [_simple(rng, f"{flow.id}/s", (*flow.path, (flow, 0)), rng.randint(1, 3))]
    if rng.random() < 0.3:
        flow.max_duration = rng.uniform(0.1, 2)


def _simple(rng, name, path, count):
    """Steps that nobody outside sees; some depend on the one before."""
    made = []
    for number in range(count):
        flow = Flow(f"{name}{number}", path, seconds=rng.uniform(0.1, 2))
        flow.fails = rng.random() < 0.2
        if made and path[-1][0].kind == "workflow" and rng.random() < 0.5:
            flow.plain.append(made[-1])
        made.append(flow)
    return made


def _decide_as_group(rng, flow):
    flow.strategy = rng.choice(STRATEGIES)
    flow.sides = [[]]
    if flow.strategy in CLOSE:  # it fails at once if too few of its members are left
        flow.on_error = rng.choice(TOLERANT)
    flow.continue_on_error = rng.random() < 0.2
    flow.fail_fast = flow.continue_on_error or flow.strategy != "all" or rng.random() < 0.6


def is_close(path):
    """Whether a step is a member of a group that one of its members decides.

    Whatever ends at once, or decides at once, does so in the moment in which others start, and which
    of the two is first is not for the reference to say.
    """
    return bool(path) and path[-1][0].strategy in CLOSE


def may_wait(path, other):
    """Whether a step at a place may wait for another one: the two never stand in one group."""
    depth = 0
    for mine, its in zip(path, other.path, strict=False):
        if mine[0] is not its[0]:
            break
        if mine[1] != its[1]:
            return False  # on two sides of a branch
        depth += 1
    if depth < len(path) and other is path[depth][0]:
        return False  # it is around
    if any(owner.kind == "block" for owner, _ in other.path[depth:]):
        return False  # it is hidden
    return depth == 0 or path[depth - 1][0].strategy is None


class Broken(Exception):
    """What steps raise that fail."""


def definition_of(case: Case) -> WorkflowDefinition:
    return WorkflowDefinition(
        "w",
        [_as_step(flow) for flow in case.steps],
        fail_fast=case.fail_fast,
        max_duration=case.max_duration,
        parallel_config=WorkerPoolConfig(max_concurrent=1_000),
        **{name: [_as_step(flow) for flow in steps] for name, steps in case.handlers.items()},
    )


def _as_step(flow: Flow) -> WorkflowStep:
    options = {
        "depends_on": [
            *(one.id for one in flow.plain),
            *(Edge(one.id, rule) for one, rule in flow.ruled),
        ],
        "when": _as_condition(flow),
        "on_error": flow.on_error,
    }
    if flow.kind in ("loop", "repeat"):
        return _as_loop(flow, options)
    if flow.kind == "block":
        key = "sequence" if flow.in_order else "steps"
        return WorkflowStep(flow.id, **{key: [_as_step(one) for one in flow.sides[0]]}, **options)
    if flow.kind == "workflow":
        inner = WorkflowDefinition(
            f"w{flow.id}",
            [_as_step(one) for one in flow.sides[0]],
            fail_fast=flow.fail_fast,
            max_duration=flow.max_duration,
        )
        return WorkflowStep(flow.id, workflow=inner, **options)
    if flow.kind == "group":
        group = ParallelGroup(
            flow.id,
            [_as_step(one) for one in flow.sides[0]],
            flow.strategy,
            flow.at_once,
            continue_on_error=flow.continue_on_error,
            fail_fast=flow.fail_fast,
            timeout=flow.timeout,
        )
        return WorkflowStep(flow.id, group=group, **options)
    if flow.kind == "branch":
        return WorkflowStep(flow.id, branch=_as_branch(flow), **options)
    if flow.attempts > 1:
        options["retry"] = Retry(
            flow.attempts,
            on=(Broken, StepTimeout) if flow.retries_late else Broken,
            wait_initial=flow.wait,
            wait_max=1_000,
            wait_jitter=0,
        )
    return WorkflowStep(flow.id, execute=_works(flow), timeout=flow.timeout, **options)


def _as_loop(flow, options):
    passes = flow.sides[0]
    if flow.kind == "repeat":
        ends = {"until": f"$index >= {flow.takes}", "delay": flow.wait, "max": len(passes)}
        make, settings = WorkflowStep.repeat, {**ends, **options}
    else:
        make = WorkflowStep.for_each
        settings = {
            "in_": range(len(passes)),
            "wait_strategy": flow.strategy,
            "continue_on_error": flow.continue_on_error,
            "fail_fast": flow.fail_fast,
            "max_concurrent": flow.at_once,
            **options,
        }
    if passes and passes[0].sides:
        steps = [
            WorkflowStep(one.id, execute=_works_in_pass([each.sides[0][n] for each in passes]))
            for n, one in enumerate(passes[0].sides[0])
        ]
        return make(flow.id, sequence=steps, **settings)
    left_out = [n for n, one in enumerate(passes) if one.when == "no"]
    when = f"!($index in {left_out})" if left_out else None
    step = WorkflowStep("pass", execute=_works_in_pass(passes), when=when)
    return make(flow.id, step=step, **settings)


def _works_in_pass(flows):
    async def execute(context: WorkflowContext) -> str:
        return await _works(flows[context.variables["index"]])(context)

    return execute


def _as_branch(flow):
    sides = [[_as_step(one) for one in side] for side in flow.sides]
    if len(sides) == 2 and flow.takes < 2:
        return IfBranch("true" if flow.takes == 0 else "false", *sides)
    return SwitchBranch(str(flow.takes), [SwitchCase(n, side) for n, side in enumerate(sides)])


def _as_condition(flow):
    match flow.when:
        case "state":
            return f"$states.{flow.of.id} == 'succeeded'"
        case "value":
            return f"has($results.{flow.of.id})"
        case other:
            return {None: None, "yes": "1 == 1", "no": "1 == 2", "broken": "1 < 'a'"}[other]


def _works(flow):
    attempts = itertools.count(1)

    async def execute(context: WorkflowContext) -> str:
        attempt = next(attempts)
        await trio.sleep(flow.seconds)
        if flow.fails or attempt <= flow.failures:
            raise Broken(flow.id)
        return flow.id

    return execute
