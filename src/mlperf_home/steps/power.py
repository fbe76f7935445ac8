"""What MLPerf's power measurement needs, in words.

Source: MLCommons' power-dev: its client starts the workload twice (ranging, then testing) and asks a server, on another
machine, that drives SPEC's PTDaemon, which reads an analyser of the accepted list between the socket and the system.
"""

from __future__ import annotations


def refusal(server: str) -> str:
    """Say what a power run needs; `server` is the power server as the user gave it, or ""."""
    asked = f" (power server {server})" if server else ""
    return (
        f"--power=yes{asked}: power runs are not served: they need a power analyser, SPEC's PTDaemon under licence "
        "on a second machine, and MLCommons' power-dev client. Leave --power out: the energy of the "
        "processor is recorded by itself where /sys/class/powercap tells it"
    )
