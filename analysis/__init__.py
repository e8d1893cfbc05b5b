"""Numbers and figures from a network: all that a caller may use is listed here, loaded when first asked for.

    from analysis import word_contributions
    word_contributions(session, "How many red cubes are there?").lines("gamma", block=2, feature_map=26)

Nothing here knows a screen: pages, reports, notebooks and tests call the same functions.
"""

from importlib import import_module
from typing import Any

# Where each public name lives.
_NAMES = {
    # the question, word by word
    "analysis.question.word_contributions": ("WordContributions", "Contribution", "word_contributions"),
    # one question among thousands
    "analysis.question.population": (
        "Population", "Standing", "measure_population", "most_unusual", "population_of", "standing",
    ),
    # two questions: what tells them apart, and where it matters
    "analysis.interventions.ablation": ("PAPER_MEAN", "ablate", "standard_ablations"),
    "analysis.interventions.pairs": (
        "MinimalPair", "most_changed", "one_word_changes", "sample_pairs", "word_changed",
    ),
    "analysis.interventions.patching": (
        "BlockPatching", "PATCHING_SEED", "Patching", "patch_blocks", "patch_pair", "patch_pairs",
        "random_direction", "same_family_donors", "some_others",
    ),
    "analysis.interventions.sweep": ("Baseline", "Swept", "about", "sweep", "sweep_logits"),
    # feature maps as pictures, and counts of what FiLM does to them
    "analysis.question.feature_maps": (
        "ORDERS", "FilmEffects", "Stages", "MapGrid", "film_effects", "differences", "grid_shape", "order",
        "over_picture", "png", "stage_names", "stages_of", "strongest", "map_grid",
    ),
    # what every feature map answers to
    "analysis.corpus.map_cards": (
        "Contrast", "MapCards", "contrast", "find_maps", "measure_maps", "object_labels", "question_labels",
        "write_maps",
    ),
    # where an answer came from, and what is true
    "analysis.question.pooling": (
        "ArgmaxLocations", "argmax_locations", "argmax_over", "as_seen", "energy", "energy_over",
        "not_counted",
    ),
    "analysis.question.truth": ("TruthStep", "Truth", "find_truth"),
    # many questions and what the network makes of them
    "analysis.corpus.question_set": (
        "Cancelled", "QuestionSet", "question_set", "read_questions", "sample_questions",
    ),
    "analysis.corpus.extraction": (
        "Extraction", "SPACES", "extract", "extract_here", "open_extraction", "vectors", "write_small",
    ),
    "analysis.corpus.layout": (
        "Layout", "LayoutRecipe", "METHODS", "lay_out", "layout_in", "layouts_in", "place", "quality",
        "read_layout", "stability_over_seeds", "write_layout",
    ),
    "analysis.study": ("make_study", "open_study"),
    # many questions: do those of a kind lie together, and what makes a selection different
    "analysis.corpus.grouping": (
        "GROUPING_TRIALS", "Centres", "Grouping", "Score", "Verdict", "adjusted_rand",
        "attribute_then_operation", "attributes_and_operations", "block_groupings", "centre_distances",
        "clusters", "distinct", "grouping", "grouping_table", "groupings", "neighbour_agreement",
        "neighbours", "silhouette",
    ),
    "analysis.corpus.enrichment": ("Why", "prepare_why", "why_together"),
    # the paper's pictures
    "analysis.corpus.parameters": ("PUBLISHED", "Parameters", "Statistics", "measure_parameters"),
    "analysis.figures.parameters": (
        "block_histograms", "gamma_against_beta", "grouping_by_block", "histogram_table", "map_moments",
        "moment_table", "parameter_histograms", "point_table",
    ),
    # what it answers, and what a linear probe reads off it
    "analysis.corpus.accuracy": (
        "GALLERY", "Observed", "accuracy_by", "beside_paper", "confusion", "gallery_questions", "observe",
        "some_questions", "wrong_answers",
    ),
    "analysis.corpus.probes": (
        "Evidence", "bag_of_words", "find_evidence", "parted", "probe", "read_evidence", "what_is_linear",
        "write_evidence",
    ),
    "analysis.figures.evidence": (
        "accuracy_line", "accuracy_rows", "confusion_heatmap", "probe_chart", "probe_overview",
    ),
    # all of it, or one view, as a page of its own
    "analysis.report": ("make_report", "manifest", "view_of", "write_report"),
    "analysis.view": ("ViewState", "from_link", "to_link"),
    "analysis.figures.map_cards": ("effect_bars", "label_grid"),
    "analysis.figures.question": (
        "answer_bars", "answers_side_by_side",
        "film_effect_bars", "contribution_bars", "modulation_heatmap", "modulation_table", "path_table",
        "plane",
        "population_bins", "population_histogram", "prefix_answers", "reach", "word_moves", "word_path",
    ),
}  # fmt: skip

_HOME = {name: module for module, names in _NAMES.items() for name in names}
__all__ = sorted(_HOME)


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'analysis' has no attribute {name!r}; it has {', '.join(__all__)}")
    value = getattr(import_module(_HOME[name]), name)
    globals()[name] = value  # found at once next time
    return value


def __dir__() -> list[str]:
    return __all__
