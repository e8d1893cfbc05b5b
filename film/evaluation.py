"""How good a network is, the paper's way and beyond: `python -m film evaluate`.

Accuracy overall, per group and per question type (the last step of a question's program), each with
a 95 % interval; how far wrong counts are off; and whether the network agrees with itself: "are there
fewer A than B?" against its own counts of A and of B (paper section 7.1).
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from film.clevr.data.folder import questions_of
from film.clevr.data.open import GivenQuestion, open_data
from film.clevr.language.closure import CLOSURE_NAMES, match_closure
from film.clevr.language.linked import HOLDS, count_questions, other_comparisons
from film.clevr.language.programs import GROUPS
from film.errors import InputError
from film.intervals import FEWEST_CLUSTERS, Share, clustered_shares
from film.interventions import Edits
from film.progress import Progress, Stages, stage
from film.session import Session, probabilities

PICTURES_AT_ONCE = 16
OVERALL = "Overall"
GROUP_NAMES = ("Count", "Exist", "Compare Numbers", "Query Attribute", "Compare Attribute")

# Test accuracy in per cent, paper Table 1: overall, then the groups in the order above.
PAPER = {
    "FiLM": (97.7, 94.3, 99.1, 96.8, 99.1, 99.1),
    "FiLM, pixels": (97.6, 94.3, 99.3, 93.4, 99.3, 99.3),
    "Human": (92.6, 86.7, 96.6, 86.5, 95.0, 96.0),
    "Q-type": (41.8, 34.6, 50.2, 51.0, 36.0, 51.3),
    "LSTM": (46.8, 41.7, 61.1, 69.8, 36.8, 51.8),
    "CNN+LSTM": (52.3, 43.7, 65.2, 67.1, 49.3, 53.0),
    "CNN+LSTM+SA": (76.6, 64.4, 82.7, 77.4, 82.6, 75.4),
    "N2NMN": (83.7, 68.5, 85.7, 84.9, 90.0, 88.7),
    "PG+EE 9K": (88.6, 79.7, 89.7, 79.1, 92.6, 96.0),
    "PG+EE 700K": (96.9, 92.7, 97.1, 98.7, 98.1, 98.9),
    "CNN+LSTM+RN": (95.5, 90.1, 97.8, 93.6, 97.9, 97.1),
}
PAPER_OFF_BY_ONE = 0.961  # of wrong counts (paper section 7.1)


@dataclass(frozen=True)
class SelfConsistency:
    """How often the network contradicts itself.

    `compared`: questions that compare two numbers, whose two sides were also asked as counts;
    `contradicted`: of these, how many its own counts do not bear out. `trios`: such questions also
    asked with the other two words of equal, fewer and more; `broken`: of these, how many where not
    exactly one of the three was answered yes.
    """

    compared: int = 0
    contradicted: int = 0
    trios: int = 0
    broken: int = 0


@dataclass(frozen=True)
class Evaluation:
    """What `evaluate` measured, and on what.

    `given`: for each question its number, the answer, the truth, and the probability of the answer.
    `unknown`: how many questions hold words that the network does not know, and how often each is said.
    `closure`: of CLOSURE's seven kinds those that were asked, each with the share that is right when every
    family's most frequent answer is said always.
    `is_clevrs`: see `are_clevrs`; the paper's numbers stand beside no other questions.
    """

    checkpoint: str
    weights: str
    data: str
    split: str | None
    seed: int
    pictures: int
    overall: Share
    groups: Mapping[str, Share]
    types: Mapping[str, Share]
    wrong_counts: int
    off_by_one: int
    self_consistency: SelfConsistency
    seconds: float
    given: Sequence[tuple[int, str, str, float]] = field(repr=False, default=())
    closure: Mapping[str, tuple[Share, float]] = field(default_factory=dict)
    unknown: tuple[int, Mapping[str, int]] = (0, {})
    is_clevrs: bool = False

    def to_json(self) -> dict[str, Any]:
        def share(value: Share) -> dict[str, Any]:
            return {**vars(value), "accuracy": value.accuracy}

        return {
            **vars(self),
            "overall": share(self.overall),
            "groups": {name: share(value) for name, value in self.groups.items()},
            "types": {name: share(value) for name, value in self.types.items()},
            "self_consistency": vars(self.self_consistency),
            "paper": {
                name: dict(zip((OVERALL, *GROUP_NAMES), row, strict=True)) for name, row in PAPER.items()
            }
            if self.is_clevrs
            else {},
            "closure": {
                name: {**share(value), "constant_guess": constant}
                for name, (value, constant) in self.closure.items()
            },
            "given": [list(row) for row in self.given],
        }


@dataclass(frozen=True)
class Questions:
    """Questions with their answers, and where their pictures come from."""

    questions: Sequence[GivenQuestion]
    picture: Callable[[str], np.ndarray]

    def by_picture(self) -> dict[str, list[int]]:
        """File name of each picture -> numbers of its questions."""
        groups: dict[str, list[int]] = {}
        for number, question in enumerate(self.questions):
            groups.setdefault(question.filename, []).append(number)
        return groups


def open_questions(
    data: str | Path,
    split: str | None = None,
    most: int | None = None,
    questions: str | Path | None = None,
) -> Questions:
    """The first questions of a CLEVR folder's split or of a packed corpus, with their pictures.

    Args:
        questions: a file of questions to take instead of the folder's own, such as one of CLOSURE's.

    Raises:
        InputError: it is none of these, or its questions have no answers.
    """
    if most is not None and most < 1:
        raise InputError(f"{most} questions are none; ask for 1 or more.")
    part = open_data(data, split)
    given = part.questions() if questions is None else questions_of(Path(questions), part.name)
    asked, source = list(islice(given, most)), data if questions is None else questions
    if not asked:
        raise InputError(f"{source} holds no questions; give one that does.")
    if lacking := sum(question.answer is None for question in asked):
        raise InputError(
            f"{lacking:,} of the {len(asked):,} questions of {source} come without answers, as all of "
            "CLEVR's test questions do; choose a --split that has them, such as val."
        )
    return Questions(asked, part.picture_of)


def are_clevrs(questions: Sequence[GivenQuestion]) -> bool:
    """Is each of one of CLEVR's 90 families? The paper's numbers are about such questions alone.

    CLOSURE's and CLEVR-Humans' are of none.
    """
    return all(question.family is not None for question in questions)


def evaluate(
    session: Session,
    data: str | Path,
    split: str | None = None,
    *,
    questions: str | Path | None = None,
    most: int | None = None,
    seed: int = 0,
    self_consistency: bool = True,
    interventions: Edits = None,
    progress: Stages | None = None,
) -> Evaluation:
    """Ask a network every question of a data set.

    Args:
        data, questions: see `open_questions`.
        most: only the first so many questions.
        seed: of the wording of extra questions.
        interventions: change gamma and beta of every question, see `film.interventions`.
        self_consistency: also ask what shows whether the network contradicts itself.

    Raises:
        InputError: the questions or pictures cannot be read, or the network has no such answers.
    """
    began = time.monotonic()
    asked = open_questions(data, split, most, questions)
    must_be_sayable(asked.questions, session.answers)
    given, chance = answer_all(
        session, asked, interventions=interventions, progress=stage(progress, "questions")
    )
    truth = [str(question.answer) for question in asked.questions]
    right = np.array([a == b for a, b in zip(given, truth, strict=True)])
    kinds = [question.type for question in asked.questions]

    members: dict[str, np.ndarray] = {OVERALL: np.ones(len(right), bool)}
    for group in GROUP_NAMES:
        members[group] = np.array([kind is not None and GROUPS[kind] == group for kind in kinds])
    for kind in GROUPS:
        members[kind] = np.array([kind == own for own in kinds])
    closure = _closure_families(asked.questions)
    for name in CLOSURE_NAMES:
        members[name] = np.array([family.startswith(f"{name} ") for family in closure])
    members = {name: mask for name, mask in members.items() if mask.any()}
    owners = asked.by_picture()
    owner = np.empty(len(right), int)
    for number, own in enumerate(owners.values()):
        owner[own] = number
    shares = clustered_shares(right, owner, members)

    wrong = [
        abs(int(a) - int(b)) if a.isdigit() else None
        for a, b, kind in zip(given, truth, kinds, strict=True)
        if kind == "count" and a != b
    ]
    return Evaluation(
        checkpoint=session.card.name,
        weights=session.card.weights,
        data=str(data if questions is None else questions),
        split=split,
        seed=seed,
        pictures=len(owners),
        overall=shares[OVERALL],
        groups={name: shares[name] for name in GROUP_NAMES if name in shares},
        types={name: shares[name] for name in GROUPS if name in shares},
        wrong_counts=len(wrong),
        off_by_one=wrong.count(1),
        unknown=session.card.vocabulary.unknown(question.text for question in asked.questions),
        self_consistency=_self_consistency(session, asked, given, seed, interventions, progress)
        if self_consistency
        else SelfConsistency(),
        closure={
            name: (shares[name], constant_guess(truth, closure, members[name]))
            for name in CLOSURE_NAMES
            if name in shares
        },
        is_clevrs=are_clevrs(asked.questions),
        seconds=time.monotonic() - began,
        given=[
            (question.index if question.index is not None else number, a, b, round(float(p), 4))
            for number, (question, a, b, p) in enumerate(
                zip(asked.questions, given, truth, chance, strict=True)
            )
        ],
    )


def must_be_sayable(questions: Sequence[GivenQuestion], answers: Sequence[str]) -> None:
    """Refuse true answers that the network cannot give: all of them would count as its mistakes.

    Raises:
        InputError: there are some.
    """
    foreign = Counter(str(question.answer) for question in questions if question.answer not in answers)
    if foreign:
        named = ", ".join(repr(answer[:40]) for answer, _ in foreign.most_common(5))
        raise InputError(
            f"{foreign.total():,} of {len(questions):,} questions have answers that the network cannot give: "
            f"{named}; it can give {', '.join(answers)}. Correct the answers, or leave these questions out."
        )


def _closure_families(questions: Sequence[GivenQuestion]) -> list[str]:
    """The kind and number of each question's CLOSURE family, "or_mat 2"; empty where it has none."""
    found = [match_closure(question.program) if question.program else None for question in questions]
    return [f"{match[0].file} {match[0].file_index}" if match else "" for match in found]


