"""Gamma and beta changed on purpose, and what follows."""
