"""What of a link cannot be followed here: said on every page, whichever page the link opens."""

from __future__ import annotations

from collections.abc import Sequence

from analysis import Study, selection_from_text, selections_from_text
from film import InputError
from ui import selections, state, visit
from ui.cache import atlas, networks, pictures


def follow(study: Study) -> None:
    """Put what a link asks for in vain to what is there, and say so."""
    if not study.alone:
        visit.renew()
        visit.follow()
    _map(study)
    _atlas(study)
    _selections(study)
    view = state.view()
    if view.before and not study.alone and not pictures.is_here(view.before):
        _instead("before", f"edits the picture {view.before[:60]}, which is not here")
    others = [
        name for name, folder in networks.offered().items() if folder.resolve() != study.folder.resolve()
    ]
    if view.versus and view.versus not in others:
        _instead("versus", f"compares with the network {view.versus}, which is not here")
    if study.alone or not view.probe:
        return
    try:
        targets = [] if study.evidence is None else list(study.evidence.probes["target"])
    except InputError:
        return  # the page says what is wrong
    if view.probe not in targets:
        _instead("probe", f"names a probe of “{view.probe}”, which this network does not have")


def _instead(field: str, what: str) -> None:
    """Drop a text of the view that cannot be followed."""
    state.change(**{field: ""})
    state.say(f"This link {what}; it is left out.")


def _map(study: Study) -> None:
    layers, view = study.schema.layers, state.view()
    block = min(view.block, len(layers) - 1)
    if block != view.block:
        state.say(
            f"This link names block {view.block + 1}; there are {len(layers)} here, and the last is shown."
        )
    most = layers.maps[block] - 1
    if view.feature_map > most:
        where = f"{layers.names[block]} has 0 to {most} here"
        state.say(f"This link names map {view.feature_map}; {where}, and the last is shown.")
    if block != view.block or view.feature_map > most:
        state.change(block=block, feature_map=min(view.feature_map, most))


def _atlas(study: Study) -> None:
    view = state.view()
    if not (view.layout or view.beside or view.color or view.filter_by or view.filter_for):
        return
    if atlas.studied(study) is None:
        return  # the page says that there is no study
    for field in ("layout", "beside"):
        if (name := getattr(view, field)) not in ("", *study.layouts):
            _instead(field, f"names the projection “{name}”, which this study does not have")
    if view.color not in ("", *atlas.colors(study)):
        _instead("color", f"colours by “{view.color}”, which this study does not tell apart")
    filters: Sequence[str] = atlas.filters(study)
    if view.filter_by not in ("", *filters):
        state.change(filter_for="")
        _instead("filter_by", f"selects by “{view.filter_by}”, which this study does not tell apart")
    elif _is_unknown(study, view.filter_by, view.filter_for):
        _instead("filter_for", f"selects the {view.filter_by} “{view.filter_for}”, which nothing here has")


def _is_unknown(study: Study, by: str, value: str) -> bool:
    free = by in ("", "word", "text") or not value
    return not free and value not in atlas.values(study, by)


def _selections(study: Study) -> None:
    view = state.view()
    if not (view.selection or view.kept or view.chosen):
        return
    known = atlas.studied(study)
    if known is None:
        state.change(selection="", kept="", chosen=0)
        state.say(
            "This link holds a selection of questions; there is no study of this network here to select from."
        )
        return
    questions = known[0]
    for field, read in (("selection", selection_from_text), ("kept", selections_from_text)):
        if text := getattr(view, field):
            try:
                read(text, len(questions), selections.questions_of(questions))
            except InputError as error:
                state.change(**{field: ""})
                state.say(str(error))
    if view.chosen > len(questions):
        state.change(chosen=0)
        state.say(
            f"This link looks at question {view.chosen:,} of a study; the one here has {len(questions):,}."
        )
