# What a caller may use, and where it lives. `__init__.py` loads each name when it is first asked for.

__all__: list[str]

# any FiLM network, from its gammas, betas and a table of conditions
from .adapter.article import (
    import_article as import_article,
)
from .adapter.check import (
    check_study as check_study,
)
from .adapter.collect import (
    collect as collect,
)
from .adapter.labels import (
    LabelEvidence as LabelEvidence,
    measure_labels as measure_labels,
    read_labels as read_labels,
)
from .adapter.write import (
    write_study as write_study,
)

# two networks beside each other
from .comparison.compare import (
    Comparison as Comparison,
    compare as compare,
    comparison_folder as comparison_folder,
    find_comparison as find_comparison,
    read_comparison as read_comparison,
    write_comparison as write_comparison,
)
from .comparison.matching import (
    MapMatching as MapMatching,
    match_maps as match_maps,
)
from .comparison.paired import (
    accuracy_difference as accuracy_difference,
)
from .comparison.similarity import (
    linear_cka as linear_cka,
)

# the question, word by word
# what it answers, and what a linear probe reads off it
from .corpus.accuracy import (
    DRAWN as DRAWN,
    GALLERY as GALLERY,
    FolderQuestions as FolderQuestions,
    Observed as Observed,
    TypedQuestions as TypedQuestions,
    accuracy_by as accuracy_by,
    beside_paper as beside_paper,
    confusion as confusion,
    drawn_questions as drawn_questions,
    folder_questions as folder_questions,
    gallery_questions as gallery_questions,
    is_clevrs as is_clevrs,
    observe as observe,
    some_questions as some_questions,
    told_left_out as told_left_out,
    wrong_answers as wrong_answers,
)
from .corpus.atlas import (
    FILTERS as FILTERS,
    PrefixPath as PrefixPath,
    matching as matching,
    nearest as nearest,
    path as path,
)
from .corpus.calibration import (
    Calibration as Calibration,
    calibration as calibration,
)

# what every feature map answers to
from .corpus.claim import (
    Verdict as Verdict,
    attribute_then_operation as attribute_then_operation,
)
from .corpus.contrasts import (
    Contrast as Contrast,
    contrast as contrast,
    object_labels as object_labels,
    question_labels as question_labels,
)
from .corpus.enrichment import (
    Why as Why,
    prepare_why as prepare_why,
    why_together as why_together,
)
from .corpus.errors import (
    error_regions as error_regions,
    error_shares as error_shares,
)
from .corpus.evidence import (
    Evidence as Evidence,
    find_evidence as find_evidence,
    measure_evidence as measure_evidence,
    observed_again as observed_again,
    read_evidence as read_evidence,
    write_evidence as write_evidence,
    write_pooled as write_pooled,
)
from .corpus.extraction import (
    SPACES as SPACES,
    Extraction as Extraction,
    extract as extract,
    extract_here as extract_here,
    open_extraction as open_extraction,
    vectors as vectors,
    write_small as write_small,
)

# how well networks generalise
from .corpus.generalisation import (
    by_kind as by_kind,
    find_generalisation as find_generalisation,
    keep_run as keep_run,
    measure_generalisation as measure_generalisation,
    overview as overview,
    taught_a as taught_a,
    trained_anew as trained_anew,
    zero_shot as zero_shot,
)

# many questions: do those of a kind lie together, and what makes a selection different
from .corpus.grouping import (
    GROUPING_TRIALS as GROUPING_TRIALS,
    Centres as Centres,
    Grouping as Grouping,
    Score as Score,
    adjusted_rand as adjusted_rand,
    attributes_and_operations as attributes_and_operations,
    block_groupings as block_groupings,
    centre_distances as centre_distances,
    clusters as clusters,
    distinct as distinct,
    grouping as grouping,
    grouping_table as grouping_table,
    groupings as groupings,
    neighbour_agreement as neighbour_agreement,
    silhouette as silhouette,
)
from .corpus.kept_layouts import (
    layout_in as layout_in,
    layouts_in as layouts_in,
    read_layout as read_layout,
    write_layout as write_layout,
)
from .corpus.layout import (
    METHODS as METHODS,
    Layout as Layout,
    LayoutRecipe as LayoutRecipe,
    lay_out as lay_out,
    layout_title as layout_title,
    place as place,
    stability_of as stability_of,
)
from .corpus.layout_quality import quality as quality
from .corpus.map_cards import (
    MapCards as MapCards,
    find_maps as find_maps,
    measure_maps as measure_maps,
    write_maps as write_maps,
)
from .corpus.map_ranking import (
    RANKED_BY as RANKED_BY,
    MapRanking as MapRanking,
    bimodality as bimodality,
    rank_maps as rank_maps,
)
from .corpus.metric import METRICS as METRICS
from .corpus.neighbours import (
    neighbours as neighbours,
)

