"""Verify a bundle: every file hashed, nothing missing or extra, measurements recomputed, signature checked.

What a signature adds: whoever changes a file can write its hash anew, and whoever changes logs, sessions and
measurements together in a way that fits cannot be told from an honest run. A signature says who answers for them.
"""

from __future__ import annotations

import gzip
import json
import tarfile
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mlperf_home.challenges.bundles.bundle import MANIFEST, SCHEMA, SIGNATURE, file_entries
from mlperf_home.challenges.bundles.recomputation import experiment_problems, report_problems, result_problems
from mlperf_home.challenges.bundles.signature import Signature, SignatureError, check, require_list
from mlperf_home.challenges.definition.lock import decode_lock, lock_digest
from mlperf_home.challenges.definition.manifest import ChallengeError, decode_challenge
from mlperf_home.errors import LocatedError
from scriptgraph.embed import ArchiveError, Limits, extract
from scriptgraph.errors import ManifestError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from mlperf_home.challenges.definition.manifest import Challenge

LIMITS = Limits(members=20_000, total_bytes=8 << 30, ratio=200.0, free_bytes=64 << 20)
"""81 results have some 1,500 files; LoadGen's logs are packed to a tenth."""
_BLOCK_BYTES = 1 << 16
_AGAIN = "take the bundle from its maker again"
_KEYS = {"schema", "challenge", "sample", "made_utc", "version", "files"}
_NEEDED = ("challenge.json", "lock.json", "machine.json", "system.json", "run.json", "report.json", "report.md")


