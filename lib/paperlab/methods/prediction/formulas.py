"""Chemical formulas: fractions of elements and features of a composition."""

import re

import numpy as np
import pandas as pd

ELEMENTS = frozenset(
    re.findall(
        "[A-Z][a-z]?",
        "HHeLiBeBCNOFNeNaMgAlSiPSClArKCaScTiVCrMnFeCoNiCuZnGaGeAsSeBrKrRbSrYZrNbMoTcRuRhPdAgCdInSnSbTeIXeCsBaLaCePrNdPm"
        "SmEuGdTbDyHoErTmYbLuHfTaWReOsIrPtAuHgTlPbBiPoAtRnFrRaAcThPaUNpPu",
    )
)

_TOKEN = re.compile(r"([A-Z][a-z]?)|([(\[{])|([)\]}])|(\d+\.?\d*|\.\d+)")


def fractions(formula):
    """Atomic fractions of a formula with brackets nested to any depth: ``{"Bi": 0.4, "Te": 0.6}`` for Bi2Te3.

    Raises
    ------
    ValueError
        With an unknown element, brackets that do not match, or characters that belong to no formula.
    """
    tokens, end = [], 0
    for match in _TOKEN.finditer(formula):
        if match.start() != end:
            break
        tokens.append(match)
        end = match.end()
    if end != len(formula) or not tokens:
        raise ValueError(
            f"formula {formula!r}: cannot read it from character {end + 1} on; write it like Bi2(Te0.9Se0.1)3"
        )
    groups, i = [{}], 0
    while i < len(tokens):
        element, opens, closes, _ = tokens[i].groups()
        i += 1
        if opens:
            groups.append({})
            continue
        if element:
            if element not in ELEMENTS:
                raise ValueError(f"formula {formula!r}: unknown element {element}")
            part = {element: 1.0}
        elif closes and len(groups) > 1:
            part = groups.pop()
        else:
            raise ValueError(f"formula {formula!r}: a bracket or a number has nothing to belong to")
        count = 1.0
        if i < len(tokens) and tokens[i][4]:
            count = float(tokens[i][4])
            i += 1
        for name, amount in part.items():
            groups[-1][name] = groups[-1].get(name, 0.0) + count * amount
    if len(groups) > 1:
        raise ValueError(f"formula {formula!r}: a bracket is not closed")
    total = sum(groups[0].values())
    if not total > 0:
        raise ValueError(f"formula {formula!r}: the amounts add up to {total}")
    return {name: amount / total for name, amount in groups[0].items()}


def composition_features(formulas, temperature):
    """Temperature [K] and the fraction of every element that occurs; rows sum to one over the elements."""
    rows = {formula: fractions(formula) for formula in dict.fromkeys(formulas)}
    table = pd.DataFrame([rows[formula] for formula in formulas]).fillna(0.0)
    table = table[sorted(table.columns)]
    if not np.allclose(table.sum(axis=1), 1):
        raise ValueError("the fractions of a formula do not add up to 1")
    table.insert(0, "temperature", np.asarray(temperature, float))
    return table
