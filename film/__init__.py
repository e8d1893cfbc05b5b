"""The model and its world: everything a caller may use is listed here, loaded when first asked for.

    from film import Session
    Session().ask("picture.png", "How many red cubes are there?").answer

Importing `film` costs nothing: PyTorch is loaded with the first name that needs it.
"""

import lazy_loader

# The stub beside this file lists every name and where it lives: one list for Python and for type checkers.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
