"""The start and the end of an answer among the outputs of an ONNX model.

Names decide, because exporters order outputs as they like. The option `outputs` tells where names do not: for two
outputs their names, the start's first ("output_0,output_1"); for one output (batch, length, 2) the meaning of its last
axis, "start,end" or "end,start". Where neither names nor option tell, the start is taken to be first, as in BERT's own
code, and `mlperf_home.harness.answer_order` checks this on data.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import permutations
from typing import TYPE_CHECKING, Literal

from mlperf_home.engines.base import BackendError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+")
_ENDING = "(logits?|scores?|pos(ition)?s?|index|idx)?"
_ROLES = {"start": re.compile(f"(start|begin){_ENDING}"), "end": re.compile(f"(end|stop){_ENDING}")}
_BOTH = 2  # start and end
# BERT's own code: `start, end = tf.unstack(logits)`.
_UNSTACKED = ("unstack:0", "unstack:1")
HOW = '--env.CM_MLPERF_BACKEND_OPTIONS=\'{"outputs": "%s"}\''
"""The option of a command that sets `outputs`."""


Origin = Literal["names", "option", "order", "axis"]


@dataclass(frozen=True)
class Output:
    """An output of a graph; its dimensions are None where the graph does not tell them."""

    name: str
    dims: tuple[int | None, ...] | None

    def has_rank(self, rank: int) -> bool:
        """Whether the output has, or may have, so many dimensions."""
        return self.dims is None or len(self.dims) == rank


@dataclass(frozen=True)
class AnswerOutputs:
    """The start and the end logits among the outputs of a graph.

    Attributes:
        names: two outputs, start and end, (batch, length) each; or one, (batch, length, 2).
        positions: their positions in the graph.
        origin: what tells start from end: their names, the option, or nothing but the order of
            two outputs, or of the last axis of one.
        end_first: whether one output holds the end before the start.
    """

    names: tuple[str, ...]
    positions: tuple[int, ...]
    origin: Origin
    end_first: bool = False

    @property
    def details(self) -> dict[str, str | list[str]]:
        """The start and the end, and what tells them apart, for the session."""
        shown = list(self.names)
        if len(shown) == 1:
            shown = [f"{shown[0]}[{place}]" for place in ((1, 0) if self.end_first else (0, 1))]
        return {"outputs": shown, "outputs_by": self.origin}


def find_outputs(outputs: Sequence[Output], option: str | None, path: Path) -> AnswerOutputs:
    """Find start and end by the option, or else by names; `path` names the model in errors.

    Raises:
        BackendError: the model has no such outputs, or several of them, or the option does not fit.
    """
    listed = ", ".join(output.name for output in outputs)
    if option is not None:
        return _chosen(outputs, option, path, listed)
    flat = [output.name for output in outputs if output.has_rank(2)]
    pair = _named(flat)
    if pair is not None:
        return _pair(outputs, pair, "names")
    if (joined := _joined(outputs)) is not None:
        return AnswerOutputs((outputs[joined].name,), (joined,), "axis")
    if len(flat) == _BOTH:
        return _pair(outputs, (flat[0], flat[1]), "order")
    if len(flat) > 1:
        problem = f"the names of its outputs ({listed}) do not tell the start of an answer from its end"
        raise BackendError(f"model {path}: {problem}; name both by {HOW % 'START,END'}")
    raise BackendError(
        f"model {path}: its outputs are {listed}; use a BERT model for question answering, with "
        "start_logits and end_logits, each (batch, length), or one output (batch, length, 2)"
    )


def _chosen(outputs: Sequence[Output], option: str, path: Path, listed: str) -> AnswerOutputs:
    words = [word.strip() for word in option.split(",")]
    names = {output.name.removesuffix(":0"): output.name for output in outputs}
    pair = [names.get(word.removesuffix(":0")) for word in words]
    if len(set(pair)) == _BOTH and pair[0] is not None and pair[1] is not None:
        return _pair(outputs, (pair[0], pair[1]), "option")
    joined = _joined(outputs)
    if joined is not None and sorted(words) == ["end", "start"]:
        return AnswerOutputs((outputs[joined].name,), (joined,), "option", end_first=words[0] == "end")
    fitting = "start,end or end,start" if joined is not None else "the names of two of them, the start's first"
    raise BackendError(f"model {path}: option outputs {option!r} does not fit its outputs ({listed}); write {fitting}")


def _pair(outputs: Sequence[Output], names: tuple[str, str], origin: Origin) -> AnswerOutputs:
    known = [output.name for output in outputs]
    return AnswerOutputs(names, (known.index(names[0]), known.index(names[1])), origin)


def _joined(outputs: Sequence[Output]) -> int | None:
    """Return the position of the only output if it can be (batch, length, 2)."""
    if len(outputs) != 1 or not outputs[0].has_rank(3):
        return None
    return 0 if outputs[0].dims is None or outputs[0].dims[2] in {2, None} else None


def _named(names: Sequence[str]) -> tuple[str, str] | None:
    """Return the start's and the end's name; None if the names do not tell, or tell several."""
    for chosen in (names, [name for name in names if "logit" in name.lower()]):
        found = [pair for pair in permutations(chosen, 2) if _tell(*pair)]
        if len(found) == 1:
            return found[0]
    return None


def _tell(first: str, second: str) -> bool:
    """Whether two names say start and end."""
    if (first.rpartition("/")[2], second.rpartition("/")[2]) == _UNSTACKED:
        return True
    words, others = ([word.lower() for word in _WORD.findall(name.removesuffix(":0"))] for name in (first, second))
    if (_role(words), _role(others)) == ("start", "end"):
        return True
    differing = [pair for pair in zip(words, others, strict=False) if pair[0] != pair[1]]
    return len(words) == len(others) and differing == [("s", "e")]


def _role(words: Sequence[str]) -> str | None:
    """Return the only role that the words of a name have."""
    found = [role for role, pattern in _ROLES.items() if any(map(pattern.fullmatch, words))]
    return found[0] if len(found) == 1 else None
