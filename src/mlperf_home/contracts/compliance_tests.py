"""Compliance tests: performance runs under an audit.config, which LoadGen reads beside the other conf files."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from mlperf_home.rules import Round
    from mlperf_home.rules.rounds import Seeds

TESTS = ("TEST01", "TEST05")
"""Those that a run can be: TEST01 logs some outputs in a performance run, TEST05 has other seeds."""

_LOGS_OUTPUTS = {"accuracy", "TEST01"}
_PERFORMANCE_MODE = 2


def logs_outputs(mode: str) -> bool:
    """Whether LoadGen is to be given the samples' outputs in this mode."""
    return mode in _LOGS_OUTPUTS


def run_seeds(rules: Round, mode: str) -> Seeds:
    """Return the seeds of a run: TEST05 is a run with others (LoadGen 6.0.17 takes none from an audit.config)."""
    return rules.test05_seeds if mode == "TEST05" else rules.seeds


def audit_text(rules: Round, test: str) -> str:
    """Write the audit.config of a test (source: compliance/nvidia of mlcommons/inference); "" where it needs none."""
    audit = rules.submission.compliance[test].audit
    values = {"mode": _PERFORMANCE_MODE, **audit} if audit else {}
    return "".join(f"*.*.{key} = {value}\n" for key, value in values.items())


@contextmanager
def audit_config(rules: Round, mode: str, out_dir: Path) -> Iterator[Path]:
    """Yield the path at which LoadGen looks for an audit.config: the test's file, or no file at all.

    It is never the working directory's: a stray file there changes no run.
    """
    path = out_dir.with_name(f"{out_dir.name}.audit.config")
    if text := audit_text(rules, mode) if mode in TESTS else "":
        path.write_text(text, encoding="utf-8")
    try:
        yield path
    finally:
        if text:
            path.unlink(missing_ok=True)
