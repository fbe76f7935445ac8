"""Bundles that tests unpack and edit."""

from __future__ import annotations

import json
import tarfile
from typing import TYPE_CHECKING, Any

from challenge_homes import NAME

from mlperf_home.challenges.bundles.bundle import MANIFEST, file_entries
from mlperf_home.challenges.verification.verification import VerifiedBundle, verify
from mlperf_home.contracts.codec import encode
from mlperf_home.submission.delivery import pack

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


class UnpackedBundle:
    """An unpacked bundle, to be edited and packed again."""

    def __init__(self, bundle: Path, folder: Path) -> None:
        self.folder = folder
        with tarfile.open(bundle) as archive:
            archive.extraction_filter = getattr(tarfile, "data_filter", None)  # since Python 3.11.4
            archive.extractall(folder / "edited")  # noqa: S202 - made by the test itself
        self.root = folder / "edited" / NAME

    def change(self, name: str, change: Callable[[Any], Any]) -> None:
        """Edit a JSON file."""
        document = json.loads((self.root / name).read_text())
        changed = change(document)
        (self.root / name).write_text(json.dumps(document if changed is None else changed, indent=1, sort_keys=True))

    def rehash(self) -> None:
        """Rewrite the hashes in the manifest, as a forger would."""
        self.change(MANIFEST, lambda manifest: manifest.update(files=encode(file_entries(self.root))))

    def verified(self, **options: Any) -> VerifiedBundle:
        """Pack the folder again, and verify the bundle."""
        target = self.folder / "edited.tar.gz"
        pack(self.root, target)
        return verify(target, self.folder / "unpacked", **options)


def problems_of(verified: VerifiedBundle) -> list[str]:
    return [str(problem) for problem in verified.problems]
