"""The one error a user can mend."""


class InputError(ValueError):
    """Something given from outside cannot be used.

    The message is one sentence: what was given, what was expected, and what to do next.
    Command lines print it and leave with status 2; pages show it in place of a result.
    """