class BundleError(LocatedError):
    """A bundle cannot be read at all."""


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong: in which file, and what."""

    file: str
    problem: str

    def __str__(self) -> str:
        return f"{self.file}: {self.problem}"


@dataclass(frozen=True)
class Verified:
    """A bundle that was read.

    Attributes:
        root: its unpacked folder.
        challenge: the challenge as it was; None where that is damaged.
        findings: all that is wrong; empty for a good bundle.
        signature: who signed; None without a good signature.
    """

    root: Path
    manifest: Mapping[str, Any]
    challenge: Challenge | None
    findings: tuple[Finding, ...] = ()
    signature: Signature | None = None

    def document(self, name: str) -> Any:
        """Read one of its JSON files."""
        return json.loads((self.root / name).read_text(encoding="utf-8"))


def verify(bundle: Path, into: Path, allowed_signers: Path | None = None) -> Verified:
    """Unpack a bundle into a folder that is empty or not there, and stays; look at everything in it.

    With `allowed_signers`, a bundle without a signature of theirs is wrong.

    Raises:
        BundleError: it cannot be unpacked safely, or has no manifest.
        SignatureError: there is no such list.
    """
    if allowed_signers is not None:
        require_list(allowed_signers)
    try:
        extract(bundle, into, LIMITS)
    except ArchiveError as error:
        told = str(error).removeprefix(f"{bundle}: ").removeprefix(f"{bundle}, ")
        raise BundleError(bundle, told, _AGAIN) from error
    root, manifest = _opened(bundle, into)
    findings = [*_form_problems(bundle), *_files(root, manifest["files"])]
    signature = None
    if (root / SIGNATURE).is_file():
        try:
            signature = check(root / MANIFEST, root / SIGNATURE, allowed_signers)
        except SignatureError as error:
            findings.append(Finding(SIGNATURE, f"{error.problem}; {error.advice}"))
    elif allowed_signers:
        findings.append(Finding(SIGNATURE, "is missing: the bundle is not signed"))
    challenge = _challenge(root, findings)
    missing = [Finding(name, "is missing") for name in _NEEDED if not (root / name).is_file()]
    findings += missing
    if challenge is not None:
        findings += [Finding(*each) for each in (*result_problems(root), *experiment_problems(root))]
        if not missing:
            findings += [Finding(*each) for each in report_problems(root, challenge, manifest)]
            findings += _lock(root)
    return Verified(root, manifest, challenge, tuple(dict.fromkeys(findings)), signature)


def _opened(bundle: Path, into: Path) -> tuple[Path, dict[str, Any]]:
    """Return the one folder that a bundle holds, and the manifest in it."""
    found = sorted(into.iterdir())
    if len(found) != 1 or not found[0].is_dir():
        names = ", ".join(path.name for path in found[:5])
        raise BundleError(bundle, f"is no bundle: it holds {names or 'nothing'} in place of one folder", _AGAIN)
    root, where = found[0], f"{bundle}: {MANIFEST}"
    try:
        manifest = json.loads((root / MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or f"no JSON: {error}"
        raise BundleError(where, f"cannot be read ({reason})", _AGAIN) from None
    if not isinstance(manifest, dict) or manifest.get("schema") != SCHEMA:
        raise BundleError(where, f"is no manifest of the layout {SCHEMA}", _AGAIN)
    files = manifest.get("files")
    if manifest.keys() != _KEYS or not isinstance(files, dict):
        odd = ", ".join(sorted(manifest.keys() ^ _KEYS)) or "files"
        raise BundleError(where, f"keys missing, unknown or malformed: {odd}", _AGAIN)
    if manifest["challenge"] != root.name:
        raise BundleError(where, f"is of another challenge than its folder {root.name!r}", _AGAIN)
    return root, manifest


def _form_problems(archive: Path) -> Iterator[Finding]:
    """Name what was put into an archive after it was packed: owners, times, modes, links, bytes after its end."""
    try:
        with gzip.open(archive, "rb") as packed:
            end = 0
            with tarfile.open(fileobj=packed, mode="r|") as members:
                for member in members:
                    if not (member.isfile() or member.isdir()):
                        yield Finding(member.name, "is neither a file nor a folder")
                    if member.uid or member.gid or member.uname or member.gname or member.mtime:
                        yield Finding(member.name, "has an owner or a time, which packing leaves out")
                    if (member.isfile() or member.isdir()) and member.mode != (0o755 if member.isdir() else 0o644):
                        yield Finding(member.name, "has another mode than packing gives")
                    end = member.offset_data + -(-member.size // tarfile.BLOCKSIZE) * tarfile.BLOCKSIZE
        with gzip.open(archive, "rb") as packed:
            packed.seek(end)
            while block := packed.read(_BLOCK_BYTES):
                if block.strip(b"\0"):
                    yield Finding(archive.name, "has something after its last file")
                    return
    except (OSError, EOFError, tarfile.TarError) as error:
        yield Finding(archive.name, f"is not packed as bundles are ({error})")


def _files(root: Path, listed: Mapping[str, Any]) -> Iterator[Finding]:
    there = file_entries(root)
    for name in sorted(listed.keys() | there.keys()):
        if name not in there:
            yield Finding(name, "is missing")
        elif name not in listed:
            yield Finding(name, "is extra: the manifest does not list it")
        elif listed[name] != there[name]:
            yield Finding(name, "was changed: it is not what the manifest lists")
    for path in sorted(root.rglob("*")):
        name = path.relative_to(root).as_posix()
        if path.is_symlink() or (path.is_file() and path.stat().st_nlink > 1):
            yield Finding(name, "is a link: a bundle has none")
        elif path.is_dir() and not any(path.iterdir()):
            yield Finding(name, "is an empty folder: a bundle has none")


def _challenge(root: Path, findings: list[Finding]) -> Challenge | None:
    path = root / "challenge.json"
    try:
        # Its guides are not in the bundle, and not wanted.
        document = json.loads(path.read_text(encoding="utf-8"))
        document.pop("guides", None)
        challenge = decode_challenge(json.dumps(document), path)
    except (OSError, ValueError, AttributeError) as error:
        findings.append(Finding(path.name, f"cannot be read ({error})"))
    except ManifestError as error:
        findings.append(Finding(path.name, f"{error.pointer}: {error.problem}"))
    else:
        if challenge.name != root.name:
            findings.append(Finding(path.name, f"is of the challenge {challenge.name!r}"))
        return challenge
    return None


def _lock(root: Path) -> Iterator[Finding]:
    try:
        lock = decode_lock((root / "lock.json").read_text(encoding="utf-8"), "lock.json", _AGAIN)
        asked = json.loads((root / "run.json").read_text(encoding="utf-8"))["asked"]
        if asked["lock_sha256"] != lock_digest(lock):
            yield Finding("run.json", "was run with another lock than lock.json")
        if asked["manifest_sha256"] != lock["challenge"]["_cm.json"]:
            yield Finding("run.json", "was run from another manifest than lock.json says")
    except ChallengeError as error:
        yield Finding("lock.json", error.problem)
    except (OSError, ValueError, KeyError, TypeError) as error:
        yield Finding("run.json", f"cannot be read ({error!r})")
