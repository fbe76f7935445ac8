"""Make a features folder: `python -m mlperf_home.datasets.squad --dataset F --vocab F --out DIR`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlperf_home.datasets.base import DatasetError, report
from mlperf_home.datasets.squad.reading import read_dataset, read_vocabulary
from mlperf_home.datasets.squad.samples import provenance, write_folder

if TYPE_CHECKING:
    from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """Make the folder, print one JSON line, and return the exit code."""
    parser = argparse.ArgumentParser(prog="mlperf_home.datasets.squad", description=__doc__)
    parser.add_argument("--dataset", type=Path, required=True, help="a SQuAD v1.1 file")
    parser.add_argument("--vocab", type=Path, required=True, help="the model's vocab.txt")
    parser.add_argument("--out", type=Path, required=True, help="the folder to make")
    options = parser.parse_args(arguments)
    return report(lambda: _make(options.dataset, options.vocab, options.out))


def _make(path: Path, vocab: Path, out: Path) -> dict[str, Any]:
    dataset, vocabulary = read_dataset(path), read_vocabulary(vocab)
    try:
        from mlperf_home.datasets.squad.features import make_features  # noqa: PLC0415 - its absence has a message
    except ImportError as error:
        advice = "install it into this Python: pip install tokenizers"
        raise DatasetError(sys.executable, f"lacks a package ({error})", advice) from error
    features = make_features(dataset, vocabulary)
    if not len(features.lengths):
        raise DatasetError(path, "has no features because no context has a token", "pass a file in SQuAD v1.1 format")
    facts = provenance(dataset, vocabulary, features)
    write_folder(out, features, vocabulary, facts)
    return {**facts, "features_dir": str(out)}


if __name__ == "__main__":
    sys.exit(main())
