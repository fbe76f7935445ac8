"""Start the harness in the workload's environment, and take what it leaves into the results.

A run that was over too early, for a busy machine had been measured before it, is made once more, for what it reached.
Offline ends too early where target_qps was too low. SingleStream and MultiStream run out of queries where
target_latency was too high, and LoadGen calls that an error.
"""

from __future__ import annotations

import re
import shutil
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import msgspec

from mlperf_home.bootstrap import BOOTSTRAP
from mlperf_home.contracts.codec import write_document
from mlperf_home.contracts.job import job_of
from mlperf_home.contracts.progress import (
    CalibratingEvent,
    FinishedEvent,
    OpenedEvent,
    OpeningEvent,
    RunningEvent,
    parse_event,
)
from mlperf_home.contracts.readings import Noise
from mlperf_home.contracts.session import read_session
from mlperf_home.harness.user_conf import LATENCY_FACTOR
from mlperf_home.loadgen_logs.run_log import DETAIL_FILE, LogError, read_run, scan_detail
from mlperf_home.loadgen_logs.verdict import mean_latency_ms, ran_out_of_queries
from mlperf_home.measurements.layout import ResultFolder
from scriptgraph.api import StepFailed
from scriptgraph.files.atomic import replace_text

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from mlperf_home.contracts.job import JobOptions, Mode
    from mlperf_home.contracts.session import Session

    Command = Callable[..., Any]
    Say = Callable[[str], None]


# How our modules begin the line that says what was wrong.
_SAID = "mlperf-home: "
# LoadGen issues a tenth more than the target asks for; one more tenth lets the second run be faster than the first.
_ROOM = 1.1


@dataclass(frozen=True)
class HarnessRun:
    """One run: its result's folder, its mode, its options, the Python that runs it, and how often noise repeats it.

    `python` is the workload's, after the words that go before it.
    """

    folder: ResultFolder
    mode: Mode
    options: JobOptions
    python: tuple[str, ...]
    noise_repeats: int = 0


def run_module(command: Command, python: Sequence[str | Path], words: Sequence[str | Path], **how: Any) -> None:
    """Run one of our modules in the workload's environment; what it says of a failure is the failure's text.

    `command` runs a program, as `Context.command` does, and takes `how`; `python` is the environment's, with what goes
    before it; `words` are the module and its arguments.
    """
    completed = command([*python, BOOTSTRAP, *words], check=False, **how)
    said = [line for line in completed.last_lines if line.startswith(_SAID)]
    if not completed.ok and completed.exit_code is not None and said:
        raise StepFailed(said[-1].removeprefix(_SAID))
    completed.require_success()


def run_harness(command: Command, say: Say, wanted: HarnessRun) -> dict[str, float]:
    """Run the harness, put its result in place, and return the target that a find-performance run measured.

    Everything is made beside the result and moved there when it is whole. A noisy performance run is repeated if that
    is wanted; the repetition takes the place of what is there only if it was less disturbed, so that nothing is lost
    when one fails or is stopped.
    """
    making = wanted.folder.root / ".new"
    shutil.rmtree(making, ignore_errors=True)
    making.mkdir()
    try:
        session = _run_until_quiet(command, say, wanted, making)
    except StepFailed as failed:
        text, place = str(failed), wanted.folder.rejected(wanted.mode)
        for logs in making.glob("**/*.rejected"):  # LoadGen found them wrong: they are kept
            shutil.rmtree(place, ignore_errors=True)
            logs.rename(place)
            text = text.replace(str(logs), str(place))
        if text == str(failed):
            raise
        raise StepFailed(text) from failed
    finally:
        shutil.rmtree(making, ignore_errors=True)
    return dict(session.target or {})


def _run_until_quiet(command: Command, say: Say, wanted: HarnessRun, making: Path) -> Session:
    """Return the session of the first quiet run, or of the least disturbed of all."""
    repeats = wanted.noise_repeats if wanted.mode == "performance" else 0
    kept: Session | None = None
    attempts: list[Noise] = []
    for number in range(repeats + 1):
        session = _run_once(command, say, wanted, ResultFolder(making / str(number)))
        noise = session.noise or Noise((), 0.0)
        attempts.append(noise)
        if kept is None or noise.disturbance < (kept.noise or noise).disturbance:
            kept = session
            _keep_settings(wanted)
            wanted.folder.adopt(wanted.mode, ResultFolder(making / str(number)))
        if not noise.noisy_because:
            break
        left = repeats - number
        then = f"it is repeated, at most {left} times more" if left else "the least disturbed run is kept"
        say(f"the run is noisy: {'; '.join(noise.noisy_because)}" + (f"; {then}" if repeats else ""))
    assert kept is not None  # noqa: S101 - there was a first attempt
    if len(attempts) > 1:
        kept = msgspec.structs.replace(kept, attempts=tuple(attempts))
        write_document(wanted.folder.session(wanted.mode), kept)
    return kept


