"""`make bench`: run tests/benchmarks and keep the medians in data/records/benchmarks.json for the performance page.

A benchmark names itself by ``benchmark.extra_info.update(role="ours" or "peer", label="...", agreement="...")``;
a peer's ratio is its median divided by that of ours in the same group. Groups that were not run keep their rows.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

from paperlab import paths
from paperlab.pages import provenance, records


def rows(report):
    """Rows of the performance page from pytest-benchmark's JSON."""
    found = []
    for bench in report["benchmarks"]:
        info = bench["extra_info"]
        found.append(
            {
                "page": Path(bench["fullname"].partition("::")[0]).stem.removeprefix("bench_"),
                "group": bench["group"] or bench["name"],
                "name": info.get("label", bench["name"]),
                "role": info.get("role", "ours"),
                "median_s": float(f"{info.get('seconds', bench['stats']['median']):.4g}"),
                "agreement": info.get("agreement", ""),
            }
        )
    ours = {row["group"]: row["median_s"] for row in found if row["role"] == "ours"}
    for row in found:
        own = ours.get(row["group"])
        row["ratio"] = float(f"{row['median_s'] / own:.3g}") if own else None
    return found


def main():
    """Run the benchmarks named on the command line, or all."""
    files = sys.argv[1:] or sorted(str(path) for path in Path("tests/benchmarks").glob("bench_*.py"))
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        command = [
            sys.executable,
            "-m",
            "pytest",
            *files,
            "-o",
            "python_files=bench_*.py",
            f"--benchmark-json={report}",
        ]
        code = subprocess.run(command, check=False).returncode
        if code not in (0, 1) or not report.exists() or not report.stat().st_size:
            sys.exit(code or 1)
        new = rows(json.loads(report.read_text()))
    target = paths.root() / "data" / "records" / "benchmarks.json"
    old = json.loads(target.read_text())["rows"] if target.exists() else []
    groups = {row["group"] for row in new}
    kept = [row for row in old if row["group"] not in groups]
    records.write_json(target, {"date": provenance.today(), "machine": provenance.machine(), "rows": kept + new})
    print(f"kept in {paths.shown(target)}")
    sys.exit(code)


if __name__ == "__main__":
    main()
