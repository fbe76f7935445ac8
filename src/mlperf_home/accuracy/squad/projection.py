"""From a span of tokens back to the text of the context, as the reference's `get_final_text` does it.

In MLPerf inference v3.1 that function splits the context's text with `BasicTokenizer`, not with the model's
tokeniser; the two differ in how they lower (`mlperf_home.datasets.squad.basic`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlperf_home.datasets.squad.basic import basic_tokens

if TYPE_CHECKING:
    from collections.abc import Iterable


def join_pieces(tokens: Iterable[str]) -> str:
    """Put word pieces together into the text that the model saw."""
    return " ".join(" ".join(tokens).replace(" ##", "").replace("##", "").split())


def project(predicted: str, original: str) -> str:
    """Find `predicted` (lower case, split at punctuation) in `original` and give it as it is written there.

    Where the two cannot be aligned character by character, the whole of `original` is the answer.
    """
    text = " ".join(basic_tokens(original))
    first = text.find(predicted)
    if first < 0:
        return original
    last = first + len(predicted) - 1
    places = [index for index, character in enumerate(original) if character != " "]
    if len(places) != len(text) - text.count(" "):
        return original
    # A predicted text that is empty, or begins or ends at a space, aligns with nothing.
    if last < 0 or text[first] == " " or text[last] == " ":
        return original
    return original[places[_rank(text, first)] : places[_rank(text, last)] + 1]


def _rank(text: str, index: int) -> int:
    """Give how many characters other than spaces precede `index`."""
    return index - text.count(" ", 0, index)
