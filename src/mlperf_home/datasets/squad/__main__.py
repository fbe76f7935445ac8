"""Make a features folder: `python -m mlperf_home.datasets.squad --dataset F --vocab F --out DIR`."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from mlperf_home.datasets.base import DatasetError
from mlperf_home.datasets.squad.reading import read_dataset
from mlperf_home.datasets.squad.store import provenance, write_folder
from mlperf_home.datasets.squad.vocabulary import read_vocabulary

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mlperf_home.datasets.squad.features import Features
    from mlperf_home.datasets.squad.reading import Dataset
    from mlperf_home.datasets.squad.vocabulary import Vocabulary

EXIT_BAD_INPUT = 65


def main(arguments: Sequence[str] | None = None) -> int:
    """Make the folder and print one JSON line; give the exit code."""
    parser = argparse.ArgumentParser(prog="mlperf_home.datasets.squad", description=__doc__)
    parser.add_argument("--dataset", type=Path, required=True, help="a SQuAD v1.1 file")
    parser.add_argument("--vocab", type=Path, required=True, help="the model's vocab.txt")
    parser.add_argument("--out", type=Path, required=True, help="the folder to make")
    chosen = parser.parse_args(arguments)
    try:
        dataset = read_dataset(chosen.dataset)
        vocabulary = read_vocabulary(chosen.vocab)
        features = _features(dataset, vocabulary, chosen.dataset)
        facts = provenance(dataset, vocabulary, features)
        write_folder(chosen.out, features, vocabulary, facts)
    except DatasetError as error:
        print(f"mlperf-home: {error}", file=sys.stderr)
        return EXIT_BAD_INPUT
    print(json.dumps({**facts, "features_dir": str(chosen.out)}))
    return 0


def _features(dataset: Dataset, vocabulary: Vocabulary, path: Path) -> Features:
    try:
        from mlperf_home.datasets.squad.features import make_features  # noqa: PLC0415 - absence is an error in words
    except ImportError as error:
        advice = "install it into this Python: pip install tokenizers"
        raise DatasetError(sys.executable, f"lacks a package ({error})", advice) from error
    features = make_features(dataset, vocabulary)
    if not len(features.lengths):
        raise DatasetError(path, "gives no features: no context has a token", "give a file in SQuAD v1.1 format")
    return features


if __name__ == "__main__":
    sys.exit(main())
