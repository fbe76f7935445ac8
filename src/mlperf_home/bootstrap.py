"""Run a module of mlperf_home with an interpreter in which the package is not installed.

The engines need environments of their own, because they pin an old NumPy and an old Python. `PYTHON bootstrap.py
MODULE ARGUMENTS` imports `mlperf_home` and `scriptgraph` from beside this file, then runs the module as `python -m`
does. The other packages of the installation stay out of the engine's reach.
"""

from __future__ import annotations

import runpy
import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

BOOTSTRAP = Path(__file__)
"""This file, to pass to another interpreter."""


def main() -> None:
    """Import the package from this file's folder, then run the named module."""
    own = Path(__file__).resolve().parent
    # Python puts this folder first on the path; its modules would shadow top-level names.
    sys.path[:] = [entry for entry in sys.path if Path(entry or ".").resolve() != own]
    for package in (own, own.with_name("scriptgraph")):
        init = package / "__init__.py"
        spec = spec_from_file_location(package.name, init, submodule_search_locations=[str(package)])
        if spec is None or spec.loader is None or not package.is_dir():
            raise SystemExit(f"bootstrap: {package} is not a package; reinstall mlperf-home")
        module = module_from_spec(spec)
        sys.modules[package.name] = module
        spec.loader.exec_module(module)
    if len(sys.argv) < 2:  # noqa: PLR2004 - the module's name is the only required argument
        raise SystemExit("bootstrap: no module is named; usage: bootstrap.py MODULE [ARGUMENTS]")
    name = sys.argv[1]
    sys.argv[1:2] = []
    runpy.run_module(name, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
