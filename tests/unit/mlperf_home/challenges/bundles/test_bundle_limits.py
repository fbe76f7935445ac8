"""Each document has one bound: a bundle that we write is one that we can verify."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from mlperf_home.challenges.bundles import documents
from mlperf_home.challenges.bundles.documents import OversizedError, limits_of, require_readable
from mlperf_home.challenges.verification.verification import BundleError
from mlperf_home.contracts.challenges.report import REPORT_LIMITS
from mlperf_home.contracts.studies import answer
from scriptgraph.files.json_reader import Limits

if TYPE_CHECKING:
    from challenge_homes import ChallengeHome
    from unpacked_bundles import UnpackedBundle


def test_an_answer_has_the_limits_of_its_own_reader() -> None:
    limits = limits_of("experiments/study/answer.json")

    assert limits == answer.ANSWER_LIMITS
    assert limits is not None
    assert limits.values <= REPORT_LIMITS.values


@pytest.mark.parametrize("name", ["run.json", "records/first.json", "system.json", "lock.json"])
def test_a_document_that_could_not_be_read_is_not_packed(unpacked: UnpackedBundle, name: str) -> None:
    require_readable(unpacked.root)
    limits = limits_of(name)
    assert limits is not None
    (unpacked.root / name).write_text(json.dumps([0] * (limits.values + 2)))

    with pytest.raises(OversizedError, match=f"{name}: cannot be bundled: it has more than"):
        require_readable(unpacked.root)


def test_a_run_with_too_large_a_report_ends_with_a_line(home: ChallengeHome, monkeypatch: pytest.MonkeyPatch) -> None:
    real = documents.limits_of
    monkeypatch.setattr(documents, "limits_of", lambda name: Limits(size=100) if name == "report.json" else real(name))

    error = home("run", sample=True)["error"]

    assert error.startswith("report.json: cannot be bundled: it has more than 100 bytes")
    assert "\n" not in error


def test_too_many_values_in_all_documents_are_refused(
    unpacked: UnpackedBundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(documents, "ALL_VALUES", 100)

    with pytest.raises(BundleError, match="documents of more than 100 values together"):
        unpacked.verified()
