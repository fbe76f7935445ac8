"""A meter that runs points under LoadGen; docs/exploration.md describes probes, checks and official runs."""

from __future__ import annotations

import shutil
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from mlperf_home.accuracy.imagenet import accuracy_text as top1_text
from mlperf_home.accuracy.imagenet import score_log
from mlperf_home.accuracy.squad import accuracy_text as f1_text
from mlperf_home.accuracy.squad import evaluate, f1_of_part
from mlperf_home.contracts.codec import read_document, write_document
from mlperf_home.contracts.runs.failures import ExitStatus
from mlperf_home.contracts.runs.session import read_session
from mlperf_home.contracts.studies.journal import AccuracyCount, Observation
from mlperf_home.contracts.studies.study import PLAN_LIMITS, SettledPoint
from mlperf_home.datasets.imagenet.images import read_labels
from mlperf_home.datasets.imagenet.samples import LABELS_FILE
from mlperf_home.engines.base import BackendError
from mlperf_home.engines.model_files import read_model_file
from mlperf_home.errors import LocatedError
from mlperf_home.exploration.definition.meter import AbsentPointError, PointFailedError
from mlperf_home.exploration.live.jobs import PointRun, backend_of, official_folder, probe_conf, run_conf, write_job
from mlperf_home.exploration.live.plan import space_of
from mlperf_home.harness.short_runs import MOST_REPEATS, corrected_target
from mlperf_home.loadgen_logs.answer_writer import write_answers
from mlperf_home.loadgen_logs.answers import ANSWERS_FILE
from mlperf_home.loadgen_logs.run_log import ACCURACY_FILE, read_run
from mlperf_home.measurements.layout import ResultFolder
from scriptgraph.files.atomic import replace_text

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from mlperf_home.contracts.studies.study import Candidate, StudyPlan
    from mlperf_home.exploration.definition.space import Point
    from mlperf_home.exploration.live.jobs import Engines
    from mlperf_home.loadgen_logs.answers import AnswerColumn

# These failures would occur at every point.
_STUDY_FAILURES = frozenset({ExitStatus.BAD_JOB, ExitStatus.BAD_OUTPUT, ExitStatus.INTERRUPTED, ExitStatus.TERMINATED})
_TRIES = 2
# SingleStream's result is this percentile.
_PERCENTILE = "90.00"
_ANEW = "put the old file back, or begin anew under another --experiment_name"
_RETRY_ADVICE = "to try it again, run the same command with a new --experiment_name"


class StudyStoppedError(LocatedError):
    """A run failed for a reason that the next run would meet too."""


