"""What the closed division does not allow, as far as it can be known before a run."""

from __future__ import annotations

from dataclasses import dataclass

# The reference's own weights: BERT-large as MLPerf gives it out, in two precisions.
_REFERENCE_MODELS = ("onnx-fp32", "onnx-int8")


@dataclass(frozen=True)
class ModelChoice:
    """Which model is to be run.

    Attributes:
        variation: of get,ml-model; "" for its default.
        own: a file or stub of the user's, or "".
        tried_sample: whether it is the embedded sample, run for trying.
    """

    variation: str
    own: str
    tried_sample: bool


def refusals(division: str, compliance: str, model: ModelChoice) -> list[str]:
    """List what the division does not allow, each with what to do; empty if nothing.

    Args:
        division: "open" or "closed".
        compliance: "yes", "no", or "" where nothing was said.
        model: the model.
    """
    if division != "closed":
        if compliance == "yes":
            return ["compliance tests belong to the closed division: leave --compliance out, or use --division=closed"]
        return []
    found = []
    if compliance == "no":
        found.append("a closed result needs the compliance tests: leave --compliance=no out, or use --division=open")
    if model.own:
        found.append(f"closed wants the reference model, not {model.own}: use --division=open")
    elif not model.tried_sample and model.variation not in _REFERENCE_MODELS:
        named = model.variation or "the default, a sparse BERT,"
        found.append(
            f"closed wants the reference model's weights, and {named} has others: "
            f"use --model_variation={_REFERENCE_MODELS[0]}, or --division=open"
        )
    return found
