"""A plan on one screen: the work, the machine, the downloads, the disk and the time."""

from __future__ import annotations

import shutil
import textwrap
from collections import Counter
from typing import TYPE_CHECKING

from scriptgraph.cli.tables import size_text
from scriptgraph.execution.before_run.forecast import TO_DO
from scriptgraph.execution.durations import bounds_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from scriptgraph.execution.before_run.required_files import RequiredFile
    from scriptgraph.execution.durations import Bounds
    from scriptgraph.execution.traversal import StepPreview
    from scriptgraph.planning.plan import Plan

_INDENT = " " * 11
_MOST_NAMES = 3
_LEAST_WIDTH = 40


def summary_lines(
    plan: Plan, root: StepPreview, fetched: Sequence[RequiredFile], expected: Bounds, disk: Path, width: int
) -> list[str]:
    """Return a plan as lines of at most `width` columns; `disk` is a path on the disk that downloads go to."""
    rows = [("plan", f"{plan.fingerprint[:12]} for {root.step.title}")]
    rows += _foreign_code(root)
    rows += _work(root)
    rows += zip(("fetches", "", ""), _downloads(fetched), strict=False)
    rows += [("disk", _disk(fetched, disk)), ("time", _time(expected, root)), ("steps", _steps(root))]
    lines: list[str] = []
    for name, text in rows:
        first = f"{name:<{len(_INDENT)}}"
        lines += textwrap.wrap(
            text, max(width, _LEAST_WIDTH), initial_indent=first, subsequent_indent=_INDENT,
            break_long_words=False, break_on_hyphens=False,
        )  # fmt: skip
    return lines


def _foreign_code(root: StepPreview) -> Iterator[tuple[str, str]]:
    """Yield the collections whose code the run would start."""
    scripts: dict[str, set[str]] = {}
    for each in root.all():
        if each.step.manifest.foreign is not None:
            scripts.setdefault(each.step.manifest.foreign.collection, set()).add(each.step.manifest.place)
    for name, places in sorted(scripts.items()):
        yield "runs", f"shell code of the collection {name} ({len(places)} of its scripts, as far as is known)"


def _work(root: StepPreview) -> Iterator[tuple[str, str]]:
    """Yield the estimated work, each kind once with the number of its subjects, and the machine."""
    steps = root.all()
    estimates = [each.estimate for each in steps if each.estimate and each.status in TO_DO]
    rows = [each.row.label for each in steps if each.row]
    subjects = rows or list(dict.fromkeys(each.subject for each in estimates if each.subject))
    if estimates and subjects:
        yield "measures", f"{len(subjects)}: {few(subjects)}" if len(subjects) > 1 else subjects[0]
    kinds = Counter(each.what for each in estimates)
    yield from (("", f"{what}, {count} times" if count > 1 else what) for what, count in kinds.items())
    yield from (("on", machine) for machine in dict.fromkeys(each.machine for each in estimates if each.machine))


def _downloads(fetched: Sequence[RequiredFile]) -> Iterator[str]:
    here = [each for each in fetched if each.local]
    away = [each for each in fetched if not each.local]
    if not away:
        yield f"nothing; {len(here)} files are here" if here else "nothing that is known yet"
        return
    known = [each.size_bytes for each in away if each.size_bytes]
    about = "" if all(each.download.size_bytes for each in away if each.size_bytes) else "about "
    unknown = len(away) - len(known)
    sizes = [f"{about}{size_text(sum(known))}"] if known else []
    sizes += [f"{unknown} of unknown size"] if unknown else []
    files = "1 file" if len(away) == 1 else f"{len(away)} files"
    yield f"{files} ({', '.join(sizes)}): {few([each.download.name for each in away])}"
    hosts = list(dict.fromkeys(host for each in away for host, _ in each.hosts))
    if any(not each.hosts for each in away):
        hosts.append("the package index")
    yield f"from {', '.join(hosts)}"
    licences = list(dict.fromkeys(each.facts.licence for each in away if each.facts.licence))
    if licences:
        yield f"licences: {'; '.join(licences)}"


def _disk(fetched: Sequence[RequiredFile], disk: Path) -> str:
    sizes = [each.size_bytes or 0 for each in fetched if not each.local]
    place = next((each for each in (disk, *disk.parents) if each.exists()), disk)
    try:
        free = f"{size_text(shutil.disk_usage(place).free)} are free"
    except OSError as error:
        free = f"free space is unknown: {error.strerror}"
    # Archives are unpacked beside their downloads.
    return f"at least {size_text(sum(sizes))} and what archives unpack to; {free}" if sum(sizes) else free


def _time(expected: Bounds, root: StepPreview) -> str:
    bases = dict.fromkeys(each.estimate.basis for each in root.all() if each.estimate and each.estimate.high_s)
    text = bounds_text(expected)
    if expected.known and bases:
        text += f", by {few(list(bases))}"
    return f"{text}; not counted: {'; '.join(expected.uncounted)}" if expected.uncounted else text


def _steps(root: StepPreview) -> str:
    counts = Counter(each.status for each in root.all() if each.status not in {"again", "pass"})
    to_do = sum(count for status, count in counts.items() if status in TO_DO)
    deferred = len(root.deferred())
    errors = [each.error for each in root.all() if each.error]
    parts = [f"{to_do} to run", f"{counts['cached']} in the cache"]
    parts += [f"{deferred} more decided on the way"] if deferred else []
    parts += [f"{len(errors)} cannot run: {errors[0]}"] if errors else []
    return f"{', '.join(parts)}; -v lists them"


def few(names: Sequence[str]) -> str:
    """Return the first names and the number of the others."""
    shown = ", ".join(names[:_MOST_NAMES])
    return f"{shown} and {len(names) - _MOST_NAMES} more" if len(names) > _MOST_NAMES else shown
