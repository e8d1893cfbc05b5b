"""Scene studio: change the world, and ask again."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

import analysis
import film
from film import ATTRIBUTES, JITTER, CheckedEdit, InputError, Scene
from ui import below, question_header as header, state, studio, studio_answers as answers, widgets
from ui.cache import networks, pictures, scenes
from ui.plan import plan
from ui.studio import Desk
from ui.studio_answers import Side
from ui.studio_consistency import consistency
from ui.studio_downloads import downloads
from ui.studio_objects import objects
from ui.studio_own_picture import beside_own_picture
from ui.studio_questions import questions
from ui.studio_series import series

AXES = ("x", "y", "z")
SEEDS = 10**9  # the greatest
ATTRIBUTE_WIDTH, NUMBER_WIDTH = 100, 140  # pixels
PANELS: dict[str, Callable[[Side, Side], None]] = {
    "Answers": answers.distributions,
    "True answer": answers.programs,
    "Questions": questions,
    "Feature maps": answers.maps,
    "Objects": objects,
    "Series": series,
    "Consistency": consistency,
    "Download": downloads,
}


def page() -> None:
    st.title("Scene studio")
    st.caption(
        "Change the scene, and ask again: the picture is drawn anew, and the true answer is worked out from "
        "the scene, so it is known whether the network's answer was to change."
    )
    _start()
    _work()


# --- Where to begin -------------------------------------------------------------------------------


def _start() -> None:
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        if st.button("Picture", icon=":material/photo_library:", key="studio-gallery",
                     help="A picture of the gallery or your folder whose scene is known."):  # fmt: skip
            widgets.choose_picture()
        with st.popover("Sample a scene", icon=":material/casino:"):
            seed = st.number_input("Seed", 0, SEEDS, **state.number_option("studio-seed", 0, SEEDS, 0))
            st.button("Sample", key="studio-sample", on_click=lambda: studio.sample(int(seed)))
        st.button("Empty floor", icon=":material/check_box_outline_blank:", key="studio-empty",
                  on_click=studio.take_up, args=(Scene(()),))  # fmt: skip
        with st.popover(
            "Scene file", icon=":material/upload:", key=f"studio-file-{state.turn('scene-file')}"
        ):
            st.file_uploader(
                "JSON: a scene, or a CLEVR scenes file (its first scene is taken)", type=["json"],
                **state.taken("scene-file", lambda file: studio.take_file(file.getvalue())),
            )  # fmt: skip


@st.fragment  # an edit redraws this part alone
def _work() -> None:
    try:
        desk = studio.desk()
    except InputError as error:
        widgets.show_error(error)
        desk = None
    if desk is None:
        st.info(
            "No scene annotation for this picture, so it cannot be edited: begin with another one.",
            icon=":material/info:",
        )
        if message := state.refused():
            widgets.show_error(message)
        return
    head = header.head()
    with st.container(key="studio-split"):
        left, right = st.columns([5, 6], gap="large")
    with left:
        _plan(desk)
        _buttons(desk)
        _rules()
        _fields(desk)
        _view(desk)
    with right:
        sides = _pictures(desk, head)
    if sides is not None and not below.waits("studio"):
        before, after = sides
        plain = "Series" if state.view().series else next(iter(PANELS))
        chosen = st.segmented_control(
            "Look at", list(PANELS), required=True, label_visibility="collapsed",
            **state.option("studio-panel", list(PANELS), plain),
        )  # fmt: skip
        PANELS[chosen or plain](before, after)
    widgets.redraw_when_clean(desk.before_key, desk.after_key)
    state.follow(networks.study().weights)


# --- The scene ------------------------------------------------------------------------------------


def _plan(desk: Desk) -> None:
    plan(
        "studio-plan", desk.after, desk.chosen, on_move=studio.move, on_choose=studio.choose,
        on_act=studio.act, turn=state.happened(), focus=state.turn(studio.DECIDED), dark=widgets.dark(),
    )  # fmt: skip
    st.caption(
        "Drag an object, or choose one with Tab: arrow keys move it (with Shift farther), [ and ] turn it, "
        "S, C, M and F change its size, color, material and shape, D duplicates, Delete removes."
    )


def _buttons(desk: Desk) -> None:
    some = bool(desk.after.objects)
    with st.container(horizontal=True, gap="small"):
        st.button("Add", icon=":material/add:", key="studio-add", on_click=studio.add)
        for label, icon, action in (
            ("Duplicate", "content_copy", "duplicate"),
            ("Remove", "delete", "remove"),
        ):
            st.button(label, icon=f":material/{icon}:", key=f"studio-{action}", disabled=not some,
                      on_click=studio.act, args=(desk.chosen, action))  # fmt: skip
        for label, icon, back in (("Undo", "undo", True), ("Redo", "redo", False)):
            st.button(
                label, icon=f":material/{icon}:", key=f"studio-{label}",
                disabled=not state.can_step(back, studio.ROOM), on_click=state.step, args=(back, studio.ROOM),
            )  # fmt: skip
        st.button("Compare from here", icon=":material/flag:", key="studio-flag", disabled=not desk.edited,
                  on_click=studio.compare_from_here)  # fmt: skip


def _rules() -> None:
    """What an edit that was not made would break, and the ways on."""
    if message := state.refused():
        widgets.show_error(message)
    checked = state.offered()
    if not isinstance(checked, CheckedEdit):
        return
    with st.container(border=True, key="studio-rule"):
        for problem in checked.problems[:3]:
            widgets.show_error(problem)
        if len(checked.problems) > 3:
            st.caption(f"And {len(checked.problems) - 3} more rules.")
        with st.container(horizontal=True, gap="small"):
            if checked.nearest is not None and checked.place is not None:
                x, y = checked.place
                st.button(f"Nearest legal place ({x:g}, {y:g})", key="studio-nearest", type="primary",
                          on_click=studio.decide, args=(checked.nearest,))  # fmt: skip
            st.button("Draw anyway", key="studio-anyway", on_click=studio.decide, args=(checked.scene,))
            st.button("Leave it", key="studio-leave", on_click=studio.decide, args=(None,))


def _fields(desk: Desk) -> None:
    """The chosen object as fields."""
    if not desk.after.objects:
        st.caption("The floor is empty: add an object.")
        return
    number, thing = desk.chosen, desk.after.objects[desk.chosen]
    names = [f"{place + 1}: {other}" for place, other in enumerate(desk.after.objects)]
    st.selectbox(
        "Object", range(len(names)), format_func=names.__getitem__,
        **state.shows("studio-object", number, studio.choose),
    )  # fmt: skip
    with st.container(horizontal=True, gap="small"):
        for attribute, values in ATTRIBUTES.items():
            take = partial(studio.change, number, attribute)
            st.selectbox(
                attribute.capitalize(), values, width=ATTRIBUTE_WIDTH,
                **state.shows(f"studio-{attribute}", getattr(thing, attribute), take),
            )  # fmt: skip
    places: dict[str, tuple[str, float, Callable[[float], None]]] = {
        "x": ("x", thing.x, lambda value: studio.move(number, value, thing.y)),
        "y": ("y", thing.y, lambda value: studio.move(number, thing.x, value)),
        "turned": ("Rotation (°)", studio.yaw(thing), partial(studio.turn, number)),
    }
    with st.container(horizontal=True, gap="small"):
        for name, (label, value, take_number) in places.items():
            st.number_input(
                label, step=studio.TURN if name == "turned" else 0.1, format="%.2f", width=NUMBER_WIDTH,
                **state.shows(f"studio-{name}", value, take_number),
            )  # fmt: skip


def _view(desk: Desk) -> None:
    with st.expander("Camera and lamps"):
        st.caption("How far each is from its usual place; CLEVR jitters them by so much along every axis.")
        for part, most in JITTER.items():
            offsets = film.offset(desk.after.view, part)
            for axis, (column, by) in enumerate(zip(st.columns(3), offsets, strict=True)):
                column.number_input(
                    f"{part} {AXES[axis]}", -most, most, step=0.1, format="%.2f",
                    **state.shows(f"studio-{part}-{axis}", by, partial(studio.move_view, part, axis)),
                )  # fmt: skip
        with st.container(horizontal=True, gap="small", vertical_alignment="bottom"):
            seed = st.number_input(
                "Seed", 0, SEEDS, width=140,
                help="Another seed, another jitter; the gallery's first scene has 0.",
                **state.number_option("studio-jitter-seed", 0, SEEDS, 1),
            )  # fmt: skip
            st.button("Jitter", key="studio-jitter", on_click=lambda: studio.jitter(int(seed)))
            st.button("Usual places", key="studio-usual", on_click=studio.usual_view)


# --- Pictures and answers -------------------------------------------------------------------------


def _pictures(desk: Desk, head: DeltaGenerator) -> tuple[Side, Side] | None:
    """The picture and both answers; None where the question cannot be asked.

    Args:
        head: gets the question with the answer to it about the scene as edited.
    """
    before, after = pictures.alike([desk.before, desk.after])
    st.image(after.pixels, width="stretch", alt=f"The scene as edited: {after.why}")
    quality = "Preview; the clean picture is being drawn" if after.preview else "Clean picture"
    st.caption(f"{after.why} {quality}.")
    widgets.picture_files(
        [analysis.Panel(after.pixels, after.why)], "studio-scene", "The scene as edited",
        sample=f"“{state.view().question}” about the edited scene",
    )  # fmt: skip
    _broken(desk)
    beside_own_picture(after)
    with head, header.question_of(after, state.bound("question", "studio-question")):
        try:
            sides = answers.ask(desk.before, before), answers.ask(desk.after, after)
        except InputError as error:
            widgets.show_error(error)
            return None
        st.markdown(header.told(sides[1].answer, sides[1].truth.answer))
    answers.verdict(desk.edited, *sides)
    return sides


def _broken(desk: Desk) -> None:
    """The rules of CLEVR that the scene breaks as it is."""
    broken = scenes.problems(film.scene_to_text(desk.after))
    if broken:
        with st.expander(f":material/warning: Breaks CLEVR's rules ({len(broken)})"):
            for problem in broken:
                st.markdown(f"- {widgets.plain(problem)}")


if __name__ == "__main__":  # as Streamlit runs a page
    page()
