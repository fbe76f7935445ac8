"""The output of the official checker: its verdict, and its errors in words that locate the fault."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

_PASSED = "looks OK"
# The checker's lines begin with [time file:line LEVEL].
_LINE = re.compile(r"^(?:\[[^\]]* )?(?P<level>ERROR|WARNING|INFO)\b\]?:?(?:\w+:)? ?(?P<text>.*)$")
_COUNT = re.compile(r"\bResults=(\d+), NoResults=(\d+)")
_FOUND = re.compile(r"Loading (?P<kind>\w+) log from (?P<path>.+)$")
_ABSENT = re.compile(
    r"Could not load (?P<kind>Performance|Accuracy|System) log from (?P<path>(?!.*/TEST[0-9]).+), path does not exist$"
)
_TRACEBACK = "Traceback (most recent call last):"
_FRAME = re.compile(r'^  File "(?:[^"]*/)?(?P<file>[^"/]+)", line (?P<line>\d+), in (?P<function>\S+)')
_EXCEPTION = re.compile(r"^[A-Za-z_][\w.]*(?:: .*)?$")
_NAMED = re.compile(r"'(/[^']+)'")
_SWALLOWED = re.compile(r"Execution occurred in running check (?P<path>.+)\. Running (?P<check>\w+) in (?P<kind>\w+)")
_ENDPOINT = re.compile(r"Could not load json file from (?P<path>.+)/(?:performance|accuracy)/[^/]+$")
# Sums of the lines before them.
_SUMS = re.compile(r"^(?:NoResults |SUMMARY: submission has errors|Some .* Checks failed for)")


class _Cause(NamedTuple):
    """The cause of an exception that ends the checker: what its text has, the source, the file to name, the words."""

    text: str
    source: str
    file: str
    words: str


_RERUN = "run the benchmark again"
# The first row that fits counts; a file is the last that the checker found or missed, of a kind.
_CAUSES = (
    _Cause("JSONDecodeError", "", "found", "cannot be parsed as JSON; correct it"),
    _Cause("has no attribute 'get'", "loader.py", "absent", "is missing: the system has no description; write it"),
    _Cause("FileNotFoundError", "", "named", "is missing; generate the submission again"),
    _Cause("NotADirectoryError", "", "named", "is no folder; move it out"),
    _Cause("Encountered invalid line", "", "found", f"a line of the log is corrupt; {_RERUN}"),
    _Cause("Marker not found", "", "found", f"is not a detail log of LoadGen; {_RERUN}"),
    _Cause("is not subscriptable", "", "absent", f"is missing; {_RERUN}"),
    _Cause("is not iterable", "utils.py", "System", "a model of this system has no benchmark in its division"),
    _Cause("invalid system type", "", "System", "the system_type is unknown; correct it"),
    _Cause("invalid literal for int()", "results.py", "System", "a count is not a whole number; write it in digits"),
    _Cause("not supported between instances", "", "found", f"a value of the log is not a number; {_RERUN}"),
    _Cause("could not convert string to float", "", "found", f"a value of the log is not a number; {_RERUN}"),
)
# Frequent causes of exceptions that the checker catches without showing them.
_CAUGHT = {
    "accuracy_result_check": "accuracy.txt is missing, or the model has no benchmark",
    "dataset_check": "the accuracy run's log is missing, or the model has no benchmark",
    "required_fields_check": "the result's JSON or the system's description is missing",
    "performance_sample_count_check": "the model has no benchmark, or the log lacks the count",
    "min_query_count_check": "the log lacks a count, or the model has no benchmark",
    "min_duration_check": "the log lacks the duration",
    "get_performance_metric_check": "the log lacks the result",
    "network_check": "is_network is not a text",
    "inferred_check": "system_type is not a text",
    "availability_check": "status is not a text",
    "submitter_check": "submitter is not a text",
    "division_check": "division is not a text",
    "accuracy_json_check": "the accuracy log is missing",
    "accuracy_check": "verify_accuracy.txt is missing",
    "performance_check": "the test's detail log is missing",
}


@dataclass(frozen=True)
class OfficialVerdict:
    """The verdict of the official checker, and its errors.

    Attributes:
        passed: whether it exited with 0, counted a result, reported that the tree looks OK, and logged no error.
        errors: its errors, each on one line; exceptions are located.
    """

    passed: bool
    errors: tuple[str, ...]


def read_verdict(lines: Sequence[str], exit_code: int | None, root: Path | None = None) -> OfficialVerdict:
    """Return the verdict in the checker's output; its exit status alone is not reliable.

    Paths below `root` are shown relative to it.
    """
    errors: list[str] = []
    reported_ok = any(_PASSED in line for line in lines)
    for text, level in _logged(lines):
        if level == "ERROR":
            errors.append(_explain_error(text))
        if (count := _COUNT.search(text)) and count.groups() == ("0", "0"):
            errors.append("the official checker found no result; compare --submitter and the root with the tree")
    if _TRACEBACK in lines:
        errors.append(_explain_exception(lines))
    plain = tuple(dict.fromkeys(each for each in errors if not _SUMS.match(each))) or tuple(errors)
    if root is not None:
        plain = tuple(each.replace(f"{root}/", "") for each in plain)
    return OfficialVerdict(exit_code == 0 and reported_ok and not errors, plain)


def _logged(lines: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yield text and level of each line that the checker logged."""
    for line in lines:
        if match := _LINE.match(line):
            yield match.group("text"), match.group("level")


def _explain_error(text: str) -> str:
    """Return the text of an error; add the likely cause of an exception that the checker caught."""
    if endpoint := _ENDPOINT.match(text):
        return f"{endpoint.group('path')}: has no detail log, so the checker takes it for the run of an HTTP endpoint"
    match = _SWALLOWED.search(text)
    if not match:
        return text
    check = match.group("check")
    likely = f"; likely {_CAUGHT[check]}" if check in _CAUGHT else ""
    return f"{match.group('path')}: {check} of {match.group('kind')} raised an exception{likely}"


def _explain_exception(lines: Sequence[str]) -> str:
    """Return one line on the exception that ended the checker: the file, the cause, the remedy, and its place."""
    start = len(lines) - list(reversed(lines)).index(_TRACEBACK)
    frames = [frame for line in lines[start:] if (frame := _FRAME.match(line))]
    exception = next((line for line in lines[start:] if _EXCEPTION.match(line)), "no exception")
    files = {match.group("kind"): match.group("path") for text, _ in _logged(lines) if (match := _FOUND.search(text))}
    for text, _ in _logged(lines):
        if match := _FOUND.search(text) or _ABSENT.search(text):
            files["found" if match.re is _FOUND else "absent"] = match.group("path")
    if named := _NAMED.search(exception):
        files["named"] = named.group(1)
    sources = {"", *(frame.group("file") for frame in frames)}
    causes = (cause for cause in _CAUSES if cause.text in exception and cause.source in sources)
    unknown = _Cause("", "", "found", "the checker does not say why; compare the file with the round's rules")
    cause = next(causes, unknown)
    place = f" in {frames[-1].group('file')} line {frames[-1].group('line')}" if frames else ""
    where = files.get(cause.file) or files.get("found", "the submission")
    return f"{where}: {cause.words} (the official checker ended with {exception}{place})"
