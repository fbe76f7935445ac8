"""A user's repository with a tiny challenge, and the command of a volunteer who takes part in a board."""

from __future__ import annotations

import json
import os
import select
import sys
from typing import TYPE_CHECKING, Any

from challenge_homes import INPUTS, NAME, document
from submission_results import ours

if TYPE_CHECKING:
    from pathlib import Path

    from cm_command import Cm, Ended

MEASURING = """
import shutil
from pathlib import Path
from scriptgraph.api import Context, Done, Outcome

def preprocess(context: Context) -> Outcome:
    folder = Path(context.text("CM_RESULTS_DIR"))
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree({source!r}, folder)
    return Done()
"""
ENDLESS = """
import os
from scriptgraph.api import Context, Done, Outcome

def preprocess(context: Context) -> Outcome:
    context.command([{python!r}, "-c", "import os, pathlib, time;"
                     "pathlib.Path({mark!r}).write_text(str(os.getpid())); time.sleep(600)"])
    return Done()
"""
SENDING = """
from pathlib import Path
from scriptgraph.api import Context, Done, Outcome

def preprocess(context: Context) -> Outcome:
    with Path({log!r}).open("a") as file:
        file.write(context.text("CM_CHALLENGE_BUNDLE") + " " + context.text("CM_SEND_TO") + "\\n")
    return Done()
"""


class TinyRepository:
    """A user's repository with the tiny challenge, whose scripts copy results."""

    def __init__(self, root: Path, cm: Cm) -> None:
        self.root, self.cm, self.sent, self.mark = root, cm, root.parent / "sent", root.parent / "mark"
        root.mkdir()
        (root / "cmr.yaml").write_text("alias: tiny\nuid: 12345678abcd1234\ngit: false\n")
        ours(root / "measured", sample=True)
        inputs = {key: {"env": f"CM_{key.upper()}", "desc": key} for key in INPUTS}
        for name in ("first", "second"):
            code = MEASURING.format(source=str(root / "measured"))
            self.script(name, ["run", name], code, inputs, {"sample": {"description": "the sample"}})
        folder = root / "challenge" / NAME
        folder.mkdir(parents=True)
        (folder / "_cm.json").write_text(json.dumps(document()))
        assert cm("add", "repo", f"--path={root}").code == 0
        self.lock()

    def script(
        self, name: str, tags: list[str], code: str, inputs: dict[str, Any], variations: dict[str, Any] | None = None
    ) -> None:
        folder = self.root / "script" / name
        folder.mkdir(parents=True, exist_ok=True)
        manifest = {
            "alias": name, "uid": f"{sum(name.encode()):016x}", "automation_alias": "script",
            "automation_uid": "5b4e0237da074764", "name": name, "tags": [name, *tags], "inputs": inputs,
            "variations": variations or {},
        }  # fmt: skip
        (folder / "_cm.json").write_text(json.dumps(manifest))
        (folder / "customize.py").write_text(code)

    def sending(self) -> None:
        inputs = {"bundle": {"env": "CM_CHALLENGE_BUNDLE", "desc": "b"}, "to": {"env": "CM_SEND_TO", "desc": "t"}}
        inputs["consent"] = {"env": "CM_SEND_CONSENT", "desc": "c"}
        self.script("a-sender", ["send", "bundle"], SENDING.format(log=str(self.sent)), inputs)

    def endless(self) -> None:
        inputs = {key: {"env": f"CM_{key.upper()}", "desc": key} for key in INPUTS}
        code = ENDLESS.format(python=sys.executable, mark=str(self.mark))
        self.script("first", ["run", "first"], code, inputs, {"sample": {"description": "the sample"}})
        os.mkfifo(self.mark)
        self.lock()

    def started(self) -> int:
        """Return the process of the endless run once it has begun."""
        pipe = os.open(self.mark, os.O_RDONLY | os.O_NONBLOCK)
        try:
            assert select.select([pipe], [], [], 120)[0], "it has not begun"
            return int(os.read(pipe, 100))
        finally:
            os.close(pipe)

    def lock(self) -> None:
        locked = self.cm("run", "challenge", NAME, "--lock")
        assert locked.code == 0, locked.output

    def words(self, site: Path, *words: str) -> list[str]:
        return ["run", "script", "--tags=participate,board", f"--board={site}", "--watched=no", "--once", *words]

    def participate(self, site: Path, *words: str) -> Ended:
        return self.cm(*self.words(site, *words))
