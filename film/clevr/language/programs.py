"""CLEVR's functional programs: run one on a scene for the true answer, or learn why there is none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from film.clevr.json_values import brief, whole
from film.clevr.scenes import ATTRIBUTES, COLORS, MATERIALS, RELATIONS, SHAPES, SIZES, Scene
from film.errors import InputError

ANSWERS = ("yes", "no", *map(str, range(11)), *COLORS, *SHAPES, *SIZES, *MATERIALS)

# The 13 last steps a question can have, and the five groups the paper reports (Table 1).
GROUPS = {
    "count": "Count",
    "exist": "Exist",
    "equal_integer": "Compare Numbers",
    "less_than": "Compare Numbers",
    "greater_than": "Compare Numbers",
    **{f"query_{attribute}": "Query Attribute" for attribute in ATTRIBUTES},
    **{f"equal_{attribute}": "Compare Attribute" for attribute in ATTRIBUTES},
}


@dataclass(frozen=True)
class Node:
    """One step: a function, the earlier steps it takes its inputs from, and its value if it has one."""

    function: str
    inputs: tuple[int, ...] = ()
    value: str | None = None


Program = tuple[Node, ...]
Output = tuple[int, ...] | int | bool | str


@dataclass(frozen=True)
class Result:
    """What a program gave.

    `answer`: in CLEVR's words ("yes", "3", "cube"); None when the question is ill-posed in this
    scene, and then `reason` says why and `outputs` ends before the step that failed.
    `outputs`: of each step: a sorted set of object indices, an index, a number, a truth or a word.
    """

    answer: str | None
    outputs: tuple[Output, ...]
    reason: str | None = None


# function -> (kinds of its inputs, kind of its output, values it may take)
_SIGNATURES: dict[str, tuple[tuple[str, ...], str, tuple[str, ...]]] = {
    "scene": ((), "set", ()),
    "unique": (("set",), "object", ()),
    "relate": (("object",), "set", RELATIONS),
    "union": (("set", "set"), "set", ()),
    "intersect": (("set", "set"), "set", ()),
    "count": (("set",), "integer", ()),
    "exist": (("set",), "truth", ()),
    **{f"filter_{a}": (("set",), "set", values) for a, values in ATTRIBUTES.items()},
    **{f"same_{a}": (("object",), "set", ()) for a in ATTRIBUTES},
    **{f"query_{a}": (("object",), a, ()) for a in ATTRIBUTES},
    **{f"equal_{a}": ((a, a), "truth", ()) for a in ATTRIBUTES},
    "equal_object": (("object", "object"), "truth", ()),
    **dict.fromkeys(("equal_integer", "less_than", "greater_than"), (("integer", "integer"), "truth", ())),
}
_LAST_KINDS = frozenset(("integer", "truth", *ATTRIBUTES))


def check(program: Program) -> None:
    """Refuse a program whose steps do not fit together.

    Raises:
        InputError: naming the step.
    """
    if not program:
        raise InputError("The program has no steps; it must at least look at the scene and ask something.")
    kinds: list[str] = []
    for number, node in enumerate(program):
        if node.function not in _SIGNATURES:
            raise InputError(
                f"Step {number} of the program is {brief(node.function)}, which CLEVR does not know."
            )
        takes, gives, values = _SIGNATURES[node.function]
        if any(not 0 <= i < number for i in node.inputs):
            raise InputError(
                f"Step {number} of the program, {node.function}, takes a step that is not before it."
            )
        given = tuple(kinds[i] for i in node.inputs)
        if given != takes:
            raise InputError(
                f"Step {number} of the program, {node.function}, takes {' and '.join(takes) or 'nothing'}, "
                f"not {' and '.join(given) or 'nothing'}."
            )
        if values and node.value not in values:
            raise InputError(
                f"Step {number} of the program, {node.function}, has the value {brief(node.value)}; "
                f"use one of {', '.join(values)}."
            )
        kinds.append(gives)
    if kinds[-1] not in _LAST_KINDS:
        raise InputError(
            f"The program ends with {program[-1].function}, which is no answer; end by asking something."
        )


def run(program: Program, scene: Scene) -> Result:
    """The true answer of a program about a scene.

    A step that asks for the one object of a set that has not exactly one makes the question
    ill-posed; an empty set is fine everywhere else.
    """
    check(program)
    outputs: list[Any] = []
    for node in program:
        given = [outputs[i] for i in node.inputs]
        verb, _, attribute = node.function.partition("_")
        match verb:
            case "scene":
                output: Any = tuple(range(len(scene.objects)))
            case "filter":
                output = tuple(i for i in given[0] if getattr(scene.objects[i], attribute) == node.value)
            case "unique":
                if len(given[0]) != 1:
                    return Result(None, tuple(outputs), _not_one(len(given[0]), program, node.inputs[0]))
                output = given[0][0]
            case "relate":
                output = scene.relationships[node.value][given[0]]  # type: ignore[index]
            case "same":
                value = getattr(scene.objects[given[0]], attribute)
                output = tuple(
                    i
                    for i, other in enumerate(scene.objects)
                    if i != given[0] and getattr(other, attribute) == value
                )
            case "union":
                output = tuple(sorted({*given[0], *given[1]}))
            case "intersect":
                output = tuple(sorted({*given[0]} & {*given[1]}))
            case "count":
                output = len(given[0])
            case "exist":
                output = len(given[0]) > 0
            case "query":
                output = getattr(scene.objects[given[0]], attribute)
            case "equal":
                output = given[0] == given[1]
            case "less":
                output = given[0] < given[1]
            case _:  # greater_than
                output = given[0] > given[1]
        outputs.append(output)
    return Result(in_words(outputs[-1]), tuple(outputs))


def in_words(output: Output) -> str:
    """An answer as the released files write it: "yes", "3", "cube"."""
    if isinstance(output, bool):
        return "yes" if output else "no"
    return str(output)


def _not_one(count: int, program: Program, step: int) -> str:
    matches = f"{count} objects match" if count else "no object matches"
    return f"no unique answer: {matches} “{said_of(program, step)}”"


_PLACES = {"left": "left of", "right": "right of", "front": "in front of", "behind": "behind"}


def said_of(program: Program, step: int) -> str:
    """The phrase that a set is in a question: "the red cube", "the large thing left of the sphere"."""
    words, places = _phrase(program, step)
    noun = [] if "shape" in words else ["thing"]
    adjectives = [words[attribute] for attribute in ATTRIBUTES if attribute in words]
    return " ".join(["the", *adjectives, *noun, " and ".join(places)]).strip()


def _phrase(program: Program, step: int) -> tuple[dict[str, str], list[str]]:
    """Attributes of a set, and where it is or what it shares."""
    node = program[step]
    verb, _, attribute = node.function.partition("_")
    parts = [_phrase(program, i) for i in node.inputs if verb in ("filter", "intersect")]
    words = {name: word for part, _ in parts for name, word in part.items()}
    places = [place for _, part in parts for place in part]
    match verb:
        case "filter":
            words[attribute] = node.value or ""
        case "union":
            places = [f"that is {' or '.join(said_of(program, i) for i in node.inputs)}"]
        case "relate" | "same":
            of = said_of(program, program[node.inputs[0]].inputs[0])
            shared = f"of the same {attribute} as"
            places = [f"{shared if verb == 'same' else _PLACES[node.value or '']} {of}"]
    return words, places


def question_type(program: Program) -> str:
    """One of the 13 types: the function of the last step."""
    return program[-1].function


def program_from_json(nodes: Any) -> Program:
    """Read a program, as released (`function`) or as the public generator writes it (`type`).

    Raises:
        InputError: it is no list of steps, or the steps do not fit together.
    """
    if not isinstance(nodes, Sequence) or isinstance(nodes, str):
        raise InputError(f"A program is a list of steps, not {type(nodes).__name__}.")
    program = []
    for number, node in enumerate(nodes):
        try:
            function = node["function"] if "function" in node else node["type"]
            values = node.get("value_inputs") or []
            inputs = tuple(step for i in node["inputs"] if (step := whole(i)) is not None)
            value = values[0] if values else None
            fits = len(inputs) == len(node["inputs"]) and len(values) <= 1
            if not fits or not isinstance(function, str) or not isinstance(value, str | None):
                raise TypeError
            program.append(Node(function, inputs, value))
        except (KeyError, TypeError, AttributeError):
            raise InputError(
                f"Step {number} of a program cannot be read; it needs a function, inputs and value_inputs."
            ) from None
    check(tuple(program))
    return tuple(program)


def program_to_json(program: Program) -> list[Mapping[str, Any]]:
    """Write a program as the released files do."""
    return [
        {
            "function": node.function,
            "inputs": list(node.inputs),
            "value_inputs": [] if node.value is None else [node.value],
        }
        for node in program
    ]
