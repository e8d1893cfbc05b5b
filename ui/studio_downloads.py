"""What the studio hands out: picture, scene, link, and the pair or its series as a CLEVR folder."""

from __future__ import annotations

import json

import streamlit as st

import analysis
import film
from film import InputError, Scene
from ui import as_python, state, widgets
from ui.cache import networks
from ui.measuring import measured
from ui.studio_answers import Side


def downloads(before: Side, after: Side) -> None:
    """Files and link of the scene as edited."""
    scene = after.scene.replaced(index=0, split="new", filename="CLEVR_new_000000.png")
    told = {"info": {"split": "new", "version": "1.0"}, "scenes": [film.scene_to_json(scene)]}
    with st.container(horizontal=True, gap="small"):
        st.download_button("Picture (PNG)", analysis.png(after.shown.pixels), scene.filename, "image/png",
                           key="studio-png", on_click="ignore", icon=":material/image:")  # fmt: skip
        st.download_button("Scene (JSON)", json.dumps(told), "CLEVR_new_scenes.json", "application/json",
                           key="studio-json", on_click="ignore", icon=":material/data_object:")  # fmt: skip
    st.caption("The scenes file is CLEVR v1.0's. The link below opens this page with both scenes.")
    st.code(state.address(networks.study().weights), language=None, wrap_lines=True)
    st.caption(
        "As a CLEVR folder: images, scenes and the question, with its true answers. `film evaluate --data` "
        "reads it, and so does whatever reads CLEVR v1.0."
    )
    _folder("pair", (before.scene, after.scene))
    view = state.view()
    widgets.copy_as_python(
        "studio", lambda: as_python.studio(networks.study(), view.question, before.shown, after.shown)
    )
    if after.scene.objects:
        way, thing = view.series or "color", min(view.thing, len(after.scene.objects) - 1)
        try:
            series = film.some_series(after.scene, thing, way)
        except InputError as error:
            widgets.show_error(error)
            return
        _folder("series", series.scenes)


def _folder(what: str, scenes: tuple[Scene, ...]) -> None:
    """Draw on request, then hand out the archive."""
    question = state.view().question
    key = (f"folder-{what}", tuple(map(film.scene_to_text, scenes)), question)
    content: bytes | None = measured(
        key, f"Draw the {what} as a folder ({len(scenes)} pictures)",
        lambda told: film.zipped(film.scene_folder_files(scenes, [question], progress=told)), "studio",
    )  # fmt: skip
    if content is not None:
        st.download_button(
            f"The {what} (CLEVR folder, zip)", content, f"CLEVR_{what}.zip", "application/zip",
            key=f"studio-zip-{what}", on_click="ignore", icon=":material/folder_zip:",
        )  # fmt: skip
