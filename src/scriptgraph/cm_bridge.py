"""The front for cmind; the only module that makes `{'return': n}`."""

from __future__ import annotations

import errno
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scriptgraph.cache import Cache
from scriptgraph.console import RunConsole
from scriptgraph.errors import ScriptGraphError
from scriptgraph.executor import execute
from scriptgraph.front_options import FrontOptions, read_front
from scriptgraph.known_digests import KnownDigests
from scriptgraph.record import new_run_folder
from scriptgraph.registry import load_registry
from scriptgraph.resolver import resolve
from scriptgraph.runtime import Runtime

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from scriptgraph.request import Request

_FAILED, _INTERRUPTED = 1, 130
# What the machine refuses is no defect of the program, so it is told without a traceback.
_OF_THE_MACHINE = frozenset(
    {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM, errno.EIO, errno.EMFILE}
)
_INSTALLED_PACKAGE = "cm_mlperf_home"


def own_repository() -> Path:
    """Give our CM repository: the one installed with this code, else the checkout around it.

    The shim's own folder does not count: cmind's index may still point at another
    environment's copy, while the code that runs is this one.
    """
    checkout = Path(__file__).resolve().parents[2]
    if (checkout / "cmr.yaml").is_file():
        return checkout
    spec = find_spec(_INSTALLED_PACKAGE)
    if spec is not None and spec.submodule_search_locations:
        return Path(next(iter(spec.submodule_search_locations)))
    raise ScriptGraphError("the scripts are not installed; run pip install again")


def run_script(command: Mapping[str, Any], repositories: Sequence[Path] = ()) -> dict[str, Any]:
    """Do what `cm run script` asks.

    Returns:
        cmind's dictionary: `return` is 0, or 1 with `error`, or 130 after Ctrl-C; `new_env` is what leaves the script.
    """
    console: RunConsole | None = None
    try:
        request, options = read_front(command)
        to = sys.stderr if options.as_json else sys.stdout
        console = RunConsole(quiet=options.switches.quiet, results_to=to)
        told = _run(request, options, console, (own_repository(), *repositories))
    except ScriptGraphError as error:
        return {"return": _FAILED, "error": error.report()}
    except KeyboardInterrupt:
        return {"return": _INTERRUPTED, "error": "interrupted; nothing half-finished was kept"}
    except OSError as error:
        if error.errno not in _OF_THE_MACHINE:
            raise
        return {"return": _FAILED, "error": f"{error.filename or 'a file'}: {error.strerror}; see to it and run again"}
    finally:
        if console is not None:
            console.close()
    return {"return": 0, **told, "tables": console.tables}


def _run(request: Request, options: FrontOptions, console: RunConsole, roots: Sequence[Path]) -> dict[str, Any]:
    registry = load_registry(roots, options.home / "index")
    plan = resolve(request, registry)
    for note in plan.notes:
        console("warned", plan.root.manifest.alias, {"message": note})
    cache = Cache(options.cache)
    cache.prepare()
    folder = new_run_folder(options.home / "records", plan.root.manifest.alias)
    digests = KnownDigests(options.home / "index" / "digests.json")
    runtime = Runtime(registry, cache, options.home / "state", folder, options.switches, console, digests)
    told = {"tags": request.query.text, "argv": list(request.argv), "inputs": dict(request.inputs)}
    record = execute(plan, runtime, {**told, "env": dict(request.env)})
    statuses = {step.alias: step.status for step in record.steps}
    return {
        "record": str(folder / "record.json"),
        "new_env": record.exports,
        "status": statuses[plan.root.manifest.alias],
    }
