"""The 90 question families of CLEVR: what each of them asks, apart from its values.

A family is a line of a small postfix language, read from left to right:

    *    all objects              f1      filter by noun phrase 1, whose slots are Z1 C1 M1 S1
    !    the one object of a set  fZ3     filter by slot Z3 alone, which always has a value
    r1   objects in relation R1   sameC   the other objects of its color
    n    count     e   exist      qM      query material
    [a] = [b]   equal; also < and >       {a} and {b}   {a} or {b}   intersection, union

Z is size, C color, M material, S shape. After "never" stand the slots that a family leaves empty,
after "differ" two beginnings of pipelines whose outputs must not be the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from film.clevr.language.programs import GROUPS, Node, Program, question_type
from film.clevr.scenes import ATTRIBUTES
from film.errors import InputError

LETTERS = {"Z": "size", "C": "color", "M": "material", "S": "shape"}

Slots = Mapping[str, str | None]

# In the order of the released files' question_family_index, 0 to 89.
_TABLE = """
compare_integer:
    [ * f1 n ] = [ * f2 n ]  | differ * f1 n ; * f2 n
    [ * f1 n ] < [ * f2 n ]  | differ * f1 n ; * f2 n
    [ * f1 n ] > [ * f2 n ]  | differ * f1 n ; * f2 n
    [ * f1 ! r1 f2 n ] = [ * f3 n ]
    [ * f1 ! r1 f2 n ] < [ * f3 n ]
    [ * f1 ! r1 f2 n ] > [ * f3 n ]
    [ * f1 ! r1 f2 n ] = [ * f3 ! r2 f4 n ]  | differ * f1 ! ; * f3 !
    [ * f1 ! r1 f2 n ] < [ * f3 ! r2 f4 n ]  | differ * f1 ! ; * f3 !
    [ * f1 ! r1 f2 n ] > [ * f3 ! r2 f4 n ]  | differ * f1 ! ; * f3 !
comparison:
    [ * f1 ! qZ ] = [ * f2 ! qZ ]  | never Z1 Z2  | differ * f1 ! ; * f2 !
    [ * f1 ! qC ] = [ * f2 ! qC ]  | never C1 C2  | differ * f1 ! ; * f2 !
    [ * f1 ! qM ] = [ * f2 ! qM ]  | never M1 M2  | differ * f1 ! ; * f2 !
    [ * f1 ! qS ] = [ * f2 ! qS ]  | never S1 S2  | differ * f1 ! ; * f2 !
    [ * f1 ! r1 f2 ! qZ ] = [ * f3 ! qZ ]  | never Z1 Z2  | differ * f1 ! r1 f2 ! ; * f3 !
    [ * f1 ! qZ ] = [ * f2 ! r1 f3 ! qZ ]  | never Z1 Z3  | differ * f1 ! ; * f2 ! r1 f3 !
    [ * f1 ! r1 f2 ! qZ ] = [ * f3 ! r2 f4 ! qZ ]  | never Z2 Z4  | differ * f1 ! r1 f2 ! ; * f3 ! r2 f4 !
    [ * f1 ! r1 f2 ! qC ] = [ * f3 ! qC ]  | never C2 C3  | differ * f1 ! r1 f2 ! ; * f3 !
    [ * f1 ! qC ] = [ * f2 ! r1 f3 ! qC ]  | never C1 C3  | differ * f1 ! ; * f2 ! r1 f3 !
    [ * f1 ! r1 f2 ! qC ] = [ * f3 ! r2 f4 ! qC ]  | never C2 C4  | differ * f1 ! r1 f2 ! ; * f3 ! r2 f4 !
    [ * f1 ! r1 f2 ! qM ] = [ * f3 ! qM ]  | never M2 M3  | differ * f1 ! r1 f2 ! ; * f3 !
    [ * f1 ! qM ] = [ * f2 ! r1 f3 ! qM ]  | never M1 M3  | differ * f1 ! ; * f2 ! r1 f3 !
    [ * f1 ! r1 f2 ! qM ] = [ * f3 ! r2 f4 ! qM ]  | never M2 M4  | differ * f1 ! r1 f2 ! ; * f3 ! r2 f4 !
    [ * f1 ! r1 f2 ! qS ] = [ * f3 ! qS ]  | never S2 S3  | differ * f1 ! r1 f2 ! ; * f3 !
    [ * f1 ! qS ] = [ * f2 ! r1 f3 ! qS ]  | never S1 S3  | differ * f1 ! ; * f2 ! r1 f3 !
    [ * f1 ! r1 f2 ! qS ] = [ * f3 ! r2 f4 ! qS ]  | never S2 S4  | differ * f1 ! r1 f2 ! ; * f3 ! r2 f4 !
