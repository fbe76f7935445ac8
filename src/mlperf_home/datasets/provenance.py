"""The file that says of a preprocessed dataset what it holds and what it was made of."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mlperf_home.datasets.base import DatasetError

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True)
class ProvenanceFile:
    """How such a file is told from any other.

    Attributes:
        name: the file's name in the dataset's folder.
        content: what it describes, in a word, for messages.
        version: its "format".
        needed: the facts that it states, at least.
        advice: what to do where it cannot be used.
    """

    name: str
    content: str
    version: int
    needed: frozenset[str]
    advice: str

    def read(self, folder: Path) -> dict[str, Any]:
        """Read and check the file of a folder.

        Raises:
            DatasetError: the folder has no such file, or one of another format.
        """
        path = folder / self.name
        try:
            facts = json.loads(path.read_bytes())
        except OSError as error:
            raise DatasetError(path, f"cannot be read ({error.strerror})", self.advice) from error
        except ValueError as error:
            raise DatasetError(path, f"is not JSON ({error})", self.advice) from error
        if not isinstance(facts, dict) or facts.get("format") != self.version:
            raise DatasetError(path, f"is not the description of {self.content} in format {self.version}", self.advice)
        absent = sorted(self.needed - facts.keys())
        if absent:
            raise DatasetError(path, f"does not say {', '.join(absent)}", self.advice)
        return facts
