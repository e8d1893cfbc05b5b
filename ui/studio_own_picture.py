"""A picture of the visitor's folder beside this project's rendering of its scene."""

from __future__ import annotations

import pandas as pd
import streamlit as st

import analysis
import film
from film import InputError
from ui import studio, widgets
from ui.cache import bench as shelf, folder, pictures, scenes
from ui.cache.pictures import ShownPicture


def beside_own_picture(drawn: ShownPicture) -> None:
    """Both pictures, and how far they differ; nothing where the scene did not come from the folder."""
    key = studio.own_picture()
    number = pictures.in_folder(key)
    if number is None or drawn.scene is None or not folder.is_set():
        return
    with st.expander("Your picture beside this drawing of its scene", icon=":material/compare:"):
        try:
            own = pictures.FOLDER.shown(number).pixels
            scene, found = scenes.of_folder(number)
            if scene is not None and film.scene_to_text(scene) != film.scene_to_text(drawn.scene):
                st.markdown("The scene has been edited since; both show it as it was before.")
                drawn = pictures.edited(film.scene_to_text(scene))
        except InputError as error:
            widgets.show_error(error)
            return
        assert drawn.scene is not None
        panels = [analysis.Panel(own, "Your picture"), analysis.Panel(drawn.pixels, "Drawn here")]
        for column, panel in zip(st.columns(2), panels, strict=True):
            column.image(panel.pixels, width="stretch", caption=panel.label, alt=panel.label)
        if not found:
            st.markdown(
                "The camera of your picture could not be found from the scene (it needs `pixel_coords` of "
                "enough objects), so it is drawn from the usual place and the two may not match."
            )
        text = film.scene_to_text(drawn.scene)
        apart, grain = shelf.kept(
            ("own picture", key, text, drawn.preview),
            lambda: (
                analysis.picture_difference(own, drawn.pixels),
                analysis.picture_difference(scenes.preview(text), scenes.preview(text, seed=1)),
            ),
        )
        st.markdown(
            f"Both blurred by 3 pixels, they differ by {apart:.2f} of 255 in the mean (absolute difference "
            "over pixels and channels); two previews of this scene that differ in grain alone by "
            f"{grain:.2f}. CLEVR's files do not say where its lamps stood, so shadows and glints may lie "
            "elsewhere."
        )
        differ = pd.DataFrame(
            {"pictures": ["yours and drawn here", "two drawn here"], "difference": [apart, grain]}
        )
        widgets.picture_files(
            panels, "studio-own-picture", "A picture beside its scene drawn anew", differ,
            sample=f"picture {key} · mean absolute difference of 255, both blurred by 3 pixels", across=2,
        )  # fmt: skip
        widgets.how_measured("A picture beside its scene drawn anew")
