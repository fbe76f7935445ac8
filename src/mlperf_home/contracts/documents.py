"""The documents that have a published JSON Schema, by the schema's name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mlperf_home.contracts.challenges.bundle import BundleManifest
from mlperf_home.contracts.challenges.contributor import Contributor
from mlperf_home.contracts.challenges.lock import ChallengeLock
from mlperf_home.contracts.challenges.machine import Machine
from mlperf_home.contracts.challenges.report import ChallengeReport
from mlperf_home.contracts.challenges.reproduction import Reproduction
from mlperf_home.contracts.challenges.run import ChallengeRun
from mlperf_home.contracts.fleet.job import FleetJob
from mlperf_home.contracts.fleet.machines import MachinesDocument
from mlperf_home.contracts.fleet.store import FleetDescription
from mlperf_home.contracts.fleet.units import UnitRequest, UnitResult
from mlperf_home.contracts.leaderboard.events import BoardSettings, Event, KnownName, VerdictLine
from mlperf_home.contracts.leaderboard.judging import JudgeAnswer, JudgeRequest
from mlperf_home.contracts.leaderboard.participation import GuardedRun, Participation
from mlperf_home.contracts.leaderboard.service import JudgedUpload, PublishedState, ServiceJob, UploadStatus
from mlperf_home.contracts.leaderboard.wanted_list import WantedList
from mlperf_home.contracts.runs.failures import Failure
from mlperf_home.contracts.runs.grids import CalibrationStore
from mlperf_home.contracts.runs.job import Job
from mlperf_home.contracts.runs.latencies import KeptLatencies
from mlperf_home.contracts.runs.session import Session
from mlperf_home.contracts.studies.answer import AnswerDocument
from mlperf_home.contracts.studies.estimate import EstimateDocument, EstimateRequest
from mlperf_home.contracts.studies.experiment import ExperimentDescription
from mlperf_home.contracts.studies.narrowing import NarrowingDocument, NarrowingRequest
from mlperf_home.contracts.studies.picture import Picture
from mlperf_home.contracts.studies.space import SpaceDocument
from mlperf_home.contracts.studies.study import CandidateDescription, StudyEngine, StudyPlan

DOCUMENTS: dict[str, Any] = {
    "answer": AnswerDocument,
    "board": BoardSettings,
    "board-event": Event,
    "board-name": KnownName,
    "board-verdict": VerdictLine,
    "bundle": BundleManifest,
    "calibrations": CalibrationStore,
    "candidate": CandidateDescription,
    "challenge-lock": ChallengeLock,
    "challenge-report": ChallengeReport,
    "challenge-run": ChallengeRun,
    "contributor": Contributor,
    "engine": StudyEngine,
    "estimate": EstimateDocument,
    "estimate-request": EstimateRequest,
    "experiment": ExperimentDescription,
    "failure": Failure,
    "fleet": FleetDescription,
    "fleet-job": FleetJob,
    "guarded-run": GuardedRun,
    "job": Job,
    "judge-answer": JudgeAnswer,
    "judge-request": JudgeRequest,
    "judged-upload": JudgedUpload,
    "latencies": KeptLatencies,
    "machine": Machine,
    "machines": MachinesDocument,
    "narrowing": NarrowingDocument,
    "narrowing-request": NarrowingRequest,
    "participation": Participation,
    "picture": Picture,
    "published-state": PublishedState,
    "reproduction": Reproduction,
    "service-job": ServiceJob,
    "session": Session,
    "space": SpaceDocument,
    "study": StudyPlan,
    "unit-request": UnitRequest,
    "unit-result": UnitResult,
    "upload": UploadStatus,
    "wanted": WantedList,
}


def schema_path(name: str) -> Path:
    """Return the path of a document's schema."""
    return Path(__file__).parent / "schemas" / f"{name}.schema.json"
