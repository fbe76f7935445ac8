"""The official checker of a round: its command lines. Since v6.0 it is a package, before that one file."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlperf_home.errors import LocatedError

if TYPE_CHECKING:
    from pathlib import Path

SCRIPT = "tools/submission/submission_checker.py"
"""The checker in MLPerf's source up to v5.1."""
PACKAGE = "tools/submission/submission_checker/main.py"
"""The checker in MLPerf's source since v6.0; it knows v5.0 and later rounds."""
_MAIN = "main.py"


class OfficialCheckError(LocatedError):
    """The official checker cannot be started."""


@dataclass(frozen=True)
class OfficialOptions:
    """The options of the official checker.

    Attributes:
        version: the checker's name of the round ("v3.1").
        submitter: the only submitter to check, or "".
        skip_compliance: whether to skip compliance tests.
        skip_power: whether to skip power runs.
        extra_args: further arguments, in shell syntax.
    """

    version: str
    submitter: str = ""
    skip_compliance: bool = False
    skip_power: bool = False
    extra_args: str = ""


@dataclass(frozen=True)
class OfficialRun:
    """One run of the checker: its name in messages and in the names of files, and the arguments of `python`."""

    name: str
    arguments: tuple[str, ...]


def checker_script(checker: Path) -> Path:
    """Return the checker's file, from that file, from its package, or from the folder of MLPerf's source.

    Raises:
        OfficialCheckError: the file does not exist.
    """
    candidates = [checker / name for name in (PACKAGE, _MAIN, SCRIPT)] if checker.is_dir() else [checker]
    for script in candidates:
        if script.is_file():
            return script
    remedy = "pass submission_checker.py, or the folder submission_checker, by --checker_path"
    raise OfficialCheckError(candidates[-1], "there is no checker", remedy)


def official_runs(checker: Path, root: Path, options: OfficialOptions) -> list[OfficialRun]:
    """Return the runs of the checker: one of the file; two of the package.

    The package counts the errors in the log of a performance run only with --submission-exceptions.

    Raises:
        OfficialCheckError: the checker does not exist, the extra arguments have an open quote, or an option has no
            effect in this checker.
    """
    script = checker_script(checker)
    try:
        extra = shlex.split(options.extra_args)
    except ValueError as error:
        raise OfficialCheckError(
            "--extra_args", f"cannot be split into arguments ({error})", "close the quotes"
        ) from None
    arguments = [str(script), "--input", str(root), "--version", options.version]
    arguments += ["--submitter", options.submitter] if options.submitter else []
    arguments += ["--skip-power-check"] if options.skip_power else []
    if script.name != _MAIN:
        arguments += ["--skip_compliance"] if options.skip_compliance else []
        return [OfficialRun("official-checker", (*arguments, *extra))]
    if options.skip_compliance:
        problem = f"has no effect in the official checker of {options.version}"
        raise OfficialCheckError("--skip_compliance", problem, "leave it out, or check without --run_checker")
    plain, strict = "official-checker", "official-checker-exceptions"
    return [
        OfficialRun(plain, (*arguments, "--csv", f"{plain}.csv", *extra)),
        OfficialRun(strict, (*arguments, "--csv", f"{strict}.csv", "--submission-exceptions", *extra)),
    ]
