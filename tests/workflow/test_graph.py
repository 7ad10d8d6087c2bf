"""The order of steps, against a model."""

from __future__ import annotations

from hypothesis import given, strategies as st

from hocket._workflow.graph import find_cycles, runnable

GRAPHS = st.integers(1, 12).flatmap(
    lambda n: st.lists(
        st.sets(st.integers(0, n - 1), max_size=3).map(sorted), min_size=n, max_size=n
    )
)


def ancestors(graph, node):
    """The reference model: walk, and remember where one has been."""
    seen, todo = set(), list(graph[node])
    while todo:
        if (earlier := todo.pop()) not in seen:
            seen.add(earlier)
            todo += graph[earlier]
    return seen


@given(GRAPHS)
def test_what_can_run_is_what_has_no_cycle_before_it(graph):
    order = runnable(graph)
    cyclic = {node for node in range(len(graph)) if node in ancestors(graph, node)}
    free = {node for node in range(len(graph)) if not ({node} | ancestors(graph, node)) & cyclic}
    assert set(order) == free
    assert len(order) == len(free)
    place = {node: index for index, node in enumerate(order)}
    assert all(place[earlier] < place[node] for node in order for earlier in graph[node])


@given(GRAPHS)
def test_every_cycle_found_is_one_and_every_knot_has_one(graph):
    found = find_cycles(graph)
    for cycle in found:
        assert len(set(cycle)) == len(cycle)
        assert cycle[0] == min(cycle)
        following = [*cycle[1:], cycle[0]]
        assert all(later in graph[node] for node, later in zip(cycle, following, strict=True))
    in_cycles = {node for cycle in found for node in cycle}
    for node in range(len(graph)):
        before = ancestors(graph, node)
        if node in before:  # its knot: all that it waits for and that wait for it
            knot = {other for other in before if node in ancestors(graph, other)}
            assert knot & in_cycles
    assert len(in_cycles) == sum(map(len, found))
