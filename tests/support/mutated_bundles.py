"""Every small edit of a bundle's documents, resealed as a forger would."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mlperf_home.challenges.bundles.bundle import MANIFEST
from mlperf_home.challenges.bundles.rendering import render_report
from mlperf_home.challenges.bundles.report_parts import report_parts
from mlperf_home.challenges.verification.verification import BundleError, verify_folder
from mlperf_home.contracts.challenges.report import ChallengeReport
from mlperf_home.contracts.codec import decode, encode
from mlperf_home.contracts.runs.session import sha256_of
from scriptgraph.errors import DocumentError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_FEW, _LONG = 2, 40


@dataclass(frozen=True)
class Edit:
    """An edit of one place in a document: its kind, and the place as keys and positions."""

    kind: str
    place: tuple[str | int, ...]
    value: Any = None

    @property
    def pointer(self) -> str:
        return "".join(f"/{part}" for part in self.place)

    def applied(self, text: str) -> Any:
        """Return the edited document."""
        document = json.loads(text)
        holder = document
        for part in self.place[:-1]:
            holder = holder[part]
        if self.kind == "removed":
            del holder[self.place[-1]]
        else:
            holder[self.place[-1]] = self.value
        return document


def edits(value: Any, place: tuple[str | int, ...] = ()) -> Iterator[Edit]:
    """Yield the edits of all places in a document: another value, an emptied list, a removed member."""
    if place:
        # Whoever reads a document takes an absent member for an empty one.
        if isinstance(place[-1], str) and value not in (None, "", [], {}):
            yield Edit("removed", place)
        yield from (Edit("changed", place, other) for other in _others(value))
    if isinstance(value, dict):
        # The entries of a long table (packages of a lock, files of a manifest) are all alike.
        for key, each in list(value.items())[: _FEW if len(value) > _LONG else None]:
            yield from edits(each, (*place, key))
    elif isinstance(value, list):
        if value and place:
            yield Edit("emptied", place, [])
        for position, each in enumerate(value[:_FEW]):
            yield from edits(each, (*place, position))


def _others(value: Any) -> list[Any]:
    if isinstance(value, bool):
        return [not value]
    if isinstance(value, (int, float)):
        return [value + 1]
    if isinstance(value, str):
        return [f"{value}x"]
    return ["x", 1] if value is None else []


class ResealedBundle:
    """An unpacked bundle whose documents are edited one after another."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._texts = {path.name: path.read_text("utf-8") for path in root.glob("*.*")}

    def problems(self, name: str, edit: Edit, text: str) -> list[str]:
        """Edit a document, reseal the bundle, and return what verification tells; undo all of it."""
        path = self.root / name
        document = edit.applied(text)
        changed = {name: json.dumps(document, indent=1, ensure_ascii=False)}
        if name == "report.json":
            changed |= _rendered(document, json.loads(self._texts["challenge.json"])["title"])
        original = {each: (self.root / each).read_text("utf-8") for each in changed}
        try:
            for each, content in changed.items():
                (self.root / each).write_text(content, "utf-8")
            if name != MANIFEST:
                self._reseal(changed)
            return [str(problem) for problem in verify_folder(path, self.root)[2]]
        except BundleError as error:
            return [str(error)]
        finally:
            for each, content in {**original, MANIFEST: self._texts[MANIFEST]}.items():
                (self.root / each).write_text(content, "utf-8")

    def _reseal(self, names: dict[str, str]) -> None:
        manifest = json.loads(self._texts[MANIFEST])
        for name in names:
            path = self.root / name
            manifest["files"][name] = {"sha256": sha256_of(path), "bytes": path.stat().st_size}
        (self.root / MANIFEST).write_text(json.dumps(manifest, indent=1, sort_keys=True), "utf-8")


def _rendered(document: Any, title: str) -> dict[str, str]:
    """Return the report's texts for people; none if the report is malformed."""
    try:
        report = decode(document, ChallengeReport, "report.json")
        texts = render_report(report, f"{title}: report", report_parts(report))
    except (DocumentError, KeyError, IndexError):
        return {}
    assert json.loads(texts["json"]) == encode(report)
    return {f"report.{ending}": texts[ending] for ending in ("md", "html")}
