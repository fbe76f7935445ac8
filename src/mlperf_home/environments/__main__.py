"""Resolve the `.in` files and rewrite the lock files."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from mlperf_home.environments import ENVIRONMENTS, LockedEnvironment
from scriptgraph.api import program_environment
from scriptgraph.embed import Uv, find_uv, lock, run
from scriptgraph.errors import ScriptGraphError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from scriptgraph.embed import Completed


def main() -> int:
    """Write every lock and return the exit code; a failed lock keeps its old file."""
    try:
        uv = find_uv()
        for environment in ENVIRONMENTS.values():
            environment.lock.write_text(lock_text(uv, environment), encoding="utf-8")
            print(f"{environment.lock}: written")
    except ScriptGraphError as error:
        print(error.report(), file=sys.stderr)
        return 1
    return 0


def lock_text(uv: Uv, environment: LockedEnvironment) -> str:
    """Resolve an environment and return the text of its lock file."""
    lines = environment.requirements.read_text(encoding="utf-8").splitlines()
    oldest = ".".join(map(str, environment.minimum))
    newest = f"{environment.below[0]}.{environment.below[1] - 1}"
    chosen = lock(uv, [line for line in lines if not line.startswith("#")], oldest, _run)
    compiled = " ".join(environment.compiled)
    allowed = f"# compiled where there is no wheel: {compiled}\n" if compiled else ""
    return (
        f"# Chosen from {environment.requirements.name} by `python -m mlperf_home.environments`; don't edit.\n"
        f"# CPython {oldest} to {newest}, Linux, x86_64 and aarch64.\n"
        f"{allowed}{chosen}"
    )


def _run(argv: Sequence[str | Path], *, env: Mapping[str, str] | None = None, check: bool = True) -> Completed:
    command = [str(part) for part in argv]
    log = Path(command[command.index("-o") + 1]).with_suffix(".log")
    completed = run(command, env=program_environment(env or {}), cwd=Path.cwd(), log=log, echo=_echo)
    return completed.require_success() if check else completed


def _echo(line: str) -> None:
    print(line, file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
