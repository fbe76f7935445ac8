"""The modules that customize.py imports: cmind or mlc, without the engines behind them."""

from __future__ import annotations

import importlib.util
import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

from scriptgraph.compat.child import functions

if TYPE_CHECKING:
    from scriptgraph.compat.child.automation import Automation


def install(automation: Automation, prefix: str) -> None:
    """Make `cmind` and its successor's `mlc` and `utils` importable; `access` reaches the run and nothing else."""
    utils = _utils_of_cmind()
    for name in ("is_true", "is_false", "compare_versions", "download_file", "unzip_file", "get_host_os_info"):
        if not hasattr(utils, name) or prefix == "MLC_":
            setattr(utils, name, getattr(functions, name))
    for name in ("cmind", "mlc"):
        package = ModuleType(name)
        package.__path__ = []
        package.utils = utils  # type: ignore[attr-defined]
        package.access = automation.cmind.access  # type: ignore[attr-defined]
        sys.modules[name], sys.modules[f"{name}.utils"] = package, utils
    if prefix == "MLC_":
        sys.modules["utils"] = utils


def _utils_of_cmind() -> Any:
    """Import cmind's functions for files and dictionaries, and not cmind itself, which would read its repositories."""
    spec = importlib.util.find_spec("cmind")
    places = list(spec.submodule_search_locations or ()) if spec is not None else []
    found = importlib.util.spec_from_file_location("cmind.utils", f"{places[0]}/utils.py") if places else None
    if found is None or found.loader is None:
        raise ImportError("cmind is not installed beside this program; run pip install cmind")
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    return module
