"""What is true: a question's program run on a known scene, step by step and in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from film import InputError, Node, NotUnderstood, Parse, Scene, SceneObject, parse, question_type, run

_RELATED = {"left": "left of it", "right": "right of it", "front": "in front of it", "behind": "behind it"}


@dataclass(frozen=True)
class TruthStep:
    """One step of a program. `does`: in words. `inputs`: numbers of the steps it takes, from 1.
    `gives`: in words, empty where the step was not reached. `objects`: indices it gives, if any."""

    number: int
    does: str
    inputs: tuple[int, ...]
    gives: str
    objects: tuple[int, ...] = ()


@dataclass(frozen=True)
class Truth:
    """What can be said of a question.

    `answer`: the true one; None where it is not known, and then `reason` says why in a sentence.
    `parse`: None where the question is no CLEVR question. `read_as`: the question in CLEVR's words
    where the text has others of the same meaning. `meant`: the question that is meant if words of
    the text are mistyped; `reason` then names them.
    `steps`: of the program; without a scene they give nothing.
    """

    answer: str | None
    reason: str | None
    parse: Parse | None
    steps: tuple[TruthStep, ...]
    meant: str | None = None

    @property
    def read_as(self) -> str | None:
        """The question in CLEVR's words, where the text has others of the same meaning."""
        return self.parse.read_as if self.parse else None

    @property
    def none(self) -> bool:
        """Has the question no answer in this scene, as one for the color of a thing where there are two?"""
        return self.answer is None and any(step.gives for step in self.steps)

    @property
    def type(self) -> str | None:
        """The type of the question, such as "count"; None where it is none of CLEVR's."""
        return question_type(self.parse.program) if self.parse else None


def find_truth(question: str, scene: Scene | None) -> Truth:
    """Understand a question and, where the scene is known, work out its answer.

    Never raises for what a visitor typed: a text that is no question has a reason instead.
    """
    try:
        parsed = parse(question)
    except NotUnderstood as error:
        return Truth(None, _understood(error), None, (), error.nearest)
    except InputError as error:
        return Truth(None, str(error), None, ())
    if scene is None:
        steps = tuple(_step(number, node, "") for number, node in enumerate(parsed.program))
        return Truth(None, "No scene annotation for this picture.", parsed, steps)
    result = run(parsed.program, scene)
    given = [*result.outputs, *[None] * (len(parsed.program) - len(result.outputs))]
    steps = tuple(
        _step(number, node, *_said(node, output, scene))
        for number, (node, output) in enumerate(zip(parsed.program, given, strict=True))
    )
    reason = None if result.reason is None else f"{result.reason[0].upper()}{result.reason[1:]}."
    return Truth(result.answer, reason, parsed, steps)


def _understood(error: NotUnderstood) -> str:
    if error.mistyped:
        words = ", ".join(f"“{typed}” for “{meant}”" for typed, meant in error.mistyped)
        return f"Words look mistyped: {words}."
    if error.reason:
        return error.reason
    if not error.rest:
        return f"The question ends too early after “{error.understood}”."
    if error.understood:
        return f"CLEVR's grammar follows up to “{error.understood}”, but not “{error.rest}” there."
    return f"No CLEVR question begins with “{error.rest}”."


def _step(number: int, node: Node, gives: str, objects: tuple[int, ...] = ()) -> TruthStep:
    return TruthStep(number + 1, _does(node), tuple(i + 1 for i in node.inputs), gives, objects)


def _does(node: Node) -> str:
    verb, _, attribute = node.function.partition("_")
    match verb:
        case "scene":
            return "take all objects"
        case "filter":
            return f"keep the {node.value} ones" if attribute != "shape" else f"keep the {node.value}s"
        case "unique":
            return "take the only one"
        case "relate":
            return f"find what is {_RELATED[node.value or '']}"
        case "same":
            return f"find the others of the same {attribute}"
        case "union":
            return "put both together"
        case "intersect":
            return "keep those in both"
        case "count":
            return "count them"
        case "exist":
            return "is there any?"
        case "query":
            return f"read its {attribute}"
        case "equal":
            return "are the numbers equal?" if attribute == "integer" else f"is the {attribute} the same?"
    return "is the first number less?" if verb == "less" else "is the first number greater?"


def _said(node: Node, output: object, scene: Scene) -> tuple[str, tuple[int, ...]]:
    """A step's output in words, and the objects it is."""
    match output:
        case None:
            return "", ()
        case bool():
            return "yes" if output else "no", ()
        case tuple():
            return in_short(scene.objects, output), output
        case int() if node.function == "unique":
            return described(scene.objects[output]), (output,)
    return str(output), ()


def in_short(objects: Sequence[SceneObject], chosen: Sequence[int], most: int = 3) -> str:
    """Some objects in words: "2 objects: small red metal cube, large gray rubber sphere"."""
    if not chosen:
        return "nothing"
    if len(chosen) == len(objects):
        return f"all {len(objects)} objects"
    names = ", ".join(described(objects[i]) for i in chosen[:most])
    more = f" and {len(chosen) - most} more" if len(chosen) > most else ""
    return f"{len(chosen)} object{'s' * (len(chosen) > 1)}: {names}{more}"


def described(thing: SceneObject) -> str:
    return f"{thing.size} {thing.color} {thing.material} {thing.shape}"
