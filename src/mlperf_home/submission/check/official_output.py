"""The output of the official checker: its verdict, and its errors in words that locate the fault."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_PASSED = "looks OK"
# The checker's lines begin with [time file:line LEVEL].
_LINE = re.compile(r"^(?:\[[^\]]* )?(?P<level>ERROR|WARNING|INFO)\b\]?:?(?:\w+:)? ?(?P<text>.*)$")
_COUNT = re.compile(r"\bResults=(\d+), NoResults=(\d+)")
_FILE = re.compile(r"(?:Loading|Could not load) .*? log from (?P<path>.+?)(?:, .*)?$")
_TRACEBACK = "Traceback (most recent call last):"
_FRAME = re.compile(r'^  File "(?P<file>[^"]+)", line (?P<line>\d+), in (?P<function>\S+)')
_EXCEPTION = re.compile(r"^(?P<exception>[A-Za-z_][\w.]*(?:: .*)?)$")
_SWALLOWED = re.compile(r"Execution occurred in running check (?P<path>.+)\. Running (?P<check>\w+) in (?P<kind>\w+)")
# Sums of the lines before them.
_SUMS = re.compile(r"^(?:NoResults |SUMMARY: submission has errors|Some .* Checks failed for)")
# Causes of exceptions that end the checker: a part of the exception's text, the functions where it was raised, and the
# cause with its remedy. The first row that fits counts.
_CAUSES: tuple[tuple[str, str, str], ...] = (
    (
        "JSONDecodeError", "load_single_log",
        "the JSON file cannot be parsed; correct the last file that the checker names",
    ),
    (
        "'NoneType' object has no attribute 'get'", "load",
        "the system has no description; write it by get,mlperf,sut,description",
    ),
    ("FileNotFoundError", "list_dir", "the folder is missing; generate the submission again"),
    ("FileNotFoundError", "list_files", "the folder is missing; generate the submission again"),
    ("NotADirectoryError", "list_dir", "is a file where the checker expects a folder; move it out"),
    ("Encountered invalid line", "", "a line of the log is corrupt; run the benchmark again"),
    ("Marker not found in first line", "", "is not a detail log of LoadGen; run the benchmark again"),
    ("list index out of range", "", "is an empty detail log; run the benchmark again"),
    ("'NoneType' object is not subscriptable", "", "one of the two detail logs is missing; run the benchmark again"),
    ("'NoneType' object is not iterable", "", "the closed division has no such benchmark for this type of system"),
    ("invalid system type", "", "the system_type is unknown; correct the description of the system"),
    ("not supported between instances", "", "a value of the log is not a number; run the benchmark again"),
    ("could not convert string to float", "", "a value of the log is not a number; run the benchmark again"),
)  # fmt: skip
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
    errors, last_file = [], ""
    reported_ok = any(_PASSED in line for line in lines)
    for number, line in enumerate(lines):
        if line.startswith(_TRACEBACK):
            errors.append(_explain_traceback(lines[number + 1 :], last_file))
        if not (match := _LINE.match(line)):
            continue
        text = match.group("text")
        if file := _FILE.search(text):
            last_file = file.group("path")
        if match.group("level") == "ERROR":
            errors.append(_explain_error(text))
        if (count := _COUNT.search(text)) and count.groups() == ("0", "0"):
            errors.append("the official checker found no result; compare --submitter and the root with the tree")
    plain = tuple(dict.fromkeys(each for each in errors if not _SUMS.match(each))) or tuple(errors)
    if root is not None:
        plain = tuple(each.replace(f"{root}/", "") for each in plain)
    return OfficialVerdict(exit_code == 0 and reported_ok and not errors, plain)


def _explain_error(text: str) -> str:
    """Return the text of an error; add the likely cause of an exception that the checker caught."""
    match = _SWALLOWED.search(text)
    if not match:
        return text
    check = match.group("check")
    likely = f"; likely {_CAUGHT[check]}" if check in _CAUGHT else ""
    return f"{match.group('path')}: {check} of {match.group('kind')} raised an exception{likely}"


def _explain_traceback(lines: Sequence[str], last_file: str) -> str:
    """Return one line on the exception that ended the checker: the file, the cause, the remedy, and its place."""
    frames, exception = [], "no exception"
    for line in lines:
        if frame := _FRAME.match(line):
            frames.append(frame)
        elif not line.startswith(" ") and (match := _EXCEPTION.match(line)):
            exception = match.group("exception")
            break
    functions = {frame.group("function") for frame in frames}
    causes = (cause for text, function, cause in _CAUSES if text in exception and function in {"", *functions})
    cause = next(causes, "the checker does not say why; compare the file with the round's rules")
    named = re.search(r"'(/[^']+)'", exception)
    where = named.group(1) if named else last_file or "the submission"
    place = f" in {frames[-1].group('file').rsplit('/', 1)[-1]} line {frames[-1].group('line')}" if frames else ""
    return f"{where}: {cause} (the official checker ended with {exception}{place})"
