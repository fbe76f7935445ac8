"""The official checker's verdict is more than its exit status, and its exceptions become located errors."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlperf_home.submission.check.official_output import read_verdict

ROOT = Path("/tree")
OK = "[2026-01-01 main.py:1 INFO] SUMMARY: submission looks OK"


def line(level: str, text: str) -> str:
    return f"[2026-01-01 12:00:00,000 main.py:1 {level}] {text}"


def ended(exception: str, source: str) -> list[str]:
    frame = f'  File "/checker/{source}", line 7, in load'
    return ["Traceback (most recent call last):", frame, "    a = b", exception]


@pytest.mark.parametrize(
    ("lines", "exit_code", "passed"),
    [
        (["[2026-01-01 main.py:1 INFO] Results=1", "SUMMARY: submission looks OK"], 0, True),
        (["[2026-01-01 main.py:1 ERROR] open/x no system_desc", "SUMMARY: submission looks OK"], 0, False),
        (["SUMMARY: submission looks OK"], 1, False),
        (["Traceback (most recent call last):", "TypeError: x"], 1, False),
        ([], 0, False),
        ([line("INFO", "Results=0, NoResults=0, Power Results=0"), OK], 0, False),
        ([line("WARNING", "Execution of check endpoints_model_check skipped"), OK], 0, True),
    ],
)
def test_an_exit_status_of_zero_is_not_enough(lines: list[str], exit_code: int, *, passed: bool) -> None:
    assert read_verdict(lines, exit_code).passed is passed


@pytest.mark.parametrize(
    ("before", "exception", "source", "expected"),
    [
        (
            ["Could not load System log from /tree/open/Me/systems/box.json, path does not exist"],
            "AttributeError: 'NoneType' object has no attribute 'get'",
            "loader.py",
            "open/Me/systems/box.json: is missing: the system has no description",
        ),
        (
            [
                "Loading Performance log from /tree/open/a",
                "Could not load Accuracy log from /tree/b, path does not exist",
            ],
            "TypeError: 'NoneType' object is not subscriptable",
            "accuracy_check.py",
            "b: is missing; run the benchmark again",
        ),
        (
            ["Loading System log from /tree/open/Me/model_mapping.json"],
            "json.decoder.JSONDecodeError: Expecting value: line 1 column 1 (char 0)",
            "loader.py",
            "open/Me/model_mapping.json: cannot be parsed as JSON; correct it",
        ),
        (
            ["Loading System log from /tree/s.json", "Loading Test log from /tree/t"],
            "ValueError: invalid literal for int() with base 10: 'N/A'",
            "results.py",
            "s.json: a count is not a whole number; write it in digits",
        ),
        ([], "FileNotFoundError: [Errno 2] No such file: '/tree/open/Me/results'", "utils.py", "open/Me/results: is"),
        (
            ["Loading Performance log from /tree/open/log"],
            "RuntimeError: Encountered invalid line: x",
            "loadgen_parser.py",
            "open/log: a line of the log is corrupt",
        ),
        (["Loading Accuracy log from /tree/c"], "KeyError: 'odd'", "main.py", "c: the checker does not say why"),
    ],
)
def test_an_exception_becomes_a_located_error(before: list[str], exception: str, source: str, expected: str) -> None:
    lines = [*(line("INFO", text) for text in before), *ended(exception, source)]

    (error,) = read_verdict(lines, 1, ROOT).errors

    assert error.startswith(expected)
    assert f"{source} line 7" in error
    assert "\n" not in error


def test_of_chained_exceptions_the_last_is_explained() -> None:
    lines = [line("INFO", "Loading Performance log from /tree/x"), *ended("KeyError: 'a'", "a.py")]
    lines += ["During handling of the above exception, another exception occurred:"]
    lines += ended("RuntimeError: Encountered invalid line: b", "b.py")

    (error,) = read_verdict(lines, 1, ROOT).errors

    assert "b.py line 7" in error


def test_a_caught_exception_has_its_likely_cause() -> None:
    text = "Execution occurred in running check /tree/log. Running accuracy_result_check in AccuracyCheck"

    (error,) = read_verdict([line("ERROR", text), line("ERROR", "NoResults /tree/log")], 1, ROOT).errors

    assert error == (
        "log: accuracy_result_check of AccuracyCheck raised an exception; "
        "likely accuracy.txt is missing, or the model has no benchmark"
    )


def test_a_result_without_detail_logs_is_explained() -> None:
    text = "Could not load json file from /tree/open/Offline/performance/result_summary.json"

    (error,) = read_verdict([line("ERROR", text)], 1, ROOT).errors

    assert error == "open/Offline: has no detail log, so the checker takes it for the run of an HTTP endpoint"
