"""Where a result comes from: versions, machine, commit, date, time and memory of the process."""

import contextlib
import os
import platform
import resource
import subprocess
import sys
from datetime import date
from pathlib import Path

from paperlab import paths


def cpu_seconds():
    """Processor time of this process and its workers, ended or not [s]; unlike the clock hardly moved by others."""
    import psutil

    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    seconds = sum(part.ru_utime + part.ru_stime for part in used)
    for worker in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.Error):  # it ended meanwhile
            spent = worker.cpu_times()
            seconds += spent.user + spent.system + spent.children_user + spent.children_system
    return seconds


def peak_mb():
    """Peak memory of this process and its children [MB]."""
    kilobytes = sum(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return kilobytes / (1024 * 1024 if sys.platform == "darwin" else 1024)


def versions():
    """Versions that decide numbers."""
    import importlib.metadata

    names = ("paperlab", "numpy", "scipy", "pandas", "statsmodels", "scikit-learn", "numba", "torch")
    found = {"python": sys.version.split()[0]}
    for name in names:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            found[name] = importlib.metadata.version(name)
    return found


def machine():
    """Processor, cores, memory and system in words, without the machine's name."""
    model = platform.processor() or platform.machine()
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                model = line.split(":", 1)[1].strip()
                break
    except OSError:
        pass
    return f"{model}, {os.cpu_count()} cores, {platform.system()}, Python {platform.python_version()}"


def commit():
    """The checkout's commit, with ``+`` where files differ from it; ``None`` outside git."""
    try:
        head = subprocess.run(
            ["git", "rev-parse", "--short=12", "HEAD"], cwd=paths.root(), capture_output=True, text=True, check=True
        ).stdout.strip()
        dirty = subprocess.run(
            ["git", "status", "--porcelain", "--untracked-files=no"], cwd=paths.root(), capture_output=True, text=True
        ).stdout.strip()
        return head + ("+" if dirty else "")
    except (OSError, subprocess.CalledProcessError):
        return None


def today():
    """The date, ISO form."""
    return date.today().isoformat()
