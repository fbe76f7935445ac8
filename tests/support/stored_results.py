"""Results below a folder, as a run leaves them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlperf_home.measurements.measurement import Measurement, Value, to_json

if TYPE_CHECKING:
    from pathlib import Path

MODEL = "mobilenet-v1/1.0/224/uint8"


def measured(model: str = MODEL, latency_ms: float | None = 5.0, **changes: Any) -> Measurement:
    """Return an official SingleStream measurement on litert; `engine` and `values` replace the usual ones."""
    engine = changes.pop("engine", "litert")
    numbers = {"latency_ms": latency_ms, "top1_percent": 70.0, **changes.pop("values", {})}
    known: dict[str, Any] = {
        "round": "v3.1",
        "benchmark": "resnet",
        "scenario": "SingleStream",
        "sample": False,
        "sample_note": "",
        "validity": "VALID",
        "reasons": (),
        "unofficial_because": (),
        "engine": {"name": Value(engine, "copied"), "version": Value("2.0", "copied")},
        "model": {"name": Value(model, "copied")},
        "system": {"name": Value("box", "copied"), "host_processor_model_name": Value("A CPU", "copied")},
        "values": {name: Value(number, "measured") for name, number in numbers.items() if number is not None},
        "logs": {},
        "warnings": (),
    }
    return Measurement(**{**known, **changes})


def store(root: Path, name: str, measurement: Measurement) -> Path:
    """Write a result's folder, with a log beside its measurement."""
    folder = root / name
    (folder / "performance" / "run_1").mkdir(parents=True)
    (folder / "performance" / "run_1" / "mlperf_log_summary.txt").write_text("a log\n")
    (folder / "measurement.json").write_text(to_json(measurement))
    return folder
