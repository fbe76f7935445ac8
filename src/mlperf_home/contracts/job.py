"""A run as it is asked for: one JSON file, decoded and checked before anything starts.

Compliance tests are performance runs under an audit.config, which LoadGen reads beside the other conf files.
"""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import MISSING, Field, dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from mlperf_home.contracts.failures import ExitStatus, HarnessError
from mlperf_home.rules import UnknownRoundError, load_round
from mlperf_home.rules.rounds import SCENARIOS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from mlperf_home.rules import Round
    from mlperf_home.rules.rounds import Seeds

TESTS = ("TEST01", "TEST05")
"""Those that a run can be: TEST01 logs some outputs in a performance run, TEST05 has other seeds."""

_LOGS_OUTPUTS = {"accuracy", "TEST01"}
_PERFORMANCE_MODE = 2
MODES = ("performance", "accuracy", "find-performance", *TESTS)
"""What a run measures; compliance tests are performance runs."""


@dataclass(frozen=True)
class BackendChoice:
    """Which engine runs which model, and the shapes asked for; None leaves a choice to calibration."""

    name: str
    model_path: Path
    options: Mapping[str, Any]
    lengths: tuple[int, ...] | None
    batch_sizes: tuple[int, ...] | None
    streams: int | None
    cores: int | None


@dataclass(frozen=True)
class DatasetChoice:
    """Which dataset, preprocessed, and where; how many of its samples (None: all), after how many left out."""

    kind: str
    path: Path
    first: int | None = None
    after: int = 0


@dataclass(frozen=True)
class Job:
    """One LoadGen run.

    `loadgen_model` is the name under which LoadGen reads the conf files ("bert" of the benchmark "bert-99"); `work_dir`
    is an existing folder for derived files of the engine. LoadGen's logs go to `out_dir`, which must not exist and
    exists only when they are whole; `session_path` then describes the run. The JSON file at `calibration_path` has a
    measured grid, used when it fits and written otherwise. `stall_timeout_s` is how long a run may go without
    completing a sample, `time_limit_s` what opening, calibrating and LoadGen may take together (None: as long as it
    lasts). `sample`: a run on sample data, which everything made of it repeats.
    """

    rules: Round = field(metadata={"key": "round"})
    benchmark: str
    loadgen_model: str
    scenario: str
    mode: str
    backend: BackendChoice
    dataset: DatasetChoice
    user_conf: Path
    mlperf_conf: Path
    work_dir: Path
    out_dir: Path
    session_path: Path
    calibration_path: Path | None
    stall_timeout_s: float
    sample: bool
    time_limit_s: float | None = None

    @property
    def partial_dir(self) -> Path:
        """The folder that LoadGen writes to; it becomes out_dir when the run is complete."""
        return self.out_dir.with_name(self.out_dir.name + ".partial")

    @property
    def rejected_dir(self) -> Path:
        """Where the logs of a run that LoadGen found wrong are kept for reading."""
        return self.out_dir.with_name(self.out_dir.name + ".rejected")

    @property
    def partial_session_path(self) -> Path:
        """Where the session stands until the logs are in place."""
        return self.session_path.with_name(self.session_path.name + ".partial")

    @property
    def error_path(self) -> Path:
        """The JSON file that says why there is no session; absent after a complete run."""
        return self.session_path.with_name(self.session_path.stem + ".error.json")


def read_job(path: Path) -> Job:
    """Decode a job file; relative paths in it are relative to the working directory.

    Raise HarnessError, which names the key, if the file is absent or malformed.
    """
    try:
        document = json.loads(path.read_text("utf-8"))
    except OSError as error:
        raise _refusal(str(path), f"cannot be read ({error.strerror})") from None
    except ValueError as error:
        raise _refusal(str(path), f"is not JSON ({error})") from None
    return decode_job(document, where=str(path))


