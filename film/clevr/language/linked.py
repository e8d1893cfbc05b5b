"""Questions whose answers hang together: what has to be said of one if this is said of the others.

Who says that there are more cubes than spheres has to count more cubes than spheres (paper, section 7.1), and
who says that this is as large as that has to say the same the other way round.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from film.clevr.language.families import FAMILIES
from film.clevr.language.programs import Node, Program
from film.clevr.language.realise import realise

HOLDS: dict[str, Callable[[int, int], bool]] = {
    "equal_integer": lambda a, b: a == b,
    "less_than": lambda a, b: a < b,
    "greater_than": lambda a, b: a > b,
}
_ROUND = {"less_than": "greater_than", "greater_than": "less_than"}
_MATCHED = ("equal_size", "equal_color", "equal_material", "equal_shape")

# What hangs together, as tables and pages call it.
LINKS = (
    "a comparison and its two counts",
    "equal, fewer and more",
    "the same and its two attributes",
    "turned round",
    "count and existence",
)


@dataclass(frozen=True)
class Link:
    """A question and others about the same picture. `kind`: one of LINKS. `function`: the question's type."""

    kind: str
    function: str
    questions: tuple[str, ...]

    def holds(self, answer: str, others: Sequence[str]) -> bool:
        """Do the answers go together: that to the question, and those to `questions`?"""
        said = answer == "yes"
        if self.kind == LINKS[0]:
            return all(other.isdigit() for other in others) and said == HOLDS[self.function](
                *map(int, others)
            )
        if self.kind == LINKS[1]:
            return [answer, *others].count("yes") == 1
        if self.kind == LINKS[2]:
            return said == (others[0] == others[1])
        if self.kind == LINKS[3]:
            return answer == others[0]
        count, exists = (answer, others[0]) if self.function == "count" else (others[0], answer)
        return count.isdigit() and (int(count) > 0) == (exists == "yes")


def links(program: Program, rng: np.random.Generator) -> Iterator[Link]:
    """All that hangs together with a question and that CLEVR has words for, each in one wording at random."""
    *steps, last = program
    function = last.function
    wanted: list[tuple[str, list[Program]]] = []
    if function in HOLDS or function in _MATCHED:
        sides = [branch(program, side) for side in last.inputs]
        wanted.append((LINKS[0] if function in HOLDS else LINKS[2], sides))
        wanted.append((LINKS[3], [_turned(program)]))
    if function in HOLDS:
        wanted.append((LINKS[1], _other_comparisons(program)))
    if function in ("count", "exist"):
        other = "exist" if function == "count" else "count"
        wanted.append((LINKS[4], [(*steps, Node(other, last.inputs))]))
    for kind, programs in wanted:
        texts = _worded(programs, rng)
        if len(texts) == len(programs):
            yield Link(kind, function, tuple(texts))


def count_questions(program: Program, rng: np.random.Generator) -> list[str]:
    """The two sides of a number comparison, each asked as a count; fewer where there are no words for one."""
    return _worded([branch(program, side) for side in program[-1].inputs], rng)


def other_comparisons(program: Program, rng: np.random.Generator) -> list[str]:
    """The same two sides compared with the other two of equal, fewer and more."""
    return _worded(_other_comparisons(program), rng)


def branch(program: Program, last: int) -> Program:
    """The steps that lead to one step, numbered anew."""
    needed = {last}
    for number in range(last, -1, -1):  # a step's inputs always come before it
        if number in needed:
            needed.update(program[number].inputs)
    place = {number: new for new, number in enumerate(sorted(needed))}
    return tuple(
        Node(node.function, tuple(place[source] for source in node.inputs), node.value)
        for node in (program[number] for number in sorted(needed))
    )


def _turned(program: Program) -> Program:
    """The same comparison with its two sides exchanged, more being fewer then."""
    last = program[-1]
    first, second = (branch(program, side) for side in reversed(last.inputs))
    moved = (
        Node(node.function, tuple(source + len(first) for source in node.inputs), node.value)
        for node in second
    )
    ends = (len(first) - 1, len(first) + len(second) - 1)
    return (*first, *moved, Node(_ROUND.get(last.function, last.function), ends))


def _other_comparisons(program: Program) -> list[Program]:
    *steps, last = program
    return [(*steps, Node(function, last.inputs)) for function in HOLDS if function != last.function]


def _worded(programs: Sequence[Program], rng: np.random.Generator) -> list[str]:
    """A CLEVR wording of each program that has one."""
    texts = []
    for program in programs:
        for family in FAMILIES:
            slots = family.match(program)
            if slots is not None:
                texts.append(realise(family, slots, rng))
                break
    return texts