def _run_once(command: Command, say: Say, wanted: HarnessRun, fresh: ResultFolder) -> Session:
    fresh.root.mkdir()
    options, path = wanted.options, fresh.root / "job.json"
    options.work_dir.mkdir(parents=True, exist_ok=True)
    if options.calibration_path:
        options.calibration_path.parent.mkdir(parents=True, exist_ok=True)
    write_document(path, job_of(options, wanted.mode, fresh.logs(wanted.mode), fresh.session(wanted.mode)))
    words: list[str | Path] = ["mlperf_home.harness", "--job", path]
    try:
        run_module(command, wanted.python, words, cwd=fresh.root, on_line=lambda line: narrate(line, say))
    except StepFailed:
        # How far a find-performance run came whose time was over: an estimate can still be made of it.
        report = fresh.error(wanted.mode)
        if wanted.mode == "find-performance" and options.time_limit_s and report.is_file():
            replace_text(wanted.folder.error(wanted.mode), report.read_text(encoding="utf-8"))
        raise
    return read_session(fresh.session(wanted.mode))


def _keep_settings(wanted: HarnessRun) -> None:
    """Keep the conf files beside the result: those of the performance run, whose lengths and targets they say."""
    for source in (wanted.options.user_conf, wanted.options.mlperf_conf):
        kept = wanted.folder.root / source.name
        if wanted.mode == "performance" or (wanted.mode == "accuracy" and not kept.exists()):
            replace_text(kept, source.read_text(encoding="utf-8"))


def narrate(line: str, say: Say) -> None:
    """Turn one progress line of the harness into a sentence; other lines are left to the log."""
    event = parse_event(line)
    if isinstance(event, OpeningEvent):
        say(f"opening {event.backend}")
    elif isinstance(event, CalibratingEvent):
        say("calibrating batches and streams for this machine; stored for later runs")
    elif isinstance(event, OpenedEvent):
        lengths = ",".join(map(str, event.grid.lengths))
        shapes = f"lengths {lengths}, " if lengths else ""
        streams = "1 stream" if event.grid.streams == 1 else f"{event.grid.streams} streams"
        say(f"{event.engine} {event.version} is ready: {shapes}{streams}")
    elif isinstance(event, RunningEvent):
        least = f"at least {event.min_duration_s:.0f} s" if event.min_duration_s else "until all is done"
        say(f"LoadGen runs {event.scenario}, {event.mode}, {least}; nothing is shown meanwhile")
    elif isinstance(event, FinishedEvent):
        say(f"LoadGen is done after {event.run_s:.1f} s")


@dataclass(frozen=True)
class Reached:
    """What a run that was over too early reached.

    Attributes:
        target: as later runs are told it: `target_qps` or `target_latency_ms`.
        conf_key: the end of the key in user.conf.
        conf_value: what the same run has to be told to be long enough.
        said: the same in words.
    """

    target: dict[str, float]
    conf_key: str
    conf_value: float
    said: str


def reached(logs: Path) -> Reached | None:
    """Read what a run reached that was over too early; None for any other run."""
    detail = scan_detail(logs / DETAIL_FILE)
    scenario = str(detail.settings.get("scenario"))
    if ran_out_of_queries(detail.errors):
        mean_ms = mean_latency_ms(scenario, detail.values)
        if scenario not in {"SingleStream", "MultiStream"} or mean_ms is None:
            return None
        key, value = f"{scenario}.target_latency", LATENCY_FACTOR * mean_ms
        return Reached({"target_latency_ms": mean_ms}, key, value, f"its mean latency was {mean_ms:.3g} ms")
    try:
        result = read_run(logs)
    except LogError:
        return None
    rate = result.values.get("result_samples_per_second")
    if scenario != "Offline" or result.values.get("result_min_duration_met") is not False or not rate:
        return None
    said = f"it reached {float(rate):.1f} samples per second"
    return Reached({"target_qps": float(rate)}, "Offline.target_qps", _ROOM * float(rate), said)


def run_and_once_more(
    run: Callable[[HarnessRun], dict[str, float]], warn: Say, wanted: HarnessRun, conf: Path
) -> dict[str, float]:
    """Run, and once more what was over too early; return the target that is to be kept for later runs, or nothing.

    `run` is as `run_harness`; `warn` is told why it is run again; `conf` is where the new user.conf is written.
    """
    rejected = wanted.folder.rejected(wanted.mode)
    shutil.rmtree(rejected, ignore_errors=True)
    try:
        target = run(wanted)
    except StepFailed:
        found = reached(rejected)
        if found is None:
            raise
    else:
        found = reached(wanted.folder.logs(wanted.mode))
        if found is None:
            return target
    warn(f"the run was too short: {found.said}; it is run again for that")
    text = wanted.options.user_conf.read_text(encoding="utf-8")
    line = re.compile(rf"^(\S+\.{re.escape(found.conf_key)} = ).*$", re.MULTILINE)
    conf.write_text(line.sub(rf"\g<1>{found.conf_value:.6g}", text), encoding="utf-8")
    run(replace(wanted, options=msgspec.structs.replace(wanted.options, user_conf=conf)))
    shutil.rmtree(rejected, ignore_errors=True)
    return found.target
