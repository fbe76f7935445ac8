"""A folder of preprocessed samples: arrays, and the file that describes their content and sources."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from mlperf_home.contracts.codec import OpenDocument, decode
from mlperf_home.datasets.base import DatasetError
from scriptgraph.errors import DocumentError
from scriptgraph.files.json_reader import Limits, read_json
from scriptgraph.files.parsing import parsing

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray


# A description has some twenty facts and a few sentences.
_LIMITS = Limits(size=1 << 20, depth=8, values=10_000)


class SampleFacts(OpenDocument):
    """The description of a folder of preprocessed samples; datasets add facts."""

    name: str
    performance_count: int
    sample_note: str
    notes: tuple[str, ...]


class PreprocessedSamples:
    """The part of `mlperf_home.datasets.base.Samples` that a folder's description contains.

    Attributes:
        notes: the reasons why a result is not official, as sentences.
    """

    def __init__(self, facts: Mapping[str, Any], count: str, *hashes: str) -> None:
        """Copy the facts; `count` and `hashes` are the names of the facts that differ between datasets."""
        self.name = str(facts["name"])
        self.count = int(facts[count])
        self.performance_count = int(facts["performance_count"])
        self.sample_note = str(facts["sample_note"])
        self.identity = {key: str(facts[key]) for key in hashes}
        self.notes = tuple(str(note) for note in facts["notes"])


@dataclass(frozen=True)
class ProvenanceFile:
    """The description file of a kind of folder.

    Attributes:
        name: the file's name in the folder.
        content: the kind of content, one word for messages ("images").
        version: the expected "format".
        facts: the type of the description.
        advice: the user's next step if the folder cannot be used.
    """

    name: str
    content: str
    version: int
    facts: type[SampleFacts]
    advice: str

    def read(self, folder: Path) -> dict[str, Any]:
        """Read and check the file of a folder.

        Raises:
            DatasetError: the file is absent, incomplete or of another format.
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
            DatasetError: the array is absent or broken.
        """
        try:
            with parsing(lambda reason: DatasetError(path, f"cannot be read ({reason})", self.advice)):
                array: NDArray[Any] = np.load(path, mmap_mode="r", allow_pickle=False)
        except OSError as error:
            raise DatasetError(path, f"cannot be read ({error})", self.advice) from error
        return array

    def replaceable(self, folder: Path) -> bool:
        """Whether the folder can be replaced without loss: it is absent, empty, or of this kind."""
        if not folder.exists():
            return True
        return folder.is_dir() and ((folder / self.name).is_file() or not any(folder.iterdir()))
