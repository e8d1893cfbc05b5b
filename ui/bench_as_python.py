"""What the bench shows as lines of Python, with the same numbers: of one question, and of many.

They are made as those of the pages are, in `ui.as_python`.
"""

from __future__ import annotations

from collections.abc import Sequence

from analysis import Study
from film import Intervention, Parameters, Where
from ui.as_python import PictureLines, folder_lines, script, session_line, study_lines
from ui.cache import evidence
from ui.question_header import Case

GALLERY_QUESTIONS = "asked = gallery_questions({}, {})"
DONORS = "donors = list(study.population.texts)  # one is drawn for each question"
PRINT_TABLE = 'print(found.tables["table"])'


# --- One question ---------------------------------------------------------------------------------


def _of_case(
    study: Study,
    case: Case,
    *lines: str,
    film: Sequence[str] = (),
    analysis: Sequence[str] = (),
    opened: bool = False,
) -> str:
    """Lines about the question on the page and its picture, with its study where that is `opened`."""
    picture = PictureLines.of(case.shown)
    first, names = study_lines(study) if opened else ((session_line(study),), ("Session",))
    return script(
        *first,
        f"picture = {picture.pixels}",
        f"question = {case.question!r}",
        *lines,
        film=(*names, *picture.film, *film), analysis=(*(["Study"] if opened else []), *analysis),
    )  # fmt: skip


def _edits(edits: Sequence[Intervention]) -> tuple[list[str], set[str]]:
    """The lines that list these edits, and what they import of `film`."""
    listed = ["edits = [", *(f"    {edit!r}," for edit in edits), "]"] if edits else ["edits = []"]
    return listed, {type(edit).__name__ for edit in edits} | ({"Where"} if edits else set())


def answer(study: Study, case: Case, edits: Sequence[Intervention]) -> str:
    """The answer with these interventions."""
    listed, names = _edits(edits)
    return _of_case(
        study,
        case,
        *listed,
        "answer = session.ask(picture, question, edits)",
        "print(answer.answer)",
        film=sorted(names),
    )


def effects(study: Study, case: Case, count: int, kind: str) -> str:
    """What made the answer. `count`: donors of each kind; `kind`: of replacement, looked at closely."""
    return _of_case(
        study,
        case,
        "donors = questions_to_resample(study.population, question)",
        f"found = map_effects(session, picture, question, donors, count={count})",
        "print(found.table())",
        "print(found.agreement())",
        "sources = source_distances(session, study.population, found)",
        f"kind = {kind!r}",
        'values, deviation = found.effects[kind], study.population.spread("gamma").deviation',
        "curves = replacement_curves(session, picture, question, values, deviation)",
        "pairs = interactions(session, picture, question, found.strongest(kind, 30))",
        'print(sources, curves, pairs, sep="\\n")',
        analysis=(
            "interactions", "map_effects", "questions_to_resample", "replacement_curves", "source_distances",
        ),
        opened=True,
    )  # fmt: skip


def objects(study: Study, case: Case, edits: Sequence[Intervention]) -> str:
    """Every map at every object, as predicted and with the edits where there are some."""
    listed, names = _edits(edits)
    again = ["edited = object_readings(session, picture, question, scene, edits)", "print(edited)"]
    return _of_case(
        study,
        case,
        f"scene = {PictureLines.of(case.shown).scene}",
        "found = object_readings(session, picture, question, scene)",
        "print(found)",
        *([*listed, *again] if edits else []),
        film=sorted(names), analysis=("object_readings",),
    )  # fmt: skip


def patch(study: Study, case: Case, other: str, parameters: Parameters) -> str:
    """The question asked with gamma and beta of another, map by map and block by block, and the reverse."""
    given = f"{parameters!r}, noising=False"
    return _of_case(
        study,
        case,
        f"other = {other!r}",
        f"found = patch_pair(session, picture, other, question, {given})",
        'print(found.share("denoising")[0])  # of the logit difference, (blocks, maps)',
        'print(found.moved("denoising")[0])  # in logits',
        "first, second = found.answers[0]",
        "answers = second, first",
        f"back = patch_pair(session, picture, question, other, {given}, answers=answers)",
        'for each in (found, back):  # recovered, destroyed',
        '    print(each.share("denoising", "blocks")[0])',
        analysis=("patch_pair",),
    )  # fmt: skip


def words(study: Study, case: Case, other: str) -> str:
    """The same pair, word by word."""
    return _of_case(
        study,
        case,
        f"found = patch_words(session, picture, {other!r}, question)",
        "print(found)",
        analysis=("patch_words",),
    )


def between(study: Study, case: Case, other: str, where: Where) -> str:
    """The answers on the line to another question."""
    return _of_case(
        study,
        case,
        f"found = interpolate(session, picture, question, {other!r}, {where!r})",
        "print(found)",
        film=("Where",), analysis=("interpolate",),
    )  # fmt: skip


def sum_of_three(study: Study, case: Case) -> str:
    """The answer to A + B - C that stands for the question."""
    return _of_case(
        study,
        case,
        f'analogy = analogy_of("picture", question, {PictureLines.of(case.shown).scene})',
        "found = try_analogies(session, [analogy], lambda _: picture)",
        "print(analogy)",
        "print(found.iloc[0])",
        analysis=("analogy_of", "try_analogies"),
    )


