"""What a benchmark is measured on: where its preprocessed dataset stands, and who computes its accuracy."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mlperf_home.measurements.layout import ResultsError

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True)
class Workload:
    """The dataset's side of a benchmark.

    Attributes:
        kind: the dataset's kind in the harness' job.
        dataset_key: the environment key of its preprocessed folder.
        facts_file: the JSON file in it that says what it is; its "sample_note" is empty for a real dataset.
        identity_keys: the facts that are hashes of what it was made of, as the harness writes them into the session.
        made_by: the tags of the script that makes it.
    """

    kind: str
    dataset_key: str
    facts_file: str
    identity_keys: tuple[str, ...]
    made_by: str

    def facts(self, folder: Path) -> dict[str, Any]:
        """Read what a preprocessed folder says of itself.

        Raises:
            ResultsError: it is not there or does not say.
        """
        try:
            facts = json.loads((folder / self.facts_file).read_text(encoding="utf-8"))
            wanted = {key: facts[key] for key in self.identity_keys}
            return {"sample_note": str(facts.get("sample_note") or ""), **wanted}
        except (OSError, ValueError, KeyError, AttributeError) as error:
            text = f"{folder}: no preprocessed dataset is there ({error}); run {self.made_by}"
            raise ResultsError(text) from error

    def identity(self, folder: Path) -> dict[str, str]:
        """Return the hashes of what a preprocessed folder was made of.

        Raises:
            ResultsError: see `facts`.
        """
        facts = self.facts(folder)
        return {key: str(facts[key]) for key in self.identity_keys}


WORKLOADS = {
    "bert-99": Workload(
        kind="squad",
        dataset_key="CM_DATASET_SQUAD_FEATURES_PATH",
        facts_file="features.json",
        identity_keys=("dataset_sha256", "vocab_sha256"),
        made_by="get,dataset,squad,preprocessed",
    ),
    "resnet": Workload(
        kind="imagenet",
        dataset_key="CM_DATASET_PREPROCESSED_PATH",
        facts_file="images.json",
        identity_keys=("list_sha256", "labels_sha256", "pixels_sha256"),
        made_by="get,dataset,imagenet,preprocessed",
    ),
}
"""By the benchmark's name in the round's rules; every image classifier counts as `resnet` there."""
