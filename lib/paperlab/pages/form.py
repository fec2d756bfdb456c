"""The form of a page's code: lines that fit the screen, cells that hold one thought."""

import statistics

WIDTH = 88  # characters of a line; wider ones wrap on the screen and in print
LONGEST, MOST, MEDIAN = 40, 25, 10  # lines of a cell: at most; nine in ten at most; in the middle

# Pages written before these bounds: they are brought into form as they are revised, and this list only shrinks.
OLDER = frozenset(
    {
        "aid_projects_africa",
        "augmentation_iv",
        "diverse_dictionary",
        "dynamic_factors_pse",
        "factor_score_regression",
        "happiness_factors",
        "intervention_extrapolation",
        "matrix_sensing",
        "one_connection_sem",
        "robust_high_dim",
        "sleep_intervention",
        "speech_neuropsychiatry",
        "stdp_spinnaker",
        "thermoelectric_power",
        "trajectory_experts",
        "xfactors",
    }
)


def problems(notebook):
    """What about the code cells of a notebook is too wide or too long, one line each.

    Parameters
    ----------
    notebook : dict
        Parsed ``.ipynb``. The parameters cell may be as long as it needs: it is a table.
    """
    found, sizes = [], []
    for position, cell in enumerate(notebook["cells"]):
        if cell["cell_type"] != "code":
            continue
        lines = [line for line in "".join(cell["source"]).splitlines() if line.strip() and line[:1] != "%"]
        wide = max(map(len, lines), default=0)
        if wide > WIDTH:
            found.append(f"cell {position}: a line of code has {wide} characters, at most {WIDTH} fit")
        if "parameters" in cell["metadata"].get("tags", []):
            continue
        sizes.append(len(lines))
        if len(lines) > LONGEST:
            found.append(f"cell {position}: {len(lines)} lines of code, at most {LONGEST}; two thoughts, or lib/")
    if not sizes:
        return found
    long = sum(size > MOST for size in sizes)
    if long > len(sizes) / 10:
        found.append(f"{long} of {len(sizes)} code cells have more than {MOST} lines, at most one in ten may")
    if statistics.median(sizes) > MEDIAN:
        found.append(f"the median code cell has {statistics.median(sizes):g} lines, at most {MEDIAN}")
    return found
