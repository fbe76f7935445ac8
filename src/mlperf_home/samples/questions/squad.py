"""A seeded generator of questions in SQuAD v1.1's format: the sample.

Each paragraph tells facts about things, one of each kind at most, among sentences that tell nothing; each question
asks for one of the facts. A small BERT learns in minutes which kind is asked for and where it stands; a fault in
tokenising, padding, ordering or post-processing loses it. Lengths follow those of 1,190 real questions of SQuAD's dev
set, features of at most 384 tokens.
"""

from __future__ import annotations

import bisect
import json
import random
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from mlperf_home.samples.questions.world import RELATIONS, WORDS, Dice, Relation, surname, token_count

if TYPE_CHECKING:
    from collections.abc import Sequence

VERSION = "1.1-sample"
SEED = 20231116
# As many as the features of SQuAD's dev set, so that MLPerf's performance sample count is met.
QUESTIONS = 10_833
# sha256 of the file that the default seed and number give.
DATASET_SHA256 = "bd92fc37103d48cc20c21d84c0459b6114d617a4e21be2eaa2ab29e370f96e49"
QUESTIONS_PER_PARAGRAPH = 5
PARAGRAPHS_PER_ARTICLE = 25
# The quantiles of real SQuAD: shares of questions, and tokens with the question and three separators.
_SHARES = (0.0, 0.05, 0.25, 0.5, 0.75, 0.9, 0.95, 0.975, 1.0)
_LENGTHS = (62, 91, 134, 166, 219, 271, 355, 384, 460)
# An average sentence.
TOKENS_PER_SENTENCE = 12
# A question and the separators take about this many of them.
QUESTION_TOKENS = 16


@dataclass(frozen=True)
class Fact:
    """A fact of a paragraph: of what, of what kind, and where its value stands in the text."""

    thing: str
    relation: Relation
    value: str
    start: int


@dataclass
class Paragraph:
    """A paragraph that grows by sentences: their text, number of word pieces, and facts, in the order of the text."""

    text: str = ""
    tokens: int = 0
    facts: list[Fact] = field(default_factory=list)

    def add(self, sentence: str, facts: list[Fact]) -> None:
        """Append a sentence whose facts are placed relative to its own start."""
        offset = len(self.text) + 1 if self.text else 0
        self.text = f"{self.text} {sentence}" if self.text else sentence
        self.tokens += token_count(sentence)
        self.facts += [Fact(f.thing, f.relation, f.value, f.start + offset) for f in facts]


def length_at(share: float) -> float:
    """Return the length in tokens below which `share` (0 to 1) of the questions lie."""
    above = min(max(bisect.bisect_left(_SHARES, share), 1), len(_SHARES) - 1)
    low, short = _SHARES[above - 1], _LENGTHS[above - 1]
    return short + (share - low) / (_SHARES[above] - low) * (_LENGTHS[above] - short)


def _sentence(dice: Dice, facts: list[tuple[str, Relation]]) -> tuple[str, list[Fact]]:
    """Write one sentence of one or two clauses; facts are placed relative to its start."""
    text = dice.pick(WORDS["openers"]) if dice.chance(0.12) else ""
    told = []
    for place, (thing, relation) in enumerate(facts):
        if place:
            text += dice.pick((" and ", ", and later ", ", but ", "; "))
        clause = dice.pick(relation.clauses)
        aside = dice.pick(WORDS["asides"]) if dice.chance(0.06) else ""
        before, after = clause.replace("{thing}", thing + aside).split("{}")
        value = relation.value(dice)
        text += before
        told.append(Fact(thing, relation, value, len(text)))
        text += value + after
    if dice.chance(0.12):
        text += dice.pick(WORDS["closers"])
    return f"{text[0].upper()}{text[1:]}.", told


def _filler(dice: Dice, things: list[str]) -> str:
    """Write a sentence without a fact."""
    if dice.chance(0.3):
        return dice.pick(WORDS["fillers"])
    opener = dice.pick(WORDS["openers"]) + "the" if dice.chance(0.2) else "The"
    closer = dice.pick(WORDS["closers"]) if dice.chance(0.2) else ""
    return f"{opener} {dice.pick(things)} {dice.pick(WORDS['filler_verbs'])} the {dice.pick(things)}{closer}."


def make_paragraph(dice: Dice, target_tokens: float, kinds: Sequence[Relation] = RELATIONS) -> Paragraph:
    """Write a paragraph of about `target_tokens` word pieces, one sentence at least.

    Each of the kinds is told once at most.
    """
    paragraph = Paragraph()
    things = dice.shuffled(WORDS["things"])
    untold = dice.shuffled(kinds)
    # Spread over the whole paragraph, so that answers stand everywhere.
    share = len(kinds) / max(len(kinds), target_tokens / TOKENS_PER_SENTENCE)
    while len(things) > 1:
        if untold and (not paragraph.facts or dice.chance(share)):
            count = min(len(untold), 1 if dice.chance(0.6) else 2)
            sentence, facts = _sentence(dice, [(things.pop(), untold.pop()) for _ in range(count)])
        else:
            sentence, facts = _filler(dice, things), []
        # Half a sentence more or less evens out over the paragraphs.
        if paragraph.facts and paragraph.tokens + token_count(sentence) / 2 > target_tokens:
            break
        paragraph.add(sentence, facts)
    return paragraph


def ask(dice: Dice, fact: Fact) -> str:
    """Write a question for a fact."""
    return dice.pick(fact.relation.questions).format(fact.thing)


def _answers(dice: Dice, fact: Fact, text: str) -> list[dict[str, Any]]:
    """Return the answer, and for some questions what a second and third annotator marked."""
    answers = [{"text": fact.value, "answer_start": fact.start}]
    if dice.chance(0.35):
        wide = fact.start - len(fact.relation.before)
        if fact.relation.before and text[wide : fact.start] == fact.relation.before:
            answers.append({"text": text[wide : fact.start] + fact.value, "answer_start": wide})
        answers.append({"text": fact.value, "answer_start": fact.start})
    return answers


def make_questions(seed: int = SEED, questions: int = QUESTIONS) -> dict[str, Any]:
    """Make a dataset in SQuAD v1.1's format, the same for the same seed on every Python and machine."""
    # The seed only names the stream; a generator of the library's, no secret depends on it.
    dice = Dice(random.Random(seed))  # noqa: S311 - test material, not cryptography
    articles: list[dict[str, Any]] = []
    made, paragraphs = 0, 0
    while made < questions:
        if paragraphs % PARAGRAPHS_PER_ARTICLE == 0:
            articles.append({"title": f"Sample {len(articles) + 1}: the {surname(dice)} papers", "paragraphs": []})
        paragraph = make_paragraph(dice, length_at(dice.fraction()) - QUESTION_TOKENS)
        asked = dice.shuffled(paragraph.facts)[: min(QUESTIONS_PER_PARAGRAPH, questions - made)]
        qas = [
            {
                "id": f"sample-{seed}-{made + place:06d}",
                "question": ask(dice, fact),
                "answers": _answers(dice, fact, paragraph.text),
            }
            for place, fact in enumerate(asked)
        ]
        articles[-1]["paragraphs"].append({"context": paragraph.text, "qas": qas})
        made += len(qas)
        paragraphs += 1
    return {"version": VERSION, "data": articles}


def dataset_bytes(seed: int = SEED, questions: int = QUESTIONS) -> bytes:
    """Return the dataset's file: ASCII JSON and a line feed."""
    text = json.dumps(make_questions(seed, questions), ensure_ascii=True, separators=(",", ":"))
    return (text + "\n").encode("ascii")
