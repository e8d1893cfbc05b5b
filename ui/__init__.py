"""The browser app: everything that knows Streamlit. Numbers come from `film` and `analysis`."""
