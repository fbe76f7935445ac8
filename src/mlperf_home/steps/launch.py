"""Runs of the harness in the workload's environment, with their results; short runs are repeated."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import msgspec

from mlperf_home.bootstrap import BOOTSTRAP
from mlperf_home.contracts.codec import write_document
from mlperf_home.contracts.runs.job import job_of
from mlperf_home.contracts.runs.progress import (
    CalibratedEvent,
    CalibratingEvent,
    FailedEvent,
    FinishedEvent,
    OpenedEvent,
    OpeningEvent,
    RunningEvent,
    parse_event,
)
from mlperf_home.contracts.runs.readings import Noise
from mlperf_home.contracts.runs.session import read_session
from mlperf_home.harness.short_runs import MOST_REPEATS, corrected_target
from mlperf_home.measurements.layout import ResultFolder
from scriptgraph.api import StepFailed
from scriptgraph.files.atomic import replace_text

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from mlperf_home.contracts.runs.job import JobOptions, Mode
    from mlperf_home.contracts.runs.session import Session

    Command = Callable[..., Any]
    Say = Callable[[str], None]
    # Shows a line, and takes how long nothing else will be shown, in seconds; as `Context.say`.
    SayLasting = Callable[..., None]


@dataclass(frozen=True)
class HarnessRun:
    """One run of the harness.

    Attributes:
        folder: the folder of the result.
        python: the command's words before the workload's Python, and that Python.
        noise_repeats: the most repetitions of a noisy run.
    """

    folder: ResultFolder
    mode: Mode
    options: JobOptions
    python: tuple[str, ...]
    noise_repeats: int = 0


def run_module(
    command: Command,
    python: Sequence[str | Path],
    words: Sequence[str | Path],
    on_line: Say | None = None,
    **options: Any,
) -> None:
    """Run a module of this package in the workload's environment; raise StepFailed with its error.

    `command` runs a program with `options`, as `Context.command` does; `python` is the environment's Python, after the
    words before it; `words` are the module and its arguments; `on_line` is called with each line of its output.
    """
    failures: list[str] = []

    def read_line(line: str) -> None:
        event = parse_event(line)
        if isinstance(event, FailedEvent):
            failures.append(event.message)
        elif on_line is not None:
            on_line(line)

    completed = command([*python, BOOTSTRAP, *words], check=False, on_line=read_line, **options)
    if not completed.ok and completed.exit_code is not None and failures:
        raise StepFailed(failures[-1])
    completed.require_success()


def run_harness(command: Command, say: SayLasting, request: HarnessRun) -> dict[str, float]:
    """Run the harness, put its result in place, and return the target that a find-performance run measured.

    A run is made beside the result, and moved there when it is complete. A noisy performance run is repeated, if the
    request allows it. A repetition replaces the earlier run only if it was less disturbed, so a failed or interrupted
    one loses nothing.
    """
    new = request.folder.root / ".new"
    shutil.rmtree(new, ignore_errors=True)
    new.mkdir()
    try:
        session = _run_until_quiet(command, say, request, new)
    except StepFailed as failed:
        text, place = str(failed), request.folder.rejected(request.mode)
        for logs in new.glob("**/*.rejected"):  # kept, since LoadGen reports errors in them
            shutil.rmtree(place, ignore_errors=True)
            logs.rename(place)
            text = text.replace(str(logs), str(place))
        if text == str(failed):
            raise
        raise StepFailed(text) from failed
    finally:
        shutil.rmtree(new, ignore_errors=True)
    return dict(session.target or {})


def _run_until_quiet(command: Command, say: SayLasting, request: HarnessRun, new: Path) -> Session:
    """Return the session of the first quiet run, or of the least disturbed of all."""
    repeats = request.noise_repeats if request.mode == "performance" else 0
    kept: Session | None = None
    attempts: list[Noise] = []
    for number in range(repeats + 1):
        session = _run_once(command, say, request, ResultFolder(new / str(number)))
        noise = session.noise or Noise((), 0.0)
        attempts.append(noise)
        if kept is None or noise.disturbance < (kept.noise or noise).disturbance:
            kept = session
            _keep_conf_files(request)
            request.folder.adopt(request.mode, ResultFolder(new / str(number)))
        if not noise.noisy_because:
            break
        left = repeats - number
        then = f"it is repeated, at most {left} times more" if left else "the least disturbed run is kept"
        say(f"the run is noisy: {'; '.join(noise.noisy_because)}" + (f"; {then}" if repeats else ""))
    assert kept is not None  # noqa: S101 - set by the first attempt
    if len(attempts) > 1:
        kept = msgspec.structs.replace(kept, attempts=tuple(attempts))
        write_document(request.folder.session(request.mode), kept)
    return kept


def _run_once(command: Command, say: SayLasting, request: HarnessRun, fresh: ResultFolder) -> Session:
    fresh.root.mkdir()
    options, path = request.options, fresh.root / "job.json"
    options.work_dir.mkdir(parents=True, exist_ok=True)
    if options.calibration_path:
        options.calibration_path.parent.mkdir(parents=True, exist_ok=True)
    write_document(path, job_of(options, request.mode, fresh.logs(request.mode), fresh.session(request.mode)))
    words: list[str | Path] = ["mlperf_home.harness", "--job", path]
    try:
        run_module(command, request.python, words, cwd=fresh.root, on_line=lambda line: narrate(line, say))
    except StepFailed:
        # A find-performance run at its time limit still allows an estimate.
        report = fresh.error(request.mode)
        if request.mode == "find-performance" and options.time_limit_s and report.is_file():
            replace_text(request.folder.error(request.mode), report.read_text(encoding="utf-8"))
        raise
    return read_session(fresh.session(request.mode))


def _keep_conf_files(request: HarnessRun) -> None:
    """Copy the conf files into the result; those of the performance run take precedence."""
    for source in (request.options.user_conf, request.options.mlperf_conf):
        kept = request.folder.root / source.name
        if request.mode == "performance" or (request.mode == "accuracy" and not kept.exists()):
            replace_text(kept, source.read_text(encoding="utf-8"))


def narrate(line: str, say: SayLasting) -> None:
    """Report a progress line of the harness as a sentence; other lines are only logged."""
    event = parse_event(line)
    if isinstance(event, OpeningEvent):
        say(f"opening {event.backend}")
    elif isinstance(event, CalibratingEvent):
        again = f"again ({event.because})" if event.because else "for this machine"
        say(f"calibrating {again}, at most {event.budget_s:g} s of a quiet machine; kept for later runs")
    elif isinstance(event, CalibratedEvent):
        say(f"calibrated: {event.words}")
    elif isinstance(event, OpenedEvent):
        lengths = ",".join(map(str, event.grid.lengths))
        shapes = f"lengths {lengths}, " if lengths else ""
        streams = "1 stream" if event.grid.streams == 1 else f"{event.grid.streams} streams"
        say(f"{event.engine} {event.version} is ready: {shapes}{streams}")
    elif isinstance(event, RunningEvent):
        least = f"at least {event.min_duration_s:.0f} s" if event.min_duration_s else "until all is done"
        say(
            f"LoadGen runs {event.scenario}, {event.mode}, {least}; nothing is shown meanwhile",
            event.min_duration_s or 0.0,
        )
    elif isinstance(event, FinishedEvent):
        say(f"LoadGen is done after {event.run_s:.1f} s")


def run_with_retry(
    run: Callable[[HarnessRun], dict[str, float]], warn: Say, request: HarnessRun, conf: Path
) -> dict[str, float]:
    """Run the harness, and repeat a run that ended too early, each time with the target that it reached.

    `run` is like `run_harness`; `warn` takes the reason of a repetition; `conf` is the path of the new user.conf.

    Returns:
        The target to store for later runs, if any.

    Raises:
        StepFailed: a run failed for another reason, or the last one still ran out of queries.
    """
    rejected, target = request.folder.rejected(request.mode), dict[str, float]()
    for left in range(MOST_REPEATS, -1, -1):
        shutil.rmtree(rejected, ignore_errors=True)
        try:
            target = run(request) or target
        except StepFailed:
            corrected = corrected_target(rejected)
            if corrected is None or not left:
                raise
        else:
            corrected = corrected_target(request.folder.logs(request.mode))
            if corrected is None:
                break
        if not left:
            warn(f"the run is still too short after {MOST_REPEATS} repetitions: {corrected.reason}")
            break
        warn(f"the run was too short: {corrected.reason}; it is repeated with that target, at most {left} times")
        conf.write_text(corrected.apply(request.options.user_conf.read_text(encoding="utf-8")), encoding="utf-8")
        target = corrected.target
        request = replace(request, options=msgspec.structs.replace(request.options, user_conf=conf))
    return target
