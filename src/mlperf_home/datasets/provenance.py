"""A folder of preprocessed samples: arrays, and the file that says what they hold and what they were made of."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from mlperf_home.contracts.codec import OpenDocument, decode
from mlperf_home.datasets.base import DatasetError
from scriptgraph.errors import DocumentError
from scriptgraph.files.json_reader import Limits, read_json

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray


# A description has some twenty facts and a few sentences.
_LIMITS = Limits(size=1 << 20, depth=8, values=10_000)


class SampleFacts(OpenDocument, frozen=True, kw_only=True):
    """What every folder of preprocessed samples says of itself; datasets say more."""

    name: str
    performance_count: int
    sample_note: str
    notes: tuple[str, ...]


class PreprocessedSamples:
    """The part of `mlperf_home.datasets.base.Samples` that a folder's description tells.

    Attributes:
        notes: sentences that belong beside a result: what keeps it from being official.
    """

    def __init__(self, facts: Mapping[str, Any], count: str, *hashes: str) -> None:
        """Take over the facts; `count` and `hashes` name those that datasets call differently."""
        self.name = str(facts["name"])
        self.count = int(facts[count])
        self.performance_count = int(facts["performance_count"])
        self.sample_note = str(facts["sample_note"])
        self.identity = {key: str(facts[key]) for key in hashes}
        self.notes = tuple(str(note) for note in facts["notes"])


@dataclass(frozen=True)
class ProvenanceFile:
    """How such a folder is told from any other.

    Attributes:
        name: the describing file's name in the folder.
        content: what it describes, in a word, for messages.
        version: its "format".
        facts: the facts that it states, at least.
        advice: what to do where the folder cannot be used.
    """

    name: str
    content: str
    version: int
    facts: type[SampleFacts]
    advice: str

    def read(self, folder: Path) -> dict[str, Any]:
        """Read and check the file of a folder.

        Raises:
            DatasetError: the folder has no such file, or one of another format.
        """
        path = folder / self.name
        try:
            facts = read_json(path, _LIMITS)
            if not isinstance(facts, dict) or facts.get("format") != self.version:
                problem = f"is not the description of {self.content} in format {self.version}"
                raise DatasetError(path, problem, self.advice)
            decode(facts, self.facts, path)
        except DocumentError as error:
            place = f"{path}#{error.pointer}" if error.pointer else path
            raise DatasetError(place, error.problem, self.advice) from None
        return facts

    def text(self, facts: dict[str, Any]) -> str:
        """Return the file's content."""
        return json.dumps(facts, indent=2) + "\n"

    def map_array(self, path: Path) -> NDArray[Any]:
        """Map an array of a folder into memory, read-only.

        Raises:
            DatasetError: it is absent or broken.
        """
        try:
            array: NDArray[Any] = np.load(path, mmap_mode="r", allow_pickle=False)
        except (OSError, ValueError, EOFError) as error:
            raise DatasetError(path, f"cannot be read ({error})", self.advice) from error
        return array

    def replaceable(self, folder: Path) -> bool:
        """Whether nothing is lost when this folder is replaced: it is absent, empty, or such a folder."""
        if not folder.exists():
            return True
        return folder.is_dir() and ((folder / self.name).is_file() or not any(folder.iterdir()))