three_hop:
    * f1 ! r1 f2 ! r2 f3 ! r3 f4 n
    * f1 ! r1 f2 ! r2 f3 ! r3 f4 e
    * f1 ! r1 f2 ! r2 f3 ! r3 f4 ! qZ  | never Z4
    * f1 ! r1 f2 ! r2 f3 ! r3 f4 ! qS  | never S4
    * f1 ! r1 f2 ! r2 f3 ! r3 f4 ! qC  | never C4
    * f1 ! r1 f2 ! r2 f3 ! r3 f4 ! qM  | never M4
single_and:
    { * f1 ! r1 } and { * f2 ! r2 } f3 n
    { * f1 ! r1 } and { * f2 ! r2 } f3 ! qZ  | never Z3  | differ * f1 ! r1 ; * f2 ! r2
    { * f1 ! r1 } and { * f2 ! r2 } f3 ! qC  | never C3  | differ * f1 ! r1 ; * f2 ! r2
    { * f1 ! r1 } and { * f2 ! r2 } f3 ! qM  | never M3  | differ * f1 ! r1 ; * f2 ! r2
    { * f1 ! r1 } and { * f2 ! r2 } f3 ! qS  | never S3  | differ * f1 ! r1 ; * f2 ! r2
same_relate:
    * f1 ! sameZ e  | never Z1
    * f1 ! sameC e  | never C1
    * f1 ! sameM e  | never M1
    * f1 ! sameS e  | never S1
    * f1 ! sameZ n  | never Z1
    * f1 ! sameC n  | never C1
    * f1 ! sameM n  | never M1
    * f1 ! sameS n  | never S1
    * f1 ! sameZ f2 e  | never Z1 Z2
    * f1 ! sameC f2 e  | never C1 C2
    * f1 ! sameM f2 e  | never M1 M2
    * f1 ! sameS f2 e  | never S1 S2
    * f1 ! sameZ f2 n  | never Z1 Z2
    * f1 ! sameC f2 n  | never C1 C2
    * f1 ! sameM f2 n  | never M1 M2
    * f1 ! sameS f2 n  | never S1 S2
    * f1 ! sameZ f2 ! qC  | never C2 Z1 Z2
    * f1 ! sameZ f2 ! qM  | never M2 Z1 Z2
    * f1 ! sameZ f2 ! qS  | never S2 Z1 Z2
    * f1 ! sameC f2 ! qZ  | never C1 C2 Z2
    * f1 ! sameC f2 ! qM  | never C1 C2 M2
    * f1 ! sameC f2 ! qS  | never C1 C2 S2
    * f1 ! sameM f2 ! qZ  | never M1 M2 Z2
    * f1 ! sameM f2 ! qC  | never C2 M1 M2
    * f1 ! sameM f2 ! qS  | never M1 M2 S2
    * f1 ! sameS f2 ! qZ  | never S1 S2 Z2
    * f1 ! sameS f2 ! qC  | never C2 S1 S2
    * f1 ! sameS f2 ! qM  | never M2 S1 S2
single_or:
    { * f1 } or { * f2 } n  | differ * f1 ; * f2
    { * f1 } or { * f2 } fZ3 n  | never Z1 Z2  | differ * f1 ; * f2
    { * f1 } or { * f2 } fC3 n  | never C1 C2  | differ * f1 ; * f2
    { * f1 ! r1 f2 } or { * f3 ! r2 f4 } n
    { * f1 } or { * f2 } fM3 n  | never M1 M2  | differ * f1 ; * f2
    { * f1 } or { * f2 } fS3 n  | never S1 S2  | differ * f1 ; * f2
    { * f1 ! r1 f2 } or { * f3 } n
    { * f1 } or { * f2 ! r1 f3 } n
one_hop:
    * f1 ! r1 f2 n
    * f1 ! r1 f2 e
    * f1 ! r1 f2 ! qZ  | never Z2
    * f1 ! r1 f2 ! qC  | never C2
    * f1 ! r1 f2 ! qM  | never M2
    * f1 ! r1 f2 ! qS  | never S2
two_hop:
    * f1 ! r1 f2 ! r2 f3 n
    * f1 ! r1 f2 ! r2 f3 e
    * f1 ! r1 f2 ! r2 f3 ! qZ  | never Z3
    * f1 ! r1 f2 ! r2 f3 ! qC  | never C3
    * f1 ! r1 f2 ! r2 f3 ! qM  | never M3
    * f1 ! r1 f2 ! r2 f3 ! qS  | never S3
