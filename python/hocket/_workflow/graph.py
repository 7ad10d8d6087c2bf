"""A graph of dependencies: what can run, and what goes in circles.

A graph is a list that holds, for every node, the nodes it depends on. Nothing here recurses, and
a chain of 100,000 nodes is no special case.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

__all__ = ["Graph", "find_cycles", "runnable"]

Graph = Sequence[Sequence[int]]


def runnable(graph: Graph) -> list[int]:
    """The nodes in an order in which they can run; those behind a cycle are left out."""
    if all(earlier < node for node, before in enumerate(graph) for earlier in before):
        return list(range(len(graph)))  # written down in such an order, as most are
    missing = [len(before) for before in graph]
    after: list[list[int]] = [[] for _ in graph]
    for node, before in enumerate(graph):
        for earlier in before:
            after[earlier].append(node)
    order = [node for node, count in enumerate(missing) if count == 0]
    for node in order:  # grows while it is walked
        for later in after[node]:
            missing[later] -= 1
            if missing[later] == 0:
                order.append(later)
    return order


def find_cycles(graph: Graph) -> list[list[int]]:
    """Cycles that share no node, at least one of every knot; each starts with its least node.

    A cycle reads "depends on" from left to right, and its first node is not repeated.
    """
    can_run = set(runnable(graph))
    found: list[list[int]] = []
    done: set[int] = set(can_run)
    in_cycle: set[int] = set()
    for start in range(len(graph)):
        if start not in done:
            for cycle in _back_edges(graph, start, done):
                if in_cycle.isdisjoint(cycle):
                    in_cycle.update(cycle)
                    least = cycle.index(min(cycle))
                    found.append(cycle[least:] + cycle[:least])
    return found


def _back_edges(graph: Graph, start: int, done: set[int]) -> Iterable[list[int]]:
    """Walk depth-first from ``start``; give the cycle that every edge back to the path closes."""
    path, position = [start], {start: 0}
    pending = [iter(graph[start])]
    while path:
        node = next(pending[-1], None)
        if node is None:
            pending.pop()
            done.add(path[-1])
            del position[path.pop()]
        elif node in position:
            yield path[position[node] :]
        elif node not in done:
            position[node] = len(path)
            path.append(node)
            pending.append(iter(graph[node]))
