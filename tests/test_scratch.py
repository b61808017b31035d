"""Files are whole or absent, and have the right names."""

import os
import stat
import time

import pytest
from chimerax.makesphere.engine import scratch
from chimerax.makesphere.engine.scratch import YOUNG, Scratch

HEAD = 4


def _scratch(folder, content=b"headbody"):
    scratch = Scratch(str(folder))
    scratch.file.write(content)
    scratch.flush()
    return scratch


def test_claim_takes_a_free_name_or_the_same_start(tmp_path):
    path = tmp_path / "a.mrc"
    assert _scratch(tmp_path).claim(str(path), HEAD)
    assert _scratch(tmp_path, b"headcorpse").claim(str(path), HEAD)
    other = _scratch(tmp_path, b"hand")
    assert not other.claim(str(path), HEAD)
    other.discard()
    assert path.read_bytes() == b"headcorpse"
    assert [p.name for p in tmp_path.iterdir()] == ["a.mrc"]


def test_what_was_claimed_can_be_withdrawn_but_not_what_was_there(tmp_path):
    first, second = _scratch(tmp_path), _scratch(tmp_path)
    assert first.claim(str(tmp_path / "a.mrc"), HEAD)
    assert second.claim(str(tmp_path / "a.mrc"), HEAD)
    second.withdraw()
    assert (tmp_path / "a.mrc").exists()
    first.withdraw()
    assert not list(tmp_path.iterdir())


def test_nothing_is_left_of_a_discarded_file(tmp_path):
    scratch = _scratch(tmp_path)
    scratch.discard()
    scratch.discard()
    assert not list(tmp_path.iterdir())


def _litter(folder, name, age):
    path = folder / f".makesphere-{name}.tmp"
    path.write_bytes(b"half")
    os.utime(path, (time.time() - age,) * 2)
    return path


def test_litter_of_a_killed_run_is_swept_but_not_a_running_one(tmp_path):
    dead = _litter(tmp_path, "dead", YOUNG + 60)
    # It may belong to a run on another computer, whose lock does not show here.
    young = _litter(tmp_path, "young", YOUNG - 60)
    running = _scratch(tmp_path)
    os.utime(running.file.name, (time.time() - 2 * YOUNG,) * 2)
    _scratch(tmp_path).replace(str(tmp_path / "a.mrc"))
    assert young.exists() and not dead.exists()
    running.replace(str(tmp_path / "b.mrc"))
    assert sorted(p.name for p in tmp_path.iterdir()) == [young.name, "a.mrc", "b.mrc"]


def test_files_can_be_read_by_whoever_the_umask_allows(tmp_path):
    before = os.umask(0o022)
    try:
        _scratch(tmp_path).replace(str(tmp_path / "a.mrc"))
    finally:
        os.umask(before)
    if os.name == "posix":
        assert (tmp_path / "a.mrc").stat().st_mode & 0o777 == 0o644


@pytest.mark.skipif(os.name != "posix", reason="needs the ways of POSIX")
@pytest.mark.parametrize("finish", ["replace", "claim"])
def test_a_file_is_on_disk_before_it_has_its_name_and_the_name_after(finish, tmp_path, monkeypatch):
    path = tmp_path / "a.mrc"
    flushed, fsync = [], os.fsync

    def note(descriptor):
        status = os.fstat(descriptor)
        name = "folder" if stat.S_ISDIR(status.st_mode) else f"{status.st_size} bytes"
        flushed.append((name, path.exists()))
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", note)
    scratch = _scratch(tmp_path)
    getattr(scratch, finish)(str(path), *([HEAD] if finish == "claim" else []))
    assert flushed == [("8 bytes", False), ("folder", True)]
    assert scratch.file.closed


def test_a_folder_that_cannot_be_read_is_not_an_error(tmp_path, monkeypatch):
    scratch = _scratch(tmp_path)

    def refuse(*words):
        raise PermissionError

    monkeypatch.setattr(os, "open", refuse)
    scratch.replace(str(tmp_path / "a.mrc"))
    assert (tmp_path / "a.mrc").read_bytes() == b"headbody"


def test_claim_without_hard_links(tmp_path, monkeypatch):
    def refuse(*words):
        raise PermissionError

    monkeypatch.setattr(os, "link", refuse)
    path = tmp_path / "a.mrc"
    first = _scratch(tmp_path)
    assert first.claim(str(path), HEAD) and path.read_bytes() == b"headbody"
    other = _scratch(tmp_path, b"hand")
    assert not other.claim(str(path), HEAD)
    other.discard()
    assert _scratch(tmp_path, b"headcorpse").claim(str(path), HEAD)
    assert path.read_bytes() == b"headcorpse"
    # The name was free, so that it can be given up again.
    first.withdraw()
    assert not path.exists()


def test_a_name_whose_file_cannot_be_read_is_taken(tmp_path):
    (tmp_path / "a.mrc").mkdir()
    scratch = _scratch(tmp_path)
    assert not scratch.claim(str(tmp_path / "a.mrc"), HEAD)
    scratch.discard()
    assert [p.name for p in tmp_path.iterdir()] == ["a.mrc"]


def test_a_file_that_somebody_else_removed_is_not_an_error(tmp_path):
    first, second = _scratch(tmp_path), _scratch(tmp_path)
    assert first.claim(str(tmp_path / "a.mrc"), HEAD)
    os.unlink(tmp_path / "a.mrc")
    first.withdraw()
    if os.name == "posix":
        os.unlink(second._path)
    second.discard()
    assert not list(tmp_path.iterdir())


def test_a_folder_that_cannot_be_listed_can_be_written(tmp_path, monkeypatch):
    def refuse(*words):
        raise PermissionError

    monkeypatch.setattr(os, "listdir", refuse)
    _scratch(tmp_path).replace(str(tmp_path / "a.mrc"))
    assert (tmp_path / "a.mrc").exists()


@pytest.mark.skipif(not os.path.exists("/proc/self/fd"), reason="needs Linux")
def test_nothing_stays_open(tmp_path):
    before = os.listdir("/proc/self/fd")
    _litter(tmp_path, "dead", 2 * YOUNG)
    _scratch(tmp_path).replace(str(tmp_path / "a.mrc"))
    _scratch(tmp_path).discard()
    assert _scratch(tmp_path).claim(str(tmp_path / "b.mrc"), HEAD)
    assert len(os.listdir("/proc/self/fd")) == len(before)


def test_only_litter_is_swept(tmp_path):
    kept = [tmp_path / name for name in (".makesphere.mrc", "makesphere-.tmp", ".hidden.tmp")]
    for path in kept:
        path.write_bytes(b"mine")
        os.utime(path, (0, 0))
    dead = [_litter(tmp_path, name, 2 * YOUNG) for name in ("1", "2")]
    _scratch(tmp_path).discard()
    assert all(p.exists() for p in kept) and not any(p.exists() for p in dead)


def test_litter_is_swept_without_locks_too(tmp_path, monkeypatch):
    monkeypatch.setattr(scratch, "fcntl", None)
    young, dead = (_litter(tmp_path, name, age) for name, age in [("y", 9), ("d", 2 * YOUNG)])
    _scratch(tmp_path).replace(str(tmp_path / "a.mrc"))
    assert young.exists() and not dead.exists()
    assert (tmp_path / "a.mrc").read_bytes() == b"headbody"


def test_young_is_an_hour(tmp_path):
    litter = [_litter(tmp_path, str(age), age) for age in (3550, 3650)]
    _scratch(tmp_path).discard()
    assert [p.exists() for p in litter] == [True, False]
