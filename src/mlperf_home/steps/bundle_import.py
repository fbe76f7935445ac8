"""Bundles as measurements: each is verified first, in a process with limits."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from mlperf_home.challenges.bundles.problems import grouped
from mlperf_home.challenges.bundles.results import measurement_files
from mlperf_home.challenges.bundles.sender import CONTRIBUTOR_FILE, read_contributor
from mlperf_home.challenges.verification.confinement import verify_confined
from mlperf_home.challenges.verification.verification import BundleError
from mlperf_home.measurements.imports.importing import ImportedResults
from mlperf_home.measurements.measurement import Value, read_measurement

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from mlperf_home.challenges.verification.verification import VerifiedBundle
    from mlperf_home.measurements.measurement import Measurement

_SUFFIX = ".tar.gz"
_SOURCE = "bundle.json, signed"


def bundles_at(path: Path) -> list[Path]:
    """Return the bundle at a path, or those in a folder and below it; none if it holds something else."""
    if path.is_file():
        return [path] if path.name.endswith(_SUFFIX) else []
    return sorted(each for each in path.rglob(f"*{_SUFFIX}") if each.is_file())


def read_bundles(bundles: list[Path], scratch: Path, problems: list[str]) -> ImportedResults:
    """Verify bundles, and return the measurements of the valid ones.

    Args:
        bundles: the archives.
        scratch: a folder for their contents.
        problems: takes a sentence for each bundle that is not valid.
    """
    kind = "bundle" if len(bundles) == 1 else f"folder of {len(bundles)} bundles"
    return ImportedResults(kind, _measurements(bundles, scratch, problems))


def _measurements(bundles: list[Path], scratch: Path, problems: list[str]) -> Iterator[Measurement]:
    for number, bundle in enumerate(bundles):
        try:
            verified = verify_confined(bundle, scratch / str(number))
        except BundleError as error:
            problems.append(str(error))
            continue
        if verified.problems:
            causes = grouped((each.file, each.problem) for each in verified.problems)
            problems.append(f"{bundle}: was changed or is damaged: {causes[0]}")
            continue
        sender = _sender_facts(verified)
        for path in measurement_files(verified.root):
            measurement = read_measurement(path, path.relative_to(verified.root).as_posix())
            yield replace(measurement, system={**measurement.system, **sender})


def _sender_facts(verified: VerifiedBundle) -> Mapping[str, Value]:
    """Return who answers for a bundle; nothing of an unsigned one."""
    sender = verified.manifest.sender
    if sender is None or verified.signature is None:
        return {}
    name = read_contributor(verified.root) if (verified.root / CONTRIBUTOR_FILE).is_file() else None
    facts = {
        "contributor": name.name if name else sender.contributor and f"contributor-{sender.contributor[:12]}",
        "contributor_link": name.link if name else "",
        "key": sender.key,
    }
    return {name: Value(text, "copied", _SOURCE) for name, text in facts.items() if text}
