"""`cm convert script`: scripts of 2023 in our form, as a diff, and written where that is sure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from scriptgraph.compat.conversion import convert, write_conversion
from scriptgraph.errors import RequestError

if TYPE_CHECKING:
    from pathlib import Path

    from scriptgraph.cli.commands.decoder import Arguments
    from scriptgraph.cli.console import RunConsole


def convert_scripts(arguments: Arguments, console: RunConsole) -> dict[str, Any]:
    """Show the conversion of scripts, and write the sure ones into the repository `--to`.

    Raises:
        ManifestError: a manifest cannot be read.
        RequestError: no folder is named, or a written script would replace another.
        StepFailed: the repository cannot be written.
    """
    path, to = arguments.path("path"), arguments.path("to")
    if path is None:
        raise RequestError("--path: is missing; write cm convert script --path=FOLDER")
    found = convert(path)
    written: list[Path] = []
    for each in found:
        console.text(each.diff.splitlines())
        for advice in each.left:
            console.text([f"by hand: {advice}"])
        if to is not None and not each.left:
            written.append(write_conversion(each, to))
    sure = sum(not each.left for each in found)
    ending = f"; {len(written)} written below {to / 'script'}" if to is not None else "; --to=REPOSITORY writes these"
    console.text([f"{sure} of {len(found)} scripts can be converted surely{ending if sure else ''}"])
    return {
        "sure": [each.folder.name for each in found if not each.left],
        "left": {each.folder.name: [str(advice) for advice in each.left] for each in found if each.left},
        "written": [str(each) for each in written],
    }
