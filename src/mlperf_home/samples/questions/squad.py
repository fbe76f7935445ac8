"""A seeded generator of the sample: questions in SQuAD v1.1's format.

Each paragraph states facts about things, at most one of each kind, among filler sentences. Each question asks for one
of the facts. A small BERT learns in minutes to find the answer, but a fault in tokenising, padding, ordering or
post-processing makes it fail. Lengths follow those of 1,190 real questions of SQuAD's dev set, as features of at most
384 tokens.
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
# The number of features of SQuAD's dev set, which meets MLPerf's performance sample count.
QUESTIONS = 10_833
# SHA-256 of the file for the default options.
DATASET_SHA256 = "bd92fc37103d48cc20c21d84c0459b6114d617a4e21be2eaa2ab29e370f96e49"
QUESTIONS_PER_PARAGRAPH = 5
PARAGRAPHS_PER_ARTICLE = 25
# Quantiles of real SQuAD: shares of questions, and lengths in tokens with the question and three separators.
_SHARES = (0.0, 0.05, 0.25, 0.5, 0.75, 0.9, 0.95, 0.975, 1.0)
_LENGTHS = (62, 91, 134, 166, 219, 271, 355, 384, 460)
TOKENS_PER_SENTENCE = 12
# The approximate number of tokens of a question and the separators.
QUESTION_TOKENS = 16


@dataclass(frozen=True)
class Fact:
    """A fact of a paragraph: the thing, the relation, the value, and the value's position in the text."""

    thing: str
    relation: Relation
    value: str
    start: int


@dataclass
class Paragraph:
    """A growing paragraph: its text, its number of word pieces, and its facts in the order of the text."""

    text: str = ""
    tokens: int = 0
    facts: list[Fact] = field(default_factory=list)

    def add(self, sentence: str, facts: list[Fact]) -> None:
        """Append a sentence; its facts are positioned relative to its start."""
        offset = len(self.text) + 1 if self.text else 0
        self.text = f"{self.text} {sentence}" if self.text else sentence
        self.tokens += token_count(sentence)
        self.facts += [Fact(f.thing, f.relation, f.value, f.start + offset) for f in facts]


def length_at(share: float) -> float:
    """Return the length in tokens at the quantile `share` (0 to 1) of the questions."""
    above = min(max(bisect.bisect_left(_SHARES, share), 1), len(_SHARES) - 1)
    low, short = _SHARES[above - 1], _LENGTHS[above - 1]
    return short + (share - low) / (_SHARES[above] - low) * (_LENGTHS[above] - short)


def _sentence(dice: Dice, facts: list[tuple[str, Relation]]) -> tuple[str, list[Fact]]:
    """Write a sentence of one or two clauses; its facts are positioned relative to its start."""
    text = dice.pick(WORDS["openers"]) if dice.chance(0.12) else ""
    written = []
    for place, (thing, relation) in enumerate(facts):
        if place:
            text += dice.pick((" and ", ", and later ", ", but ", "; "))
        clause = dice.pick(relation.clauses)
        aside = dice.pick(WORDS["asides"]) if dice.chance(0.06) else ""
        before, after = clause.replace("{thing}", thing + aside).split("{}")
        value = relation.value(dice)
        text += before
        written.append(Fact(thing, relation, value, len(text)))
        text += value + after
    if dice.chance(0.12):
        text += dice.pick(WORDS["closers"])
    return f"{text[0].upper()}{text[1:]}.", written


def _filler(dice: Dice, things: list[str]) -> str:
    """Write a sentence without a fact."""
    if dice.chance(0.3):
        return dice.pick(WORDS["fillers"])
    opener = dice.pick(WORDS["openers"]) + "the" if dice.chance(0.2) else "The"
    closer = dice.pick(WORDS["closers"]) if dice.chance(0.2) else ""
    return f"{opener} {dice.pick(things)} {dice.pick(WORDS['filler_verbs'])} the {dice.pick(things)}{closer}."


def make_paragraph(dice: Dice, target_tokens: float, kinds: Sequence[Relation] = RELATIONS) -> Paragraph:
    """Write a paragraph of about `target_tokens` word pieces, at least one sentence, with each fact at most once."""
    paragraph = Paragraph()
    things = dice.shuffled(WORDS["things"])
    remaining = dice.shuffled(kinds)
    # Spread the facts over the paragraph, so that answers occur everywhere.
    share = len(kinds) / max(len(kinds), target_tokens / TOKENS_PER_SENTENCE)
    while len(things) > 1:
        if remaining and (not paragraph.facts or dice.chance(share)):
            count = min(len(remaining), 1 if dice.chance(0.6) else 2)
            sentence, facts = _sentence(dice, [(things.pop(), remaining.pop()) for _ in range(count)])
        else:
            sentence, facts = _filler(dice, things), []
        # Half a sentence more or less averages out over the paragraphs.
        if paragraph.facts and paragraph.tokens + token_count(sentence) / 2 > target_tokens:
            break
        paragraph.add(sentence, facts)
    return paragraph


def question_text(dice: Dice, fact: Fact) -> str:
    """Write a question that asks for a fact."""
    return dice.pick(fact.relation.questions).format(fact.thing)


def _answers(dice: Dice, fact: Fact, text: str) -> list[dict[str, Any]]:
    """Return the answer and, for some questions, those of a second and third annotator."""
    answers = [{"text": fact.value, "answer_start": fact.start}]
    if dice.chance(0.35):
        wide = fact.start - len(fact.relation.before)
        if fact.relation.before and text[wide : fact.start] == fact.relation.before:
            answers.append({"text": text[wide : fact.start] + fact.value, "answer_start": wide})
        answers.append({"text": fact.value, "answer_start": fact.start})
    return answers


def make_questions(seed: int = SEED, questions: int = QUESTIONS) -> dict[str, Any]:
    """Make a dataset in SQuAD v1.1's format; a seed gives the same dataset on every Python and machine."""
    dice = Dice(random.Random(seed))  # noqa: S311 - test material, not cryptography
    articles: list[dict[str, Any]] = []
    made, paragraphs = 0, 0
    while made < questions:
        if paragraphs % PARAGRAPHS_PER_ARTICLE == 0:
            articles.append({"title": f"Sample {len(articles) + 1}: the {surname(dice)} papers", "paragraphs": []})
        paragraph = make_paragraph(dice, length_at(dice.fraction()) - QUESTION_TOKENS)
        facts = dice.shuffled(paragraph.facts)[: min(QUESTIONS_PER_PARAGRAPH, questions - made)]
        qas = [
            {
                "id": f"sample-{seed}-{made + place:06d}",
                "question": question_text(dice, fact),
                "answers": _answers(dice, fact, paragraph.text),
            }
            for place, fact in enumerate(facts)
        ]
        articles[-1]["paragraphs"].append({"context": paragraph.text, "qas": qas})
        made += len(qas)
        paragraphs += 1
    return {"version": VERSION, "data": articles}


def dataset_bytes(seed: int = SEED, questions: int = QUESTIONS) -> bytes:
    """Return the content of the dataset's file: ASCII JSON and a line feed."""
    text = json.dumps(make_questions(seed, questions), ensure_ascii=True, separators=(",", ":"))
    return (text + "\n").encode("ascii")