def flip(study: Study, case: Case) -> str:
    """The smallest changes that flip the answer."""
    return _of_case(
        study,
        case,
        'effect = map_effects(session, picture, question, {}).effects["mean"]',
        'deviation = {kind: study.population.spread(kind).deviation for kind in ("gamma", "beta")}',
        "found = smallest_flip(session, picture, question, effect, deviation)",
        "print(found)",
        analysis=("map_effects", "smallest_flip"),
        opened=True,
    )


def reworded(study: Study, case: Case, most: int, shuffles: int) -> str:
    """The question in other words; `most` paraphrases and `shuffles` orders of its words."""
    return _of_case(
        study,
        case,
        f"cases = ask_again(session, about(picture, [question]), most={most}, shuffles={shuffles})",
        "print(cases)",
        "print(robustness(cases))",
        analysis=("about", "ask_again", "robustness"),
    )


# --- Many questions -------------------------------------------------------------------------------


def _of_study(study: Study, *lines: str, film: Sequence[str] = (), analysis: Sequence[str] = ()) -> str:
    opened, names = study_lines(study)
    return script(*opened, *lines, film=(*names, *film), analysis=("Study", *analysis))


def kept(study: Study, what: str) -> str:
    """What is kept beside the network; `what`: one of `analysis.KEPT`."""
    return script(
        session_line(study),
        f"found = find_measured(find({study.session.checkpoint!r}), {what!r}, session.card.weights)",
        "for table in found.tables.values():",
        "    print(table)",
        film=("Session", "find"), analysis=("find_measured",),
    )  # fmt: skip


def word_reading(study: Study) -> str:
    """Which block and which map reads a kind of word."""
    return _of_study(study, "found = study.word_reading", "print(found.table)")


def controls(study: Study, pairs: int, seed: int) -> str:
    """Patches of whole blocks over many pairs, beside their controls."""
    return _of_study(
        study,
        f"found = gallery_patch_controls(session, study.population, pairs={pairs}, seed={seed})",
        PRINT_TABLE,
        analysis=("gallery_patch_controls",),
    )


def kept_sets(study: Study, most: int, seed: int) -> str:
    """The maps of the greatest effect alone, and all but these; so many questions."""
    return _of_study(
        study,
        GALLERY_QUESTIONS.format(most, seed),
        DONORS,
        'effect = study.cards.cards["effect"].to_numpy().reshape(session.config.blocks, -1)',
        'deviation = study.population.spread("gamma").deviation',
        f"found = measure_kept_sets(session, asked, GALLERY, donors, effect, deviation, seed={seed})",
        PRINT_TABLE,
        analysis=("GALLERY", "gallery_questions", "measure_kept_sets"),
    )


def map_pairs(study: Study, most: int, seed: int) -> str:
    """What pairs of maps do beyond the sum of both alone; so many questions."""
    return _of_study(
        study,
        GALLERY_QUESTIONS.format(most, seed),
        DONORS,
        "chosen = study.cards.strongest(STRONGEST)",
        f"found = measure_interactions(session, asked, GALLERY, donors, chosen, seed={seed})",
        PRINT_TABLE,
        analysis=("GALLERY", "STRONGEST", "gallery_questions", "measure_interactions"),
    )


def families(study: Study, most: int, seed: int) -> str:
    """Effects of maps on families that were left out; so many questions."""
    return _of_study(
        study,
        GALLERY_QUESTIONS.format(most, seed),
        DONORS,
        f"found = measure_family_effects(session, asked, GALLERY, donors, seed={seed})",
        PRINT_TABLE,
        analysis=("GALLERY", "gallery_questions", "measure_family_effects"),
    )


def ablations(study: Study, of: str, most: int) -> str:
    """Accuracy with noise on gamma and beta, and with their means; `of`: whose pictures."""
    if of == evidence.KEPT:
        return kept(study, "ablate")
    asked, source = folder_lines(most)
    return script(
        session_line(study),
        *asked,
        f"found = measure_ablations(session, asked, {source!r}, noise={evidence.FOLDER_NOISE!r})",
        PRINT_TABLE,
        film=("Session", "open_picture_folder"), analysis=("folder_questions", "measure_ablations"),
    )  # fmt: skip


def sets(study: Study, about: str, value: str, of: str, most: int) -> str:
    """Accuracy without the maps most selective for a value, as `MapCards.most_selective` has them."""
    own = of == evidence.OWN
    asked = folder_lines(most)[0] if own else [f"asked = gallery_questions({most})"]
    used = "folder_questions" if own else "gallery_questions"
    return _of_study(
        study,
        f"order = study.cards.most_selective({about!r}, {value!r})",
        *asked,
        "found = ablate(session, asked, set_ablations(order, session.config.blocks, session.config.maps))",
        "print(set_table(found))",
        film=["open_picture_folder"] if own else [],
        analysis=("ablate", "set_ablations", "set_table", used),
    )  # fmt: skip
