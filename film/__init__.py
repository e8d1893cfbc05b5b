"""The model and its world: everything a caller may use is listed here, loaded when first asked for."""