# the paper's pictures
from .corpus.parameters import (
    PUBLISHED as PUBLISHED,
    Parameters as Parameters,
    Statistics as Statistics,
    measure_parameters as measure_parameters,
)
from .corpus.predictions import (
    measure_answers as measure_answers,
    predict_answers as predict_answers,
)
from .corpus.probe_targets import (
    more_targets as more_targets,
    target_of as target_of,
)
from .corpus.probe_transfer import (
    probe_transfer as probe_transfer,
)
from .corpus.probes import (
    bag_of_words as bag_of_words,
    parted as parted,
    probe as probe,
    what_is_linear as what_is_linear,
)

# many questions and what the network makes of them
from .corpus.question_set import (
    QuestionSet as QuestionSet,
    drawn_picture as drawn_picture,
    question_set as question_set,
    read_questions as read_questions,
    sample_questions as sample_questions,
)
from .corpus.region_labels import (
    RegionLabel as RegionLabel,
    describe_labels as describe_labels,
    region_labels as region_labels,
)
from .corpus.schema import (
    Layers as Layers,
    Schema as Schema,
    label_values as label_values,
)
from .corpus.study_groupings import (
    GROUPING_SEED as GROUPING_SEED,
    map_groupings as map_groupings,
    space_groupings as space_groupings,
)
from .figures.atlas import (
    COLOR_COLUMNS as COLOR_COLUMNS,
    Coloring as Coloring,
    color_by_category as color_by_category,
    color_by_column as color_by_column,
    color_by_presence as color_by_presence,
    color_by_value as color_by_value,
    layout_caption as layout_caption,
    layout_sample as layout_sample,
    layout_svg as layout_svg,
    name_places as name_places,
)
from .figures.comparison import (
    difference_rows as difference_rows,
    grouping_pairs as grouping_pairs,
    matching_lines as matching_lines,
    parameter_pairs as parameter_pairs,
    probe_pairs as probe_pairs,
    similarity_heatmap as similarity_heatmap,
    similarity_of_blocks as similarity_of_blocks,
)
from .figures.density import (
    Contour as Contour,
    density_contours as density_contours,
    describe_contours as describe_contours,
)
from .figures.evidence import (
    accuracy_line as accuracy_line,
    accuracy_rows as accuracy_rows,
    calibration_curve as calibration_curve,
    confusion_heatmap as confusion_heatmap,
)
from .figures.generalisation import (
    gain_rows as gain_rows,
    generalisation_rows as generalisation_rows,
    learned_on_lines as learned_on_lines,
    training_lines as training_lines,
)
from .figures.interventions import (
    block_bars as block_bars,
    control_bars as control_bars,
    faithfulness_lines as faithfulness_lines,
    interpolation_lines as interpolation_lines,
    map_heatmap as map_heatmap,
    noise_lines as noise_lines,
    object_heatmap as object_heatmap,
    replacement_lines as replacement_lines,
    set_lines as set_lines,
    word_patching_lines as word_patching_lines,
)
from .figures.map_cards import (
    effect_bars as effect_bars,
    label_grid as label_grid,
)
from .figures.palette import (
    color_table as color_table,
)
from .figures.parameters import (
    block_histograms as block_histograms,
    gamma_against_beta as gamma_against_beta,
    grouping_by_block as grouping_by_block,
    histogram_table as histogram_table,
    map_moments as map_moments,
    moment_table as moment_table,
    parameter_histograms as parameter_histograms,
    point_table as point_table,
)
from .figures.probes import (
    probe_chart as probe_chart,
    probe_overview as probe_overview,
    regression_chart as regression_chart,
    transfer_heatmaps as transfer_heatmaps,
)
from .figures.question import (
    answer_bars as answer_bars,
    answers_side_by_side as answers_side_by_side,
    contribution_bars as contribution_bars,
    contributions_beside_replacements as contributions_beside_replacements,
    film_effect_bars as film_effect_bars,
    modulation_heatmap as modulation_heatmap,
    modulation_table as modulation_table,
    path_table as path_table,
    plane as plane,
    population_bins as population_bins,
    population_histogram as population_histogram,
    prefix_answers as prefix_answers,
    reach as reach,
    word_moves as word_moves,
    word_path as word_path,
)
from .figures.scenes import (
    activation_lines as activation_lines,
    series_lines as series_lines,
)

