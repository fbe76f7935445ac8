"""Tag queries: `run,mlperf,_sample,-old` or the same words with spaces."""

from __future__ import annotations

from functools import lru_cache

from scriptgraph.immutable import Immutable


class Query(Immutable):
    """What a script must carry, and the variations asked of it.

    Attributes:
        text: the query as it was written, for messages.
        required: tags that the script must have.
        excluded: tags that it must not have (written `-tag`).
        variations: variations to turn on (written `_name`), in the order written.
        without: variations to keep off although they are a default (written `-_name`).
    """

    text: str
    required: tuple[str, ...] = ()
    excluded: tuple[str, ...] = ()
    variations: tuple[str, ...] = ()
    without: tuple[str, ...] = ()


@lru_cache(maxsize=1 << 12)  # a plan of a thousand steps asks the same queries again and again
def parse_query(text: str) -> Query:
    """Split a query into its parts; commas and white space separate alike, repeats count once.

    Of a word and the same word with `-`, the later counts: `adr` takes back so what a dependency asks for.
    """
    words = {word.removeprefix("-"): word for word in text.replace(",", " ").split()}.values()
    return Query(
        text=",".join(words),
        required=tuple(word for word in words if not word.startswith(("_", "-"))),
        excluded=tuple(word[1:] for word in words if word.startswith("-") and not word.startswith("-_")),
        variations=tuple(word[1:] for word in words if word.startswith("_")),
        without=tuple(word[2:] for word in words if word.startswith("-_")),
    )
