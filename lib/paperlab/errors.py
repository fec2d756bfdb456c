"""The one error that users of the command line see: a sentence with the argument, the value and the remedy."""

import difflib
import reprlib


class PaperlabError(ValueError):
    """Bad input or a failed run, told in one line; the command line turns it into exit code 2."""


class Stopped(PaperlabError):
    """The user ended a run (Ctrl-C, SIGTERM)."""


_SHORT = reprlib.Repr()
_SHORT.maxstring = _SHORT.maxother = _SHORT.maxlong = 80
_SHORT.maxlist = _SHORT.maxtuple = 12
_SHORT.maxlevel = 3


def brief(value):
    """``repr`` of what a user passed, cut where it is long or deep: a message must not be as large as its input."""
    try:
        return _SHORT.repr(value)
    except ValueError:  # an integer of more digits than Python writes
        return f"a very large {type(value).__name__}"


def suggestion(wrong, known):
    """``" (did you mean n_units?)"`` where a known name is near, else an empty string."""
    names = {str(name).lower(): str(name) for name in known}
    asked = str(wrong)[:80].lower()
    near = difflib.get_close_matches(asked, names, n=1, cutoff=0.5)
    return f" (did you mean {names[near[0]]}?)" if near else ""


def one_line(text, limit=2000):
    """A message on one line, cut where it is long."""
    line = " ".join(str(text)[: 2 * limit].split())
    return line if len(line) <= limit else line[: limit - 1] + "…"
