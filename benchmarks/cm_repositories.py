"""Write synthetic CM repositories and caches for the benchmark of the engine."""

from __future__ import annotations

import json
import uuid
from typing import TYPE_CHECKING, Any

from scriptgraph.cache.store import LAYOUT

if TYPE_CHECKING:
    from pathlib import Path

CHAIN = 10
_NO_OP = """from scriptgraph.api import Context, Done, Outcome


def preprocess(context: Context) -> Outcome:
    return Done()
"""
_AUTOMATION = {"automation_alias": "automation", "automation_uid": "bbeb15d8f0a944a4"}
# The smallest automation that cmind can call; its cost is cmind's.
_FLOOR = """from cmind.automation import Automation


class CAutomation(Automation):
    def __init__(self, cmind, automation_file):
        super().__init__(cmind, __file__)

    def run(self, i):
        return {"return": 0}
"""
# `cm run script` with the benchmark's repository beside the installed one.
_ENGINE = """import os
from pathlib import Path

from cmind.automation import Automation


class CAutomation(Automation):
    def __init__(self, cmind, automation_file):
        super().__init__(cmind, __file__)

    def run(self, i):
        from mlperf_home.product import PRODUCT
        from scriptgraph.embed import Engine

        return Engine(PRODUCT, more=[Path(os.environ["BENCHMARK_REPOSITORY"])]).run_script(i)
"""


def write_automations(root: Path) -> None:
    """Write a CM repository with the automations `floor` and `engine`."""
    for alias, module in (("floor", _FLOOR), ("engine", _ENGINE)):
        folder = root / "automation" / alias
        folder.mkdir(parents=True)
        _write_json(folder / "_cm.json", {"alias": alias, "uid": _uid(), **_AUTOMATION})
        (folder / "module.py").write_text(module, encoding="utf-8")
    (root / "cmr.yaml").write_text(f"alias: benchmark\nuid: {_uid()}\ngit: false\n", encoding="utf-8")


def write_scripts(root: Path, count: int) -> None:
    """Write a repository of `count` scripts.

    `alone` does nothing. `chain-0` depends on `chain-1`, and so on for CHAIN steps. `keeper` depends on CHAIN cached
    steps. The other scripts never run.
    """
    _write_script(root, "alone")
    for number in range(CHAIN):
        deps = [{"tags": f"chain,link-{number + 1}"}] if number + 1 < CHAIN else []
        _write_script(root, f"chain-{number}", tags=["chain", f"link-{number}"], deps=deps)
        _write_script(root, f"kept-{number}", tags=["kept", f"part-{number}"], cache=True)
    _write_script(root, "keeper", deps=[{"tags": f"kept,part-{number}"} for number in range(CHAIN)])
    for number in range(count - 2 * CHAIN - 2):
        tags = ["get", f"group-{number % 50}", f"thing-{number}"]
        deps = [{"tags": f"get,thing-{number - 1}", "names": ["thing"]}] if number % 2 else []
        _write_script(root, f"get-thing-{number}", tags=tags, deps=deps, env={"CM_THING": str(number)})


def write_entries(home: Path, count: int) -> None:
    """Write `count` unused cache entries."""
    for _ in range(count):
        key = (uuid.uuid4().hex + uuid.uuid4().hex)[:64]
        entry = home / "cache" / LAYOUT / key[:2] / key
        (entry / "content").mkdir(parents=True)
        _write_json(entry / "entry.json", {"key": key, "layout": LAYOUT, "exports": {}})


def _write_script(root: Path, alias: str, **fields: Any) -> None:
    folder = root / "script" / alias
    folder.mkdir(parents=True)
    _write_json(folder / "_cm.json", {"alias": alias, "uid": _uid(), "tags": [alias], **fields})
    (folder / "customize.py").write_text(_NO_OP, encoding="utf-8")


def _write_json(path: Path, document: dict[str, Any]) -> None:
    path.write_text(json.dumps(document), encoding="utf-8")


def _uid() -> str:
    # Begin with a letter, because YAML reads sixteen digits as a number.
    return f"a{uuid.uuid4().hex[:15]}"
