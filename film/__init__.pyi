# What a caller may use, and where it lives. `__init__.py` loads each name when it is first asked for.

__all__: list[str]

from .answer import (
    Answer as Answer,
    Prefixes as Prefixes,
    percent as percent,
)
from .checkpoint import (
    Card as Card,
    bundled as bundled,
    find as find,
    load as load,
    name_of as name_of,
    save as save,
    weights_hash as weights_hash,
)
from .clevr.data.closure_questions import (
    sample_closure as sample_closure,
)
from .clevr.data.folder import (
    questions_of as questions_of,
)
from .clevr.data.open import (
    Corpus as Corpus,
    Folder as Folder,
    GivenQuestion as GivenQuestion,
    Split as Split,
    open_data as open_data,
    open_folder as open_folder,
)
from .clevr.data.packing import (
    program_depth as program_depth,
)
from .clevr.data.picture_folder import (
    PictureFolder as PictureFolder,
    open_picture_folder as open_picture_folder,
)
from .clevr.data.resumable import (
    BigArray as BigArray,
    ResumableFolder as ResumableFolder,
)
from .clevr.data.scene_folder import (
    scene_folder_files as scene_folder_files,
    write_scene_folder as write_scene_folder,
    zipped as zipped,
)
from .clevr.editing import (
    JITTER as JITTER,
    AddObject as AddObject,
    ChangeAttribute as ChangeAttribute,
    CheckedEdit as CheckedEdit,
    DuplicateObject as DuplicateObject,
    MoveObject as MoveObject,
    MoveView as MoveView,
    RemoveObject as RemoveObject,
    SceneEdit as SceneEdit,
    TurnObject as TurnObject,
    check_edit as check_edit,
    drawable as drawable,
    edit_scene as edit_scene,
    offset as offset,
    rounded_scene as rounded_scene,
    scene_from_text as scene_from_text,
    scene_to_text as scene_to_text,
)
from .clevr.gallery import (
    Exhibit as Exhibit,
    gallery as gallery,
)
from .clevr.language.closure import (
    CLOSURE_FAMILIES as CLOSURE_FAMILIES,
    CLOSURE_NAMES as CLOSURE_NAMES,
)
from .clevr.language.families import (
    FAMILIES as FAMILIES,
    Family as Family,
    type_of as type_of,
)
from .clevr.language.linked import (
    LINKS as LINKS,
    Link as Link,
    links as links,
)
from .clevr.language.parser import (
    NotUnderstood as NotUnderstood,
    Parse as Parse,
    completions as completions,
    nearest as nearest,
    parse as parse,
)
from .clevr.language.programs import (
    ANSWERS as ANSWERS,
    GROUPS as GROUPS,
    Node as Node,
    Program as Program,
    program_from_json as program_from_json,
    program_to_json as program_to_json,
    question_type as question_type,
    run as run,
)
from .clevr.language.realise import (
    could_say as could_say,
    examples as examples,
    realise as realise,
    some_slots as some_slots,
    wordings as wordings,
)
from .clevr.language.sampler import (
    Question as Question,
    QuestionSampler as QuestionSampler,
)
from .clevr.language.templates import (
    SAID as SAID,
    Maybe as Maybe,
    Noun as Noun,
    Other as Other,
    Single as Single,
    family_pattern as family_pattern,
    noun_letters as noun_letters,
    templates as templates,
)
from .clevr.language.tokens import (
    SPECIAL as SPECIAL,
    plain_text as plain_text,
    split_words as split_words,
    word_table as word_table,
)
from .clevr.language.word_tree import (
    WORDS as WORDS,
)
from .clevr.pictures import (
    fit as fit,
    kept_middle as kept_middle,
    open_picture as open_picture,
    picture_hash as picture_hash,
    save_picture as save_picture,
)
from .clevr.rendering.render import (
    Rendering as Rendering,
    object_mask as object_mask,
    project as project,
    render as render,
    render_progressively as render_progressively,
    scene_picture as scene_picture,
    visible_pixels as visible_pixels,
)
from .clevr.rules import (
    COGENT as COGENT,
    DISTANCES as DISTANCES,
    add_object as add_object,
    change_object as change_object,
    nearest_place as nearest_place,
    newly_broken as newly_broken,
    problems as problems,
    remove_object as remove_object,
    sample_scene as sample_scene,
)
from .clevr.scene_json import (
    read_scenes as read_scenes,
    scene_from_json as scene_from_json,
    scene_to_json as scene_to_json,
    write_scenes as write_scenes,
)
from .clevr.scene_series import (
    SERIES as SERIES,
    SceneSeries as SceneSeries,
    attribute_series as attribute_series,
    circle_series as circle_series,
    distractor_series as distractor_series,
    line_series as line_series,
    nearest_series as nearest_series,
    opposite_series as opposite_series,
    some_series as some_series,
    towards_series as towards_series,
)

