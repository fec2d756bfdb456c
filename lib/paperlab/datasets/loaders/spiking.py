"""Loaders of the part on spiking networks."""

from paperlab.datasets.loaders.base import expect, loader


@loader
def spinnaker_stdp(files):
    """The authors' tables: metrics_1, metrics_2, metrics_3 (one row per case), pairs and triples (lists of words)."""
    import pandas as pd

    names = {
        "metrics_1": "output_metrics_1.csv",
        "metrics_2": "output_metrics_2.csv",
        "metrics_3": "output_metrics_3.csv",
        "pairs": "2values_to_test.csv",
        "triples": "3values_to_test.csv",
    }
    tables = {}
    for key, file in names.items():
        tables[key] = pd.read_csv(files[file], skipinitialspace=True)
        tables[key].columns = [str(column).strip() for column in tables[key].columns]
    for key, rows in (("metrics_1", 1), ("metrics_2", 14), ("metrics_3", 67), ("pairs", 15), ("triples", 67)):
        expect("spinnaker_stdp", tables[key], rows=rows)
    return tables