zero_hop:
    * f1 n
    * f1 e
    * f1 ! qS  | never S1
    * f1 ! qM  | never M1
    * f1 ! qC  | never C1
    * f1 ! qZ  | never Z1
"""


@dataclass(frozen=True)
class ProgramStep:
    """A step of a family's program, before values are filled in.

    `kind`: a function's name, or its beginning: "filter", "relate", "same", "query", "equal".
    `slot`: what completes it: a noun phrase "1", one slot "Z3" or "R1", or an attribute.
    """

    kind: str
    inputs: tuple[int, ...] = ()
    slot: str = ""


@dataclass(frozen=True)
class Family:
    """One family. `index` is the released one, 0 to 89, and more where a family is not CLEVR's; `file`
    and `file_index` are the template's."""

    index: int
    file: str
    file_index: int
    skeleton: str
    steps: tuple[ProgramStep, ...]
    never: frozenset[str]
    differ: tuple[int, int] | None  # two steps whose outputs must differ

    @cached_property
    def noun_phrases(self) -> tuple[int, ...]:
        """Numbers of the noun phrases, 1 to 4; a slot that filters alone belongs to one too."""
        return tuple(sorted({int(step.slot[-1]) for step in self.steps if step.kind == "filter"}))

    @cached_property
    def slots(self) -> tuple[str, ...]:
        """Every slot that can have a value, in the order of the steps."""
        return tuple(slot for step in self.steps for slot in self.slots_of(step))

    @cached_property
    def required(self) -> frozenset[str]:
        """Slots that must have a value: relations and slots that filter alone."""
        return frozenset(step.slot for step in self.steps if len(step.slot) == 2)

    @property
    def is_clevrs(self) -> bool:
        """One of CLEVR's 90, or another's (CLOSURE)?"""
        return self.index < len(FAMILIES)

    @property
    def type(self) -> str:
        """The last step's function, one of the 13 question types."""
        return self._function(self.steps[-1])

    @property
    def group(self) -> str:
        """One of the paper's five groups."""
        return GROUPS[self.type]

    def slots_of(self, step: ProgramStep) -> tuple[str, ...]:
        """The slots that a step takes values from, in the order they are applied."""
        if step.kind == "filter" and len(step.slot) == 1:
            return tuple(letter + step.slot for letter in LETTERS if letter + step.slot not in self.never)
        return (step.slot,) if len(step.slot) == 2 else ()

    def program(self, slots: Slots) -> Program:
        """The family's program with these values; a slot that is absent or None adds no step.

        Raises:
            InputError: a slot is not the family's, or one it needs has no value.
        """
        for slot, value in slots.items():
            if value is not None and slot not in self.slots:
                raise InputError(
                    f"Question family {self.index} has no slot {slot}; it has {', '.join(self.slots)}."
                )
        for slot in self.required:
            if slots.get(slot) is None:
                raise InputError(f"Question family {self.index} needs a value for its slot {slot}.")
        nodes: list[Node] = []
        last: list[int] = []  # node that holds the output of each step
        for step in self.steps:
            inputs = tuple(last[i] for i in step.inputs)
            if step.kind == "filter":
                for slot in self.slots_of(step):
                    if (value := slots.get(slot)) is not None:
                        nodes.append(Node(f"filter_{LETTERS[slot[0]]}", inputs, value))
                        inputs = (len(nodes) - 1,)
                last.append(inputs[0])
                continue
            nodes.append(
                Node(self._function(step), inputs, slots.get(step.slot) if step.kind == "relate" else None)
            )
            last.append(len(nodes) - 1)
        return tuple(nodes)

    @staticmethod
    def _function(step: ProgramStep) -> str:
        return f"{step.kind}_{step.slot}" if step.slot in ATTRIBUTES else step.kind

    def match(self, program: Program) -> dict[str, str] | None:
        """The slots with which this family has this program; None when it cannot have it."""
        slots: dict[str, str] = {}
        last: list[int] = []
        at = 0
        for step in self.steps:
            inputs = tuple(last[i] for i in step.inputs)
            if step.kind == "filter":
                for slot in self.slots_of(step):
                    node = program[at] if at < len(program) else None
                    if node and node.function == f"filter_{LETTERS[slot[0]]}" and node.inputs == inputs:
                        slots[slot] = node.value or ""
                        inputs = (at,)
                        at += 1
                    elif slot in self.required:
                        return None
                last.append(inputs[0])
                continue
            if at >= len(program) or (program[at].function, program[at].inputs) != (
                self._function(step),
                inputs,
            ):
                return None
            if step.kind == "relate":
                slots[step.slot] = program[at].value or ""
            last.append(at)
            at += 1
        return slots if at == len(program) else None