# the CLEVR world
from .clevr.scenes import (
    ATTRIBUTES as ATTRIBUTES,
    COLORS as COLORS,
    DIRECTIONS as DIRECTIONS,
    MATERIALS as MATERIALS,
    RELATIONS as RELATIONS,
    SHAPES as SHAPES,
    SIZES as SIZES,
    Scene as Scene,
    SceneObject as SceneObject,
    View as View,
    camera_from_pixels as camera_from_pixels,
)
from .command_line import (
    refuse as refuse,
    run_command as run_command,
)

# networks and where they are kept
from .config import (
    NetworkConfig as NetworkConfig,
    TrainingConfig as TrainingConfig,
)

# asking
from .device import (
    choose_device as choose_device,
)
from .errors import (
    InputError as InputError,
)

# measuring
from .evaluation import (
    GROUP_NAMES as GROUP_NAMES,
    PAPER as PAPER,
    Evaluation as Evaluation,
    Questions as Questions,
    answer_all as answer_all,
    are_clevrs as are_clevrs,
    constant_guess as constant_guess,
    evaluate as evaluate,
    must_be_sayable as must_be_sayable,
    open_questions as open_questions,
    table as table,
    unknown_words as unknown_words,
)
from .features import (
    Picture as Picture,
    read_picture as read_picture,
    to_size as to_size,
)
from .files import (
    check_output as check_output,
    only_writer as only_writer,
    write_atomically as write_atomically,
)
from .intervals import (
    FEWEST_CLUSTERS as FEWEST_CLUSTERS,
    Share as Share,
    clustered_share as clustered_share,
    clustered_shares as clustered_shares,
    share_difference as share_difference,
    too_few as too_few,
)
from .interventions import (
    EVERYWHERE as EVERYWHERE,
    Arithmetic as Arithmetic,
    Blend as Blend,
    Clamp as Clamp,
    Edit as Edit,
    Edits as Edits,
    Intervention as Intervention,
    Noise as Noise,
    Parameters as Parameters,
    PatchFrom as PatchFrom,
    Remembered as Remembered,
    ReplaceByMean as ReplaceByMean,
    Scale as Scale,
    SetValue as SetValue,
    Shift as Shift,
    Where as Where,
    from_json as from_json,
    from_text as from_text,
    intervened as intervened,
    to_text as to_text,
)
from .layer import (
    FiLM as FiLM,
    Generator as Generator,
)
from .modulation import (
    Modulation as Modulation,
)
from .network import (
    FiLMNetwork as FiLMNetwork,
    activation_names as activation_names,
)
from .official import (
    import_official as import_official,
)
from .progress import (
    Cancel as Cancel,
    Cancelled as Cancelled,
    Progress as Progress,
    Stages as Stages,
    progress_bars as progress_bars,
    stop_if as stop_if,
)
from .session import (
    Session as Session,
    probabilities as probabilities,
)
from .started import (
    command as command,
)
from .training.batches import (
    scene_maps as scene_maps,
)
from .vocabulary import (
    LONGEST_QUESTION as LONGEST_QUESTION,
    UnknownWords as UnknownWords,
    Vocabulary as Vocabulary,
)