def decode_job(document: Any, where: str = "job") -> Job:
    """Decode a job that is already a JSON value; `where` begins every message.

    Raise HarnessError if a key is missing, unknown or of the wrong form.
    """
    job: Job = _decode(Job, document, where)
    lengths, batch_sizes = job.backend.lengths, job.backend.batch_sizes
    if lengths is not None and list(lengths) != sorted(set(lengths)):
        problem = f"must be ascending without repetition, got {list(lengths)}"
        raise _refusal(f"{where}: backend: lengths", problem)
    if lengths and batch_sizes and len(batch_sizes) not in (1, len(lengths)):
        problem = f"must have one entry, or one for each of the {len(lengths)} lengths, got {list(batch_sizes)}"
        raise _refusal(f"{where}: backend: batch_sizes", problem)
    if job.dataset.after and not job.dataset.first:
        raise _refusal(f"{where}: dataset: after", "needs first: how many samples after them")
    return job


class _Form(NamedTuple):
    """The JSON values that stand for a field: in words, as a check, and how one becomes the field's value."""

    words: str
    fits: Callable[[Any], bool]
    make: Callable[[Any], Any]


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and _is_positive(value)


def _is_positive(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and value > 0


_TEXT = _Form("a string", lambda value: isinstance(value, str) and value != "", str)
_PATH = _TEXT._replace(make=lambda text: Path(text).absolute())
_NUMBER = _Form("a number above 0", _is_positive, float)
_COUNT = _Form("a whole number above 0 or null", lambda value: value is None or _is_count(value), int)
# By the fields' annotations, which `from __future__ import annotations` keeps as they are written.
_FORMS = {
    "Round": _TEXT._replace(make=load_round),
    "str": _TEXT,
    "Path": _PATH,
    "Path | None": _PATH._replace(fits=lambda value: value is None or _PATH.fits(value)),
    "bool": _Form("true or false", lambda value: isinstance(value, bool), bool),
    "float": _NUMBER,
    "float | None": _NUMBER,
    "int": _COUNT,
    "int | None": _COUNT,
    "tuple[int, ...] | None": _Form(
        "a list of whole numbers above 0 or null",
        lambda value: value is None or (isinstance(value, list) and value != [] and all(map(_is_count, value))),
        tuple,
    ),
    "Mapping[str, Any]": _Form("a JSON object", lambda value: isinstance(value, dict), dict),
}
_SHAPES: Mapping[Any, type] = {"BackendChoice": BackendChoice, "DatasetChoice": DatasetChoice}
_CHOICES: Mapping[str, Callable[[Round], tuple[str, ...]]] = {
    "benchmark": lambda rules: tuple(rules.benchmarks),
    "loadgen_model": lambda rules: tuple(rules.loadgen_models),
    "scenario": lambda _: SCENARIOS,
    "mode": lambda _: MODES,
}


def _decode(shape: type[Any], document: Any, where: str) -> Any:
    """Make a dataclass of a JSON object; keys of fields with a default may be left out."""
    if not isinstance(document, dict):
        raise _refusal(where, "must be a JSON object")
    left, made = dict(document), dict[str, Any]()
    for each in fields(shape):
        key = each.metadata.get("key", each.name)
        place = f"{where}: {key}"
        if key in left:
            value, nested = left.pop(key), _SHAPES.get(each.type)
            made[each.name] = _decode(nested, value, place) if nested else _value(each, value, place, made.get("rules"))
        elif each.default is MISSING:
            raise _refusal(place, "is missing")
    if left:
        raise _refusal(f"{where}: {', '.join(sorted(left))}", "is not a key that is known here")
    return shape(**made)


def _value(of: Field[Any], value: Any, place: str, rules: Any) -> Any:
    form = _FORMS[str(of.type)]
    if of.name in _CHOICES:
        known = _CHOICES[of.name](rules)
        form = _Form(f"one of {', '.join(known)}", known.__contains__, str)
    if not form.fits(value):
        raise _refusal(place, f"must be {form.words}, got {value!r}")
    if value is None:
        return None if of.default is MISSING else of.default
    try:
        return form.make(value)
    except UnknownRoundError as error:
        raise _refusal(place, str(error)) from None


def _refusal(place: str, problem: str) -> HarnessError:
    return HarnessError(ExitStatus.BAD_JOB, f"{place}: {problem}")


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
