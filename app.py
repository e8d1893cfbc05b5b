"""FiLM Lens in the browser: `python3 start.py`, or `streamlit run app.py`.

The only script that Streamlit runs. It opens the network, reads the link and hands over to a page.
"""

import streamlit as st

from ui import guide, link, pages, state, style, tab, visit, widgets
from ui.cache import evidence, folder, networks, pictures

st.set_page_config(page_title="FiLM Lens", page_icon=widgets.ICON, layout="wide")
style.apply()
groups = pages.all_pages(networks.alone())
entries = [page for group in groups.values() for page in group]
page = st.navigation(entries + pages.other_addresses(networks.alone()), position="hidden")
menu_end = pages.menu(groups)
study = widgets.network_or_advice(networks.study)
if state.start(study.weights, len(pictures.exhibits()), networks.first_view(study), folder.count):
    link.follow(study)
said = st.container()
beside = None if study.alone else guide.place()
page.run()
with said:
    widgets.remarks(networks.remarks())
if not study.alone:
    guide.show(study.session, beside)
with menu_end:
    tab.tab("" if study.alone else visit.to_text(), visit.restore)
widgets.colophon(study)
widgets.choose_network()
evidence.prepare(study)
state.follow(study.weights)
