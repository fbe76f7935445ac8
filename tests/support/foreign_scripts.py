"""Collections of a test's own in the form of 2023: manifests, customize.py and run.sh."""

from __future__ import annotations

import json
from textwrap import dedent
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

_AUTOMATION = {"automation_alias": "script", "automation_uid": "5b4e0237da074764"}


class ForeignFolders:
    """A collection on disk: scripts are added to its `script/` folder."""

    def __init__(self, root: Path, alias: str = "theirs") -> None:
        self.root = root
        (root / "script").mkdir(parents=True)
        (root / "cmr.yaml").write_text(f"alias: {alias}\nuid: 0123456789abcdef\ngit: true\n")
        # As in a real repository: an engine of its own, which is never run.
        (root / "automation" / "script").mkdir(parents=True)
        (root / "automation" / "script" / "module.py").write_text("raise SystemExit('the engine of 2023')\n")

    def add(
        self,
        alias: str,
        code: str = "",
        *,
        run: str = "",
        name: str = "_cm.json",
        tags: list[str] | None = None,
        **manifest: Any,
    ) -> Path:
        """Write a script, and return its folder.

        Args:
            alias: its alias, and by default its only tag.
            code: its customize.py.
            run: its run.sh.
            name: the manifest's name; YAML has the successor's form.
            tags: its tags.
            manifest: further keys.
        """
        folder = self.root / "script" / alias
        folder.mkdir()
        uid = f"{sum(map(ord, alias)):016x}"
        fields = {"alias": alias, "uid": uid, **_AUTOMATION, "tags": tags or [alias], **manifest}
        (folder / name).write_text(json.dumps(fields, indent=2))  # JSON is YAML too
        if code:
            (folder / "customize.py").write_text(dedent(code))
        if run:
            (folder / "run.sh").write_text(f"#!/bin/bash\n{dedent(run)}")
        return folder