class _Skeleton:
    """Reads one skeleton into steps, and remembers which step each beginning of it ended at."""

    def __init__(self, skeleton: str):
        self.tokens = skeleton.split()
        self.at = 0
        self.steps: list[ProgramStep] = []
        self.ends: dict[str, int] = {}
        self.pipeline("")

    def add(self, kind: str, inputs: tuple[int, ...] = (), slot: str = "") -> int:
        self.steps.append(ProgramStep(kind, inputs, slot))
        return len(self.steps) - 1

    def take(self) -> str:
        self.at += 1
        return self.tokens[self.at - 1]

    def group(self) -> int:
        return self.pipeline({"[": "]", "{": "}"}[self.take()])

    def pipeline(self, close: str) -> int:
        begins, current = self.at, -1
        while self.at < len(self.tokens) and self.tokens[self.at] != close:
            token = self.tokens[self.at]
            if token in "[{":
                first, operator, second = self.group(), self.take(), self.group()
                current = self._join(first, operator, second)
            else:
                current = self._extend(self.take(), current)
                self.ends.setdefault(" ".join(self.tokens[begins : self.at]), current)
        self.at += 1
        return current

    def _extend(self, token: str, current: int) -> int:
        match token[0]:
            case "*":
                return self.add("scene")
            case "!":
                return self.add("unique", (current,))
            case "n":
                return self.add("count", (current,))
            case "e":
                return self.add("exist", (current,))
            case "f":
                return self.add("filter", (current,), token[1:])
            case "r":
                return self.add("relate", (current,), token.upper())
            case "q":
                return self.add("query", (current,), LETTERS[token[1]])
        return self.add("same", (current,), LETTERS[token.removeprefix("same")])

    def _join(self, first: int, operator: str, second: int) -> int:
        kind = {"<": "less_than", ">": "greater_than", "and": "intersect", "or": "union", "=": "equal"}[
            operator
        ]
        if operator != "=":
            return self.add(kind, (first, second))
        if self.steps[first].kind == "count":
            return self.add("equal_integer", (first, second))
        return self.add("equal", (first, second), self.steps[first].slot)


# Families whose official programs list their steps in another order than branch after branch: two
# ask for both attributes at the end, one looks at the scene twice before anything else.
_UNUSUAL_ORDER = {
    ("comparison", 0): (0, 1, 2, 4, 5, 6, 3, 7, 8),
    ("comparison", 1): (0, 1, 2, 4, 5, 6, 3, 7, 8),
    ("single_or", 5): (0, 2, 1, 3, 4, 5, 6),
}


def _family(index: int, file: str, file_index: int, line: str) -> Family:
    skeleton, *rest = (part.strip() for part in line.split("|"))
    read = _Skeleton(skeleton)
    never: frozenset[str] = frozenset()
    differ = None
    for part in rest:
        word, _, what = part.partition(" ")
        if word == "never":
            never = frozenset(what.split())
        else:
            first, second = (read.ends[beginning.strip()] for beginning in what.split(";"))
            differ = (first, second)
    steps = tuple(read.steps)
    if order := _UNUSUAL_ORDER.get((file, file_index)):
        new = {old: at for at, old in enumerate(order)}
        steps = tuple(
            ProgramStep(s.kind, tuple(new[i] for i in s.inputs), s.slot) for s in (steps[o] for o in order)
        )
        differ = differ and (new[differ[0]], new[differ[1]])
    return Family(index, file, file_index, skeleton, steps, never, differ)


def read_families(table: str, first: int = 0) -> tuple[Family, ...]:
    """The families of a table in the notation above, their indices from `first` on."""
    families: list[Family] = []
    file, file_index = "", 0
    for line in table.strip().splitlines():
        if not line.startswith(" "):
            file, file_index = line.rstrip(":"), 0
            continue
        families.append(_family(first + len(families), file, file_index, line))
        file_index += 1
    return tuple(families)


FAMILIES = read_families(_TABLE)


def type_of(program: Program | None, family: int | None) -> str | None:
    """The type of a question by its program or its family, whichever is known; None where neither is."""
    if program:
        return question_type(program)
    return None if family is None else FAMILIES[family].type


def match(program: Program) -> tuple[Family, dict[str, str]] | None:
    """The first family, by index, that has this program, with its slots; None when none has it."""
    for family in FAMILIES:
        if (slots := family.match(program)) is not None:
            return family, slots
    return None
