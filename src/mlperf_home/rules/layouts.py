"""Where the parts of a submission stand in a round's tree; whoever joins these folders asks here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from pathlib import Path

RESULTS = "results"
"""The folder of logs, in every round."""


@dataclass(frozen=True)
class TreeLayout:
    """A round's tree, below a submitter's folder.

    Attributes:
        measurements: the folder of measurement files; that of the results if they stand beside the logs.
        measurement_file: the name of a result's JSON, with {sut} for the system's name.
        compliance: the folder of compliance tests; that of the results if they stand beside the logs.
        sources: the folder of sources.
        sources_by_model: whether that folder has a part for each model.
        scenario_case: whether folders of scenarios are named "singlestream" or "SingleStream".
    """

    measurements: str = "measurements"
    measurement_file: str = "{sut}.json"
    compliance: str = "compliance"
    sources: str = "code"
    sources_by_model: bool = True
    scenario_case: Literal["lower", "camel"] = "lower"

    @property
    def merged(self) -> bool:
        """Whether measurement files and compliance tests stand beside the logs."""
        return self.measurements == RESULTS

    def scenario(self, name: str) -> str:
        """Return the name of a scenario's folder."""
        return name.lower() if self.scenario_case == "lower" else name

    def json_name(self, sut: str) -> str:
        """Return the name of a result's JSON."""
        return self.measurement_file.format(sut=sut)

    def result_jsons(self, submitter: Path) -> list[Path]:
        """Return the JSON of every result below a submitter's folder."""
        name = self.measurement_file.format(sut="*")
        return sorted(submitter.glob(f"{self.measurements}/*/*/*/{name}"))


LAYOUTS = (
    TreeLayout(),
    TreeLayout("results", "measurements.json", "results", "src", sources_by_model=False, scenario_case="camel"),
)
"""The layouts that rounds have had; a tree whose round is unknown has one of them."""
