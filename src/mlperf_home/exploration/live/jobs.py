"""The harness runs of a point: options, jobs, conf files, folders, and the processes that run them.

Each engine's environment has one process, started at its first run.
"""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlperf_home.bootstrap import BOOTSTRAP
from mlperf_home.contracts.codec import decode, to_line, write_document
from mlperf_home.contracts.runs.failures import ExitStatus
from mlperf_home.contracts.runs.job import BackendChoice, DatasetChoice, JobOptions, job_of
from mlperf_home.contracts.runs.progress import EndedEvent, RunOrder, parse_event
from mlperf_home.engines.base import FLOAT_PRECISIONS, BackendError, parse_lengths
from mlperf_home.errors import LocatedError
from mlperf_home.exploration.definition.space import Point, Space, SpaceError
from mlperf_home.harness.user_conf import RunSettings, target_key, user_conf, user_conf_text
from mlperf_home.measurements.layout import ResultFolder, result_folder
from mlperf_home.rules import load_round, mlperf_conf

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from mlperf_home.contracts.runs.job import Mode
    from mlperf_home.contracts.studies.space import AxisValue
    from mlperf_home.contracts.studies.study import EngineEnvironment, StudyPlan

BACKEND = "backend"
_COUNTS = ("threads", "batch", "streams", "cores")
_TOGGLES = {"yes": True, "no": False}
# Modules that start no threads are imported once, before runs are forked. Each run imports the others.
_IMPORTS = {"litert": "ai_edge_litert.interpreter", "tflite": "tflite_runtime.interpreter"}
_LEAST_QUERIES = 20
# Shorter than any model's latency: LoadGen prepares queries for this latency, and must not run out of them. An earlier
# measurement is no guide, since latency may be bimodal. Preparing 100,000 queries takes a moment.
_FASTEST_MS = 0.02

OPTION_AXES = (BACKEND, *_COUNTS, "xnnpack", "delegate", "arithmetic", "lengths")
"""Axes that set an option of the engine; null leaves the option to the engine. All other axes name models.

backend: the engine's name; threads: threads per call; batch: samples per call; streams: concurrent calls; cores: cores
of the engine; xnnpack: yes or no; delegate: a library; arithmetic: the type in which OpenVINO multiplies floats;
lengths: buckets of sequence lengths, such as "64,128,384".
"""


@dataclass(frozen=True)
class PointRun:
    """One run of a point.

    Attributes:
        mode: performance or accuracy.
        user_conf: the text of user.conf.
        part: the first sample, and the one after the last; None for all samples.
    """

    mode: Mode
    user_conf: str
    part: tuple[int, int] | None = None


def backend_of(plan: StudyPlan, point: Point) -> str:
    """Return the engine that a point runs on."""
    return str(point.values.get(BACKEND) or next(iter(plan.engines)))


def official_folder(plan: StudyPlan, point: Point) -> ResultFolder:
    """Return the folder of a point's result; the name of the system includes the point's options."""
    system, suffix = plan.engines[backend_of(plan, point)].system, option_suffix(point)
    system += f"-{suffix}" if suffix else ""
    running, name = plan.running, plan.candidates[point.model].name
    return result_folder(
        plan.results or plan.folder / "results", running.style, running.round, (system, name, running.scenario)
    )


def write_job(plan: StudyPlan, point: Point, run: PointRun, settled: Mapping[str, Any], folder: ResultFolder) -> Path:
    """Write a job and its conf files into a folder; `settled` has engine options in addition to the point's own."""
    running, candidate = plan.running, plan.candidates[point.model]
    folder.root.mkdir(parents=True, exist_ok=True)
    plan.work_dir.mkdir(parents=True, exist_ok=True)
    (folder.root / "mlperf.conf").write_text(mlperf_conf(load_round(running.round)), encoding="utf-8")
    (folder.root / "user.conf").write_text(run.user_conf, encoding="utf-8")
    first, last = run.part or (0, 0)
    options = JobOptions(
        round=running.round,
        benchmark=running.benchmark,
        scenario=running.scenario,
        backend=backend_choice(plan, point, {**running.options, **settled}),
        dataset=DatasetChoice(
            kind=running.dataset_kind, path=Path(candidate.dataset), first=last - first or None, after=first
        ),
        user_conf=folder.root / "user.conf",
        mlperf_conf=folder.root / "mlperf.conf",
        work_dir=plan.work_dir,
        calibration_path=plan.folder / "calibration.json",
        stall_timeout_s=running.stall_timeout_s,
        calibration_s=running.calibration_s,
        same_calibration=True,
        sample=running.sample or running.without_dataset,
    )
    path = folder.root / f"{run.mode}-job.json"
    write_document(path, job_of(options, run.mode, folder.logs(run.mode), folder.session(run.mode)))
    return path


def probe_conf(plan: StudyPlan, seconds: float, target: float | None) -> str:
    """Return user.conf of a probe of this length; `target` is the earlier measurement, in LoadGen's unit."""
    running = plan.running
    key = target_key(running.scenario)
    expected, least_ms = (1.0, 0) if target is None else (target, round(seconds * 1000))
    if key == "target_latency":
        expected, least_ms = _FASTEST_MS, round(seconds * 1000)
    values = {key: expected, "min_duration": least_ms, "min_query_count": _LEAST_QUERIES}
    return user_conf(load_round(running.round).benchmarks[running.benchmark].loadgen_model, running.scenario, values)


