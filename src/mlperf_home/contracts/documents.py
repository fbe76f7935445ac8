"""The documents that have a published JSON Schema, by the schema's name."""

from __future__ import annotations

from pathlib import Path

from mlperf_home.contracts.answer import AnswerDocument
from mlperf_home.contracts.bundle import BundleManifest
from mlperf_home.contracts.challenge_lock import ChallengeLock
from mlperf_home.contracts.challenge_report import ChallengeReport
from mlperf_home.contracts.challenge_run import ChallengeRun
from mlperf_home.contracts.experiment import ExperimentDescription
from mlperf_home.contracts.failures import Failure
from mlperf_home.contracts.grids import CalibrationStore
from mlperf_home.contracts.job import Job
from mlperf_home.contracts.machine import Machine
from mlperf_home.contracts.picture import Picture
from mlperf_home.contracts.reproduction import Reproduction
from mlperf_home.contracts.session import Session
from mlperf_home.contracts.space import SpaceDocument
from mlperf_home.contracts.study import CandidateDescription, StudyEngine, StudyPlan

DOCUMENTS: dict[str, type] = {
    "answer": AnswerDocument,
    "bundle": BundleManifest,
    "calibrations": CalibrationStore,
    "candidate": CandidateDescription,
    "challenge-lock": ChallengeLock,
    "challenge-report": ChallengeReport,
    "challenge-run": ChallengeRun,
    "engine": StudyEngine,
    "experiment": ExperimentDescription,
    "failure": Failure,
    "job": Job,
    "machine": Machine,
    "picture": Picture,
    "reproduction": Reproduction,
    "session": Session,
    "space": SpaceDocument,
    "study": StudyPlan,
}


def schema_path(name: str) -> Path:
    """Return the path of a document's schema."""
    return Path(__file__).parent / "schemas" / f"{name}.schema.json"
