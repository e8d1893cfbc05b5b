"""FiLM Lens in the browser: `python3 start.py`, or `streamlit run app.py`.

The only script that Streamlit runs. It loads the network, reads the link and hands over to a page.
"""

import streamlit as st

from ui import guide, loaders, loaders_folder, pages, state, widgets

st.set_page_config(page_title="FiLM Lens", page_icon=widgets.ICON, layout="wide")
widgets.style()
page = st.navigation(pages.all_pages(), position="top")
session = widgets.network_or_advice(loaders.network)
state.start(session.card.weights, len(loaders.exhibits()), loaders.first_view(session), loaders_folder.count)
beside = guide.place()
page.run()
guide.show(session, beside)
widgets.colophon(session)
