"""From the entries of a workflow file to the model, as far as they can be read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import attrs

from .._base.mistakes import Keys, unreadable_id
from .._base.shown import shown
from .._model.config import WorkerPoolConfig
from .._model.group import ParallelGroup
from .._model.rate import Rate
from .._model.retry import Retry
from .._model.strategy import WaitStrategy
from .._workflow.branch import Branch, IfBranch, SwitchBranch, SwitchCase
from .._workflow.computed import work_out, written
from .._workflow.definition import WorkflowDefinition
from .._workflow.handlers import HANDLERS
from .._workflow.parameters import Parameter
from .._workflow.rules import Edge
from .._workflow.step import WorkflowStep
from .._workflow.sub_workflow import SubWorkflow
from .entries import BranchEntry, ConfigEntry, EdgeEntry, FileEntry, StepEntry
from .failure_kinds import FailureKinds
from .findings import Findings
from .loops import LOOPS, TEMPLATES, build_loop
from .source import CannotRead
from .values import MISTAKEN

__all__ = ["Builder"]


@attrs.frozen
class Builder:
    """Builds a definition. What is mistaken gets a stand-in, so that the rest can be checked."""

    findings: Findings
    open_workflow: Callable[[str], SubWorkflow | None]
    """Reads the file of a workflow that a step runs; None if that cannot be read, which is reported."""

    def definition(self, entry: FileEntry) -> WorkflowDefinition:
        if entry.name is None:
            self.findings.add((), "a workflow needs a name")
        if entry.steps is None:
            self.findings.add((), "a workflow needs steps")
        entries: list[Any] = _read(entry.steps, [])
        made = WorkflowDefinition(
            _read(entry.name, unreadable_id()),
            [self._step(one, ("steps", index)) for index, one in enumerate(entries)],
            description=_read(entry.description, ""),
            parameters=self._parameters(_read(entry.parameters, {})),
            max_duration=written(_read(entry.max_duration, None)),
            parallel_config=self._config(_read(entry.parallel_config, None)),
            fail_fast=_read(entry.fail_fast, True),
            output=entry.output,
            **{name: self._handler(getattr(entry, name), name) for name in HANDLERS},
        )
        config: Any = _read(entry.parallel_config, None)
        limits = {"max_duration": entry.max_duration}
        if config is not None:
            limits["parallel_config.max_concurrent"] = config.max_concurrent
            limits["parallel_config.timeout"] = config.timeout
        work_out(made, limits)
        return made

    def _handler(self, entries: Any, name: str) -> list[WorkflowStep[Any]]:
        if entries == []:
            self.findings.add((name,), "a handler needs at least one step")
        return [self._step(one, (name, index)) for index, one in enumerate(_read(entries, []))]

    def _parameters(self, entries: Mapping[str, Any]) -> dict[str, Parameter]:
        made: dict[str, Parameter] = {}
        for name, entry in entries.items():
            given = {} if entry is MISTAKEN else _given(entry)
            try:
                made[name] = Parameter(**given)
            except ValueError as error:  # each is right, and they do not go together
                key, _, why = str(error).partition(": ")
                keys = ("parameters", name, *([key] if key in given else []))
                self.findings.add(keys, why if key in given else str(error))
                made[name] = Parameter()
        return made

    def _config(self, entry: ConfigEntry | None) -> WorkerPoolConfig:
        if entry is None:
            return WorkerPoolConfig()
        rate = self.rate(entry.rate, ("parallel_config", "rate"))
        try:
            given = {name: written(value) for name, value in _given(entry).items()}
            return WorkerPoolConfig(**{**given, "rate": rate})
        except ValueError as error:  # each is right, and they do not go together
            self.findings.add(("parallel_config",), str(error))
            return WorkerPoolConfig()

    def _step(self, entry: Any, keys: Keys) -> WorkflowStep[Any]:
        unreadable = unreadable_id(keys)
        if entry is MISTAKEN:
            return WorkflowStep(unreadable, tool=unreadable)
        if entry.id is None:
            self.findings.add(keys, "a step needs an id")
        return self._with_id(entry, _read(entry.id, unreadable), keys)

    def _with_id(self, entry: StepEntry, id_: str, keys: Keys) -> WorkflowStep[Any]:
        common: dict[str, Any] = {
            "depends_on": self._before(_read(entry.depends_on, []), (*keys, "depends_on")),
            "when": _read(entry.when, None),
            "timeout": _read(entry.timeout, None),
            "on_error": self._on_error(entry, keys),
        }
        kinds = self._kinds(entry, keys)
        kind = kinds[0] if len(kinds) == 1 else None
        retry = self._retry(entry.retry, (*keys, "retry"))
        if kind not in ("tool", None) and entry.retry is not None:
            text = f"a {_WHAT.get(kind, kind)} is not run again; give 'retry' to its steps"
            if kind == "group":
                text += f", or to {self.findings.spelling.key('group')!r} for all of them"
            self.findings.add((*keys, "retry"), text, is_key=True)
        done = next(
            filter(None, [self._what(entry, one, id_, keys) for one in _to_build(entry, kinds)]),
            None,
        )
        if done is None:  # what it would be given may refer to others
            done = {"tool": unreadable_id(), "input": _read(entry.input, None)}
        if "tool" in done:
            done["retry"] = retry
        made = WorkflowStep(id_, **done, **common)
        if "group" in done:
            named = ("max_concurrent", "timeout", "step_timeout")
            work_out(made, {f"group.{name}": getattr(entry.group, name) for name in named})
        return made

    def _what(self, entry: StepEntry, kind: str, id_: str, keys: Keys) -> dict[str, Any] | None:
        """What a step does, as its arguments; None if that cannot be read."""
        if kind == "tool":
            is_read = entry.tool is not MISTAKEN
            run_in = _read(entry.run_in, "trio")
            given = {"tool": str(entry.tool), "input": entry.input, "run_in": run_in}
            return given if is_read else None
        if kind == "workflow":
            return {"workflow": self._workflow(entry, keys), "with_": _read(entry.with_, None)}
        name = "loop" if kind in LOOPS else kind
        if kind in LOOPS:
            made: Any = build_loop(self, entry, kind, id_, keys)
        elif kind == "group":
            made = self._group(entry.group, id_, (*keys, kind))
        elif kind == "branch":
            made = self._branch(entry.branch, (*keys, kind))
        else:
            made = self._block(entry, kind, keys) or None
        return None if made is None else {name: made}

    def _workflow(self, entry: StepEntry, keys: Keys) -> SubWorkflow:
        """The workflow that a step runs; one that nothing is known of if it cannot be read."""
        found = None
        try:
            if entry.workflow is not MISTAKEN:
                found = self.open_workflow(str(entry.workflow))
        except CannotRead as error:
            name = str(entry.workflow)
            hint = "; the path is written out: it is no reference" if "$" in name else ""
            self.findings.add((*keys, "workflow"), f"{shown(name)}: {error}{hint}")
        return SubWorkflow() if found is None or entry.with_ is MISTAKEN else found

    def _kinds(self, entry: StepEntry, keys: Keys) -> list[str]:
        """Which of its keys say what a step does: exactly one, or that is reported."""
        key = self.findings.spelling.key
        loops = self.findings.written(entry, LOOPS, keys)
        # Beside a loop, steps and sequence say what it does.
        kinds = [name for name in _KINDS if not (loops and name in TEMPLATES)]
        given = self.findings.written(entry, kinds, keys)
        if not given:
            *others, last = (repr(key(name)) for name in _KINDS)
            self.findings.add(keys, f"a step needs one of {', '.join(others)} and {last}")
        elif len(given) > 1:
            both = " or ".join(repr(key(name)) for name in given)
            no_more = "not both" if len(given) == 2 else "and no more"
            hint = "; what a loop does each time stands under 'step'" if loops else ""
            self.findings.add(keys, f"a step has {both}, {no_more}{hint}")
        elif given != ["tool"] and entry.input is not None:
            instead = "; what it is given stands under 'with'" if given == ["workflow"] else ""
            text = f"a step with {key(given[0])!r} takes no input{instead}"
            self.findings.add((*keys, "input"), text, is_key=True)
        if given not in ([], ["tool"]) and entry.run_in is not None:
            text = f"only a step with {key('tool')!r} runs in a thread: say it of the steps in it"
            self.findings.add((*keys, "run_in"), text, is_key=True)
        if entry.with_ is not None and given and "workflow" not in given:
            text = "'with' is for a step with 'workflow'"
            if given == ["tool"]:
                text += "; a tool gets its 'input'"
            self.findings.add((*keys, "with_"), text, is_key=True)
        if entry.step is not None and not loops:
            text = "'step' says what a loop does each time: it stands beside 'for_each', 'matrix' or 'repeat'"
            self.findings.add(
                (*keys, "step"), text.replace("for_each", key("for_each")), is_key=True
            )
        return given

    def template_step(self, entry: StepEntry, loop: str, keys: Keys) -> WorkflowStep[Any]:
        """Build the one step that a loop does each time."""
        key = self.findings.spelling.key
        if entry.id is not None:
            text = f"the step of a loop has no id of its own: its values are those of {loop!r}"
            self.findings.add((*keys, "id"), text, is_key=True)
        if entry.depends_on is not None:
            text = f"{key('depends_on')!r} stands beside the loop: all of its passes wait"
            self.findings.add((*keys, "depends_on"), text, is_key=True)
        return self._with_id(attrs.evolve(entry, depends_on=None), f"{loop}[]", keys)

    def _on_error(self, entry: StepEntry, keys: Keys) -> Any:
        old, new = (self.findings.spelling.key(key) for key in ("continue_on_error", "on_error"))
        both = ("continue_on_error", "on_error")
        if len(self.findings.written(entry, both, keys)) == 2:
            text = f"{old!r} and {new!r} say the same; leave {old!r} out"
            self.findings.add((*keys, "continue_on_error"), text, is_key=True)
        elif entry.continue_on_error is True:
            return "continue"
        return _read(entry.on_error, None)

    def _retry(self, entry: Any, keys: Keys) -> Retry | None:
        if entry in (None, MISTAKEN):
            return None
        if not entry.on and entry.on is not MISTAKEN:
            text = "a retry needs 'on', the failures after which to try again: [HTTP 5xx, OSError]"
            self.findings.add(keys, text)
        on = [text for text in _read(entry.on, []) if text is not MISTAKEN]
        return Retry(**{**_given(entry), "on": FailureKinds(on)})

    def rate(self, entry: Any, keys: Keys) -> Rate | None:
        if entry in (None, MISTAKEN):
            return None
        if entry.limit is None:
            self.findings.add(keys, "a rate needs 'limit', how many may start in the time 'per'")
        given = _given(entry)
        try:
            return Rate(**given) if "limit" in given else None
        except (TypeError, ValueError) as error:  # each is right, and they do not go together
            self.findings.add(keys, str(error))
            return None

    def _before(self, entries: list[Any], keys: Keys) -> list[str | Edge]:
        return [self._dependency(one, (*keys, index)) for index, one in enumerate(entries)]

    def _dependency(self, entry: Any, keys: Keys) -> str | Edge:
        if not isinstance(entry, EdgeEntry):
            return unreadable_id() if entry is MISTAKEN else entry
        if entry.step is None or entry.rule is None:
            self.findings.add(keys, "a dependency with a rule needs 'step' and 'rule'")
        step, rule = _read(entry.step, unreadable_id()), _read(entry.rule, None)
        return step if rule is None else Edge(step, rule)

    def _branch(self, entry: Any, keys: Keys) -> Branch | None:
        if entry is MISTAKEN:
            return None
        key = self.findings.spelling.key
        wanted = _IF if entry.type == "if" else _SWITCH
        if entry.type is None:
            self.findings.add(keys, "a branch needs 'type': if or switch")
        if entry.type in (None, MISTAKEN):
            return self._either_branch(entry, keys)
        for name in (*_IF, *_SWITCH):
            if name not in wanted and getattr(entry, name) is not None:
                there = ", ".join(map(key, wanted))
                text = f"a branch of type {entry.type!r} has no {key(name)!r} (it has {there})"
                self.findings.add((*keys, name), text, is_key=True)
        needed = [name for name in wanted[:2] if getattr(entry, name) is None]
        for name in needed:
            self.findings.add(keys, f"a branch of type {entry.type!r} needs {key(name)!r}")
        return self._either_branch(entry, keys)

    def _either_branch(self, entry: BranchEntry, keys: Keys) -> Branch:
        """Build a branch of what can be read of it: of one without a type, by the keys that it has."""
        is_switch = entry.type == "switch" or (
            entry.type != "if" and (entry.cases is not None or entry.expression is not None)
        )
        if is_switch:
            return SwitchBranch(
                _read(entry.expression, "true"),
                self._cases(_read(entry.cases, []), (*keys, "cases")),
                self.members(_read(entry.default_steps, []), (*keys, "default_steps")),
            )
        return IfBranch(
            _read(entry.condition, "true"),
            self.members(_read(entry.then_steps, []), (*keys, "then_steps")),
            self.members(_read(entry.else_steps, []), (*keys, "else_steps")),
        )

    def _block(self, entry: Any, key: str, keys: Keys) -> list[str | WorkflowStep[Any]]:
        listed = getattr(entry, key)
        if listed == []:
            self.findings.add((*keys, key), f"{key!r} needs at least one step")
        return self.members(_read(listed, []), (*keys, key))

    def _cases(self, entries: list[Any], keys: Keys) -> list[SwitchCase]:
        made: list[SwitchCase] = []
        for index, case in enumerate(entries):
            if case is MISTAKEN:
                made.append(SwitchCase("$context", []))
                continue
            here = (*keys, index)
            if case.steps is None:
                self.findings.add(here, "a case needs 'steps'")
            made.append(
                SwitchCase(case.value, self.members(_read(case.steps, []), (*here, "steps")))
            )
        return made

    def members(self, entries: list[Any], keys: Keys) -> list[str | WorkflowStep[Any]]:
        return [self._member(one, (*keys, index)) for index, one in enumerate(entries)]

    def _group(self, entry: Any, step: str, keys: Keys) -> ParallelGroup[Any] | None:
        if entry is MISTAKEN:
            return None
        if not entry.steps:
            self.findings.add(keys, "a group needs at least one step")
        members: list[Any] = [] if entry.steps in (None, MISTAKEN) else entry.steps
        made = self.members(members, (*keys, "steps"))
        try:
            return ParallelGroup(
                _read(entry.id, step),
                made,
                wait_strategy=_read(entry.wait_strategy, "all"),
                max_concurrent=written(_read(entry.max_concurrent, None)),
                continue_on_error=_read(entry.continue_on_error, False),
                fail_fast=self.fail_fast(entry, keys),
                timeout=written(_read(entry.timeout, None)),
                step_timeout=written(_read(entry.step_timeout, None)),
                rate=self.rate(entry.rate, (*keys, "rate")),
                retry=self._retry(entry.retry, (*keys, "retry")),
                run_in=_read(entry.run_in, "trio"),
            )
        except (TypeError, ValueError) as error:
            if not made:  # which was reported above
                return None
            self.findings.add(keys, str(error))
            return ParallelGroup(_read(entry.id, step), made)

    def fail_fast(self, entry: Any, keys: Keys) -> bool:
        """Whether the first failure stops a group; a mistake beside what says otherwise is reported."""
        if entry.fail_fast is not False:
            return True
        spelling = self.findings.spelling
        mine, other = spelling.key("fail_fast"), spelling.key("continue_on_error")
        if entry.continue_on_error is True:
            text = (
                f"'{mine}: false' runs everything and then fails, and '{other}: true' never fails; "
                f"leave one of them out"
            )
        elif entry.wait_strategy not in (MISTAKEN, WaitStrategy.ALL, WaitStrategy.ALL_SETTLED):
            text = (
                f"'{mine}: false' is for groups that need all; {entry.wait_strategy.value!r} is decided "
                f"by less: leave one of them out"
            )
        else:
            return False
        self.findings.add((*keys, "fail_fast"), text, is_key=True)
        return True

    def _member(self, member: Any, keys: Keys) -> str | WorkflowStep[Any]:
        if isinstance(member, str):
            return member
        return unreadable_id() if member is MISTAKEN else self._step(member, keys)


_WHAT = {"steps": "block", **dict.fromkeys(LOOPS, "loop")}
_KINDS = ("tool", "group", "branch", "steps", "sequence", "workflow", *LOOPS)
# What a branch of each type has; it needs the first two.
_IF = ("condition", "then_steps", "else_steps")
_SWITCH = ("expression", "cases", "default_steps")


def _to_build(entry: StepEntry, kinds: list[str]) -> list[str]:
    """What to build of a step that says several things: one loop, and first what holds other steps."""
    if len(kinds) < 2:
        return kinds
    loops = [kind for kind in kinds if kind in LOOPS]
    has_template = any(getattr(entry, name) is not None for name in TEMPLATES)
    left_out = loops[1:] if has_template else loops
    return sorted((kind for kind in kinds if kind not in left_out), key="tool".__eq__)


def _given(entry: Any) -> dict[str, Any]:
    return attrs.asdict(
        entry, recurse=False, filter=lambda _, v: v is not None and v is not MISTAKEN
    )


def _read(value: Any, instead: Any) -> Any:
    return instead if value is None or value is MISTAKEN else value