def constant_guess(truth: Sequence[str], families: Sequence[str], among: np.ndarray) -> float:
    """The share that is right when every family's most frequent answer is always said.

    It is counted on the same questions, so it is the higher the fewer questions a family has.

    Args:
        truth, families: of every question, its true answer and its family.
        among: bool (questions,), which of them count; one at least.
    """
    answers: dict[str, Counter[str]] = {}
    for row in np.flatnonzero(among).tolist():
        answers.setdefault(families[row], Counter())[truth[row]] += 1
    return sum(max(counts.values()) for counts in answers.values()) / int(among.sum())


def answer_all(
    session: Session,
    asked: Questions,
    *,
    interventions: Edits = None,
    progress: Progress | None = None,
) -> tuple[list[str], np.ndarray]:
    """The answer to every question, and its probability; each picture goes through the stem once.

    Args:
        interventions: edits of gamma and beta, the same for all questions.
        progress: called with the questions answered and of all; raise in it to stop.

    Returns:
        Answers (questions,), and their probabilities, float64 (questions,).

    Raises:
        InputError: a picture cannot be read.
    """
    answers = [""] * len(asked.questions)
    chance = np.zeros(len(answers))
    groups = iter(asked.by_picture().items())
    done = 0
    with ThreadPoolExecutor(4) as readers:
        while batch := list(islice(groups, PICTURES_AT_ONCE)):
            pictures = list(readers.map(asked.picture, (filename for filename, _ in batch)))
            numbers = [number for _, own in batch for number in own]
            picture_of = [place for place, (_, own) in enumerate(batch) for _ in own]
            texts = [asked.questions[number].text for number in numbers]
            chances = probabilities(
                session.logits(pictures, texts, picture_of, interventions, numbers)
            )  # (Q, answers)
            for number, best, row in zip(numbers, chances.argmax(1), chances, strict=True):
                answers[number], chance[number] = session.answers[best], row[best]
            done += len(numbers)
            if progress:
                progress(done, len(answers))
    return answers, chance


