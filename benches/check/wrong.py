"""What the checks raise."""


class Wrong(Exception):
    """A contender has not done its work; the message says what was found instead."""


def same(found: object, expected: dict[str, object], what: str = "values") -> None:
    """Compare what came back with what had to come.

    Raises:
        Wrong: they differ; it says where first.
    """
    if found == expected:
        return
    if not isinstance(found, dict):
        raise Wrong(f"{what}: expected a dict by name, got {type(found).__name__}")
    missing = expected.keys() - found.keys()
    if missing:
        raise Wrong(f"{what}: {len(missing)} of {len(expected)} missing, {min(missing)!r} is one")
    extra = found.keys() - expected.keys()
    if extra:
        raise Wrong(f"{what}: {len(extra)} that nobody asked for, {min(extra)!r} is one")
    name = next(name for name in expected if found[name] != expected[name])
    raise Wrong(f"{what}: {name!r} has {found[name]!r} instead of {expected[name]!r}")
