"""Trust in files from elsewhere: what another home wrote, or somebody edited, runs only if the user says so."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scriptgraph.errors import RequestError
from scriptgraph.process.signature import check_signature, require_signers

if TYPE_CHECKING:
    from pathlib import Path

    from scriptgraph.cli.commands.decoder import Arguments

_LONGEST_SHOWN = 500


def signer_of(arguments: Arguments, file: Path, purpose: str) -> str:
    """Return the listed signer of a file, by the signature `<file>.sig`; "" without a list or a signature.

    Raises:
        SignatureError: the list does not exist, or the signature is invalid or of another key.
    """
    allowed_signers = arguments.path("allowed_signers")
    if allowed_signers is None:
        return ""
    require_signers(allowed_signers)
    signature = file.with_name(f"{file.name}.sig")
    return check_signature(file, signature, allowed_signers, purpose).signer if signature.is_file() else ""


def require_trust(arguments: Arguments, where: str, would_run: str, signer: str) -> None:
    """Raise unless a listed signer, or --trust, answers for a file from elsewhere, whose commands have been shown.

    Raises:
        RequestError: nobody does.
    """
    if signer or arguments.on("trust"):
        return
    problem = f"was not written by this home, or was edited; it would run {would_run}, as listed above"
    advice = "add --trust if you trust all of it, or --allowed_signers=FILE if its sender signed it"
    raise RequestError(f"{where}: {problem}; {advice}")


def printable(text: str) -> str:
    """Return text from elsewhere for a terminal: without control characters, and not endless."""
    shown = text if text.isprintable() else ascii(text)
    return shown if len(shown) <= _LONGEST_SHOWN else f"{shown[:_LONGEST_SHOWN]}... ({len(shown)} characters)"
