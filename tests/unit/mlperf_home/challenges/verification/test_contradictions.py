"""A bundle whose documents contradict each other is refused, with the place and both values."""

from __future__ import annotations

import json
import re
import shutil
from typing import TYPE_CHECKING, Any

import pytest
from challenge_homes import challenge_home
from mutated_bundles import ResealedBundle, edits
from unpacked_bundles import UnpackedBundle, problems_of

from mlperf_home.challenges.bundles.rendering import render_report
from mlperf_home.challenges.bundles.report_parts import report_parts
from mlperf_home.challenges.verification.contradictions import first_contradiction
from mlperf_home.contracts.challenges.report import ChallengeReport
from mlperf_home.contracts.codec import decode

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from challenge_homes import ChallengeHome

RESULT = (
    "results/first/valid_results/box-reference-cpu-deepsparse-v1.8.0-default_config"
    "/obert-large-pruned95_quant-none-bert-99/offline"
)


def resealed(unpacked: UnpackedBundle, **changes: Callable[[Any], Any]) -> list[str]:
    """Edit documents (`report=...` for report.json), render the report anew, reseal, and verify."""
    for name, change in changes.items():
        unpacked.change(f"{name}.json", change)
    report = decode(json.loads((unpacked.root / "report.json").read_text()), ChallengeReport, "report.json")
    for ending, text in render_report(report, "A tiny challenge: report", report_parts(report)).items():
        (unpacked.root / f"report.{ending}").write_text(text)
    unpacked.rehash()
    return problems_of(unpacked.verified())


class TestReports:
    def test_the_state_follows_from_dates_and_end(self, unpacked: UnpackedBundle) -> None:
        def claim(report: dict[str, Any]) -> None:
            report.update(state="open", counts=True, counts_not_because=[])

        problems = resealed(unpacked, report=claim)

        assert any(
            re.match(r"report\.json: /counts is true, but the rest of the bundle gives false", each)
            for each in problems
        )

    @pytest.mark.parametrize("key", ["required", "expected"])
    def test_emptied_checks_are_named(self, unpacked: UnpackedBundle, key: str) -> None:
        problems = resealed(unpacked, report=lambda report: report.update({key: []}))

        assert any(each.startswith(f"report.json: /{key} is a list of 0, but") for each in problems), problems

    def test_requirements_follow_from_the_challenge(self, unpacked: UnpackedBundle) -> None:
        def empty(document: dict[str, Any]) -> None:
            document.update(required=[])

        problems = resealed(unpacked, report=empty, checked=empty)

        assert any(each.startswith("checked.json: /required is a list of 0, but") for each in problems), problems

    def test_a_workflows_state_is_that_of_the_run(self, unpacked: UnpackedBundle) -> None:
        problems = resealed(unpacked, report=lambda report: report["workflows"][0].update(status="failed"))

        assert 'report.json: /workflows/0/status is "failed", but the rest of the bundle gives "done"' in problems

    def test_the_end_is_that_of_the_last_workflow(self, unpacked: UnpackedBundle) -> None:
        def earlier(document: dict[str, Any]) -> None:
            document.update(made_utc="2026-05-01T00:00:00+00:00")

        problems = resealed(unpacked, report=earlier, bundle=earlier)

        assert any(each.startswith("report.json: /made_utc is ") for each in problems)
        assert any(each.startswith("bundle.json: /made_utc is ") for each in problems)


class TestRuns:
    def test_another_challenge_than_the_locked_one_is_named(self, unpacked: UnpackedBundle) -> None:
        problems = resealed(unpacked, challenge=lambda challenge: challenge.update(points=2))

        assert "challenge.json: has another hash than lock.json gives for the challenge" in problems

    def test_a_result_in_another_scenarios_folder_is_named(self, unpacked: UnpackedBundle) -> None:
        moved = RESULT.replace("/offline", "/multistream")
        shutil.move(unpacked.root / RESULT, unpacked.root / moved)
        for name in ("run.json", "report.json"):
            path = unpacked.root / name
            path.write_text(path.read_text().replace(RESULT, moved))

        problems = resealed(unpacked)

        assert (
            f"{moved}/measurement.json: is of the scenario 'offline', but lies in the folder of 'multistream'"
            in problems
        )

    @pytest.mark.parametrize("plan", [None, []], ids=["removed", "empty"])
    def test_a_record_without_a_plan_is_named(self, unpacked: UnpackedBundle, plan: list[Any] | None) -> None:
        def strip(record: dict[str, Any]) -> None:
            record.pop("plan") if plan is None else record.update(plan=plan)

        unpacked.change("records/first.json", strip)

        assert "records/first.json: has no plan, but run.json calls the workflow done" in resealed(unpacked)

    def test_a_missing_record_is_named(self, unpacked: UnpackedBundle) -> None:
        (unpacked.root / "records" / "first.json").unlink()

        assert "records/first.json: is missing, but run.json calls the workflow done" in resealed(unpacked)

    def test_options_that_the_report_hides_are_named(self, unpacked: UnpackedBundle) -> None:
        unpacked.change("records/first.json", lambda record: record["request"]["inputs"].update(model="mine.onnx"))

        problems = resealed(unpacked)

        assert any(each.startswith("records/first.json: /request/inputs/model is no option") for each in problems)


