"""The least that Streamlit shows: what `benchmarks.app` holds the app's first visits against."""

import streamlit as st

st.title("A heading")
st.write("A sentence.")
