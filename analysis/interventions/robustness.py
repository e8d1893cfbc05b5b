"""Does an answer hold when the question is put in other words, and when it is asked another way round?

    paraphrase          every official wording of one program has the same true answer
    a word left out,    no longer questions of CLEVR's: whether the answer stays says what it rests on
    words shuffled
    linked questions    counts against comparisons, attributes against "the same", both ways round, and so on
                        (`film.LINKS`; paper, section 7.1): answers that cannot all be true break

Consistency is no accuracy: it needs no truth, and a network may be consistently wrong. Beside each share
stands chance: the share that would hold if the question had the answer to another question of its type.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from analysis.corpus.accuracy import first_picture, left_out
from analysis.interventions.kept import Measured
from analysis.interventions.rewording import (
    LEFT_OUT,
    PARAPHRASE,
    SHUFFLED,
    paraphrases,
    shuffled,
    with_a_word_left_out,
)
from film import (
    LINKS,
    GivenQuestion,
    InputError,
    Link,
    Progress,
    Questions,
    Session,
    answer_all,
    clustered_share,
    links,
    parse,
    question_type,
)

WAYS = (PARAPHRASE, LEFT_OUT, SHUFFLED, *LINKS)  # in which a question is put again
PARAPHRASES, SHUFFLES = 8, 4  # of each question of a corpus
BREAKS = 40  # examples kept of each way


@dataclass(frozen=True)
class _Case:
    """A question put again: `texts` are asked beside it; without a `link` the answers must be the same."""

    row: int
    way: str
    texts: tuple[str, ...]
    link: Link | None = None

    def holds(self, answer: str, others: Sequence[str]) -> bool:
        return answer == others[0] if self.link is None else self.link.holds(answer, others)


def ask_again(
    session: Session,
    asked: Questions,
    *,
    most: int = PARAPHRASES,
    shuffles: int = SHUFFLES,
    seed: int = 0,
    progress: Progress | None = None,
) -> pd.DataFrame:
    """Ask every question as it is, in other words, and beside those that its answer hangs together with.

    Args:
        asked: questions about pictures; their true answers are not needed.
        most: paraphrases of each; where there are more, so many at random.
        shuffles: orders of the words of each.
        seed: of paraphrases, orders and the wording of linked questions.
        progress: called with the questions answered and of all; raise in it to stop.

    Returns:
        A row for each question and way of putting it again: question (its number), picture, text, type, way,
        again (what was asked, " / " between several), answer, answers (to those), holds, and chance (the
        share of this type's answers with which it would hold; nan where the type has fewer than ten).
        Questions that are not CLEVR's are left out.

    Raises:
        InputError: none is CLEVR's.
    """
    types = [_type(question.text) for question in asked.questions]
    cases = [
        case
        for row, question in enumerate(asked.questions)
        if types[row]
        for case in _cases(row, question.text, most, shuffles, np.random.default_rng((seed, row)))
    ]
    rows = sorted({case.row for case in cases})
    whole = [GivenQuestion(asked.questions[row].text, asked.questions[row].filename) for row in rows]
    place = {row: number for number, row in enumerate(rows)}
    starts = []
    for case in cases:
        starts.append(len(whole))
        whole += [GivenQuestion(text, asked.questions[case.row].filename) for text in case.texts]
    if not cases:
        raise InputError("None of these questions is CLEVR's, so none can be put in other words.")
    said, _ = answer_all(session, Questions(whole, asked.picture), progress=progress)
    by_type: dict[str, Counter[str]] = {}
    for row in rows:
        by_type.setdefault(types[row], Counter())[said[place[row]]] += 1

    def told(case: _Case, start: int) -> dict[str, object]:
        answer, others = said[place[case.row]], said[start : start + len(case.texts)]
        usual = by_type[types[case.row]]
        fitting = sum(count for other, count in usual.items() if case.holds(other, others))
        question = asked.questions[case.row]
        return {
            "question": case.row, "picture": question.filename, "text": question.text,
            "type": types[case.row], "way": case.way, "again": " / ".join(case.texts), "answer": answer,
            "answers": " / ".join(others), "holds": case.holds(answer, others),
            "chance": fitting / usual.total() if usual.total() >= 10 else np.nan,
        }  # fmt: skip

    return pd.DataFrame([told(case, start) for case, start in zip(cases, starts, strict=True)])


def robustness(cases: pd.DataFrame) -> pd.DataFrame:
    """How often it holds, by way of putting the question again.

    Args:
        cases: from `ask_again`.

    Returns:
        A row a way: way, questions, asked (how often they were put again), pictures, share (that hold; low,
        high: 95 % interval clustered by picture, nan under ten), all (of the questions, those with which it
        holds every time), chance.
    """
    rows = []
    for way in WAYS:
        own = cases[cases["way"] == way]
        if own.empty:
            continue
        share = clustered_share(own["holds"].to_numpy(bool), own["picture"].to_numpy())
        rows.append(
            {
                "way": way, "questions": own["question"].nunique(), "asked": len(own),
                "pictures": own["picture"].nunique(), "share": share.accuracy, "low": share.low,
                "high": share.high, "all": own.groupby("question")["holds"].all().mean(),
                "chance": own["chance"].mean(),
            }
        )  # fmt: skip
    return pd.DataFrame(rows).astype({"low": float, "high": float})


def measure_robustness(
    session: Session,
    asked: Questions,
    source: str,
    *,
    most: int = PARAPHRASES,
    seed: int = 0,
    progress: Progress | None = None,
) -> Measured:
    """`ask_again` and `robustness` of a corpus, with the examples that break: tables "table" and "breaks".

    Args:
        source: in words, where questions and pictures come from.
    """
    cases = ask_again(session, asked, most=most, seed=seed, progress=progress)
    breaks = cases[~cases["holds"]].groupby("way", sort=False).head(BREAKS).reset_index(drop=True)
    put = int(cases["question"].nunique())
    recipe = {
        "weights": session.card.weights, "source": source, "seed": seed, "paraphrases": most,
        "shuffles": SHUFFLES, "questions": put,
        "pictures": int(cases["picture"].nunique()), **left_out(asked, foreign=len(asked.questions) - put),
        **first_picture(asked),
    }  # fmt: skip
    return Measured({"table": robustness(cases), "breaks": breaks}, recipe)


def _cases(row: int, text: str, most: int, shuffles: int, rng: np.random.Generator) -> Iterator[_Case]:
    try:
        others = paraphrases(text, most, rng)
    except InputError:  # a program that CLEVR has no words of its own for
        others = []
    yield from (_Case(row, PARAPHRASE, (other,)) for other in others)
    yield from (_Case(row, LEFT_OUT, (other,)) for _, other in with_a_word_left_out(text))
    yield from (_Case(row, SHUFFLED, (other,)) for other in shuffled(text, shuffles, rng))
    yield from (_Case(row, link.kind, link.questions, link) for link in links(parse(text).program, rng))


def _type(text: str) -> str:
    try:
        return question_type(parse(text).program)
    except InputError:
        return ""
