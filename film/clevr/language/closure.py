"""CLOSURE's seven kinds of question (Bahdanau et al. 2019, arXiv 1912.05783). They are not CLEVR's.

They put CLEVR's phrases together in ways that CLEVR never does, around "the same size as", to see
whether a network taught by CLEVR's 90 families has learned the parts. So they are a test only: they
are none of `FAMILIES`, are numbered from 90 on, and nothing samples or trains on them unless told to.
The notation is that of `families`, with A for the attribute that is matched and Q for the one asked
for; each kind has a family for every A and Q that differ, Q never material where two are compared.
"""

from __future__ import annotations

import re
from functools import cache

from film.clevr.language.families import FAMILIES, LETTERS, Family, read_families
from film.clevr.language.programs import Program

# By the name in the published files (of whose template files the names are second).
_KINDS = {
    ("and_mat_spa", "and_sim_loc"): "{ * f1 ! sameA } and { * f2 ! r2 } f3 ! qQ  | never A1 A3 Q3"
    "  | differ * f1 ! sameA ; * f2 ! r2",
    ("or_mat", "or_sim"): "{ * f1 } or { * f2 ! sameA f3 } n  | never A2 A3",
    ("or_mat_spa", "or_sim_loc"): "{ * f1 ! r1 f2 } or { * f3 ! sameA f4 } n  | never A3 A4",
    ("compare_mat", "compare_sim"): "[ * f1 ! sameA f2 ! qQ ] = [ * f3 ! qQ ]  | never A1 A2 Q2 Q3"
    "  | differ * f1 ! sameA f2 ! ; * f3 !",
    ("compare_mat_spa", "compare_sim_loc"): "[ * f1 ! sameA f2 ! qQ ] = [ * f3 ! r2 f4 ! qQ ]"
    "  | never A1 A2 Q2 Q4  | differ * f1 ! sameA f2 ! ; * f3 ! r2 f4 !",
    ("embed_spa_mat", "chain_loc_sim"): "* f3 ! r1 f2 ! sameA f1 e  | never A1 A2",
    ("embed_mat_spa", "chain_sim_loc"): "* f2 ! sameA f3 ! r1 f1 e  | never A2 A3",
}
CLOSURE_NAMES = tuple(name for name, _ in _KINDS)
CLOSURE_TEMPLATES = dict(_KINDS.keys())  # name -> template file


def _table() -> str:
    lines = []
    for (name, _), line in _KINDS.items():
        lines.append(f"{name}:")
        asked = "ZCS" if name.startswith("compare") else "ZCMS"
        for a in LETTERS:
            others = [q for q in asked if q != a] if "qQ" in line else [""]
            lines += [f"    {_with(line, a, q)}" for q in others]
    return "\n".join(lines)


def _with(line: str, a: str, q: str) -> str:
    """A line with its A and Q filled in."""
    return re.sub(r"\bQ(?=\d)|(?<=q)Q", q, re.sub(r"\bA(?=\d)|(?<=same)A", a, line))


CLOSURE_FAMILIES = read_families(_table(), first=len(FAMILIES))

# One form each. The last says no article before its last noun phrase, as the published generator does.
_SENTENCES = {
    "and_mat_spa": "What is the {q} of the N3 that is R2 the N2 and is the same {a} as the N1?",
    "or_mat": "How many things are [either] N1s or N3s that are the same {a} as the N2?",
    "or_mat_spa": "How many things are [either] N2s [that are] R1 the N1 or "
    "N4s that are the same {a} as the N3?",
    "compare_mat": "There is another N2 that is the same {a} as the N1; does it have the same {q} as the N3?",
    "compare_mat_spa": "There is another N2 that is the same {a} as the N1; "
    "does it have the same {q} as the N4 [that is] R2 the N3?",
    "embed_spa_mat": "Is there a N1 that is the same {a} as the N2 R1 the N3?",
    "embed_mat_spa": "Is there a N1 R1 the N3 that is the same {a} as N2?",
}


def closure_sentences(family: Family) -> tuple[str, ...]:
    """The sentence of a CLOSURE family in the notation of `templates`."""
    matched = next(step.slot for step in family.steps if step.kind == "same")
    asked = next((step.slot for step in family.steps if step.kind == "query"), "")
    return (_SENTENCES[family.file].format(a=matched, q=asked),)


@cache
def _by_shape() -> dict[tuple[str, ...], tuple[Family, ...]]:
    """Families by the functions of their programs, filters left out, so that few need be tried."""
    found: dict[tuple[str, ...], tuple[Family, ...]] = {}
    for family in CLOSURE_FAMILIES:
        needed = dict.fromkeys(family.required, "")
        shape = _shape(family.program(needed))
        found[shape] = (*found.get(shape, ()), family)
    return found


def _shape(program: Program) -> tuple[str, ...]:
    return tuple(node.function for node in program if not node.function.startswith("filter_"))


def match_closure(program: Program) -> tuple[Family, dict[str, str]] | None:
    """The CLOSURE family that has this program, with its slots; None when none has it."""
    for family in _by_shape().get(_shape(program), ()):
        if (slots := family.match(program)) is not None:
            return family, slots
    return None
