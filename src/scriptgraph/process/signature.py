"""Signatures by SSH keys, made and checked by OpenSSH's `ssh-keygen -Y`; see ssh-keygen(1) and PROTOCOL.sshsig."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from scriptgraph.errors import ScriptGraphError
from scriptgraph.immutable import Immutable
from scriptgraph.process.outcome import ProcessFailed
from scriptgraph.process.programs import capture

if TYPE_CHECKING:
    from collections.abc import Sequence

_LIMIT_S = 60.0


class SignatureError(ScriptGraphError):
    """A file cannot be signed, or a signature is invalid.

    Attributes:
        where: the option or file.
        problem: the fault.
    """

    def __init__(self, where: str, problem: str, advice: str) -> None:
        super().__init__(where, problem, advice)
        self.where, self.problem, self.advice = where, problem, advice

    def __str__(self) -> str:
        return " ".join(f"{self.where}: {self.problem}; {self.advice}".split())


class SshSignature(Immutable):
    """A valid signature: the key's fingerprint, and its owner by the list of allowed signers ("" without a list)."""

    key: str
    signer: str

    def __str__(self) -> str:
        if self.signer:
            return f"signed by {self.signer} ({self.key})"
        return f"signed with the key {self.key}; owner unknown without --allowed_signers"


def sign_file(file: Path, key: Path, purpose: str) -> Path:
    """Sign a file; return the path of the signature, `<file>.sig`. Raise SignatureError if that fails.

    `key` is a private key, or the public key of a private one in the SSH agent. `purpose` is part of the signature: the
    product's name; signatures for other purposes are refused.
    """
    if not key.is_file():
        raise SignatureError(
            f"--sign_key={key}", "there is no such file", "name a private key, such as ~/.ssh/id_ed25519"
        )
    target = file.with_name(f"{file.name}.sig")
    target.unlink(missing_ok=True)
    _ssh_keygen(
        ["sign", "-n", purpose, "-f", str(key), str(file)],
        f"--sign_key={key}",
        "use a key without a passphrase, or its .pub file with the key in the SSH agent",
    )
    if not target.is_file():
        raise SignatureError(f"--sign_key={key}", "ssh-keygen wrote no signature", "try another key")
    return target


def check_key(key: Path, purpose: str) -> str:
    """Return the fingerprint of a key. Raise SignatureError if it cannot sign; called before a long run."""
    with tempfile.TemporaryDirectory() as folder:
        trial = Path(folder) / "trial"
        trial.write_bytes(b"trial")
        return check_signature(trial, sign_file(trial, key, purpose), None, purpose).key


def check_signature(file: Path, signature: Path, allowed_signers: Path | None, purpose: str) -> SshSignature:
    """Check the signature of a file. Raise SignatureError if it is invalid, or its key is not on the list.

    `allowed_signers` is a file in the format of ALLOWED SIGNERS in ssh-keygen(1); None accepts any key.
    """
    where, advice = signature.name, f"get {file.name} and its signature from the sender again"
    arguments = ["-n", purpose, "-s", str(signature)]
    output = _ssh_keygen(["check-novalidate", *arguments], where, advice, file)
    key = next((word for word in output.split() if word.startswith("SHA256:")), "not named")
    if allowed_signers is None:
        return SshSignature(key, "")
    require_signers(allowed_signers)
    signers = ["-f", str(allowed_signers)]
    unlisted = f"the key {key} is not on the list of allowed signers: its owner is unknown"
    principals = _ssh_keygen(["find-principals", *signers, "-s", str(signature)], where, unlisted)
    signer = next(iter(principals.split()), "")
    _ssh_keygen(["verify", *arguments, *signers, "-I", signer], where, unlisted, file)
    return SshSignature(key, signer)


def require_signers(allowed_signers: Path) -> None:
    """Raise SignatureError if the list of allowed signers does not exist."""
    if not allowed_signers.is_file():
        advice = "name a list of allowed signers (format: ssh-keygen(1))"
        raise SignatureError(f"--allowed_signers={allowed_signers}", "there is no such file", advice)


def _ssh_keygen(arguments: Sequence[str], where: str, advice: str, stdin: Path | None = None) -> str:
    # Never prompt for a passphrase: the run may be unattended.
    environment = {**os.environ, "SSH_ASKPASS_REQUIRE": "never", "LC_ALL": "C"}
    environment.pop("DISPLAY", None)
    try:
        return capture(["ssh-keygen", "-Y", *arguments], env=environment, timeout_s=_LIMIT_S, stdin=stdin)
    except ProcessFailed as error:
        output = next(iter(error.last_lines), "") or str(error)
        raise SignatureError(where, f"ssh-keygen: {output}", advice) from error
