"""Signatures by SSH keys: OpenSSH's `ssh-keygen -Y`, as ssh-keygen(1) and PROTOCOL.sshsig have it."""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mlperf_home.errors import LocatedError
from scriptgraph.embed import ProcessFailed, capture

if TYPE_CHECKING:
    from collections.abc import Sequence

NAMESPACE = "mlperf-home"
"""A signature counts for this purpose alone."""
_LIMIT_S = 60.0


class SignatureError(LocatedError):
    """Something cannot be signed, or a signature is not good."""


@dataclass(frozen=True)
class Signature:
    """A good signature: the key's fingerprint, and who the user's list of allowed signers says it belongs to, or ""."""

    key: str
    signer: str

    def __str__(self) -> str:
        if self.signer:
            return f"signed by {self.signer} ({self.key})"
        return f"signed with the key {self.key}; whose that is only a list can say (--allowed_signers)"


def sign(file: Path, key: Path) -> Path:
    """Sign a file; the signature comes beside it as `<file>.sig`. Raise SignatureError if that fails.

    `key` is a private key, or a public one whose private half the SSH agent holds.
    """
    if not key.is_file():
        raise SignatureError(f"--sign_key={key}", "there is no such file", "give a key, such as ~/.ssh/id_ed25519")
    target = file.with_name(f"{file.name}.sig")
    target.unlink(missing_ok=True)
    _ssh_keygen(
        ["sign", "-n", NAMESPACE, "-f", str(key), str(file)],
        f"--sign_key={key}",
        "give a key without a passphrase, or its .pub while the SSH agent holds it",
    )
    if not target.is_file():
        raise SignatureError(f"--sign_key={key}", "ssh-keygen has left no signature", "try another key")
    return target


def check_key(key: Path) -> None:
    """Check that a key can sign: said before a long run, not after it. Raise SignatureError if it cannot."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "trial").write_bytes(b"trial")
        sign(Path(folder) / "trial", key)


def check(file: Path, signature: Path, allowed_signers: Path | None) -> Signature:
    """Check the signature of a file. Raise SignatureError if it is not good, or its key is not on the list.

    `allowed_signers` is a list as ssh-keygen(1) has it under ALLOWED SIGNERS; None: any key is taken, and named.
    """
    where, advice = signature.name, "take the bundle from its maker again"
    words = ["-n", NAMESPACE, "-s", str(signature)]
    said = _ssh_keygen(["check-novalidate", *words], where, advice, file)
    key = next((word for word in said.split() if word.startswith("SHA256:")), "not named")
    if allowed_signers is None:
        return Signature(key, "")
    require_list(allowed_signers)
    listed = ["-f", str(allowed_signers)]
    unlisted = f"the key {key} may be anybody's: it is not on the list of allowed signers"
    found = _ssh_keygen(["find-principals", *listed, "-s", str(signature)], where, unlisted)
    signer = next(iter(found.split()), "")
    _ssh_keygen(["verify", *words, *listed, "-I", signer], where, unlisted, file)
    return Signature(key, signer)


def require_list(allowed_signers: Path) -> None:
    """Check that there is a list of allowed signers. Raise SignatureError if there is none."""
    if not allowed_signers.is_file():
        advice = "give a list of allowed signers, as ssh-keygen(1) has it"
        raise SignatureError(f"--allowed_signers={allowed_signers}", "there is no such file", advice)


def _ssh_keygen(words: Sequence[str], where: str, advice: str, stdin: Path | None = None) -> str:
    # Nothing may ask for a passphrase: there may be nobody.
    environment = {**os.environ, "SSH_ASKPASS_REQUIRE": "never", "LC_ALL": "C"}
    environment.pop("DISPLAY", None)
    try:
        return capture(["ssh-keygen", "-Y", *words], env=environment, timeout_s=_LIMIT_S, stdin=stdin)
    except ProcessFailed as error:
        said = next(iter(error.last_lines), "") or str(error)
        raise SignatureError(where, f"ssh-keygen says: {said}", advice) from error