# the shapes of points, and pictures as a figure to take along
from .figures.shapes import SHAPES as SHAPES, outline as outline
from .figures.sheet import Panel as Panel, sheet_png as sheet_png, sheet_svg as sheet_svg
from .figures.source import figure_title as figure_title, with_source as with_source

# two questions: what tells them apart, and where it matters
from .interventions.ablation import (
    PAPER_MEAN as PAPER_MEAN,
    ablate as ablate,
    measure_ablations as measure_ablations,
    set_ablations as set_ablations,
    set_table as set_table,
    standard_ablations as standard_ablations,
)
from .interventions.analogies import (
    RATES as RATES,
    Analogy as Analogy,
    analogy_of as analogy_of,
    analogy_rates as analogy_rates,
    gallery_analogies as gallery_analogies,
    sample_analogies as sample_analogies,
    try_analogies as try_analogies,
)
from .interventions.average_effects import (
    AverageEffects as AverageEffects,
    average_effects as average_effects,
    resampled_differences as resampled_differences,
    under_sets as under_sets,
)
from .interventions.between import (
    interpolate as interpolate,
)
from .interventions.edit_list import (
    BenchEdit as BenchEdit,
    applied_edits as applied_edits,
    described_edit as described_edit,
    read_edits as read_edits,
)
from .interventions.effects import (
    RANDOM_ORDERS as RANDOM_ORDERS,
    MapEffects as MapEffects,
    interactions as interactions,
    map_effects as map_effects,
    questions_to_resample as questions_to_resample,
    replacement_curves as replacement_curves,
    source_distances as source_distances,
)
from .interventions.family_effects import (
    family_effects_table as family_effects_table,
    measure_family_effects as measure_family_effects,
)
from .interventions.flip import (
    SmallestFlip as SmallestFlip,
    smallest_flip as smallest_flip,
)
from .interventions.kept import (
    KEPT as KEPT,
    Measured as Measured,
    find_measured as find_measured,
    write_measured as write_measured,
)
from .interventions.kept_sets import (
    CHOSEN as CHOSEN,
    COMPLEMENT as COMPLEMENT,
    KEPT_DRAWS as KEPT_DRAWS,
    KEPT_SIZES as KEPT_SIZES,
    kept_sets_table as kept_sets_table,
    matched_set as matched_set,
    measure_kept_sets as measure_kept_sets,
)
from .interventions.map_pairs import (
    STRONGEST as STRONGEST,
    interactions_table as interactions_table,
    measure_interactions as measure_interactions,
)
from .interventions.pairs import (
    MinimalPair as MinimalPair,
    most_changed as most_changed,
    one_word_changes as one_word_changes,
    other_words as other_words,
    sample_pairs as sample_pairs,
    word_changed as word_changed,
)
from .interventions.patch_controls import (
    CONTROLS as CONTROLS,
    controls_table as controls_table,
    gallery_patch_controls as gallery_patch_controls,
    measure_patch_controls as measure_patch_controls,
)
from .interventions.patching import (
    PATCHING_SEED as PATCHING_SEED,
    BlockPatching as BlockPatching,
    Patching as Patching,
    patch_blocks as patch_blocks,
    patch_pair as patch_pair,
    patch_pairs as patch_pairs,
    random_direction as random_direction,
    same_family_donors as same_family_donors,
    same_type_donors as same_type_donors,
    some_others as some_others,
)
from .interventions.rewording import (
    paraphrases as paraphrases,
    shuffled as shuffled,
    with_a_word_left_out as with_a_word_left_out,
)
from .interventions.robustness import (
    ask_again as ask_again,
    measure_robustness as measure_robustness,
    robustness as robustness,
)
from .interventions.sweep import (
    Baseline as Baseline,
    Swept as Swept,
    about as about,
    sweep as sweep,
    sweep_logits as sweep_logits,
)
from .interventions.word_patching import (
    patch_words as patch_words,
)
from .interventions.word_patching_of_pairs import (
    gallery_word_patching as gallery_word_patching,
    measure_word_patching as measure_word_patching,
)
from .interventions.word_reading import (
    WordReading as WordReading,
    find_word_reading as find_word_reading,
    gallery_word_reading as gallery_word_reading,
    measure_word_reading as measure_word_reading,
    write_word_reading as write_word_reading,
)
from .interventions.zero_shot import (
    ask_zero_shot as ask_zero_shot,
    measure_zero_shot as measure_zero_shot,
    rewritten as rewritten,
    rewritten_corpus as rewritten_corpus,
    zero_shot_rates as zero_shot_rates,
)

# how it is measured, in words
from .methods import method as method, methods as methods

