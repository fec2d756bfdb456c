"""Refuse large files and YAML or TOML that does not parse. Used by pre-commit and `make check`.

python tools/check_files.py            every tracked file
python tools/check_files.py FILE ...   these files
"""

import subprocess
import sys
import tomllib
from pathlib import Path

import yaml

LARGEST = 2_000_000  # bytes; an executed page with its figures takes about one million
SHIPPED = 500_000  # bytes; data that a licence lets us ship
PARSERS = {".yml": yaml.compose, ".yaml": yaml.compose, ".cff": yaml.compose, ".toml": tomllib.loads}


def problem(path):
    """What is wrong with a file, in one line, or ``None``."""
    size = path.stat().st_size
    limit = SHIPPED if path.parts[:2] == ("data", "authors") else LARGEST
    if size > limit:
        return f"{path}: {size:,} bytes, at most {limit:,}; data are downloaded, see data/registry.yml"
    parse = PARSERS.get(path.suffix)
    if parse is None:
        return None
    try:
        parse(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        return f"{path}: {' '.join(str(error).split())}"
    return None


def main(names):
    if not names:
        names = subprocess.run(["git", "ls-files", "-z"], capture_output=True, text=True, check=True).stdout.split("\0")
    found = [text for name in names if name and (path := Path(name)).is_file() and (text := problem(path))]
    print(*found, sep="\n", end="\n" if found else "")
    return bool(found)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
