"""What a workflow comes to, worked out naively: a clock, and a look at every step after each event.

Written from the documentation, not from the code. Nothing here is fast, and nothing is shared with
what it is held against but the names of states and causes.
"""

from __future__ import annotations

import math
from collections import Counter

from hocket import StepState
from hocket._workflow.ledger import Why
from torture.flows import Case, Flow

OK, FAILED, LATE, SKIPPED, OMITTED, CANCELLED, UNREACHED = (
    StepState.SUCCEEDED,
    StepState.FAILED,
    StepState.TIMED_OUT,
    StepState.SKIPPED,
    StepState.OMITTED,
    StepState.CANCELLED,
    StepState.NOT_REACHED,
)
FAILING, HALTED = (FAILED, LATE), (CANCELLED, UNREACHED)


class Scope:
    """Steps that run together: a workflow, a group, the taken side of a branch, a block, a loop's passes."""

    def __init__(self, owner: Flow | None, steps: list[Flow], now: float) -> None:
        self.owner = owner
        self.steps = steps
        self.deadline = math.inf
        self.ended: list[Flow] = []
        self.waiting: list[Flow] = []
        """Members of a group for which there is no room among those that may run at once."""
        self.next_at = math.inf
        """When a step that repeats has its next pass."""
        self.broken: set[str] = set()
        """Those whose conditions cannot be worked out."""
        if owner is not None and owner.kind == "group" and owner.timeout is not None:
            self.deadline = now + owner.timeout
        if owner is not None and owner.max_duration is not None:
            self.deadline = now + owner.max_duration

    @property
    def is_repeat(self) -> bool:
        return self.owner is not None and self.owner.kind == "repeat"

    @property
    def is_group(self) -> bool:
        return self.owner is not None and self.owner.strategy is not None


