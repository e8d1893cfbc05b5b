"""A picture of the visitor's folder beside this project's rendering of its scene."""

from __future__ import annotations

import streamlit as st

import analysis
import film
from film import InputError
from ui import state, widgets
from ui.cache import bench as shelf, pictures, scenes
from ui.cache.pictures import ShownPicture


def beside_own_picture(drawn: ShownPicture) -> None:
    """Both pictures, and how far they differ; nothing where the scene is not one of the folder's as it is."""
    number = pictures.in_folder(state.view().picture)
    if number is None or drawn.scene is None:
        return
    with st.expander("Your picture beside this drawing of its scene", icon=":material/compare:"):
        try:
            own = pictures.FOLDER.shown(number).pixels
            _, found = scenes.of_folder(number)
        except InputError as error:
            widgets.show_error(error)
            return
        for column, name, pixels in zip(
            st.columns(2), ("Your picture", "Drawn here"), (own, drawn.pixels), strict=True
        ):
            column.image(pixels, width="stretch", caption=name, alt=name)
        if not found:
            st.markdown(
                "The camera of your picture could not be found from the scene (it needs `pixel_coords` of "
                "enough objects), so it is drawn from the usual place and the two may not match."
            )
        text = film.scene_to_text(drawn.scene)
        apart, grain = shelf.kept(
            ("own picture", state.view().picture, text, drawn.preview),
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
