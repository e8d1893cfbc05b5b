"""Edited scenes: series in which one thing changes, and minimal pairs of scenes."""
