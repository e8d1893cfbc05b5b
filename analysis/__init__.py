"""Numbers and figures from a network: all that a caller may use is listed here, loaded when first asked for.

    from analysis import word_contributions
    word_contributions(session, "How many red cubes are there?").lines("gamma", block=2, feature_map=26)

Nothing here knows a screen: pages, reports, notebooks and tests call the same functions.
"""

import lazy_loader

# The stub beside this file lists every name and where it lives: one list for Python and for type checkers.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
