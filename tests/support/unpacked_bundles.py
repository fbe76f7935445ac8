"""A bundle that tests edit."""

from __future__ import annotations

import json
import tarfile
from typing import TYPE_CHECKING, Any

from challenge_homes import NAME

from mlperf_home.challenges.bundles.bundle import MANIFEST, file_entries
from mlperf_home.challenges.bundles.verification import VerifiedBundle, verify
from mlperf_home.contracts.codec import encode
from mlperf_home.submission.delivery import pack

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


class UnpackedBundle:
    """A bundle that was unpacked, to be edited and packed again."""

    def __init__(self, bundle: Path, folder: Path) -> None:
        self.folder = folder
        with tarfile.open(bundle) as archive:
            archive.extraction_filter = getattr(tarfile, "data_filter", None)  # from Python 3.11.4 on
            archive.extractall(folder / "edited")  # noqa: S202 - this test has made it
        self.root = folder / "edited" / NAME

    def change(self, name: str, change: Callable[[Any], Any]) -> None:
        """Edit a JSON file."""
        document = json.loads((self.root / name).read_text())
        changed = change(document)
        (self.root / name).write_text(json.dumps(document if changed is None else changed, indent=1, sort_keys=True))

    def rehash(self) -> None:
        """Write the hashes anew, as one would who wants to deceive."""
        self.change(MANIFEST, lambda manifest: manifest.update(files=encode(file_entries(self.root))))

    def verified(self, **options: Any) -> VerifiedBundle:
        """Pack it again and verify that."""
        target = self.folder / "edited.tar.gz"
        pack(self.root, target)
        return verify(target, self.folder / "unpacked", **options)


def found(verified: VerifiedBundle) -> list[str]:
    return [str(finding) for finding in verified.problems]
