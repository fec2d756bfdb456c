"""Data sets: found in a package, the repository, a mirror or the cache, or downloaded; never taken unverified."""

import gzip
import hashlib
import http.server
import os
import socket
import sys
import threading

import pytest
import yaml
from paperlab import datasets
from paperlab.errors import PaperlabError

CONTENT = b"a,b\n1,2\n"


def sha256(content):
    return hashlib.sha256(content).hexdigest()


SHA = sha256(CONTENT)


class Handler(http.server.BaseHTTPRequestHandler):
    """Serves good.csv, another content as wrong.csv, and breaks off in the middle of short.csv."""

    def do_GET(self):
        body = {"/good.csv": CONTENT, "/wrong.csv": b"other", "/short.csv": CONTENT[:3]}.get(self.path)
        self.server.requests.append(self.path)
        if body is None:
            return self.send_error(404)
        self.send_response(200)
        self.send_header("Content-Length", str(len(CONTENT) if self.path != "/wrong.csv" else len(body)))
        self.end_headers()
        self.wfile.write(body)
        return None

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def server():
    """A web server on the loopback address."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as httpd:
        httpd.requests = []
        threading.Thread(target=httpd.serve_forever, daemon=True).start()
        yield httpd
        httpd.shutdown()


@pytest.fixture
def register(book):
    """Write a registry of one data set `d` with one file."""

    def write(kind="download", file="d.csv", sha=SHA, entry=None, **item):
        entry = {"title": "D", "kind": kind, "files": [{"file": file, "sha256": sha, **item}], **(entry or {})}
        (book / "data/registry.yml").write_text(yaml.safe_dump({"d": entry}))

    return write


@pytest.fixture
def mirror(tmp_path, monkeypatch):
    """A mirror folder for the data set `d`."""
    folder = tmp_path / "mirror" / "d"
    folder.mkdir(parents=True)
    monkeypatch.setenv("PAPERLAB_DATA", str(folder.parent))
    return folder


@pytest.fixture
def no_network(monkeypatch):
    """Every connection fails, as on a machine without a network."""

    def refuse(*_, **__):
        raise OSError(101, "Network is unreachable")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


def test_a_plain_file_of_the_mirror_is_used_in_place(register, mirror, no_network):
    register(url="http://example.invalid/d.csv")
    (mirror / "d.csv").write_bytes(CONTENT)
    assert datasets.path("d") == mirror / "d.csv"
    assert datasets.locate("d") == {"d.csv": str(mirror / "d.csv")}


@pytest.mark.parametrize("stored", ["d.csv.gz", "other.gz"])
def test_a_gzip_copy_of_the_mirror_is_unpacked_once(register, mirror, no_network, tmp_path, stored):
    register(**({} if stored == "d.csv.gz" else {"stored_as": stored}))
    (mirror / stored).write_bytes(gzip.compress(CONTENT))
    found = datasets.path("d")
    assert found == tmp_path / "cache/d/d.csv" and found.read_bytes() == CONTENT
    written = found.stat().st_mtime_ns
    assert datasets.path("d").stat().st_mtime_ns == written
    found.write_bytes(b"damaged since")
    assert datasets.path("d").read_bytes() == CONTENT


@pytest.mark.parametrize(
    "name, content, words",
    [
        ("d.csv", b"wrong", "has sha256 8810ad581e59f2bc…, expected"),
        ("d.csv.gz", gzip.compress(b"wrong"), "is not what the registry names"),
        ("d.csv.gz", b"no gzip", "cannot be unpacked (Not a gzipped file"),
        ("d.csv.gz", gzip.compress(CONTENT)[:-4], "cannot be unpacked (Compressed file ended"),
        ("d.csv.gz", gzip.compress(CONTENT)[:12] + b"\xff\xff\xff", "cannot be unpacked"),
        ("d.csv.gz", b"", "is not what the registry names"),
    ],
    ids=["plain", "other content", "no gzip", "cut off", "garbled", "empty"],
)
def test_a_damaged_mirror_is_told_and_nothing_is_cached(register, mirror, refused, tmp_path, name, content, words):
    register()
    (mirror / name).write_bytes(content)
    error = refused("data", "fetch", "d")
    assert error.startswith("paperlab: data set d: ") and words in error and str(mirror / name) in error
    assert error.endswith("replace that file, or unset PAPERLAB_DATA to download it")
    assert not (tmp_path / "cache").exists()


def test_a_folder_in_place_of_a_file_is_told(register, mirror, refused):
    register()
    (mirror / "d.csv").mkdir()
    assert "cannot read" in refused("data", "fetch", "d")


def test_a_download_is_verified_and_kept(register, server, tmp_path, paperlab):
    server.requests.clear()
    register(url=f"http://127.0.0.1:{server.server_port}/good.csv")
    assert paperlab("data", "locate", "d")[1] == f"d.csv: not here; http://127.0.0.1:{server.server_port}/good.csv\n"
    code, out, _ = paperlab("data", "fetch", "d")
    assert (code, out) == (0, f"d.csv: verified, {tmp_path / 'cache/d/d.csv'}\n")
    assert datasets.path("d").read_bytes() == CONTENT
    assert datasets.locate("d") == {"d.csv": str(tmp_path / "cache/d/d.csv")}
    assert server.requests == ["/good.csv"]


@pytest.mark.parametrize(
    "page, words",
    [
        ("wrong.csv", "serves another file than the registry names"),
        ("short.csv", "cannot download"),
        ("missing.csv", "cannot download"),
    ],
)
def test_a_bad_download_leaves_nothing_behind(register, server, tmp_path, refused, page, words):
    register(url=f"http://127.0.0.1:{server.server_port}/{page}")
    error = refused("data", "fetch", "d")
    assert words in error and page in error
    assert list((tmp_path / "cache/d").iterdir()) == []


def test_without_network_the_remedy_is_named(register, no_network, refused):
    register(url="https://data.example/d.csv")
    assert refused("data", "fetch", "d") == (
        "paperlab: data set d: cannot download https://data.example/d.csv (ConnectionError); connect to the network, "
        "or set PAPERLAB_DATA to a folder that holds d/d.csv"
    )


def test_a_closed_port_is_no_network(register, refused):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    register(url=f"http://127.0.0.1:{port}/d.csv")
    assert f"cannot download http://127.0.0.1:{port}/d.csv (ConnectionError)" in refused("data", "fetch", "d")


def test_a_damaged_cache_is_refused(register, server, tmp_path, refused):
    register(url=f"http://127.0.0.1:{server.server_port}/good.csv")
    (tmp_path / "cache/d").mkdir(parents=True)
    (tmp_path / "cache/d/d.csv").write_bytes(b"damaged")
    assert "delete that file and run `paperlab data fetch d`" in refused("data", "fetch", "d")


@pytest.mark.parametrize("gz", [False, True])
def test_a_cache_that_cannot_be_written_is_told(register, mirror, server, monkeypatch, refused, tmp_path, gz):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("PAPERLAB_CACHE", str(tmp_path / "file" / "cache"))
    register(url=f"http://127.0.0.1:{server.server_port}/good.csv")
    if gz:
        (mirror / "d.csv.gz").write_bytes(gzip.compress(CONTENT))
    error = refused("data", "fetch", "d")
    assert "cannot write to" in error and "set PAPERLAB_CACHE to a folder that can be written" in error


def test_a_set_without_address_needs_a_mirror(register, refused):
    register()
    assert "has no single address to download from; set PAPERLAB_DATA to a mirror that holds d/d.csv" in refused(
        "data", "fetch", "d"
    )


def test_a_file_inside_a_package_is_found_without_importing_it(register, tmp_path, monkeypatch, refused):
    package = tmp_path / "site" / "made_up_package"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("raise RuntimeError('imported')")
    (package / "d.csv").write_bytes(CONTENT)
    register("package", entry={"package": "made_up_package"})
    assert "lies inside the package made_up_package, which is not installed" in refused("data", "fetch", "d")
    monkeypatch.syspath_prepend(tmp_path / "site")
    assert datasets.path("d") == package / "d.csv"
    assert datasets.locate("d") == {"d.csv": "package made_up_package"}
    assert "made_up_package" not in sys.modules
    (package / "d.csv").write_bytes(b"damaged")
    assert "re-install made_up_package" in refused("data", "fetch", "d")


def test_a_shipped_file_is_verified(register, book, refused):
    register("shipped", entry={"folder": "data/authors/d"})
    assert "cannot read" in (missing := refused("data", "fetch", "d")) and "restore data/authors/d with git" in missing
    (book / "data/authors/d").mkdir(parents=True)
    (book / "data/authors/d/d.csv").write_bytes(CONTENT)
    assert datasets.path("d").read_bytes() == CONTENT
    assert datasets.locate("d") == {"d.csv": "repository, data/authors/d/d.csv"}
    (book / "data/authors/d/d.csv").write_bytes(b"damaged")
    assert "restore data/authors/d with git" in refused("data", "fetch", "d")


@pytest.mark.parametrize("command", ["fetch", "locate"])
def test_an_unknown_data_set_is_answered_with_a_near_one(register, refused, command):
    register()
    assert (
        refused("data", command, "D2") == "paperlab: no data set 'D2' (did you mean d?); `paperlab data list` shows all"
    )


@pytest.mark.parametrize(
    "content, words",
    [
        (None, "cannot read data/registry.yml: No such file"),
        ("a: [", "data/registry.yml is not plain YAML at line 1"),
        ("a: !!python/object/apply:os.system ['touch owned']", "could not determine a constructor"),
        ("a: {}\na: {}\n", "'a' is given twice"),
    ],
)
def test_a_broken_registry_is_told(book, refused, content, words):
    path = book / "data/registry.yml"
    path.unlink() if content is None else path.write_text(content)
    assert words in refused("data", "list")
    assert not os.path.exists("owned")


def test_a_set_of_several_files_has_no_single_path(book):
    item = {"file": "a", "sha256": SHA}
    entry = {"title": "D", "kind": "shipped", "folder": "data/authors", "files": [item, {**item, "file": "b"}]}
    (book / "data/registry.yml").write_text(yaml.safe_dump({"d": entry}))
    (book / "data/authors").mkdir()
    for name in "ab":
        (book / "data/authors" / name).write_bytes(CONTENT)
    assert set(datasets.paths_of("d")) == {"a", "b"}
    with pytest.raises(PaperlabError, match=r"data set d has 2 files; use datasets.paths_of\('d'\)"):
        datasets.path("d")


def test_data_list(register, paperlab):
    register(bytes=2_500_000)
    code, out, _ = paperlab("data", "list")
    assert code == 0 and out.splitlines()[1].split() == ["d", "download", "2.50", "D"]
    assert '"kind": "download"' in paperlab("data", "list", "--json")[1]


@pytest.mark.parametrize("command", ["fetch", "locate"])
def test_a_mirror_that_does_not_exist_is_an_error(register, monkeypatch, tmp_path, refused, command):
    """It would mean a download, or a file of the cache, where the user named another place."""
    register(url="http://127.0.0.1:9/d.csv")
    monkeypatch.setenv("PAPERLAB_DATA", str(tmp_path / "nowhere"))
    words = f"PAPERLAB_DATA names {tmp_path / 'nowhere'}, which is no folder; correct it, or unset it to download"
    assert words in refused("data", command, "d")


def test_a_mirror_may_be_named_from_where_one_stands(register, mirror, monkeypatch):
    register(url="http://127.0.0.1:9/d.csv")
    (mirror / "d.csv").write_bytes(CONTENT)
    monkeypatch.chdir(mirror.parent.parent)
    monkeypatch.setenv("PAPERLAB_DATA", "mirror")
    assert datasets.path("d") == mirror / "d.csv"


@pytest.mark.parametrize(
    "text, words",
    [
        ("- d\n", "data/registry.yml must map names of data sets to their fields"),
        ("d: 3\n", "data/registry.yml must map names of data sets to their fields"),
        ("d: {title: D}\n", "d needs a kind (download, package, shipped), files with file and sha256"),
        ("d: {kind: download, files: [{file: x}]}\n", "d needs a kind"),
        ("d: {kind: shipped, files: [{file: x, sha256: y}]}\n", "files with file and sha256, and folder"),
        ("d: {kind: package, files: []}\n", "files with file and sha256, and package"),
    ],
)
@pytest.mark.parametrize("command", [["list"], ["fetch", "d"], ["locate", "d"]], ids=lambda c: c[0])
def test_a_malformed_registry_is_told(book, refused, command, text, words):
    (book / "data/registry.yml").write_text(text)
    assert words in refused("data", *command)