class LiveMeter:
    """A `Meter` that runs probes, checks and official runs on this machine.

    The first run of a point calibrates the engine's threads, unless another point of the same model and options has,
    and measures the point's speed. Both are stored beside the journal, so that all runs of a point have one
    configuration.
    """

    def __init__(
        self,
        plan: StudyPlan,
        engines: Engines,
        official_done: Callable[[Point], None],
        on_pause: Callable[[float], None] = lambda _: None,
    ) -> None:
        """Load the settled points.

        `official_done` is called after each official run is in its place; `on_pause` before a pause between rounds,
        with its length in seconds.
        """
        self._plan, self._engines, self._official_done, self._on_pause = plan, engines, official_done, on_pause
        self._round_began_s: float | None = None
        self._settled_path = plan.folder / "settled.json"
        self._settled: dict[str, SettledPoint] = {}
        if self._settled_path.exists():
            self._settled = read_document(self._settled_path, dict[str, SettledPoint], PLAN_LIMITS)
            self._require_same_models()

    def begin_round(self, spacing_s: float) -> None:
        """Wait until `spacing_s` seconds after the begin of the previous round, and end the engines' processes.

        A process may be slow for as long as it lives, so each round has new ones.
        """
        if self._round_began_s is not None:
            pause_s = self._round_began_s + spacing_s - time.monotonic()
            if pause_s > 0:
                self._on_pause(pause_s)
                time.sleep(pause_s)
            self._engines.end()
        self._round_began_s = time.monotonic()

    def probe(self, point: Point, seconds: float, number: int) -> Observation:  # noqa: ARG002 - all probes are alike
        """Run a point under LoadGen for `seconds`, in a process of its own."""
        start_s = time.monotonic()
        if self._plan.running.scenario == "Offline" and point.name not in self._settled:
            self._probe(point, seconds)  # with few samples, to learn how many fill `seconds`
        values, queries = self._probe(point, seconds)
        return Observation(values, queries, time.monotonic() - start_s)

    def official(self, point: Point) -> Observation:
        """Run a point by the round's rules, in a new interpreter, and move the run into the experiment's results."""
        start_s = time.monotonic()
        folder = official_folder(self._plan, point)
        if not folder.complete("performance"):
            if point.name not in self._settled:
                self._probe(point, self._plan.settings.first_probe_s)
            self._publish("performance", self._long_run(point), folder)
        values, queries = self._values(folder.logs("performance"))
        self._official_done(point)
        return Observation(values, queries, _spent_s(start_s, folder.session("performance")))

    def _long_run(self, point: Point) -> ResultFolder:
        """Run a point officially; repeat a run that ends too early, with the target that it reached."""
        conf = run_conf(self._plan, "performance", self._settled[point.name].target)
        for _ in range(MOST_REPEATS):
            fresh = self._run(point, PointRun("performance", conf), new_interpreter=True)
            corrected = corrected_target(fresh.logs("performance"))
            if corrected is None:
                return fresh
            conf = corrected.apply(conf)
        return self._run(point, PointRun("performance", conf), new_interpreter=True)

    def check(self, point: Point, first: int, last: int) -> AccuracyCount:
        """Run LoadGen's accuracy mode on some samples; a run on all samples is part of the point's result."""
        start_s = time.monotonic()
        samples = self._plan.settings.protocol.samples
        part = None if (first, last) == (0, samples) else (first, last)
        folder = self._scratch if part else official_folder(self._plan, point)
        if part or not folder.complete("accuracy"):
            conf = run_conf(self._plan, "accuracy", self._target(point))
            fresh = self._run(point, PointRun("accuracy", conf, part))
            if not part:
                self._publish("accuracy", fresh, folder)
        kind, candidate = self._plan.running.dataset_kind, self._plan.candidates[point.model]
        scored = _score(kind, folder.logs("accuracy") / ACCURACY_FILE, candidate, part, samples)
        if scored.answers:
            write_answers(folder.logs("accuracy") / ANSWERS_FILE, [scored.answers])
            replace_text(folder.logs("accuracy") / "accuracy.txt", scored.text)
        return AccuracyCount(scored.correct, scored.samples, _spent_s(start_s, folder.session("accuracy")))

    def _probe(self, point: Point, seconds: float) -> tuple[dict[str, float], int]:
        conf = probe_conf(self._plan, seconds, self._target(point))
        fresh = self._run(point, PointRun("performance", conf))
        values, queries = self._values(fresh.logs("performance"))
        self._settle(point, fresh, next(iter(values.values())))
        return values, queries

    def _require_same_models(self) -> None:
        """Refuse to go on with a model whose files have changed: its other points were measured with the old ones.

        Raises:
            StudyStoppedError: a model has other files than at its first run, or lacks one.
        """
        now: dict[tuple[str, str], str | None] = {}
        for point in space_of(self._plan).points:
            known, candidate = self._settled.get(point.name), self._plan.candidates.get(point.model)
            if known is None or known.model_sha256 is None or candidate is None:
                continue
            key = (candidate.path, backend_of(self._plan, point))
            if key not in now:
                try:
                    now[key] = read_model_file(Path(candidate.path), key[1]).content_sha256
                except BackendError as error:
                    raise StudyStoppedError(candidate.path, str(error), _ANEW) from None
            if now[key] != known.model_sha256:
                raise StudyStoppedError(candidate.path, "is another model than this exploration began with", _ANEW)

    def _settle(self, point: Point, fresh: ResultFolder, target: float) -> None:
        """Store the engine's choices of the first run, and the best speed: LoadGen prepares queries for it."""
        settled = self._settled.get(point.name)
        best = min if self._plan.running.scenario != "Offline" else max
        if settled is None:
            session = read_session(fresh.session("performance"))
            threads, model = session.calibration and session.calibration.threads, session.model.content_sha256
            # The kept calibration of a known model is used by all later runs, which then tell its doubt too.
            options: Mapping[str, Any] = {"threads": threads} if threads and not model else {}
        elif best(settled.target, target) == settled.target:
            return
        else:
            options, model = settled.options, settled.model_sha256
        self._settled[point.name] = SettledPoint(options=options, target=target, model_sha256=model)
        write_document(self._settled_path, dict(sorted(self._settled.items())))

    def _target(self, point: Point) -> float | None:
        """Return the best speed of a point, in LoadGen's unit; None before its first run."""
        settled = self._settled.get(point.name)
        return None if settled is None else settled.target

    @property
    def _scratch(self) -> ResultFolder:
        return ResultFolder(self._plan.folder / "running")

    def _run(self, point: Point, run: PointRun, *, new_interpreter: bool = False) -> ResultFolder:
        """Run a job, a second time if it fails; return the scratch folder with its logs.

        Raises:
            PointFailedError: the run failed twice.
            StudyStoppedError: the failure would occur at every point.
        """
        if point.model not in self._plan.candidates:
            reason = self._plan.absent.get(point.model, "there is no such model")
            raise AbsentPointError(point.name, reason, "the same command tries it again")
        message, settled = "", self._settled.get(point.name)
        for _ in range(_TRIES):
            shutil.rmtree(self._scratch.root, ignore_errors=True)
            job = write_job(self._plan, point, run, settled.options if settled else {}, self._scratch)
            status, message = self._engines.run(backend_of(self._plan, point), job, new_interpreter=new_interpreter)
            if status is ExitStatus.COMPLETE:
                return self._scratch
            if status in _STUDY_FAILURES:
                raise StudyStoppedError(point.name, message, "correct this; the same command then resumes the study")
        raise PointFailedError(point.name, f"{message} (tried {_TRIES} times)", _RETRY_ADVICE)

    def _publish(self, run: str, fresh: ResultFolder, folder: ResultFolder) -> None:
        """Move a run into a result's folder, with its conf files."""
        with folder.held():
            folder.adopt(run, fresh)
            for name in ("user.conf", "mlperf.conf"):
                if run == "performance" or not (folder.root / name).exists():
                    replace_text(folder.root / name, (fresh.root / name).read_text("utf-8"))

    def _values(self, logs: Path) -> tuple[dict[str, float], int]:
        result = read_run(logs)
        queries = result.query_count or 0
        if self._plan.running.scenario == "Offline":
            return {"samples_per_second": float(result.values["result_samples_per_second"])}, queries
        return {"latency_ms": result.percentiles_ns[_PERCENTILE] / 1e6}, queries


