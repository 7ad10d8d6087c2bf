"""The failures that texts name in a retry: what is taken, and what is refused as a slip."""

from __future__ import annotations

import builtins

import pytest
from hypothesis import given, strategies as st

from hocket._files.failure_kinds import FailureKinds, check_failure

BUILT_IN = sorted(
    name
    for name, value in vars(builtins).items()
    if isinstance(value, type)
    and issubclass(value, Exception)
    and not issubclass(value, BaseExceptionGroup)
)


class ShopClosedError(Exception):
    """One of a tool's own."""


@given(st.sampled_from(BUILT_IN), st.data())
def test_a_name_that_lacks_a_letter_is_refused_with_one_that_was_meant(name, data):
    place = data.draw(st.integers(0, len(name) - 1))
    text = name[:place] + name[place + 1 :]
    if text in BUILT_IN or len(text) < 6:
        return
    with pytest.raises(ValueError, match="did you mean '") as caught:
        check_failure(text)
    assert f"found {text!r}" in str(caught.value)


@given(st.sampled_from(BUILT_IN))
def test_every_name_that_there_is_is_taken_and_means_its_type(name):
    error = getattr(builtins, name)
    made = error.__new__(error)
    assert FailureKinds([name])(made)


@given(
    st.one_of(
        st.integers(100, 599).map("HTTP {}".format), st.integers(1, 5).map("HTTP {}xx".format)
    )
)
def test_every_status_is_taken_and_without_its_blank_it_is_suggested(text):
    assert FailureKinds([text]).texts == (text,)
    for slip in (
        text.replace(" ", ""),
        text.lower(),
        text.removeprefix("HTTP "),
        text.replace(" ", "-"),
    ):
        with pytest.raises(ValueError, match=f"did you mean {text!r}\\?"):
            check_failure(slip)


@pytest.mark.parametrize(
    "text", ["ShopClosedError", "OrderLost", "httpx.ConnectErr", "ReadTimeout", "a.b.TimeoutEror"]
)
def test_a_name_that_may_be_that_of_an_error_is_taken(text):
    assert not FailureKinds([text])(OSError())


def test_the_errors_of_tools_are_known_by_now():
    assert FailureKinds(["ShopClosedError"])(ShopClosedError())
    with pytest.raises(
        ValueError, match=r"did you mean 'ShopClosedError'\? \(of an error of your own"
    ):
        check_failure("ShopClosdError")
