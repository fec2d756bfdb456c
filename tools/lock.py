"""Write requirements.txt from the environment that `make lock` resolved: every version exact, no local builds.

torch's build tag (+cpu) and the packages that only its GPU build needs are left out, so one lock serves every machine.
"""

import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path

HEAD = """\
# The lock: every dependency with its exact version, compiled from pyproject.toml by `make lock`.
# torch is written without a build tag: a machine that offers a CPU build of this version to pip gets that one.
"""
SKIP = re.compile(r"^(nvidia-|cuda-|triton$|paperlab$|pip$|setuptools$|wheel$)")


def resolve(extras):
    """Names and versions that pip would install into an empty environment."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        command = [
            sys.executable,
            "-m",
            "pip",
            "install",
            "--quiet",
            "--dry-run",
            "--ignore-installed",
            "--report",
            str(report),
        ]
        subprocess.run([*command, f".[{extras}]"], check=True)
        installs = json.loads(report.read_text())["install"]
    return {item["metadata"]["name"]: item["metadata"]["version"] for item in installs}


def main():
    pinned = resolve("test,peers")
    lines = sorted(
        (f"{name}=={version.split('+')[0]}" for name, version in pinned.items() if not SKIP.match(name.lower())),
        key=str.lower,
    )
    Path("requirements.txt").write_text(HEAD + "\n".join(lines) + "\n", encoding="utf-8")
    print(f"requirements.txt: {len(lines)} packages")


if __name__ == "__main__":
    main()
