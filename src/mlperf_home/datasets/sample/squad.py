"""A seeded generator of questions in SQuAD v1.1's format: the sample.

Each paragraph tells facts about a few invented people; each question asks for one of them. The
answer is found by matching the person and the kind of fact, so a small BERT learns it, and a
fault in tokenising, padding or post-processing loses it. Lengths follow those of 1,190 real
questions of SQuAD's dev set, features of at most 384 tokens.
"""

from __future__ import annotations

import json
import random
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from mlperf_home.datasets.sample import words
from mlperf_home.datasets.sample.relations import RELATIONS, Dice, Relation, person, surname
from mlperf_home.datasets.sample.wordpiece import token_count

if TYPE_CHECKING:
    from collections.abc import Sequence

VERSION = "1.1-sample"
SEED = 20231116
# As many as the features of SQuAD's dev set, so that MLPerf's performance sample count is met.
QUESTIONS = 10_833
# sha256 of the file that the default seed and number give.
DATASET_SHA256 = "6dbe908216566e07d744e42ac641874809ab587f146479ae5211bc9fb044832a"
QUESTIONS_PER_PARAGRAPH = 5
PARAGRAPHS_PER_ARTICLE = 25
# (share of questions, tokens with the question and three separators): the quantiles of real SQuAD.
LENGTH_QUANTILES = (
    (0.0, 62),
    (0.05, 91),
    (0.25, 134),
    (0.5, 166),
    (0.75, 219),
    (0.9, 271),
    (0.95, 355),
    (0.975, 384),
    (1.0, 460),
)
# A question and the separators take about this many of them.
QUESTION_TOKENS = 16
TOKENS_PER_PERSON = 32
FEWEST_PEOPLE = 3


@dataclass(frozen=True)
class Fact:
    """A fact of a paragraph: who, what kind, and where its value stands in the text."""

    who: str
    relation: Relation
    value: str
    start: int


@dataclass
class Paragraph:
    """A paragraph that grows by sentences.

    Attributes:
        text: the sentences so far.
        tokens: their word pieces.
        facts: the facts told, in the order of the text.
    """

    text: str = ""
    tokens: int = 0
    facts: list[Fact] = field(default_factory=list)

    def add(self, sentence: str, facts: list[Fact]) -> None:
        """Append a sentence whose facts are placed relative to its own start."""
        offset = len(self.text) + 1 if self.text else 0
        self.text = f"{self.text} {sentence}" if self.text else sentence
        self.tokens += token_count(sentence)
        self.facts += [Fact(f.who, f.relation, f.value, f.start + offset) for f in facts]


def length_at(share: float) -> float:
    """Give the length in tokens below which `share` (0 to 1) of the questions lie."""
    for (low, short), (high, long) in zip(LENGTH_QUANTILES, LENGTH_QUANTILES[1:], strict=False):
        if share <= high:
            return short + (share - low) / (high - low) * (long - short)
    return float(LENGTH_QUANTILES[-1][1])


def _people(dice: Dice, count: int) -> list[str]:
    """Make up people; a few share a first or a last name with another."""
    people: list[str] = []
    while len(people) < count:
        name = person(dice)
        if people and dice.chance(0.12):
            first, last = dice.pick(people).split(" ")
            name = person(dice, first=first) if dice.chance(0.5) else person(dice, last=last)
        elif any(name.split(" ")[0] == other.split(" ")[0] for other in people):
            continue
        if name not in people:
            people.append(name)
    return people


def _sentence(dice: Dice, who: str, relations: list[Relation]) -> tuple[str, list[Fact]]:
    """Write one sentence of one to three clauses; facts are placed relative to its start."""
    text = dice.pick(words.OPENERS) if dice.chance(0.15) else ""
    text += who
    if dice.chance(0.1):
        text += dice.pick(words.ASIDES).format(2 + dice.below(90))
    facts = []
    for place, relation in enumerate(relations):
        last = place == len(relations) - 1
        joint = " " if place == 0 else (dice.pick((" and ", ", and later ", ", but ")) if last else ", ")
        before, after = dice.pick(relation.clauses).split("{}")
        value = relation.value(dice)
        text += joint + before
        facts.append(Fact(who, relation, value, len(text)))
        text += value + after
    if dice.chance(0.15):
        text += dice.pick(words.CLOSERS)
    return text + ".", facts


def make_paragraph(dice: Dice, target_tokens: float, kinds: Sequence[Relation] = RELATIONS) -> Paragraph:
    """Write a paragraph of about `target_tokens` word pieces, one sentence at least.

    It is shorter where all facts of these kinds are told before.
    """
    paragraph = Paragraph()
    people = _people(dice, max(FEWEST_PEOPLE, int(target_tokens / TOKENS_PER_PERSON)))
    untold = {who: dice.shuffled(kinds) for who in people}
    while any(untold.values()):
        if paragraph.facts and dice.chance(0.05):
            sentence, facts = dice.pick(words.FILLERS), []
        else:
            who = dice.pick(people)
            clauses = 1 if dice.chance(0.55) else 2 if dice.chance(0.75) else 3
            relations = [untold[who].pop() for _ in range(min(clauses, len(untold[who])))]
            if not relations:
                continue
            sentence, facts = _sentence(dice, who, relations)
        # Half a sentence more or less evens out over the paragraphs.
        if paragraph.facts and paragraph.tokens + token_count(sentence) / 2 > target_tokens:
            break
        paragraph.add(sentence, facts)
    return paragraph


def ask(dice: Dice, fact: Fact) -> str:
    """Write a question for a fact."""
    return dice.pick(fact.relation.questions).format(fact.who)


def _answers(dice: Dice, fact: Fact, text: str) -> list[dict[str, Any]]:
    """Give the answer, and for some questions what a second and third annotator marked."""
    answers = [{"text": fact.value, "answer_start": fact.start}]
    if dice.chance(0.35):
        wide = fact.start - len(fact.relation.before)
        if fact.relation.before and text[wide : fact.start] == fact.relation.before:
            answers.append({"text": text[wide : fact.start] + fact.value, "answer_start": wide})
        answers.append({"text": fact.value, "answer_start": fact.start})
    return answers


def make_questions(seed: int = SEED, questions: int = QUESTIONS) -> dict[str, Any]:
    """Make a dataset in SQuAD v1.1's format.

    Args:
        seed: the same seed gives the same dataset on every Python and machine.
        questions: how many questions; at least 1.
    """
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
    """Give the dataset's file: ASCII JSON and a line feed."""
    text = json.dumps(make_questions(seed, questions), ensure_ascii=True, separators=(",", ":"))
    return (text + "\n").encode("ascii")
