"""Training questions, short paragraphs first, in batches of about equal numbers of tokens."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from tokenizers import Tokenizer
from tokenizers.models import WordPiece
from tokenizers.normalizers import BertNormalizer
from tokenizers.pre_tokenizers import BertPreTokenizer

from mlperf_home.samples.questions.squad import QUESTION_TOKENS, length_at, make_paragraph, question_text
from mlperf_home.samples.questions.world import RELATIONS, Dice

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlperf_home.samples.questions.squad import Paragraph

POSITIONS = 384
# The number of batches that are sorted by length together, then shuffled.
BATCHES_PER_SHUFFLE = 32
# The share of windows without the answer that are kept; their label is [CLS].
UNANSWERED_SHARE = 0.3


@dataclass(frozen=True)
class Stage:
    """One part of the curriculum.

    Attributes:
        steps: optimiser steps.
        tokens: (shortest, longest) paragraph in tokens; None for the sample's own distribution.
        kinds: the number of kinds of facts in a paragraph.
        questions: the number of questions about a paragraph.
        shifted: shift the paragraph's positions by a random offset up to 384, so that short texts train all positions.
        batch_tokens: tokens of one batch, including padding.
        peak_rate: the learning rate after the warm-up.
        warmup_steps: steps of linear warm-up, after which the rate falls linearly.
    """

    steps: int
    tokens: tuple[int, int] | None
    kinds: int
    questions: int
    shifted: bool
    batch_tokens: int
    peak_rate: float
    warmup_steps: int = 200


@dataclass(frozen=True)
class _Example:
    question: list[int]
    context: list[int]
    # First and last token of the answer in the context; None if the window lacks it.
    answer: tuple[int, int] | None

    @property
    def length(self) -> int:
        return len(self.question) + len(self.context) + 3


class Curriculum:
    """A source of batches; different seeds share paragraphs only by chance."""

    def __init__(self, vocabulary: list[str], seed: int) -> None:
        self._ids = {entry: number for number, entry in enumerate(vocabulary)}
        self._tokenizer = Tokenizer(WordPiece(self._ids, unk_token="[UNK]"))  # noqa: S106 - a token of the vocabulary
        self._tokenizer.normalizer = BertNormalizer(lowercase=True)
        self._tokenizer.pre_tokenizer = BertPreTokenizer()
        self._dice = Dice(random.Random(seed))  # noqa: S311 - training material, not cryptography

    def batches(self, stage: Stage) -> Iterator[dict[str, torch.Tensor]]:
        """Yield the stage's batches endlessly: ids, mask, types, places, starts and ends."""
        while True:
            examples: list[_Example] = []
            while sum(example.length for example in examples) < stage.batch_tokens * BATCHES_PER_SHUFFLE:
                examples += self._examples(stage)
            examples.sort(key=lambda example: example.length)
            groups: list[list[_Example]] = [[]]
            for example in examples:
                if (len(groups[-1]) + 1) * example.length > stage.batch_tokens:
                    groups.append([])
                groups[-1].append(example)
            for group in self._dice.shuffled(groups):
                yield self._batch(group, shifted=stage.shifted)

    def _examples(self, stage: Stage) -> list[_Example]:
        dice = self._dice
        if stage.tokens is None:
            target = length_at(dice.fraction()) - QUESTION_TOKENS
        else:
            target = stage.tokens[0] + dice.fraction() * (stage.tokens[1] - stage.tokens[0])
        paragraph = make_paragraph(dice, target, dice.shuffled(RELATIONS)[: stage.kinds])
        facts = dice.shuffled(paragraph.facts)[: stage.questions]
        return self._encode(paragraph, [(question_text(dice, fact), fact.start, len(fact.value)) for fact in facts])

    def _encode(self, paragraph: Paragraph, questions: list[tuple[str, int, int]]) -> list[_Example]:
        encoding = self._tokenizer.encode(paragraph.text)
        starts = np.array([start for start, _ in encoding.offsets])
        ends = np.array([end for _, end in encoding.offsets])
        examples = []
        for text, start, characters in questions:
            question = self._tokenizer.encode(text).ids
            first = int(np.searchsorted(ends, start, side="right"))
            last = int(np.searchsorted(starts, start + characters, side="left")) - 1
            room = POSITIONS - len(question) - 3
            cut = self._dice.below(max(0, len(encoding.ids) - room) + 1)
            inside = cut <= first and last < cut + room
            if not inside and not self._dice.chance(UNANSWERED_SHARE):
                continue
            answer = (first - cut, last - cut) if inside else None
            examples.append(_Example(question, encoding.ids[cut : cut + room], answer))
        return examples

    def _batch(self, group: list[_Example], *, shifted: bool) -> dict[str, torch.Tensor]:
        shape = (len(group), max(example.length for example in group))
        names = ("ids", "mask", "types", "places")
        arrays = {name: np.zeros(shape, dtype=np.int64) for name in names}
        starts, ends = np.zeros(len(group), dtype=np.int64), np.zeros(len(group), dtype=np.int64)
        cls, sep = self._ids["[CLS]"], self._ids["[SEP]"]
        for row, example in enumerate(group):
            first, length = len(example.question) + 2, example.length
            arrays["ids"][row, :length] = [cls, *example.question, sep, *example.context, sep]
            arrays["mask"][row, :length] = 1
            arrays["types"][row, first:length] = 1
            arrays["places"][row, :length] = np.arange(length)
            if shifted:
                arrays["places"][row, first:length] += self._dice.below(POSITIONS - length + 1)
            if example.answer is not None:
                starts[row], ends[row] = first + example.answer[0], first + example.answer[1]
        tensors = {name: torch.from_numpy(array) for name, array in arrays.items()}
        return tensors | {"starts": torch.from_numpy(starts), "ends": torch.from_numpy(ends)}
