"""What is loaded once and kept for all visitors: networks with their studies, pictures, and counts in them.

Every loader takes the `Study` it is about, so that several networks can be open in one app.
"""
