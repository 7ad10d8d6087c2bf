"""What a loop goes through, whatever kind of object it is: each of its items, once."""

from __future__ import annotations

import pytest

from hocket import GroupFailed, WorkflowStep
from tests.runner.test_loops import once, run


class Once:
    """Has a length, which may be wrong, and can be gone through once: a progress bar is so."""

    def __init__(self, items, length):
        self.items = iter(items)
        self.length = length

    def __len__(self):
        if self.length is None:
            raise TypeError("nobody knows")
        return self.length

    def __iter__(self):
        return self.items


class Pages:
    """Has a length, and comes in time."""

    def __len__(self):
        return 2

    async def __aiter__(self):
        yield "a"
        yield "b"


class Both(Pages):
    """May be gone through in both ways."""

    def __iter__(self):
        return iter("ab")


@pytest.mark.parametrize("key", ["$item", None, lambda item: item], ids=str)
@pytest.mark.parametrize(
    "made",
    [
        lambda: Once("ab", 2),
        lambda: Once("ab", 7),
        lambda: Once("ab", 0),
        lambda: Once("ab", None),
        Pages,
        Both,
        dict.fromkeys("ab").keys,
        lambda: ("a", "b"),
    ],
    ids=["once", "too long", "too short", "no length", "pages", "both", "keys", "tuple"],
)
def test_a_loop_goes_once_through_all_items_of_whatever_has_a_length(made, key):
    result = run(WorkflowStep.for_each("l", lambda _: made(), once(), key=key)).results["l"]
    assert result.success
    assert result.results == dict(zip("01" if key is None else "ab", "ab", strict=True))


@pytest.mark.parametrize(
    "items", [[{"id": 1}, {}], lambda _: iter([{"id": 1}, {}])], ids=["l", "i"]
)
def test_an_error_of_the_function_for_keys_names_the_loop_and_the_item(items):
    loop = WorkflowStep.for_each(
        "l", items, once(), key=lambda item: item["id"], on_error="continue"
    )
    error = run(loop).errors["l"]
    if isinstance(error, GroupFailed):  # they were being taken while others ran
        (error,) = error.exceptions
    assert str(error) == ("for_each of step 'l': its key of item 1 cannot be made: KeyError: 'id'")
    assert isinstance(error.__cause__, KeyError)


@pytest.mark.parametrize("key", ["$item", None], ids=str)
@pytest.mark.parametrize("change", [lambda items: items.append("c"), list.clear], ids=["more", "0"])
def test_a_list_that_changes_meanwhile_is_gone_through_as_it_was(change, key):
    items = ["a", "b"]

    async def changes(context):
        change(items)
        return context.variables["item"]

    step = WorkflowStep("once", execute=changes)
    loop = WorkflowStep.for_each("l", lambda _: items, step, key=key, max_concurrent=1)
    assert list(run(loop).results["l"].results.values()) == ["a", "b"]
