"""Write the shell script that sets a step's environment and runs its own script, and run it."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

_ESCAPED = re.compile(r'([\\"$`])')


def script_file(env: dict[str, Any], folder: Path, name: str, prefix: str) -> Path:
    """Return the script for this machine: the most special of run-ubuntu-22.04-x86_64.sh, run-ubuntu.sh, run.sh."""
    flavour, version, machine = (
        str(env.get(f"{prefix}HOST_{key}", "")) for key in ("OS_FLAVOR", "OS_VERSION", "PLATFORM_FLAVOR")
    )
    for parts in ((flavour, version, machine), (flavour, machine), (flavour, version), (flavour,), (machine,)):
        path = folder / f"{'-'.join((name, *parts))}.sh"
        if path.is_file():
            return path
    return folder / f"{name}.sh"


def environment_lines(env: dict[str, Any], literal: dict[str, Any]) -> list[str]:
    """Return a line of shell code for each key; values of the user are literal, those of scripts are expanded.

    Args:
        env: the environment; a key that begins with + is a list that goes before the variable's own value.
        literal: the values that come from the user.
    """
    lines = []
    for key, value in sorted(env.items()):
        text = str(value)
        if key in literal and literal[key] == value:
            text = _ESCAPED.sub(r"\\\1", text)
        name = key
        if key.startswith("+"):
            separator, name = (":", key[1:]) if key[1:2].isalnum() else (key[1:2], key[2:])
            text = separator.join([*map(str, value if isinstance(value, list) else [value]), f"${{{name}}}"])
        if re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
            lines.append(f'export {name}="{text}"')
    return lines


def run_native(path: Path, env: dict[str, Any], state: dict[str, Any], literal: dict[str, Any]) -> int:
    """Run a script with bash in the working folder, and return its exit status."""
    lines = [
        "#!/bin/bash",
        "",
        *state.get("script_prefix", []),
        *environment_lines(env, literal),
        "",
        f'. "{path}"',
        "",
    ]
    Path("tmp-run.sh").write_text("\n".join(lines), encoding="utf-8", errors="surrogateescape")
    sys.stdout.flush()
    sys.stderr.flush()
    return subprocess.call(["bash", "-c", ". ./tmp-run.sh"], stdin=subprocess.DEVNULL)