class Reference:
    """One run."""

    def __init__(self, case: Case) -> None:
        self.case = case
        self.now = 0.0
        self.states: dict[str, StepState] = {}
        self.causes: dict[str, tuple[Why, str]] = {}
        self.halted: dict[str, str] = {}
        """For steps that their sequence does not get to: the step that has stopped it."""
        self.cancelled_at = math.inf if case.cancelled_at is None else case.cancelled_at
        self.starts: dict[str, float] = {}
        self.ends: dict[str, float] = {}
        self.running: dict[str, Flow] = {}
        self.tried: Counter[str] = Counter()
        self.again: dict[str, float] = {}
        """When those that have failed are tried again. They count as running, and take no room."""
        self.scopes: list[Scope] = [Scope(None, case.steps, 0.0)]
        self.success: bool | None = None
        self.handles = False
        if case.max_duration is not None:
            self.scopes[0].deadline = case.max_duration

    def run(self) -> Reference:
        status = self.run_scopes()
        good = self.success
        # Nothing stops handlers, not even that one of their steps has failed.
        self.cancelled_at = math.inf
        self.handles = True
        chosen = {"succeeded": "on_success", "cancelled": "on_cancel"}.get(status, "on_failure")
        for name in ("on_success", "on_failure", "on_cancel", "finally_"):
            steps = self.case.handlers.get(name, [])
            if name not in (chosen, "finally_"):
                for one in steps:
                    self.never(one, OMITTED, (Why.STATUS, ""), None)
            elif steps:
                for one in steps:
                    one.timeout = one.timeout or 30
                self.scopes = [Scope(None, steps, self.now)]
                self.run_scopes()
                good = good and self.success
        self.success = good
        return self

    def run_scopes(self) -> str:
        """Go on until nothing runs any more; return how that has ended."""
        self.status = "failed"
        while self.scopes:
            while self.step():
                pass
            if self.scopes:
                self.jump()
        return self.status

    # --- what happens without time passing

    def step(self) -> bool:
        for scope in list(self.scopes):
            for flow in scope.steps:
                if flow.id in self.states or flow.id in self.running or scope.is_group:
                    continue
                if all(self.has_ended(one) for one in self.waits_for(flow, scope)):
                    self.begin(flow, scope)
                    return True
            if scope.next_at == math.inf and all(flow.id in self.states for flow in scope.steps):
                if scope.is_repeat:
                    self.repeat(scope)
                if scope.next_at == math.inf:
                    self.close(scope)
                return True
        return False

    def has_ended(self, flow: Flow) -> bool:
        return flow.id in self.states and flow.id not in self.running

    def waits_for(self, flow: Flow, scope: Scope) -> list[Flow]:
        """The steps of the scope that this one, or anything in it, needs to have ended."""
        inside = [flow, *(one for one in self.case.all if any(o is flow for o, _ in one.path))]
        depth = len(flow.path)
        found = []
        if (before := self.before(flow)) is not None:
            found.append(before)
        for one in inside:
            for other in [
                *one.plain,
                *(target for target, _ in one.ruled),
                *([one.of] if one.of else []),
            ]:
                around = [owner for owner, _ in other.path[depth:]] + [other]
                if other.path[:depth] == flow.path and around[0] is not flow:
                    found.append(around[0])
        return found

    def before(self, flow: Flow) -> Flow | None:
        """The step before this one in its sequence."""
        owner = flow.path[-1][0] if flow.path else None
        if owner is None or not owner.in_order or flow is owner.sides[0][0]:
            return None
        return owner.sides[0][owner.sides[0].index(flow) - 1]

    def begin(self, flow: Flow, scope: Scope) -> None:
        obstacle = self.obstacle(flow)
        if obstacle is not None:
            return self.never(flow, SKIPPED, obstacle, scope)
        holds = self.holds(flow)
        if holds is False:
            return self.never(flow, SKIPPED, (Why.CONDITION, ""), scope)
        self.running[flow.id] = flow
        self.starts[flow.id] = self.now
        if holds is None:
            return self.end(flow, FAILED)
        return self.open(flow)

    def open(self, flow: Flow) -> None:
        """Begin what a step holds."""
        if flow.kind in ("group", "loop"):
            self.open_group(flow)
        elif flow.kind == "branch":
            self.open_branch(flow)
        elif flow.kind in ("block", "workflow"):
            self.scopes.append(Scope(flow, flow.sides[0], self.now))
        elif flow.kind == "repeat":
            self.scopes.append(Scope(flow, flow.sides[0][:1], self.now))

    def holds(self, flow: Flow) -> bool | None:
        if flow.when == "state":
            return self.states.get(flow.of.id) is OK
        if flow.when == "value":
            return self.states.get(flow.of.id) is OK and not self.is_null(flow.of)
        return {None: True, "yes": True, "no": False, "broken": None}[flow.when]

    def is_null(self, flow: Flow) -> bool:
        """Whether its value is None: the last pass of what repeats has not run."""
        passes = flow.sides[0] if flow.kind == "repeat" else []
        come = [self.states[one.id] for one in passes if self.states[one.id] is not UNREACHED]
        return come[-1:] == [SKIPPED]

    def obstacle(self, flow: Flow) -> tuple[Why, str] | None:
        if (halting := self.halting(flow)) is not None:
            self.halted[flow.id] = halting
            return Why.EDGE, halting
        judged = [self.judged(one, flow) for one in flow.plain]
        good = False
        for one in judged:
            state, may = self.states.get(one.id), one.on_error == "continue"
            if state is None or state in HALTED or (state in FAILING and not may):
                return Why.EDGE, one.id
            good |= state is OK or state in FAILING
        if judged and not good:
            return Why.NO_SUCCESS, judged[0].id
        for other, rule in flow.ruled:
            one = self.judged(other, flow)
            state, may = self.states.get(one.id), one.on_error == "continue"
            wanted = {
                "succeeded": (OK, *FAILING) if may else (OK,),
                "failed": FAILING,
                "finished": (OK, *FAILING),
                "ended": (*StepState, None),
            }[rule]
            if state not in wanted:
                return Why.EDGE, one.id
        return None

    def halting(self, flow: Flow) -> str | None:
        """The step that keeps a sequence from getting to this one."""
        before = self.before(flow)
        if before is None:
            return None
        if before.id in self.halted:
            return self.halted[before.id]
        state, may = self.states.get(before.id), before.on_error == "continue"
        is_bad = state is None or state in HALTED or (state in FAILING and not may)
        return before.id if is_bad else None

    def judged(self, other: Flow, flow: Flow) -> Flow:
        """Of a member of a group, seen from outside, the step that runs the group."""
        mine = {owner.id for owner, _ in flow.path}
        groups = [o for o, _ in other.path if o.id not in mine and o.kind == "group"]
        return groups[0] if groups else other

    def open_group(self, flow: Flow) -> None:
        scope = Scope(flow, [], self.now)
        self.scopes.append(scope)
        for one in flow.sides[0]:
            obstacle, holds = self.obstacle(one), self.holds(one)
            if obstacle is None and holds is False:
                obstacle = Why.CONDITION, ""
            if obstacle is not None:
                self.never(one, SKIPPED, obstacle, None)
            else:
                scope.steps.append(one)
                scope.broken |= {one.id} if holds is None else set()
        if self.decided(scope) is not None:
            return self.close(scope)
        scope.waiting = list(scope.steps)
        return self.fill(scope)

    def fill(self, scope: Scope) -> None:
        """Start members of a group, in their order, as long as there is room."""
        for one in list(scope.waiting):
            if scope not in self.scopes:
                return
            takes_room = not one.sides or scope.owner.kind == "loop"
            if one not in scope.waiting or (takes_room and not self.has_room(scope)):
                continue
            scope.waiting.remove(one)
            self.again.pop(one.id, None)
            self.running[one.id] = one
            self.starts[one.id] = self.now
            if one.id in scope.broken:
                self.end(one, FAILED)
            else:
                self.open(one)

    def has_room(self, scope: Scope) -> bool:
        most = scope.owner.at_once
        takes = [
            one
            for one in scope.steps
            if one.id in self.running
            and (not one.sides or scope.owner.kind == "loop")
            and one.id not in self.again
        ]
        return most is None or len(takes) < most

    def attempt_ends(self, flow: Flow, state: StepState) -> None:
        """An attempt has come to something: the step ends, or waits for another one."""
        self.tried[flow.id] += 1
        tried = self.tried[flow.id]
        may = state is FAILED or (state is LATE and flow.retries_late)
        if not may or tried >= flow.attempts:
            return self.end(flow, state)
        self.again[flow.id] = self.now + flow.wait * 2 ** (tried - 1)
        for scope in self.scopes:
            if flow in scope.steps:
                return self.fill(scope)
        return None

    def try_again(self, flow: Flow) -> None:
        scope = next(scope for scope in self.scopes if flow in scope.steps)
        if scope.is_group:
            # Until there is room. It comes before those that were not tried yet, in the order of their times.
            at = sum(one.id in self.again for one in scope.waiting)
            self.again[flow.id] = math.inf
            scope.waiting.insert(at, flow)
            return self.fill(scope)
        del self.again[flow.id]
        self.starts[flow.id] = self.now
        return None

    def repeat(self, scope: Scope) -> None:
        """A pass has ended: if it has not failed, and not brought what is wanted, there is one more."""
        owner, number = scope.owner, len(scope.steps)
        if self.states[scope.steps[-1].id] not in FAILING and number <= owner.takes:
            scope.next_at = self.now + owner.wait if number < len(owner.sides[0]) else math.inf

    def open_branch(self, flow: Flow) -> None:
        taken = flow.sides[flow.takes] if flow.takes < len(flow.sides) else []
        for side in flow.sides:
            for one in side:
                if one not in taken:
                    self.never(one, OMITTED, (Why.OTHER_SIDE, flow.id), None)
        if not taken:
            return self.end(flow, OK)
        self.scopes.append(Scope(flow, taken, self.now))
        return None

    # --- ends

    def never(self, flow, state, cause, scope) -> None:
        self.states[flow.id] = state
        self.causes[flow.id] = cause
        self.ends[flow.id] = self.now
        how = state if state in (SKIPPED, OMITTED) else UNREACHED
        for side in flow.sides:
            for one in side:
                if one.id not in self.states:
                    self.never(one, how, (Why.OWNER, flow.id), None)

    def end(self, flow: Flow, state: StepState) -> None:
        del self.running[flow.id]
        self.again.pop(flow.id, None)
        self.states[flow.id] = state
        self.ends[flow.id] = self.now
        for side in flow.sides:
            for one in side:
                if one.id not in self.states:
                    self.never(one, UNREACHED, (Why.OWNER, flow.id), None)
        for scope in list(self.scopes):
            if flow in scope.steps:
                scope.ended.append(flow)
                if scope.is_repeat:
                    continue  # `step` looks at it
                if self.decided(scope) is not None:
                    self.close(scope)
                else:
                    self.fill(scope)

    def is_harmful(self, flow: Flow, scope: Scope) -> bool:
        if self.states[flow.id] not in FAILING:
            return False
        return flow.on_error == "fail" or (scope.is_group and scope.owner.strategy != "all")

    def goes_on(self, scope: Scope) -> bool:
        if scope.is_group:
            return scope.owner.continue_on_error or not scope.owner.fail_fast
        if scope.owner is not None and scope.owner.kind == "workflow":
            return not scope.owner.fail_fast
        return self.handles or not self.case.fail_fast

    def decided(self, scope: Scope) -> tuple[bool, tuple[Why, str] | None] | None:
        """Whether it has succeeded, and who decided that; None as long as it is open."""
        bad = [one for one in scope.ended if self.is_harmful(one, scope)]
        good = [one for one in scope.ended if self.states[one.id] is OK]
        n, over = len(scope.steps), all(one.id in self.states for one in scope.steps)
        if scope.is_repeat:
            return (not bad and n > scope.owner.takes, None) if over else None
        strategy = scope.owner.strategy if scope.is_group else "all"
        stops = not self.goes_on(scope)
        always = scope.is_group and scope.owner.continue_on_error
        if strategy == "all":
            if bad and stops:
                return False, (Why.LOST, bad[0].id)
            return (always or not bad, None) if over else None
        if strategy == "all_settled":
            return (True, None) if over else None
        need = int(strategy[7]) if strategy.startswith("quorum") else 1
        most = 1 if strategy == "race" else n - need + 1
        if strategy == "race" and stops and scope.ended[:1] == bad[:1] != []:
            return False, (Why.LOST, bad[0].id)
        if len(good) >= need:
            return True, (Why.WON, good[need - 1].id)
        if stops and strategy != "race" and len(bad) >= most:
            return False, (Why.LOST, bad[max(most, 1) - 1].id) if bad else None
        if over:
            return always, None
        return None

    def close(self, scope: Scope) -> None:
        verdict, cause = self.decided(scope) or (False, None)
        self.stop(scope, cause or (Why.OWNER, scope.owner.id if scope.owner else ""))
        self.over(scope, verdict)

    def over(self, scope: Scope, verdict: bool) -> None:
        self.scopes.remove(scope)
        if scope.owner is None:
            self.success, self.status = verdict, "succeeded" if verdict else self.status
        elif scope.owner.id in self.running:
            self.end(scope.owner, OK if verdict else FAILED)

    def stop(self, scope: Scope, cause: tuple[Why, str], *, late: bool = False) -> None:
        """Cancel what runs of it, and note what never starts."""
        for flow in scope.steps:
            if flow.id in self.running:
                for inner in list(self.scopes):
                    if inner.owner is flow:
                        self.stop(inner, (Why.OWNER, flow.id))
                        self.scopes.remove(inner)
                del self.running[flow.id]
                self.again.pop(flow.id, None)
                self.states[flow.id] = LATE if late else CANCELLED
                self.ends[flow.id] = self.now
                if not late:
                    self.causes[flow.id] = cause
                else:
                    scope.ended.append(flow)
        for flow in scope.steps:
            if flow.id not in self.states:
                obstacle = self.obstacle(flow)
                self.never(
                    flow, UNREACHED if obstacle is None else SKIPPED, obstacle or cause, None
                )

    # --- time

    def jump(self) -> None:
        due: list[tuple[float, int, object]] = [
            (self.starts[flow.id] + min(flow.seconds, flow.timeout or math.inf), 0, flow)
            for flow in self.running.values()
            if not flow.sides and flow.id not in self.again
        ]
        due += [(at, 3, self.running[id_]) for id_, at in self.again.items()]
        due += [(scope.deadline, 1, scope) for scope in self.scopes]
        due += [(scope.next_at, 4, scope) for scope in self.scopes]
        due.append((self.cancelled_at, 2, None))
        self.now, kind, what = min(due, key=lambda one: one[:2])
        if kind == 0:
            is_late = what.timeout is not None and what.timeout < what.seconds
            fails = what.fails or self.tried[what.id] < what.failures
            self.attempt_ends(what, LATE if is_late else FAILED if fails else OK)
        elif kind == 3:
            self.try_again(what)
        elif kind == 4:
            what.next_at = math.inf
            what.steps.append(what.owner.sides[0][len(what.steps)])
        elif kind == 1:
            self.stop(what, (Why.OUT_OF_TIME, ""), late=True)
            verdict = what.is_group and (
                what.owner.continue_on_error or what.owner.strategy == "all_settled"
            )
            self.over(what, verdict)
        else:
            self.stop(self.scopes[0], (Why.STOPPED, ""))
            self.scopes.clear()
            self.status = "cancelled"