# feature maps as pictures, and counts of what FiLM does to them
from .question.feature_maps import (
    ORDERS as ORDERS,
    FilmEffects as FilmEffects,
    MapGrid as MapGrid,
    Stages as Stages,
    color_steps as color_steps,
    differences as differences,
    film_effects as film_effects,
    grid_shape as grid_shape,
    map_grid as map_grid,
    order as order,
    over_picture as over_picture,
    png as png,
    stage_names as stage_names,
    stages_of as stages_of,
    strongest as strongest,
)

# where an answer came from, and what is true
from .question.pooling import (
    ArgmaxLocations as ArgmaxLocations,
    argmax_locations as argmax_locations,
    argmax_over as argmax_over,
    as_seen as as_seen,
    energy as energy,
    energy_over as energy_over,
    not_counted as not_counted,
    what_is_seen as what_is_seen,
)

# one question among thousands
from .question.population import (
    Population as Population,
    Standing as Standing,
    measure_population as measure_population,
    most_unusual as most_unusual,
    population_of as population_of,
    standing as standing,
)
from .question.scene_objects import (
    STAGES as STAGES,
    object_readings as object_readings,
    scene_mask as scene_mask,
)
from .question.truth import (
    Truth as Truth,
    TruthStep as TruthStep,
    find_truth as find_truth,
)
from .question.two_questions import (
    TwoQuestions as TwoQuestions,
    compare_questions as compare_questions,
)
from .question.word_contributions import (
    KINDS as KINDS,
    Contribution as Contribution,
    Kind as Kind,
    WordContributions as WordContributions,
    word_contributions as word_contributions,
)
from .question.word_replacements import (
    WordReplacements as WordReplacements,
    word_replacements as word_replacements,
)
from .ranking import (
    Shrunken as Shrunken,
    shrunken_means as shrunken_means,
    spearman as spearman,
    split_half_correlation as split_half_correlation,
)

# all of it, or one view, as a page of its own
from .report import make_report as make_report, write_report as write_report
from .report_bench import answers_table as answers_table
from .report_page import manifest as manifest
from .report_view import (
    ReportedPicture as ReportedPicture,
    file_picture as file_picture,
    folder_picture as folder_picture,
    view_of as view_of,
)

# edited scenes
from .scenes.counterfactual import (
    CounterfactualSet as CounterfactualSet,
    ScenePair as ScenePair,
    ask_pairs as ask_pairs,
    find_counterfactuals as find_counterfactuals,
    measure_counterfactuals as measure_counterfactuals,
    sample_scene_pairs as sample_scene_pairs,
    shared_questions as shared_questions,
    write_counterfactuals as write_counterfactuals,
)
from .scenes.likeness import (
    picture_difference as picture_difference,
)
from .scenes.moved import (
    moved_maps as moved_maps,
    recorded_stages as recorded_stages,
)
from .scenes.question_set import (
    ask_both as ask_both,
)
from .scenes.series import (
    AskedSeries as AskedSeries,
    ask_series as ask_series,
)

# what is selected among many questions, in a link
from .selection import (
    Selection as Selection,
    rows_from_text as rows_from_text,
    rows_to_text as rows_to_text,
    selection_from_text as selection_from_text,
    selection_to_text as selection_to_text,
    selections_from_text as selections_from_text,
    selections_to_text as selections_to_text,
)

# nulls, intervals and effect sizes
from .statistics import (
    FamilyResult as FamilyResult,
    Interval as Interval,
    PermutationResult as PermutationResult,
    cliffs_delta as cliffs_delta,
    clopper_pearson as clopper_pearson,
    cluster_bootstrap as cluster_bootstrap,
    cluster_shuffles as cluster_shuffles,
    contrast_test as contrast_test,
    delta_resamples as delta_resamples,
    false_discovery_rates as false_discovery_rates,
    family_wise as family_wise,
    permutation_test as permutation_test,
    random_regions as random_regions,
    ratio_of_sums as ratio_of_sums,
    ratios_of_sums as ratios_of_sums,
    region_test as region_test,
    shuffles as shuffles,
    sign_flip_test as sign_flip_test,
)
from .study import (
    Study as Study,
    make_study as make_study,
    open_study as open_study,
)
from .table_files import csv_file as csv_file, parquet_file as parquet_file, table_source as table_source
from .tables import grid_table as grid_table, small as small
from .view import (
    LINK_HASH as LINK_HASH,
    LINK_LONGEST as LINK_LONGEST,
    LINK_SELECTIONS as LINK_SELECTIONS,
    PictureKey as PictureKey,
    ViewState as ViewState,
    from_link as from_link,
    left_out as left_out,
    to_link as to_link,
)