# --- does the network agree with itself? ----------------------------------------------------------


def _self_consistency(
    session: Session,
    asked: Questions,
    given: Sequence[str],
    seed: int,
    interventions: Edits,
    progress: Stages | None,
) -> SelfConsistency:
    rng = np.random.default_rng(seed)
    extra: list[GivenQuestion] = []

    def also(texts: Sequence[str], filename: str) -> list[int]:
        extra.extend(GivenQuestion(text, filename) for text in texts)
        return list(range(len(extra) - len(texts), len(extra)))

    compared: list[tuple[str, str, list[int]]] = []  # function, answer, numbers of the two counts
    trios: list[tuple[str, list[int]]] = []  # answer, numbers of the other two comparisons
    for question, answer in zip(asked.questions, given, strict=True):
        function = question.type
        if function not in HOLDS or not question.program:
            continue
        if len(sides := count_questions(question.program, rng)) == 2:
            compared.append((function, answer, also(sides, question.filename)))
        if len(others := other_comparisons(question.program, rng)) == 2:
            trios.append((answer, also(others, question.filename)))
    if not extra:
        return SelfConsistency()
    said, _ = answer_all(
        session,
        Questions(extra, asked.picture),
        interventions=interventions,
        progress=stage(progress, "extra questions"),
    )

    def contradicted(function: str, answer: str, sides: Sequence[int]) -> bool:
        first, second = (said[number] for number in sides)
        if not (first.isdigit() and second.isdigit()):
            return True
        return answer != ("yes" if HOLDS[function](int(first), int(second)) else "no")

    return SelfConsistency(
        compared=len(compared),
        contradicted=sum(contradicted(*comparison) for comparison in compared),
        trios=len(trios),
        broken=sum([answer, *(said[n] for n in others)].count("yes") != 1 for answer, others in trios),
    )


