"""Verify a bundle of strangers in a process with limits of memory and time, and without a network.

`python -m mlperf_home.challenges.verification.confinement BUNDLE INTO ANSWER MEMORY_BYTES CPU_S [ALLOWED_SIGNERS]`
limits itself, verifies, and writes its answer to a file. Limits that a process sets for itself need no code between
fork and exec, which may deadlock.
"""

from __future__ import annotations

import os
import resource
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mlperf_home.bootstrap import BOOTSTRAP
from mlperf_home.challenges.verification.no_network import cut_off
from mlperf_home.challenges.verification.verification import (
    BundleError,
    BundleProblem,
    VerifiedBundle,
    read_challenge,
    read_manifest,
    verify,
)
from mlperf_home.contracts.challenges.verification import (
    MOST_PROBLEMS,
    VERIFICATION_LIMITS,
    FoundError,
    FoundProblem,
    FoundSignature,
    Verification,
)
from mlperf_home.contracts.codec import read_document, write_document
from mlperf_home.harness.child import die_with_parent
from scriptgraph.embed import SignatureError, SshSignature, require_signers, run

if TYPE_CHECKING:
    from collections.abc import Sequence

    from scriptgraph.embed import Completed

_TOO_MUCH_MEMORY = 75
"""The exit status for a lack of memory (EX_TEMPFAIL of sysexits.h)."""
_NO_LIMITS = 77
"""The exit status if the process cannot be cut off (EX_NOPERM)."""
_SIGXCPU, _SIGKILL = 24, 9


@dataclass(frozen=True)
class Confinement:
    """The limits of a verification.

    Attributes:
        memory_bytes: the most address space. The largest documents that we write take half of it.
        cpu_s: the most seconds of CPU time. Reading 8 GiB of logs takes some minutes.
    """

    memory_bytes: int = 2 << 30
    cpu_s: int = 1800


def verify_confined(
    bundle: Path, into: Path, allowed_signers: Path | None = None, limits: Confinement = Confinement()
) -> VerifiedBundle:
    """Verify a bundle like `verify`, in a process with limits.

    Raises:
        BundleError: also if the verification exceeded a limit, or ended otherwise without an answer.
        SignatureError: the list of allowed signers does not exist.
        ProcessFailed: the process could not be started.
    """
    if allowed_signers is not None:
        require_signers(allowed_signers)
    into.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{into.name}.", dir=into.parent, ignore_cleanup_errors=True) as name:
        answer = Path(name) / "answer.json"
        unpacked = Path(name) / "bundle"
        paths = [bundle.absolute(), unpacked, answer, limits.memory_bytes, limits.cpu_s]
        argv = [sys.executable, str(BOOTSTRAP), __name__, *map(str, paths)]
        argv += [str(allowed_signers.absolute())] if allowed_signers is not None else []
        environment = {**os.environ, "TMPDIR": name}
        completed = run(argv, env=environment, cwd=Path(name), log=Path(name) / "log")
        found = read_document(answer, Verification, VERIFICATION_LIMITS) if completed.ok else _ended(completed, limits)
        if found.error is None:
            unpacked.replace(into)
    if found.error is not None:
        where = str(bundle) if found.error.where == str(bundle.absolute()) else found.error.where
        raise BundleError(
            where.replace(f"{bundle.absolute()}: ", f"{bundle}: "), found.error.problem, found.error.advice
        )
    return _verified(bundle, into / found.folder, found)


def _ended(completed: Completed, limits: Confinement) -> Verification:
    """Return the error of a verification that ended without an answer."""
    bundle = completed.argv[3]
    if completed.exit_code == _TOO_MUCH_MEMORY or completed.signal == _SIGKILL:
        problem = f"verification needed more than {limits.memory_bytes >> 20:,} MiB of memory"
        advice = "no bundle of ours does: do not trust it"
    elif completed.signal == _SIGXCPU:
        problem = f"verification needed more than {limits.cpu_s} s of CPU time"
        advice = "no bundle of ours does: do not trust it"
    elif completed.exit_code == _NO_LIMITS:
        problem = f"verification cannot be cut off from the network ({completed.last_lines[-1]})"
        advice = "verify it on a machine whose kernel has seccomp"
    else:
        last = next((line.strip() for line in reversed(completed.last_lines) if line.strip()), "no message")
        problem, advice = f"verification ended without an answer ({last})", "report this as a bug, with the bundle"
    return Verification(error=FoundError(where=bundle, problem=problem, advice=advice))


def _verified(bundle: Path, root: Path, found: Verification) -> VerifiedBundle:
    signature = (
        None if found.signature is None else SshSignature(key=found.signature.key, signer=found.signature.signer)
    )
    problems = tuple(BundleProblem(each.file, each.problem) for each in found.problems)
    return VerifiedBundle(root, read_manifest(bundle, root), read_challenge(root)[0], problems, signature)


def _answer(bundle: Path, into: Path, allowed_signers: Path | None) -> Verification:
    try:
        verified = verify(bundle, into, allowed_signers)
    except (BundleError, SignatureError) as error:
        return Verification(error=_found_error(error))
    problems = [FoundProblem(file=each.file, problem=each.problem) for each in verified.problems[:MOST_PROBLEMS]]
    signed = verified.signature
    signature = None if signed is None else FoundSignature(key=signed.key, signer=signed.signer)
    return Verification(folder=verified.root.name, problems=tuple(problems), signature=signature)


def _found_error(error: BundleError | SignatureError) -> FoundError:
    return FoundError(where=str(error.where), problem=error.problem, advice=error.advice or "")


def main(arguments: Sequence[str]) -> int:
    """Verify within the limits of the command line; return the exit status."""
    bundle, into, answer = map(Path, arguments[:3])
    memory_bytes, cpu_s = map(int, arguments[3:5])
    die_with_parent(os.getppid())
    try:
        cut_off()
    except OSError as error:
        print(error.strerror, file=sys.stderr)
        return _NO_LIMITS
    resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
    resource.setrlimit(resource.RLIMIT_CPU, (cpu_s, cpu_s + 5))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    try:
        found = _answer(bundle, into, Path(arguments[5]) if arguments[5:] else None)
    except MemoryError:
        return _TOO_MUCH_MEMORY
    write_document(answer, found)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
