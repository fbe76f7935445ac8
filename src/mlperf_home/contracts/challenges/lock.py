"""`lock.json` of a challenge: hashes and versions of everything that its results depend on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from mlperf_home.contracts.codec import Document
from scriptgraph.files.json_reader import Limits

LOCK_LIMITS = Limits(size=4 << 20, depth=2, values=20_000)
"""A lock has some 300 hashes and versions, in 24 kB."""


class ChallengeLock(Document):
    """Tables of SHA-256 hashes and versions, by name.

    Attributes:
        challenge: hash of the manifest.
        scripts: hashes of all scripts that a workflow may run.
        impossible: reasons of the workflows without an installed script.
        code: hashes of the packages that results depend on.
        sources: required hashes of downloads, by first address.
        environments: hashes of the environments' lock files.
        packages: versions in these lock files, by "environment: package".
    """

    schema: Literal["mlperf-home/challenge-lock/1"] = "mlperf-home/challenge-lock/1"
    challenge: Mapping[str, str]
    scripts: Mapping[str, str]
    impossible: Mapping[str, str]
    code: Mapping[str, str]
    sources: Mapping[str, str]
    environments: Mapping[str, str]
    packages: Mapping[str, str]
