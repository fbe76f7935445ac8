"""The consent of a user to something that leaves the machine."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from scriptgraph.api import StepFailed

if TYPE_CHECKING:
    from scriptgraph.api import Context


def require_consent(context: Context, key: str, question: str, refused: str) -> None:
    """Raise StepFailed unless the option at `key` consents, or the user at a terminal does, after what was shown.

    Args:
        context: the step's context.
        key: the key of `--consent`.
        question: the question at a terminal.
        refused: what did not happen, in words.
    """
    if context.flag(key):
        return
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise StepFailed(f"{refused}: read what is shown above, then add --consent to the command")
    try:
        answer = input(f"{question} [y/N] ")
    except EOFError:
        answer = ""
    if answer.strip().lower() not in {"y", "yes"}:
        raise StepFailed(refused)
