"""The official checker of a round: its command line and its verdict."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlperf_home.errors import LocatedError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

SCRIPT = "tools/submission/submission_checker.py"
_PASSED = "looks OK"
# The checker's lines begin with [time file:line LEVEL].
_ERROR = re.compile(r"^(?:\[[^\]]* )?ERROR\b|^Traceback ")


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
class OfficialVerdict:
    """The verdict of the official checker, and its error lines.

    Attributes:
        passed: whether it exited with 0, reported that the tree looks OK, and logged no error.
        errors: its error lines.
    """

    passed: bool
    errors: tuple[str, ...]


def checker_script(checker: Path) -> Path:
    """Return the checker's file, from that file or from the folder of MLPerf's source.

    Raises:
        OfficialCheckError: the file does not exist.
    """
    script = checker / SCRIPT if checker.is_dir() else checker
    if not script.is_file():
        raise OfficialCheckError(script, "there is no checker", "pass submission_checker.py by --checker_path")
    return script


def official_arguments(checker: Path, root: Path, options: OfficialOptions) -> list[str]:
    """Return the arguments of `python` that run the checker.

    Raises:
        OfficialCheckError: the checker does not exist, or the extra arguments have an open quote.
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
    arguments += ["--skip_compliance"] if options.skip_compliance else []
    arguments += ["--skip-power-check"] if options.skip_power else []
    return [*arguments, *extra]


def read_verdict(lines: Sequence[str], exit_code: int | None) -> OfficialVerdict:
    """Return the verdict in the checker's output; its exit status alone is not reliable."""
    errors = tuple(line for line in lines if _ERROR.search(line))
    reported_ok = any(_PASSED in line for line in lines)
    return OfficialVerdict(exit_code == 0 and reported_ok and not errors, errors)
