"""Chemical formulas: fractions of elements and features of a composition."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd

from paperlab.methods.foundations.checks import finite

ELEMENTS = frozenset(
    re.findall(
        "[A-Z][a-z]?",
        "HHeLiBeBCNOFNeNaMgAlSiPSClArKCaScTiVCrMnFeCoNiCuZnGaGeAsSeBrKrRbSrYZrNbMoTcRuRhPdAgCdInSnSbTeIXeCsBaLaCePrNdPm"
        "SmEuGdTbDyHoErTmYbLuHfTaWReOsIrPtAuHgTlPbBiPoAtRnFrRaAcThPaUNpPu",
    )
)

_TOKEN = re.compile(r"([A-Z][a-z]?)|([(\[{])|([)\]}])|(\d+\.?\d*|\.\d+)")
_CLOSES = {"(": ")", "[": "]", "{": "}"}


def fractions(formula):
    """Atomic fractions of a formula with brackets nested to any depth.

    Parameters
    ----------
    formula : str

    Returns
    -------
    dict of str to float
        Positive, in the order of the formula; they add up to 1.

    Raises
    ------
    ValueError
        With an unknown element, brackets that do not match, or characters that belong to no formula.

    Examples
    --------
    >>> fractions("Bi2(Te0.5Se0.5)3")
    {'Bi': 0.4, 'Te': 0.3, 'Se': 0.3}
    """
    tokens = _tokens(formula)
    groups, opened, i = [{}], [], 0
    while i < len(tokens):
        element, opens, closes, _ = tokens[i].groups()
        i += 1
        if opens:
            groups.append({})
            opened.append(opens)
            continue
        if element:
            part = _one(formula, element)
        elif closes and opened and _CLOSES[opened.pop()] == closes:
            part = groups.pop()
        else:
            raise ValueError(f"formula {formula!r}: a bracket or a number has nothing to belong to")
        count = 1.0
        if i < len(tokens) and tokens[i][4]:
            count = float(tokens[i][4])
            i += 1
        for name, amount in part.items():
            groups[-1][name] = groups[-1].get(name, 0.0) + count * amount
    if opened:
        raise ValueError(f"formula {formula!r}: a bracket is not closed")
    total = sum(groups[0].values())
    if not total > 0:
        raise ValueError(f"formula {formula!r}: the amounts add up to {total}")
    return {name: amount / total for name, amount in groups[0].items()}


def _tokens(formula):
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
    return tokens


def _one(formula, element):
    if element not in ELEMENTS:
        raise ValueError(f"formula {formula!r}: unknown element {element}")
    return {element: 1.0}


def composition_features(formulas, temperature):
    """Temperature and the fraction of every element that occurs; rows sum to one over the elements.

    Parameters
    ----------
    formulas : sequence of str, shape (n,)
    temperature : array_like, shape (n,)
        Above zero [K].

    Returns
    -------
    pandas.DataFrame, shape (n, 1 + n_elements)
        ``temperature``, then the elements in alphabetical order.

    Raises
    ------
    ValueError
        If a formula cannot be read, a temperature is not finite or not above zero (names the row), or lengths differ.

    Examples
    --------
    >>> composition_features(["SnSe", "Te"], [300, 400])
       temperature   Se   Sn   Te
    0        300.0  0.5  0.5  0.0
    1        400.0  0.0  0.0  1.0
    """
    formulas, temperature = list(formulas), finite("temperature", temperature)
    if temperature.shape != (len(formulas),):
        raise ValueError(
            f"temperature must have one entry for each of {len(formulas)} formulas, got {temperature.shape}"
        )
    if not (temperature > 0).all():
        row = np.argmax(temperature <= 0)
        raise ValueError(
            f"temperature = {temperature[row]} in row {row}: kelvin are above zero; add 273.15 to degrees Celsius"
        )
    rows = {formula: fractions(formula) for formula in dict.fromkeys(formulas)}
    table = pd.DataFrame([rows[formula] for formula in formulas]).fillna(0.0)
    table = table[sorted(table.columns)]
    table.insert(0, "temperature", temperature)
    return table