# --- printing -------------------------------------------------------------------------------------


def table(result: Evaluation) -> str:
    """The result as text, the paper's numbers beside it."""
    lines = list(_lines(result))
    return "\n".join(lines)


def _lines(result: Evaluation) -> Iterator[str]:
    yield f"{result.checkpoint or 'network'} ({result.weights[:12]}) on {result.data} {result.split or ''}"
    yield f"{result.overall.asked:,} questions about {result.pictures:,} pictures, {result.seconds:.0f} s"
    yield ""
    heads = ("FiLM", "FiLM, pixels", "Human") if result.is_clevrs else ()
    yield f"{'':20}{'asked':>8}{'right %':>9}{'95 % interval':>17}   " + "".join(f"{h:>14}" for h in heads)
    for name, share in {OVERALL: result.overall, **result.groups}.items():
        column = (OVERALL, *GROUP_NAMES).index(name)
        yield _row(name, share) + "   " + "".join(f"{PAPER[head][column]:14.1f}" for head in heads)
    yield ""
    for name, share in result.types.items():
        yield _row(name, share)
    yield ""
    if result.closure:
        yield f"{'CLOSURE (not CLEVR)':20}" + f"{'constant guess':>52}"
        for name, (share, constant) in result.closure.items():
            yield _row(name, share) + f"{constant * 100:18.1f}"
        yield "Constant guess: each family's commonest answer, always. Published: see arXiv 1912.05783."
        yield ""
    if told := unknown_words(*result.unknown, result.overall.asked):
        yield told
    yield _about_intervals([result.overall, *result.groups.values(), *result.types.values()])
    if result.wrong_counts:
        near = result.off_by_one / result.wrong_counts
        paper = f" (paper {PAPER_OFF_BY_ONE:.1%})" if result.is_clevrs else ""
        yield f"Wrong counts: {result.wrong_counts:,}, off by one {near:.1%}{paper}."
    found = result.self_consistency
    if found.compared:
        yield (
            f"Comparisons of numbers that its own counts contradict: {found.contradicted:,} of "
            f"{found.compared:,} ({found.contradicted / found.compared:.1%})."
        )
    if found.trios:
        yield (
            f"Equal, fewer and more of the same two, not exactly one yes: {found.broken:,} of "
            f"{found.trios:,} ({found.broken / found.trios:.1%})."
        )


def unknown_words(count: int, words: Mapping[str, int], of: int, most: int = 10) -> str:
    """On the words that a network lacks: in how many questions, and which; "" where it knows all."""
    if not count:
        return ""
    said = Counter(words)
    named = ", ".join(f"{word[:40]} ({times})" for word, times in said.most_common(most))
    more = f" and {len(said) - most:,} more" if len(said) > most else ""
    return (
        f"{count:,} of {of:,} questions hold words that the network does not know and reads as <UNK>, "
        f"{len(said):,} in all: {named}{more}."
    )


def _row(name: str, share: Share) -> str:
    interval = "none" if share.low is None else share.interval()
    return f"{name:20}{share.asked:8,}{share.accuracy * 100:9.2f}{interval:>17}"


def _about_intervals(shares: Sequence[Share]) -> str:
    overall, missing = shares[0], sum(share.low is None for share in shares)
    if overall.reason:
        return (
            f"{overall.reason.capitalize()}: too few to tell how alike the questions about one picture are."
        )
    said = f"Intervals: Wilson's, questions divided by a design effect ({overall.design_effect:.2f} overall)."
    return said + (f" None under {FEWEST_CLUSTERS} pictures ({missing} rows)." if missing else "")
