"""Who answers for a bundle: the key that signs it, and a name by choice.

The name stands in `contributor.json`, which is signed by itself and is no part of the manifest: a board can forget it
and keep the rest of the bundle. The manifest has a salted hash of it.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlperf_home.challenges.bundles.problems import problem_of
from mlperf_home.contracts.challenges.contributor import CONTRIBUTOR_LIMITS, Contributor, Sender
from mlperf_home.contracts.codec import read_document, write_document
from mlperf_home.errors import LocatedError
from mlperf_home.product import PRODUCT
from scriptgraph.embed import SignatureError, check_key, check_signature, sign_file
from scriptgraph.errors import DocumentError
from scriptgraph.files.atomic import replace_text

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from mlperf_home.challenges.bundles.problems import Problem
    from scriptgraph.embed import SshSignature

CONTRIBUTOR_FILE = "contributor.json"
CONTRIBUTOR_SIGNATURE = f"{CONTRIBUTOR_FILE}.sig"
UNNAMED = "unnamed"
"""The submitter without a name."""

_LINK = re.compile(r"https://[!-~]{1,200}")
_SALT_BYTES = 16


class SenderError(LocatedError):
    """The name or the link of a contributor cannot be used."""


@dataclass(frozen=True)
class Signer:
    """A key that signs bundles, its fingerprint, and its owner, who may have no name."""

    key: Path
    fingerprint: str
    contributor: Contributor | None

    def sender(self, system: str) -> Sender:
        """Return what a manifest tells of the sender."""
        name = self.contributor
        return Sender(system=system, key=self.fingerprint, contributor=pseudonym_of(name) if name else "")

    def sign(self, manifest: Path) -> None:
        """Sign a bundle's manifest, and write the signed name beside it. Raise SignatureError if that fails."""
        sign_file(manifest, self.key, PRODUCT.name)
        if self.contributor is not None:
            target = manifest.with_name(CONTRIBUTOR_FILE)
            write_document(target, self.contributor)
            sign_file(target, self.key, PRODUCT.name)


def signer_of(key: Path, name: str, link: str, state: Path) -> Signer:
    """Return the signer with a key, after a trial of it.

    Args:
        key: the SSH key.
        name: the contributor's name; "" or "unnamed" for none.
        link: an address for the name; "" for none.
        state: the home's folder of state, which keeps the salt of the name's hash.

    Raises:
        SenderError: the link is no address, or has no name.
        SignatureError: the key cannot sign.
    """
    named = name not in {"", UNNAMED}
    if link and not (named and _LINK.fullmatch(link)):
        problem = "is no address" if named else "has no name beside it"
        raise SenderError("--submitter_link", problem, "write --submitter=NAME --submitter_link=https://...")
    fingerprint = check_key(key, PRODUCT.name)
    return Signer(key, fingerprint, Contributor(name=name, link=link, salt=_salt(state)) if named else None)


def _salt(state: Path) -> str:
    """Return this home's salt; it is made once, so that the bundles of a home have one pseudonym."""
    path = state / "contributor-salt"
    if not path.is_file():
        state.mkdir(parents=True, exist_ok=True)
        replace_text(path, f"{secrets.token_hex(_SALT_BYTES)}\n")
    return path.read_text("utf-8").strip()


def pseudonym_of(contributor: Contributor) -> str:
    """Return the salted hash of a name: SHA-256 of salt, a line end, and the name."""
    return hashlib.sha256(f"{contributor.salt}\n{contributor.name}".encode()).hexdigest()


def sender_problems(root: Path, sender: Sender | None, signature: SshSignature | None) -> Iterator[Problem]:
    """Yield contradictions of an unpacked bundle's sender, its signature, and its contributor's name."""
    if sender is not None and signature is not None and sender.key != signature.key:
        yield "bundle.json", f"/sender/key is {sender.key!r}, but {signature.key} signed it"
    if sender is not None and sender.key and not (root / "bundle.json.sig").is_file():
        yield "bundle.json.sig", f"is missing: the manifest names the key {sender.key}"
    if not (root / CONTRIBUTOR_FILE).is_file():
        return
    try:
        contributor = read_contributor(root)
        signed = check_signature(root / CONTRIBUTOR_FILE, root / CONTRIBUTOR_SIGNATURE, None, PRODUCT.name)
    except DocumentError as error:
        yield CONTRIBUTOR_FILE, problem_of(error)
    except SignatureError as error:
        yield CONTRIBUTOR_FILE, f"is not signed: {error.problem}"
    else:
        if sender is None or sender.contributor != pseudonym_of(contributor):
            yield CONTRIBUTOR_FILE, "is another name than the one whose hash the manifest has"
        elif signed.key != sender.key:
            yield CONTRIBUTOR_FILE, f"is signed by {signed.key}, the manifest names {sender.key}"


def read_contributor(root: Path) -> Contributor:
    """Read the name in an unpacked bundle. Raise DocumentError if it is damaged."""
    return read_document(root / CONTRIBUTOR_FILE, Contributor, CONTRIBUTOR_LIMITS)