def run_conf(plan: StudyPlan, run: str, target: float | None) -> str:
    """Return user.conf of an official run, or of an accuracy run."""
    running = plan.running
    wanted = RunSettings(
        running.benchmark, running.scenario, run, running.style, running.test_query_count, measured_target=target
    )
    return user_conf_text(load_round(running.round), wanted)


def check_axes(space: Space, where: str) -> None:
    """Raise SpaceError, with the axis and the value, if no engine could use a value of the space."""
    for axis in set(space.axes) & set(OPTION_AXES):
        for value in space.axes[axis]:
            expected = _expected_value(axis, value)
            if expected:
                raise SpaceError(f"{where}: axes/{axis}", f"{value!r} is not {expected}", "correct the value")


def _expected_value(axis: str, value: AxisValue) -> str:
    """Return a description of an axis' values; "" if the value is one of them."""
    if value is None:
        return ""
    if axis in _COUNTS:
        return "" if isinstance(value, int) and value > 0 else "a whole number above 0"
    if axis == "arithmetic":
        return "" if value in FLOAT_PRECISIONS else f"one of {', '.join(FLOAT_PRECISIONS)}"
    if axis == "xnnpack":
        return "" if value in _TOGGLES else "yes or no"
    if axis == "lengths":
        try:
            parse_lengths(str(value))
        except BackendError as error:
            return f"a list of lengths ({error})"
    return "" if isinstance(value, str) and value else "a text"


def options_of(point: Point) -> dict[str, AxisValue]:
    """Return the engine options that the point sets, by axis."""
    return {axis: point.values[axis] for axis in OPTION_AXES if point.values.get(axis) is not None}


def option_suffix(point: Point) -> str:
    """Return the point's options, except the backend, as the end of a system's name; "" without options."""
    options = options_of(point)
    return "-".join(f"{axis}_{str(value).replace(',', '_')}" for axis, value in options.items() if axis != BACKEND)


def backend_choice(plan: StudyPlan, point: Point, options: Mapping[str, Any]) -> BackendChoice:
    """Return a point's backend for a job; `options` are engine options in addition to the point's own."""
    own = options_of(point)
    convert: dict[str, Callable[[Any], Any]] = {"threads": int, "xnnpack": _TOGGLES.__getitem__, "delegate": str}
    arithmetic = {"precision": str(own["arithmetic"])} if "arithmetic" in own else {}
    chosen = {name: function(own[name]) for name, function in convert.items() if name in own}
    document = {
        "name": backend_of(plan, point),
        "model_path": plan.candidates[point.model].path,
        "options": {**options, **chosen, **arithmetic},
        "lengths": parse_lengths(str(own["lengths"])) if "lengths" in own else None,
        "batch_sizes": (own["batch"],) if "batch" in own else None,
        "streams": own.get("streams"),
        "cores": own.get("cores"),
    }
    return decode(document, BackendChoice, point.name)


class EngineError(LocatedError):
    """The process of an engine's environment cannot be started."""


class Engines:
    """The processes that run jobs, one for each engine's environment; a context manager that ends them."""

    def __init__(self, engines: Mapping[str, EngineEnvironment]) -> None:
        """Set the environments by backend; no process is started yet."""
        self._engines = engines
        self._started: dict[str, subprocess.Popen[bytes]] = {}

    def __enter__(self) -> Engines:  # noqa: PYI034 - typing has no Self in Python 3.10
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    def end(self) -> None:
        """End the processes; the next run of an engine starts a new one."""
        for process in self._started.values():
            assert process.stdin is not None  # noqa: S101 - opened as a pipe
            process.stdin.close()
        for process in self._started.values():
            process.wait()
        self._started.clear()

    def run(self, backend: str, job: Path, *, new_interpreter: bool) -> tuple[ExitStatus, str]:
        """Run a job to its end; return its status, and the message of a failure.

        Raises:
            EngineError: the environment's Python cannot be started.
        """
        process = self._process(backend)
        assert process.stdin is not None  # noqa: S101 - both are pipes
        assert process.stdout is not None  # noqa: S101
        order = to_line(RunOrder(job=job, new_interpreter=new_interpreter))
        try:
            process.stdin.write(order.encode() + b"\n")
            process.stdin.flush()
            for line in process.stdout:
                event = parse_event(line.decode("utf-8", "replace"))
                if isinstance(event, EndedEvent):
                    return ExitStatus(event.status), event.message
        except BrokenPipeError:
            pass
        del self._started[backend]
        code = process.wait()
        ending = f"by signal {-code}" if code < 0 else f"with status {code}"
        return ExitStatus.KILLED, f"the process that starts runs ended {ending}; the machine may be out of memory"

    def _process(self, backend: str) -> subprocess.Popen[bytes]:
        if backend not in self._started:
            engine = self._engines[backend]
            words = [*engine.prefix, engine.python, str(BOOTSTRAP), "mlperf_home.harness.many"]
            words += ["--import", _IMPORTS[backend]] if backend in _IMPORTS else []
            try:
                self._started[backend] = subprocess.Popen(  # noqa: S603 - our own module, in the engine's environment
                    words, stdin=subprocess.PIPE, stdout=subprocess.PIPE
                )
            except OSError as error:
                problem = f"cannot be started ({error.strerror})"
                raise EngineError(words[0], problem, "create the environment again") from None
        return self._started[backend]
