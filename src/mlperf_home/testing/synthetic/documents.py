"""The documents of made-up bundles besides their results."""

from __future__ import annotations

import hashlib
import json
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from mlperf_home.challenges.bundles.sender import UNNAMED
from mlperf_home.challenges.definition.lock import lock_digest
from mlperf_home.challenges.definition.manifest import MANIFEST_NAME
from mlperf_home.challenges.definition.run_folder import DONE
from mlperf_home.contracts.challenges.lock import ChallengeLock
from mlperf_home.contracts.challenges.machine import Machine
from mlperf_home.contracts.challenges.run import RunIdentity
from mlperf_home.contracts.runs.session import sha256_of
from mlperf_home.submission.system.file import KEYS, MAY_BE_EMPTY
from mlperf_home.testing.synthetic.logs import BENCHMARK

if TYPE_CHECKING:
    from mlperf_home.challenges.definition.manifest import Challenge
    from mlperf_home.challenges.definition.run_folder import RunFolder
    from mlperf_home.testing.synthetic.machines import SyntheticMachine

CHALLENGE, WORKFLOW = "synthetic@test", "mobilenets"
STARTED, ENDED = "2026-11-01T00:00:00+00:00", "2026-11-02T00:00:00+00:00"
_OPENED, _CLOSED = date(2026, 10, 1), date(2026, 12, 31)


def challenge_document() -> dict[str, Any]:
    """Return the manifest of the challenge."""
    call = {"tags": "run,test", "options": {"results_dir": "{results_dir}", "hw_name": "{hw_name}"}}
    title = "TEST: results made up from published rows"
    return {
        "alias": CHALLENGE,
        "uid": hashlib.sha256(CHALLENGE.encode()).hexdigest()[:16],
        "automation_alias": "challenge",
        "automation_uid": "9f2d61b07c3e4a58",
        "title": title,
        "opened": _OPENED.isoformat(),
        "closed": _CLOSED.isoformat(),
        "points": 0,
        "rules": ["Nobody measured these results."],
        "metrics": [
            {"name": "latency_ms", "benchmark": BENCHMARK, "better": "less"},
            {"name": "top1_percent", "benchmark": BENCHMARK, "better": "more"},
        ],
        "workflows": [{"name": WORKFLOW, "title": title, "official": call, "sample": call}],
    }


def lock_of(challenge: Challenge) -> ChallengeLock:
    """Return the lock of the challenge, which locks its manifest alone."""
    digest = sha256_of(challenge.folder / MANIFEST_NAME)
    return ChallengeLock(
        challenge={MANIFEST_NAME: digest},
        scripts={},
        impossible={},
        code={},
        sources={},
        environments={},
        packages={},
    )


def identity_of(challenge: Challenge, lock: ChallengeLock, hw_name: str) -> RunIdentity:
    """Return the identity of a run on the sample."""
    return RunIdentity(
        challenge=challenge.name,
        manifest_sha256=lock.challenge[MANIFEST_NAME],
        lock_sha256=lock_digest(lock),
        sample=True,
        hw_name=hw_name,
        options={},
    )


def machine_of(machine: SyntheticMachine) -> Machine:
    """Return the facts of a machine; those of two seeds differ in memory."""
    return Machine(
        system="linux",
        os_name="TEST system",
        kernel="6.1",
        libc="glibc 2.36",
        architecture=machine.architecture,
        cpu_model=machine.cpu,
        cpu_features=machine.features,
        sockets=1,
        cores_per_socket=machine.cores,
        usable_cpus=machine.cores,
        hypervisor=None,
        memory_bytes=(8 << 30) + (machine.seed << 20),
        python="3.11.0",
    )


def system_of(hw_name: str, machine: Machine) -> dict[str, str]:
    """Return the system description of a machine."""
    known = {
        "division": "open",
        "submitter": UNNAMED,
        "status": "available",
        "system_type": "edge",
        "system_name": hw_name,
        "host_processor_model_name": str(machine.cpu_model),
        "host_processors_per_node": str(machine.sockets),
        "host_processor_core_count": str(machine.cores_per_socket),
        "operating_system": f"{machine.os_name}, Linux {machine.kernel}, {machine.libc}",
    }
    return {key: known.get(key, "" if key in MAY_BE_EMPTY else "unknown") for key in KEYS}


def write_record(run_folder: RunFolder, challenge: Challenge) -> None:
    """Write the record of the workflow."""
    call = challenge.workflows[0].sample.call
    inputs = {"results_dir": f"<results>/results/{WORKFLOW}", "hw_name": run_folder.identity.hw_name}
    began, ended = (int(datetime.fromisoformat(text).timestamp()) * 10**9 for text in (STARTED, ENDED))
    record = {
        "schema": "mlperf-home/record/1",
        "request": {"tags": call.tags, "inputs": inputs, "env": {}},
        "plan": [{"title": "TEST", "version": "", "manifest": "0" * 64}],
        "status": DONE,
        "start_ns": began,
        "end_ns": ended,
    }
    path = run_folder.record(WORKFLOW)
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(record), encoding="utf-8")
