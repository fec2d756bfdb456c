"""The one error that users of the command line see: a sentence with the argument, the value and the remedy."""

import difflib


class PaperlabError(ValueError):
    """Bad input or a failed run, told in one line; the command line turns it into exit code 2."""


class Stopped(PaperlabError):
    """The user ended a run (Ctrl-C, SIGTERM)."""


def suggestion(wrong, known):
    """``" (did you mean n_units?)"`` where a known name is near, else an empty string."""
    names = {str(name).lower(): str(name) for name in known}
    near = difflib.get_close_matches(str(wrong).lower(), names, n=1, cutoff=0.5)
    return f" (did you mean {names[near[0]]}?)" if near else ""
