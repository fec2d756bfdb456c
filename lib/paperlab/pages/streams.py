"""Streams of random numbers by name: a generator of its own for each purpose, all from one seed."""

import hashlib
import numbers

from paperlab.errors import PaperlabError

WORDS = 4  # 32-bit words that a text key becomes


class Streams:
    """Generators and spawned sequences by their keys; refuses keys that would draw the same numbers as others.

    >>> import numpy as np
    >>> bool(Streams().rng(7, (3,)).random() == np.random.default_rng([7, 3]).random())
    True
    """

    def __init__(self):
        self._used = {}

    def rng(self, seed, keys):
        """``numpy.random.default_rng([seed, *keys])``, each text key as four words of its SHA-256."""
        import numpy as np

        return np.random.default_rng(self._entropy(seed, keys))

    def spawn(self, seed, keys, n):
        """``n`` children of the sequence that the keys name, the same ones at each call."""
        import numpy as np

        if isinstance(n, bool) or not isinstance(n, numbers.Integral) or n < 0:
            raise PaperlabError(f"streams: n must be a count, got {n!r}")
        return np.random.SeedSequence(self._entropy(seed, keys)).spawn(int(n))

    def _entropy(self, seed, keys):
        entropy = _words("seed", seed)
        for key in keys:
            entropy += _words("key", key)
        self._distinct(entropy, keys)
        return entropy

    def _distinct(self, entropy, keys):
        """numpy fills a short list with zeros: [seed, 3] and [seed, 3, 0] are one stream."""
        core = list(entropy)
        while len(core) > 1 and core[-1] == 0:
            core.pop()
        before = self._used.setdefault(tuple(core), keys)
        if before != keys:
            raise PaperlabError(
                f"keys {_shown(keys)} would draw the same numbers as {_shown(before)}, for numpy fills up with zeros; "
                "name the purpose in text, or count from 1"
            )


def _shown(keys):
    return f"({', '.join(map(repr, keys))})"


def _words(what, key):
    """A key as numbers that numpy's seeding takes."""
    if isinstance(key, str) and what == "key":
        hashed = hashlib.sha256(key.encode()).digest()
        return [int.from_bytes(hashed[4 * i : 4 * i + 4], "little") for i in range(WORDS)]
    if isinstance(key, bool) or not isinstance(key, numbers.Integral) or key < 0:
        expected = "a name or a count from 0" if what == "key" else "a whole number from 0"
        raise PaperlabError(f"a {what} of a generator must be {expected}, got {key!r}")
    return [int(key)]
