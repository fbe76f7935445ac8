"""The expected duration of a run: from the steps' own estimates and earlier durations, corrected while it runs."""

from __future__ import annotations

from collections import defaultdict
from statistics import fmean
from typing import TYPE_CHECKING, Any

from scriptgraph.execution.durations import Bounds
from scriptgraph.immutable import Immutable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from scriptgraph.execution.traversal import StepPreview

# One run that was several times as fast or slow as expected says little about those of other steps.
_LEAST_RATIO, _MOST_RATIO = 0.2, 5.0


TO_DO = frozenset({"make", "run", "open"})
"""The statuses of previewed steps that have yet to run."""


class ForecastPart(Immutable):
    """A step of a run that may last: its title, what is unknown about it in words, and its bounds in seconds."""

    title: str
    words: str
    low_s: float | None = None
    high_s: float | None = None


class Forecast:
    """The expected duration of the steps that have yet to run."""

    def __init__(self, parts: Sequence[ForecastPart]) -> None:
        self._left = list(parts)
        self._took: defaultdict[str, list[float]] = defaultdict(list)
        self._ratios: defaultdict[str, list[float]] = defaultdict(list)
        self.before = self.left()
        self.corrections: list[dict[str, float]] = []

    @classmethod
    def of(cls, root: StepPreview, durations: Mapping[str, float]) -> Forecast:
        """Return the forecast of a previewed run.

        `durations` are the seconds of the steps' last runs on this machine, by title. They serve for steps without an
        estimate of their own. Steps that are neither cached nor estimated are short, and left out.
        """
        return cls([part for each in root.all() if (part := _part(each, durations)) is not None])

    def expected(self, title: str) -> Bounds | None:
        """Return the bounds of the next step with this title; None if they are unknown."""
        part = next((each for each in self._left if each.title == title and each.high_s is not None), None)
        return None if part is None else Bounds(part.low_s or 0.0, part.high_s or 0.0)

    def ended(self, title: str, seconds: float, *, done: bool, after_s: float) -> None:
        """Take a step's duration; `done` unless it was skipped or taken from the cache; `after_s` since the start."""
        part = next((each for each in self._left if each.title == title), None)
        if part is None:
            return
        self._left.remove(part)
        if done:
            self._took[title].append(seconds)
            if part.low_s is not None and part.high_s:
                ratio = 2 * seconds / (part.low_s + part.high_s)
                self._ratios[title].append(min(max(ratio, _LEAST_RATIO), _MOST_RATIO))
        left = self.left()
        self.corrections.append(
            {"after_s": round(after_s, 1), "left_low_s": round(left.low_s, 1), "left_high_s": round(left.high_s, 1)}
        )

    def left(self) -> Bounds:
        """Return the expected duration of the steps that are left.

        A step without bounds is expected to last as long as the earlier ones of its title; bounds are scaled by how
        well those of its title were met.
        """
        low_s = high_s = 0.0
        uncounted = []
        for part in self._left:
            if part.low_s is not None and part.high_s is not None:
                ratios = self._ratios.get(part.title)
                low_s += fmean(ratios) * (part.low_s + part.high_s) / 2 if ratios else part.low_s
                high_s += fmean(ratios) * (part.low_s + part.high_s) / 2 if ratios else part.high_s
            elif part.title in self._took:
                low_s += fmean(self._took[part.title])
                high_s += fmean(self._took[part.title])
            else:
                low_s += part.low_s or 0.0
                high_s += part.low_s or 0.0
                uncounted.append(part.words)
        return Bounds(low_s, high_s, tuple(dict.fromkeys(uncounted)))

    def as_document(self) -> dict[str, Any]:
        """Return the expectation before the run, and its corrections, as JSON values."""
        before = self.before
        bounds = (before.low_s, before.high_s) if before.known else (None, None)
        return {
            "low_s": bounds[0],
            "high_s": bounds[1],
            "uncounted": list(before.uncounted),
            "corrected": self.corrections,
        }


def _part(seen: StepPreview, durations: Mapping[str, float]) -> ForecastPart | None:
    if seen.status not in TO_DO:
        return None
    title, estimate = seen.step.title, seen.estimate
    if estimate is not None:
        return ForecastPart(title, estimate.basis or estimate.what, estimate.low_s, estimate.high_s)
    if title in durations:
        return ForecastPart(title, title, durations[title], durations[title])
    if seen.downloads:
        return ForecastPart(title, "downloads")
    return ForecastPart(title, "steps that have not run here") if seen.step.manifest.cache else None
