"""The official checker of a round: how it is started, and what its log says."""

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
# Its lines begin with [time file:line LEVEL].
_ERROR = re.compile(r"^(?:\[[^\]]* )?ERROR\b|^Traceback ")


class OfficialCheckError(LocatedError):
    """The official checker cannot be started."""


@dataclass(frozen=True)
class OfficialOptions:
    """What the official checker is told besides the tree.

    Attributes:
        version: the round, as it names it ("v3.1").
        submitter: only this submitter, or "".
        skip_compliance: leave compliance tests out.
        skip_power: leave power runs out.
        extra_args: more words, as the user typed them.
    """

    version: str
    submitter: str = ""
    skip_compliance: bool = False
    skip_power: bool = False
    extra_args: str = ""


@dataclass(frozen=True)
class OfficialVerdict:
    """Whether the official checker ended well, said that the tree looks OK and logged no error; its error lines."""

    passed: bool
    errors: tuple[str, ...]


def checker_script(checker: Path) -> Path:
    """Give the checker's file, in MLPerf's source or by itself.

    Raises:
        OfficialCheckError: there is none.
    """
    script = checker / SCRIPT if checker.is_dir() else checker
    if not script.is_file():
        raise OfficialCheckError(script, "there is no checker", "give submission_checker.py by --checker_path")
    return script


def official_arguments(checker: Path, root: Path, options: OfficialOptions) -> list[str]:
    """Give the words after `python`.

    Raises:
        OfficialCheckError: there is no such checker, or the extra words have an open quote.
    """
    script = checker_script(checker)
    try:
        extra = shlex.split(options.extra_args)
    except ValueError as error:
        raise OfficialCheckError("--extra_args", f"is no list of words ({error})", "close the quotes") from None
    words = [str(script), "--input", str(root), "--version", options.version]
    words += ["--submitter", options.submitter] if options.submitter else []
    words += ["--skip_compliance"] if options.skip_compliance else []
    words += ["--skip-power-check"] if options.skip_power else []
    return [*words, *extra]


def read_verdict(lines: Sequence[str], exit_code: int | None) -> OfficialVerdict:
    """Read what the checker wrote: its exit status alone is not enough."""
    errors = tuple(line for line in lines if _ERROR.search(line))
    said_well = any(_PASSED in line for line in lines)
    return OfficialVerdict(exit_code == 0 and said_well and not errors, errors)
