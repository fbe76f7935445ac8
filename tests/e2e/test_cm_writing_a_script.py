"""docs/writing-a-script.md is true: its files are written, its commands run, and their outputs compared."""

from __future__ import annotations

import re
import subprocess
from typing import TYPE_CHECKING, NamedTuple

from cm_command import CHECKOUT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from cm_command import Cm

GUIDE = CHECKOUT / "docs" / "writing-a-script.md"
BLOCK = re.compile(r"(?:^`([^`\n]+)`:\n\n)?^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
FAILS = "CM error"


class Part(NamedTuple):
    """A file of the guide, or commands and the lines that they print."""

    file: str
    text: str
    shown: list[str]


def parts() -> Iterator[Part]:
    blocks = list(BLOCK.finditer(GUIDE.read_text(encoding="utf-8")))
    for block, following in zip(blocks, [*blocks[1:], None], strict=True):
        file, language, text = block.groups()
        if language == "text":
            continue
        assert file or language == "sh", f"no file is named for the block\n{text}"
        shown = following[3].splitlines() if following and following[2] == "text" and not file else []
        yield Part(file or "", text, shown)


def test_the_guide_is_true(cm: Cm, tmp_path: Path) -> None:
    place = tmp_path / "user"
    place.mkdir()
    path = f"{cm.program.parent}:{cm.environment['PATH']}"
    compared = 0
    for part in parts():
        if part.file:
            (place / part.file).write_text(part.text, encoding="utf-8")
            continue
        ended = subprocess.run(
            ["bash", "-ec", part.text],
            cwd=place,
            env={**cm.environment, "PATH": path},
            capture_output=True,
            text=True,
            check=False,
        )
        output = ended.stdout + ended.stderr
        assert (ended.returncode != 0) is any(line.startswith(FAILS) for line in part.shown), f"{part.text}{output}"
        for line in part.shown:
            assert line in output, f"{line!r} is not in the output of\n{part.text}{output}"
            compared += 1
    assert compared > 10
