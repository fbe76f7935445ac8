"""The shape of an error that a user reads: what is wrong, where, what to do next."""

from __future__ import annotations


class LocatedError(Exception):
    """Something a user gave cannot be used; `str()` is one line.

    Attributes:
        where: the file, with a place inside it where one is known.
        problem: what is wrong there.
        advice: what to do next.
    """

    def __init__(self, where: object, problem: str, advice: str) -> None:
        super().__init__(where, problem, advice)
        self.where = str(where)
        self.problem = problem
        self.advice = advice

    def __str__(self) -> str:
        text = f"{self.where}: {self.problem}; {self.advice}"
        # File names may hold line breaks; a message may not.
        return " ".join(text.split())
