"""What a bundle tells of its sender."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlperf_home.challenges.bundles.sender import CONTRIBUTOR_FILE, read_contributor
from scriptgraph.printable import printable_name

if TYPE_CHECKING:
    from pathlib import Path

    from mlperf_home.challenges.verification.verification import VerifiedBundle
    from mlperf_home.leaderboard.sending.destination import Destination

_GIB, _MIB = 1 << 30, 1 << 20


def disclosure(verified: VerifiedBundle, archive: Path, destination: Destination) -> list[tuple[str, str]]:
    """Return everything about a person or a machine that the receiver of a verified bundle learns."""
    manifest, machine = verified.manifest, verified.machine
    sample = manifest.sample or any(each.sample for each in verified.report.results)
    memory = f"{machine.memory_bytes / _GIB:.1f} GiB" if machine.memory_bytes else "unknown"
    way = "the network address that it is sent from" if destination.kind == "service" else "the account that pushes"
    rows = (
        ("to", destination.address),
        ("challenge", f"{manifest.challenge}{', SAMPLE: no MLPerf results' if sample else ''}"),
        ("name", name_in(verified) or "none"),
        ("key", verified.signature.key if verified.signature else "none: it is unsigned, and counts for no credit"),
        ("system", manifest.sender.system if manifest.sender else "none"),
        ("CPU", machine.cpu_model or "unknown"),
        ("memory", memory),
        (
            "software",
            ", ".join(filter(None, (machine.os_name, machine.kernel, machine.libc, f"Python {machine.python}"))),
        ),
        ("runs in", machine.confined or "no virtual machine or container that is known"),
        ("measured", f"until {manifest.made_utc}; the logs have the times of each run"),
        ("results", f"{len(verified.report.results)}, with their logs, options and settings"),
        ("size", f"{archive.stat().st_size / _MIB:.1f} MiB, {len(manifest.files)} files"),
        ("besides", f"the receiver learns {way}"),
    )
    return [(label, printable_name(text)) for label, text in rows]


def name_in(verified: VerifiedBundle) -> str:
    """Return the contributor's name in a verified bundle, with the link; "" without one."""
    if not (verified.root / CONTRIBUTOR_FILE).is_file():
        return ""
    contributor = read_contributor(verified.root)
    return f"{contributor.name}, {contributor.link}" if contributor.link else contributor.name
