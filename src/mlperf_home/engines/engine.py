"""The base of every engine: its options, its opening, and closing after a failure."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar

from mlperf_home.engines.base import BackendError

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from numpy.typing import NDArray

    from mlperf_home.datasets.base import Inputs
    from mlperf_home.engines.base import Description, Grid, Prepared, Request

WARM_UP_RUNS = 2
"""The first calls of an engine place its memory and take several times as long."""


class Options:
    """The options of one engine by name; a wrong one is an error that names it."""

    def __init__(self, engine: str, given: Mapping[str, Any], known: tuple[str, ...]) -> None:
        """Keep the options of `engine`, which errors name.

        Raises:
            BackendError: one is not among the known ones.
        """
        unknown = sorted(set(given) - set(known))
        if unknown:
            raise BackendError(f"backend {engine}: unknown option {unknown[0]!r}; it has {', '.join(known) or 'none'}")
        self._engine, self._given = engine, given

    def flag(self, name: str, *, default: bool) -> bool:
        """Return a yes or no."""
        value = self._given.get(name, default)
        self._require(isinstance(value, bool), name, "true or false")
        return bool(value)

    def count(self, name: str) -> int | None:
        """Return a positive whole number; None if it was not given."""
        value: int | None = self._given.get(name)
        self._require(value is None or (_is_number(value, int) and value >= 1), name, "a positive whole number")
        return value

    def seconds(self, name: str) -> float:
        """Return a time in seconds, 0 if it was not given."""
        value = self._given.get(name, 0)
        self._require(_is_number(value, (int, float)) and value >= 0, name, "a number of seconds")
        return float(value)

    def text(self, name: str) -> str | None:
        """Return a text that is not empty; None if it was not given."""
        value: str | None = self._given.get(name)
        self._require(value is None or (isinstance(value, str) and bool(value)), name, "a text")
        return value

    def words(self, name: str) -> list[str] | None:
        """Return a list of words; None if it was not given."""
        value = self._given.get(name)
        listed = isinstance(value, list | tuple) and all(isinstance(word, str) for word in value)
        self._require(value is None or listed, name, "a list of words")
        return None if value is None else list(value)

    def _require(self, valid: bool, name: str, wanted: str) -> None:
        if not valid:
            raise BackendError(
                f"backend {self._engine}: option {name} must be {wanted}, and is {self._given.get(name)!r}"
            )


def _is_number(value: object, kind: type | tuple[type, ...]) -> bool:
    return isinstance(value, kind) and not isinstance(value, bool)


class Engine(ABC):
    """An engine behind `mlperf_home.engines.base.Backend`; a subclass states only its own.

    Attributes:
        name: the engine's name, for records and messages.
        option_names: the options that it has.
    """

    name: ClassVar[str]
    option_names: ClassVar[tuple[str, ...]]

    def open(self, request: Request) -> Description:
        """Check options and grid, then open; close again after any failure. See `Backend.open`."""
        try:
            options = Options(self.name, request.options, self.option_names)
            self._take_grid(request.grid)
            return self._open(request, options)
        except BaseException:
            self.close()
            raise

    def run(self, inputs: Inputs) -> NDArray[np.float32]:
        """Infer one batch; see `Backend.run`."""
        return self.prepare(inputs)()()

    @abstractmethod
    def prepare(self, inputs: Inputs) -> Prepared:
        """Arrange one batch; see `Backend.prepare`."""

    @abstractmethod
    def close(self) -> None:
        """Release the engine; see `Backend.close`."""

    @abstractmethod
    def _take_grid(self, grid: Grid) -> None:
        """Check a grid and keep what batches may be; raise `BackendError` for a wrong one."""

    @abstractmethod
    def _open(self, request: Request, options: Options) -> Description:
        """Import, compile and warm up; see `Backend.open`."""

    def _not_open(self) -> BackendError:
        return BackendError(f"{self.name}: the engine is not open")


def first_line(error: Exception) -> str:
    """Return the first line of an engine's error, for a message of one line."""
    return (str(error).strip() or type(error).__name__).splitlines()[0]