def _spent_s(start_s: float, session: Path) -> float:
    """Return the time since `start_s`, at least the session's own: the run may precede an interruption."""
    times = read_session(session).times
    return float(max(time.monotonic() - start_s, times.open_s + times.run_s))


class _Scored(NamedTuple):
    """The number of correct samples (for answers to questions: their F1 times the count), and the count.

    A run on all samples has the text of accuracy.txt and the answers, too.
    """

    correct: float
    samples: int
    text: str = ""
    answers: AnswerColumn | None = None


def _score(kind: str, log: Path, candidate: Candidate, part: tuple[int, int] | None, samples: int) -> _Scored:
    """Score a run; `part` is its first sample, and the one after the last; None is all `samples`."""
    dataset, questions = Path(candidate.dataset), Path(candidate.questions)
    if kind != "squad":
        labels = read_labels(dataset / LABELS_FILE)
        scored = score_log(log, labels.after(part[0]) if part else labels)
        return _Scored(scored.good, scored.total, *(() if part else (top1_text(scored), scored.answers)))
    if part:
        count = part[1] - part[0]
        return _Scored(count * f1_of_part(log, dataset, questions, part) / 100, count)
    evaluation = evaluate(log, dataset, questions)
    return _Scored(samples * evaluation.scores.f1 / 100, samples, f1_text(evaluation), evaluation.answers)
