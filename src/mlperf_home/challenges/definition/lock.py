"""A challenge's lock: what its results depend on, by hash, so that two runs of it are runs of the same thing."""

from __future__ import annotations

import hashlib
import json
import re
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from mlperf_home.challenges.definition.manifest import MANIFEST_NAME, ChallengeError
from mlperf_home.contracts.challenge_lock import LOCK_LIMITS, ChallengeLock
from mlperf_home.contracts.codec import encode
from mlperf_home.contracts.layouts import read_layout
from mlperf_home.environments import ENVIRONMENTS
from scriptgraph.embed import Difference, KnownDigests, Request, content_digest, parse_query, resolve
from scriptgraph.errors import DocumentError, ScriptGraphError
from scriptgraph.files.atomic import replace_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from mlperf_home.challenges.definition.manifest import Call, Challenge
    from scriptgraph.embed import Manifest, Registry, Value

LOCK_NAME = "lock.json"
MEASURING = (
    "harness", "contracts", "machine", "loadgen_logs", "engines", "datasets", "accuracy", "rules", "samples",
)  # fmt: skip
"""The packages of mlperf_home whose code or files a result comes from; what only shows results may change."""

_NOT_PUBLISHED = "no hash is published: the one of the first download is demanded of later ones"
_HASH = re.compile(r"(^|manifest )([0-9a-f]{12})[0-9a-f]{52}$")
_PINNED = re.compile(r"^([A-Za-z0-9._-]+)==([^\s;\\]+)", re.MULTILINE)


def make_lock(challenge: Challenge, registry: Registry) -> ChallengeLock:
    """Return the lock of a challenge as things are here; the same on every machine.

    A workflow that no script here can do is locked as such, with the reason: it is a difference once there is one.

    Raises:
        ManifestError: a manifest is broken.
    """
    digests = KnownDigests()
    scripts: dict[str, Manifest] = {}
    impossible: dict[str, str] = {}
    for workflow in challenge.workflows:
        try:
            for call in workflow.calls:
                scripts |= _scripts_of(call, registry)
        except ScriptGraphError as error:  # noqa: PERF203 - there are a handful
            impossible[workflow.name] = f"{call.tags}: {type(error).__name__}"
    package = Path(str(find_spec("mlperf_home").origin)).parent  # type: ignore[union-attr] # this is a module of it
    return ChallengeLock(
        challenge={MANIFEST_NAME: digests.of_file(challenge.folder / MANIFEST_NAME)},
        scripts={alias: content_digest(manifest, digests) for alias, manifest in sorted(scripts.items())},
        impossible=impossible,
        code={name: digests.of_folder(package / name) for name in MEASURING},
        sources=pinned_sources(scripts.values()),
        environments={name: digests.of_file(each.lock) for name, each in sorted(ENVIRONMENTS.items())},
        packages={
            f"{name}: {package}": version
            for name, each in sorted(ENVIRONMENTS.items())
            for package, version in sorted(_PINNED.findall(each.lock.read_text(encoding="utf-8")))
        },
    )


def _text(lock: ChallengeLock) -> str:
    return json.dumps(encode(lock), indent=1, sort_keys=True) + "\n"


def lock_digest(lock: ChallengeLock) -> str:
    """Hash a lock."""
    return hashlib.sha256(_text(lock).encode()).hexdigest()


def write_lock(challenge: Challenge, registry: Registry) -> Path:
    """Write a lock beside the challenge's manifest, whole or not at all. Raise ChallengeError if that fails."""
    path = challenge.folder / LOCK_NAME
    try:
        replace_text(path, _text(make_lock(challenge, registry)))
    except OSError as error:
        advice = "make the lock in a checkout of yours"
        raise ChallengeError(path, f"cannot be written ({error.strerror})", advice) from None
    return path


def read_lock(challenge: Challenge) -> ChallengeLock:
    """Read the lock of a challenge. Raise ChallengeError if there is none, or it is damaged."""
    path = challenge.folder / LOCK_NAME
    try:
        return read_layout(path, ChallengeLock, LOCK_LIMITS)
    except DocumentError as error:
        where = f"{path}#{error.pointer}" if error.pointer else path
        raise ChallengeError(where, error.problem, f"make it by cm run challenge {challenge.name} --lock") from None


def lock_differences(locked: ChallengeLock, here: ChallengeLock) -> list[Difference]:
    """Return how what is here differs from what was locked."""
    parts = sorted(set(ChallengeLock.__struct_fields__) - {"schema"})
    return [each for part in parts for each in differences(part, getattr(locked, part), getattr(here, part))]


def differences(part: str, then: Mapping[str, str], now: Mapping[str, str]) -> list[Difference]:
    """Name what differs between two tables of texts; hashes are shortened."""
    return [
        Difference(part, name, *(_HASH.sub(r"\1\2", each.get(name, "not there")) for each in (then, now)))
        for name in sorted(then.keys() | now.keys())
        if then.get(name) != now.get(name)
    ]


def _scripts_of(call: Call, registry: Registry) -> dict[str, Manifest]:
    """Return every script that a command may run: those of its plan, and all that those may need that wait."""
    plan = resolve(Request(parse_query(call.tags), inputs=dict(call.options), env=dict(call.env)), registry)
    found = {step.manifest.alias: step.manifest for step in plan.steps()}
    waiting = [need.dependency for need in plan.deferred()]
    while waiting:
        manifest = registry.select(parse_query(waiting.pop().tags))
        if manifest.alias not in found:
            found[manifest.alias] = manifest
            waiting += [*manifest.deps, *manifest.post_deps]
            waiting += [need for version in manifest.versions.values() for need in version.deps]
            waiting += [need for each in manifest.variations.values() for need in (*each.deps, *each.post_deps)]
    return found


def pinned_sources(scripts: Iterable[Manifest]) -> dict[str, str]:
    """Return the hashes that manifests demand of each first address that they name, joined by spaces."""
    found = {}
    for manifest in scripts:
        # Of two blocks with the same address the last counts.
        blocks = [manifest.default_env, manifest.env]
        for variation in manifest.variations.values():
            blocks += [variation.default_env, variation.env]
            blocks += [need.env for need in (*variation.deps, *variation.post_deps)]
        blocks += [version.env for version in manifest.versions.values()]
        blocks += [need.env for need in (*manifest.deps, *manifest.post_deps)]
        for values in blocks:
            addresses = _texts(values.get("CM_DOWNLOAD_URL"))
            if addresses and "://" in addresses[0] and "<<<" not in addresses[0]:
                found[addresses[0]] = " ".join(sorted(_texts(values.get("CM_DOWNLOAD_HASHES")))) or _NOT_PUBLISHED
    return dict(sorted(found.items()))


def _texts(value: Value | None) -> list[str]:
    if isinstance(value, str):
        return [value]
    return [str(each) for each in value] if isinstance(value, tuple) else []
