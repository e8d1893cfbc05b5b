"""FiLM Lens in the browser: `python3 start.py`, or `streamlit run app.py`.

The only script that Streamlit runs. It opens the network, reads the link and hands over to a page.
"""

import streamlit as st

from ui import guide, pages, state, style, widgets
from ui.cache import folder, networks, pictures

st.set_page_config(page_title="FiLM Lens", page_icon=widgets.ICON, layout="wide")
style.apply()
groups = pages.all_pages()
entries = [page for group in groups.values() for page in group]
page = st.navigation(entries + pages.former_pages(), position="hidden")
pages.menu(groups)
study = widgets.network_or_advice(networks.study)
session = study.session
state.start(study.weights, len(pictures.exhibits()), networks.first_view(session), folder.count)
widgets.remarks(networks.remarks())
beside = guide.place()
page.run()
guide.show(session, beside)
widgets.colophon(session)
widgets.choose_network()
