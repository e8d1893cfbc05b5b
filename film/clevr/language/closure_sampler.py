"""Sample CLOSURE's questions for scenes, by the rules in which its generator differs from CLEVR's."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from film.clevr.language.closure import CLOSURE_FAMILIES
from film.clevr.language.families import Family
from film.clevr.language.sampler import Attempt, QuestionSampler, answer_kinds, step_output

COUNTS = ("1", "2", "3")  # the only numbers that may be an answer


class ClosureSampler(QuestionSampler):
    """As `QuestionSampler`, for families of CLOSURE's.

    Counts are 1, 2 or 3; an answer comes only when it is at most a tenth more frequent than its
    family's rarest, so that none comes twice before each came once; and what a question says must
    matter: with a relation or a "same" left out, the answer must be another.
    """

    reset_every = None

    def __init__(self, seed: int | np.random.SeedSequence, families: Sequence[Family] = CLOSURE_FAMILIES):
        super().__init__(seed)
        self.families = tuple(families)

    def welcome(self, family: Family, answer: str) -> bool:
        kinds = COUNTS if family.type == "count" else answer_kinds(family)
        counts = self.answers[family.index]
        return answer in kinds and counts[answer] <= 1.1 * min(counts[kind] for kind in kinds)

    def degenerate(self, attempt: Attempt) -> bool:
        steps = attempt.family.steps
        if steps[-1].kind == "exist":
            return False
        return any(
            self._without(attempt, number) == attempt.outputs[-1]
            for number, step in enumerate(steps)
            if step.kind in ("relate", "same")
        )

    def _without(self, attempt: Attempt, left_out: int) -> object:
        """The answer with one step taken for all objects; where one of several is meant, any is taken.

        None where there is no answer. Steps before it that nothing else needs stand as they were.
        """
        outputs = attempt.outputs[:left_out]
        outputs.append(attempt.sayable.everything)
        for step in attempt.family.steps[left_out + 1 :]:
            if step.kind == "unique" and (among := outputs[step.inputs[0]]):
                members = [i for i in range(among.bit_length()) if among >> i & 1]
                outputs.append(self.chance.choose(members))
                continue
            output = step_output(step, outputs, attempt.slots, attempt.sayable)
            if output is None:
                return None
            outputs.append(output)
        return outputs[-1]
