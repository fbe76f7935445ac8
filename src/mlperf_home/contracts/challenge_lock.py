"""`lock.json` of a challenge: what its results depend on, by hash."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from mlperf_home.contracts.codec import Document
from scriptgraph.files.json_reader import Limits

LOCK_LIMITS = Limits(size=4 << 20, depth=2, values=20_000)
"""Of some 300 hashes and versions; the first lock had 24 kB."""


class ChallengeLock(Document):
    """Tables of hashes and versions, each by name.

    Attributes:
        challenge: the manifest.
        scripts: every script that a workflow may run.
        impossible: workflows that no script here can do, with the reason.
        code: the packages that measure.
        sources: hashes demanded of fetched files, by the first address of each.
        environments: the lock file of each environment.
        packages: versions in those, by "environment: package".
    """

    schema: Literal["mlperf-home/challenge-lock/1"] = "mlperf-home/challenge-lock/1"
    challenge: Mapping[str, str]
    scripts: Mapping[str, str]
    impossible: Mapping[str, str]
    code: Mapping[str, str]
    sources: Mapping[str, str]
    environments: Mapping[str, str]
    packages: Mapping[str, str]