class TestFiles:
    def test_json_that_is_none_is_named(self, unpacked: UnpackedBundle) -> None:
        (unpacked.root / "system.json").write_text("{")

        assert any(each.startswith("system.json: is not JSON") for each in resealed(unpacked))

    def test_a_key_that_stands_there_twice_is_named(self, unpacked: UnpackedBundle) -> None:
        path = unpacked.root / "lock.json"
        path.write_text(path.read_text().replace("{", '{"impossible": {"first": "x"},', 1))

        assert any(each.startswith("lock.json: has the key 'impossible' twice") for each in resealed(unpacked))

    def test_a_file_that_no_bundle_has_is_named(self, unpacked: UnpackedBundle) -> None:
        (unpacked.root / "results" / "notes.txt").write_text("x")

        assert "results/notes.txt: is no part of a bundle" in resealed(unpacked)


@pytest.mark.parametrize(
    ("stated", "derived", "text"),
    [
        ({"a": [1, {"b": 2}]}, {"a": [1, {"b": 3}]}, "/a/1/b is 2, but the rest of the bundle gives 3"),
        ({"a": True}, {"a": 1}, "/a is true, but the rest of the bundle gives 1"),
        ({}, {"a": "x"}, '/a is absent, but the rest of the bundle gives "x"'),
        ([1], [1, 2], "the document is a list of 1, but the rest of the bundle gives a list of 2"),
    ],
)
def test_the_first_difference_has_its_place_and_both_values(stated: object, derived: object, text: str) -> None:
    assert str(first_contradiction(stated, derived)) == text
    assert first_contradiction(stated, stated) is None


# Places without a second document that repeats them: only hash and signature protect their values.
NO_CLAIM = {
    r"(performance|accuracy)-session\.json/job/(batch_sizes|cores|lengths|streams)\b.*": "wishes; see the grid",
    r"(performance|accuracy)-session\.json/job/(stall_timeout_s|dataset_path)": "settings that no log has",
    r"(performance|accuracy)-session\.json/counts/batches": "LoadGen does not know the engine's batches",
    r"(performance|accuracy)-session\.json/loadgen/version": "the installed version; logs have the built one",
    r"(performance|accuracy)-session\.json/host/affinity_cpus/\d+": "a measurement has only their number",
    r"accuracy-session\.json/(grid|host)/.*": "the accuracy run may use another grid, at another load",
    r"accuracy-session\.json/(peak_memory_bytes|times/(open|run)_s)": "a measurement has those of the performance run",
    r"accuracy-session\.json/counts/queries": "an accuracy log does not count queries",
    r"accuracy-session\.json/job/user_conf": "user.conf is that of the performance run",
    r"(performance|accuracy)-session\.json/(schema|status)": "absent means the only allowed value",
    r"measurement\.json/model/(retraining|weight_transformations|weight_type)\b.*": "facts from the model's step",
    r"records/first\.json/(plan/\d+/(alias|manifest|title|version)|plan_fingerprint)": "a replay compares them",
    r"run\.json/workflows/first/attempts": "nobody else counts them",
    r"records/first\.json/(exports\b.*|schema)": "nothing reads them",
    r"records/first\.json/request/(argv\b.*|inputs/results_dir)": "the typed words; a folder of the contributor",
    r"records/first\.json/(start|end)_ns": "a time within the workflow's own",
    r"system\.json/(accelerator.*|cooling|framework|number_of_nodes|system_type.*)": "only the description has them",
    r"system\.json/(status|submitter|division|.w_notes|other_software_stack)": "the user's words",
    r"system\.json/host_(memory|network|storage|processor_(caches|frequency|interconnect)).*": "only there",
}

# Measurements of version 0.1 lack these; a changed one is told. The stub's runs keep no latencies, which leaves their
# states unknown.
MAY_BE_REMOVED = {"measurement.json/values/dataset", "measurement.json/values/changed_state"}


@pytest.mark.slow
def test_every_edit_that_contradicts_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bundle = challenge_home(tmp_path, monkeypatch).bundle(only="first")
    unpacked = UnpackedBundle(bundle, tmp_path)
    resealable, silent = ResealedBundle(unpacked.root), []

    for path in sorted(unpacked.root.rglob("*.json")):
        if path.name.startswith("mlperf_log_"):
            continue
        name, text = path.relative_to(unpacked.root).as_posix(), path.read_text()
        short = path.name if name.startswith("results/") else name
        for edit in edits(json.loads(text)):
            place = f"{short}{edit.pointer}"
            exempt = any(re.fullmatch(pattern, place) for pattern in NO_CLAIM)
            exempt |= edit.kind == "removed" and place in MAY_BE_REMOVED
            if not exempt and not resealable.problems(name, edit, text):
                silent.append(f"{place} {edit.kind}")

    assert silent == []


def test_a_resealed_bundle_without_an_edit_is_valid(home: ChallengeHome, tmp_path: Path) -> None:
    unpacked = UnpackedBundle(home.bundle(only="first"), tmp_path)

    assert resealed(unpacked) == []
