"""A challenge's lock: hashes and versions of everything that its results depend on."""

from __future__ import annotations

import hashlib
import json
import re
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from mlperf_home.challenges.definition.manifest import MANIFEST_NAME, ChallengeError
from mlperf_home.contracts.challenges.lock import LOCK_LIMITS, ChallengeLock
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
MEASURING_PACKAGES = (
    "harness", "contracts", "machine", "loadgen_logs", "engines", "datasets", "accuracy", "rules", "samples",
)  # fmt: skip
"""The packages of mlperf_home that results depend on; packages that only display results may change."""

_NOT_PUBLISHED = "no hash is published: the one of the first download is demanded of later ones"
_HASH = re.compile(r"(^|manifest )([0-9a-f]{12})[0-9a-f]{52}$")
_PINNED = re.compile(r"^([A-Za-z0-9._-]+)==([^\s;\\]+)", re.MULTILINE)


def make_lock(challenge: Challenge, registry: Registry) -> ChallengeLock:
    """Return the lock of a challenge for the installed scripts and code; machines with the same ones agree.

    A workflow without an installed script is locked under `impossible`, with the error's name.

    Raises:
        ManifestError: a manifest is malformed.
    """
    digests = KnownDigests()
    scripts: dict[str, Manifest] = {}
    impossible: dict[str, str] = {}
    for workflow in challenge.workflows:
        try:
            for call in workflow.calls:
                scripts |= _scripts_of(call, registry, challenge.scripts)
        except ScriptGraphError as error:  # noqa: PERF203 - a handful of workflows
            impossible[workflow.name] = f"{call.tags}: {type(error).__name__}"
    package = Path(str(find_spec("mlperf_home").origin)).parent  # type: ignore[union-attr] # this module is in it
    return ChallengeLock(
        challenge={MANIFEST_NAME: digests.of_file(challenge.folder / MANIFEST_NAME)},
        scripts={alias: content_digest(manifest, digests) for alias, manifest in sorted(scripts.items())},
        impossible=impossible,
        code={name: digests.of_folder(package / name) for name in MEASURING_PACKAGES},
        sources=pinned_sources(scripts.values()),
        environments={name: digests.of_file(env.lock) for name, env in sorted(ENVIRONMENTS.items())},
        packages={
            f"{name}: {package}": version
            for name, env in sorted(ENVIRONMENTS.items())
            for package, version in sorted(_PINNED.findall(env.lock.read_text(encoding="utf-8")))
        },
    )


def _text(lock: ChallengeLock) -> str:
    return json.dumps(encode(lock), indent=1, sort_keys=True) + "\n"


def lock_digest(lock: ChallengeLock) -> str:
    """Return the SHA-256 of a lock's text."""
    return hashlib.sha256(_text(lock).encode()).hexdigest()


def write_lock(challenge: Challenge, registry: Registry) -> Path:
    """Write a lock beside the challenge's manifest, atomically. Raise ChallengeError if that fails."""
    path = challenge.folder / LOCK_NAME
    try:
        replace_text(path, _text(make_lock(challenge, registry)))
    except OSError as error:
        advice = "write the lock in a checkout that you own"
        raise ChallengeError(path, f"cannot be written ({error.strerror})", advice) from None
    return path


def read_lock(challenge: Challenge) -> ChallengeLock:
    """Read the lock of a challenge. Raise ChallengeError if it is missing or damaged."""
    path = challenge.folder / LOCK_NAME
    try:
        return read_layout(path, ChallengeLock, LOCK_LIMITS)
    except DocumentError as error:
        where = f"{path}#{error.pointer}" if error.pointer else path
        raise ChallengeError(where, error.problem, f"renew it: cm run challenge {challenge.name} --lock") from None


def lock_differences(locked: ChallengeLock, here: ChallengeLock) -> list[Difference]:
    """Return the differences between a stored lock and the installed one."""
    parts = sorted(set(ChallengeLock.__struct_fields__) - {"schema"})
    return [each for part in parts for each in table_differences(part, getattr(locked, part), getattr(here, part))]


def table_differences(part: str, then: Mapping[str, str], now: Mapping[str, str]) -> list[Difference]:
    """Return the differences between two tables of texts, with shortened hashes."""
    return [
        Difference(part, name, *(_HASH.sub(r"\1\2", each.get(name, "not there")) for each in (then, now)))
        for name in sorted(then.keys() | now.keys())
        if then.get(name) != now.get(name)
    ]


def states_lock(text: str, lock: ChallengeLock) -> bool:
    """Whether a difference, as `lock_differences` states it, ends with what this lock holds.

    Names and hashes have no spaces at their ends, but names may hold colons: every name of the part is tried.
    """
    part, _, rest = text.partition(": ")
    if part not in set(ChallengeLock.__struct_fields__) - {"schema"}:
        return False
    table = getattr(lock, part)
    held = [_HASH.sub(r"\1\2", value) for name, value in table.items() if rest.startswith(f"{name}: ")]
    return any(rest.endswith(f", {now} now") for now in held or ["not there"])


def _scripts_of(call: Call, registry: Registry, near: Path) -> dict[str, Manifest]:
    """Return the scripts of a command's plan, and all possible dependencies of its deferred steps, by alias."""
    request = Request(parse_query(call.tags), inputs=dict(call.options), env=dict(call.env), near=near)
    plan = resolve(request, registry)
    scripts = {step.manifest.alias: step.manifest for step in plan.steps()}
    waiting = [need.dependency for need in plan.deferred()]
    while waiting:
        manifest = registry.select(parse_query(waiting.pop().tags), near)
        if manifest.alias not in scripts:
            scripts[manifest.alias] = manifest
            waiting += [*manifest.deps, *manifest.post_deps]
            waiting += [need for version in manifest.versions.values() for need in version.deps]
            for variation in manifest.variations.values():
                waiting += [*variation.deps, *variation.post_deps]
    return scripts


def pinned_sources(scripts: Iterable[Manifest]) -> dict[str, str]:
    """Return the hashes that manifests require of downloads, joined by spaces, by each download's first address."""
    sources = {}
    for manifest in scripts:
        # The last of two blocks with the same address counts.
        blocks = [manifest.default_env, manifest.env]
        for variation in manifest.variations.values():
            blocks += [variation.default_env, variation.env]
            blocks += [need.env for need in (*variation.deps, *variation.post_deps)]
        blocks += [version.env for version in manifest.versions.values()]
        blocks += [need.env for need in (*manifest.deps, *manifest.post_deps)]
        for values in blocks:
            addresses = _texts(values.get("CM_DOWNLOAD_URL"))
            if addresses and "://" in addresses[0] and "<<<" not in addresses[0]:
                sources[addresses[0]] = " ".join(sorted(_texts(values.get("CM_DOWNLOAD_HASHES")))) or _NOT_PUBLISHED
    return dict(sorted(sources.items()))


def _texts(value: Value | None) -> list[str]:
    if isinstance(value, str):
        return [value]
    return [str(each) for each in value] if isinstance(value, tuple) else []
