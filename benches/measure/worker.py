"""One measurement, in a process of its own: ``python -m benches.measure.worker ORDER``, one line of JSON."""

from __future__ import annotations

import importlib
import json
import os
import sys
import time
import traceback
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from benches.work.runtimes import Runtime


def main() -> None:
    # What a contender prints goes elsewhere: the one line on stdout is the answer.
    answer = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    order = json.loads(sys.argv[1])
    print(json.dumps(carry_out(order)), file=answer, flush=True)
    # At once: a scheduler that is slow to be torn down has been measured already.
    answer.close()
    sys.stderr.flush()
    os._exit(0)


def carry_out(order: dict[str, Any]) -> dict[str, Any]:
    """Return the measurement, or one key that says why there is none: broken, wrong or failed."""
    began = time.perf_counter()
    try:
        module = importlib.import_module(f"benches.contenders.{order['contender']}")
        from benches.work import runtimes

        runtime = runtimes.load(order["runtime"])
    except Exception as error:  # noqa: BLE001 - whatever it is, it is told
        return {"broken": f"cannot be imported: {_name(error)}"}
    imports = time.perf_counter() - began
    # Only now, or what a contender imports might have been imported already.
    from benches.check.wrong import Wrong

    try:
        return _measured(module, runtime, order) | {"imports": imports}
    except Wrong as error:
        return {"wrong": str(error)}
    except BaseException as error:  # noqa: BLE001 - whatever it is, it is told
        traceback.print_exception(error)
        return {"failed": _name(_first(error))}


def _measured(module: ModuleType, runtime: Runtime, order: dict[str, Any]) -> dict[str, Any]:
    from benches.check.verification import verify
    from benches.measure.measurement import measure
    from benches.work.workloads import WORKLOADS

    workload = WORKLOADS[order["workload"]]
    function = getattr(module, workload.shape)
    found = measure(runtime, function, workload, order["n"], order["url"])
    if order["verify"]:
        # Afterwards: it must not warm up anything.
        serial = getattr(module, "SERIAL", False)
        verify(runtime, workload.shape, function, serial=serial)
    return found


def _first(error: BaseException) -> BaseException:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


def _name(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}".partition("\n")[0]


if __name__ == "__main__":
    main()
