"""The form of an error that a user reads: place, problem, advice."""

from __future__ import annotations

from scriptgraph.printable import shortened


class LocatedError(Exception):
    """An input cannot be used; `str()` is one line, "WHERE: PROBLEM; ADVICE".

    Attributes:
        where: the file, with a place inside it where one is known.
        problem: the fault there.
        advice: the user's next step.
    """

    def __init__(self, where: object, problem: str, advice: str) -> None:
        super().__init__(where, problem, advice)
        self.where = str(where)
        self.problem = problem
        self.advice = advice

    def __str__(self) -> str:
        # File names may hold line breaks; a message may not.
        return shortened(f"{self.where}: {self.problem}; {self.advice}")
