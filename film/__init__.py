"""The model and its world: everything a caller may use is listed here, loaded when first asked for.

    from film import Session
    Session().ask("picture.png", "How many red cubes are there?").answer

Importing `film` costs nothing: PyTorch is loaded with the first name that needs it.
"""

from importlib import import_module
from typing import Any

# Where each public name lives.
_NAMES = {
    "film.errors": ("InputError",),
    # asking
    "film.device": ("choose_device",),
    "film.session": ("Answer", "Prefixes", "Session", "probabilities"),
    "film.modulation": ("Modulation",),
    "film.interventions": (
        "Arithmetic", "Blend", "Clamp", "Edit", "Edits", "Intervention", "Noise", "PatchFrom",
        "Parameters", "Remembered", "ReplaceByMean", "Scale", "SetValue", "Shift", "Where", "from_json",
        "from_text", "intervened", "to_text",
    ),
    "film.vocabulary": ("UnknownWords", "Vocabulary"),
    "film.features": ("Picture", "read_picture", "to_size"),
    # networks and where they are kept
    "film.config": ("NetworkConfig", "TrainingConfig"),
    "film.network": ("FiLMNetwork", "activation_names"),
    "film.checkpoint": ("Card", "bundled", "find", "load", "save", "weights_hash", "write_atomically"),
    "film.official": ("import_official",),
    # measuring
    "film.evaluation": (
        "Evaluation", "GROUP_NAMES", "PAPER", "Questions", "Share",
        "clustered_shares", "evaluate", "open_questions", "table",
    ),
    # the CLEVR world
    "film.clevr.scenes": (
        "ATTRIBUTES", "COLORS", "MATERIALS", "RELATIONS", "SHAPES", "SIZES", "Scene", "SceneObject", "View",
        "read_scenes", "sample_scene", "scene_from_json", "scene_to_json", "write_scenes",
    ),
    "film.clevr.language.programs": (
        "ANSWERS", "GROUPS", "Node", "Program",
        "program_from_json", "program_to_json", "question_type", "run",
    ),
    "film.clevr.language.families": ("FAMILIES", "Family"),
    "film.clevr.language.templates": ("SAID",),
    "film.clevr.language.realise": ("could_say", "examples", "realise", "some_slots", "wordings"),
    "film.clevr.language.parser": ("NotUnderstood", "Parse", "completions", "nearest", "parse"),
    "film.clevr.language.word_tree": ("WORDS",),
    "film.clevr.language.sampler": ("Question", "QuestionSampler"),
    "film.clevr.rendering.render": ("Rendering", "project", "render", "visible_pixels"),
    "film.clevr.pictures": ("fit", "open_picture", "save_picture"),
    "film.clevr.language.tokens": ("SPECIAL", "split_words", "word_table"),
    "film.clevr.data.resumable": ("BigArray", "ResumableFolder"),
    "film.clevr.data.packing": ("program_depth",),
    "film.clevr.gallery": ("Exhibit", "gallery"),
    "film.clevr.data.picture_folder": ("PictureFolder", "open_picture_folder"),
    "film.clevr.data.open": ("Corpus", "Folder", "GivenQuestion", "Split", "open_data", "open_folder"),
}  # fmt: skip

_HOME = {name: module for module, names in _NAMES.items() for name in names}
__all__ = sorted(_HOME)


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'film' has no attribute {name!r}; it has {', '.join(__all__)}")
    value = getattr(import_module(_HOME[name]), name)
    globals()[name] = value  # found at once next time
    return value


def __dir__() -> list[str]:
    return __all__
