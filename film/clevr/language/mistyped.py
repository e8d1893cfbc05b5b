"""Which words of a text look like mistyped words of CLEVR's. A guess, only ever offered as one."""

from __future__ import annotations

import itertools

from film.clevr.language.unsayable import KIND_OF
from film.clevr.language.word_tree import known_words

# English words within one letter of one of CLEVR's that mean something else.
_MEANT_SO = {
    "some", "move", "mode", "mean", "made", "mad", "thin", "then", "tall", "black", "mental", "matter",
    "matters", "metals", "light", "lift", "font", "smell", "blew", "shaped", "wall", "call", "bill",
    "bell", "bull", "bowl", "bold", "clue", "tube", "cute", "core", "cone", "care", "pall", "fall",
    "hall", "ring", "rind", "let", "lest", "best", "might", "night", "sight", "height", "where", "when",
    "who", "why", "thank", "mere", "wire", "wore", "sore", "tore", "male", "mate", "mats", "hats",
    "half", "grew", "great", "grain", "brawn", "drown", "crown", "frown", "larger", "lager", "sane",
    "came", "game", "name", "fame", "lame", "tame", "this", "thus", "sphered", "cubed", "they", "them",
    "these", "tin", "ten", "ton", "ted", "bed", "rod", "rid", "bad", "bag",
}  # fmt: skip
_OFTEN_TYPED = {"hw": "how", "hwo": "how", "may": "many", "r": "are", "thier": "there", "their": "there"}

Mended = tuple[str, tuple[tuple[str, str], ...]]


def repaired(reworded: str) -> list[Mended]:
    """Texts with mistyped words mended, each with which: (typed, meant); none where that is no help.

    A word is mended that is one letter (two in long words) off one of CLEVR's, begins like it, and
    is no word with a meaning of its own that is listed here. Which of several readings is meant, and
    whether only one is a question, is left to the caller.
    """
    choices: list[list[str]] = []
    typed = reworded.split()
    for word in typed:
        if word in known_words() or word == ",":
            choices.append([word])
        elif word in _OFTEN_TYPED:
            choices.append([_OFTEN_TYPED[word]])
        elif len(word) < 4 or word in _MEANT_SO or word in KIND_OF or not word.isalpha():
            return []
        else:
            choices.append([k for k in sorted(known_words()) if k[0] == word[0] and _close(word, k)])
    readings = itertools.islice(itertools.product(*choices), MOST_READINGS)
    return [
        (" ".join(r), tuple(dict.fromkeys(pair for pair in zip(typed, r, strict=True) if pair[0] != pair[1])))
        for r in readings
        if [*r] != typed
    ]


MOST_READINGS = 12


def _close(typed: str, known: str) -> bool:
    allowed = 1 if len(known) < 7 else 2
    return len(known) > 3 and abs(len(typed) - len(known)) <= allowed and _distance(typed, known) <= allowed


def _distance(one: str, two: str) -> int:
    """Letters put in, left out, changed, or swapped with the next."""
    rows: list[list[int]] = [[*range(len(two) + 1)]]
    for i, a in enumerate(one, 1):
        row = [i]
        for j, b in enumerate(two, 1):
            row.append(min(rows[-1][j] + 1, row[-1] + 1, rows[-1][j - 1] + (a != b)))
            if i > 1 and j > 1 and a == two[j - 2] and b == one[i - 2]:
                row[-1] = min(row[-1], rows[-2][j - 2] + 1)
        rows.append(row)
    return rows[-1][-1]
