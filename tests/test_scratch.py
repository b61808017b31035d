"""Files are whole or absent, and have the right names."""

import os

import pytest
from chimerax.makesphere.engine import scratch
from chimerax.makesphere.engine.scratch import Scratch

HEAD = 4
ON_WINDOWS = os.name == "nt"


def _scratch(folder, content=b"headbody"):
    scratch = Scratch(str(folder))
    scratch.file.write(content)
    scratch.flush()
    return scratch


def names(folder):
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture
def hold(monkeypatch):
    """Return a function that has a program hold files: a call is refused that many times."""
    monkeypatch.setattr(scratch, "PATIENCE", 0.3)

    def hold(module, name, times=1e9):
        allowed, left = getattr(module, name, open), [times]

        def refuse(*words):
            if left[0] > 0:
                left[0] -= 1
                raise PermissionError(13, "The process cannot access the file")
            return allowed(*words)

        monkeypatch.setattr(module, name, refuse, raising=False)

    return hold


def test_claim_takes_a_free_name_or_the_same_start(tmp_path):
    path = tmp_path / "a.mrc"
    assert _scratch(tmp_path).claim(str(path), HEAD)
    assert _scratch(tmp_path, b"headcorpse").claim(str(path), HEAD)
    other = _scratch(tmp_path, b"hand")
    assert not other.claim(str(path), HEAD)
    # Names are tried until one is free.
    assert other.claim(str(tmp_path / "a_02.mrc"), HEAD)
    assert path.read_bytes() == b"headcorpse"
    assert names(tmp_path) == ["a.mrc", "a_02.mrc"]


def test_what_was_claimed_can_be_withdrawn_but_not_what_was_there(tmp_path):
    first, second = _scratch(tmp_path), _scratch(tmp_path)
    assert first.claim(str(tmp_path / "a.mrc"), HEAD)
    assert second.claim(str(tmp_path / "a.mrc"), HEAD)
    assert second.withdraw() == "" and names(tmp_path) == ["a.mrc"]
    assert first.withdraw() == "" and names(tmp_path) == []


def test_nothing_is_left_of_a_discarded_file(tmp_path):
    scratch = _scratch(tmp_path)
    scratch.discard()
    scratch.discard()
    assert names(tmp_path) == []


def test_nobody_opens_or_removes_the_scratch_files_of_others(tmp_path, monkeypatch):
    killed = tmp_path / ".makesphere-0123abcd.tmp"
    killed.write_bytes(b"half")
    os.utime(killed, (0, 0))
    running = _scratch(tmp_path)
    opened = []
    for module, name in [(scratch, "open"), (os, "open")]:
        allowed = getattr(module, name, open)

        def note(path, *words, allowed=allowed):
            opened.append(path)
            return allowed(path, *words)

        monkeypatch.setattr(module, name, note, raising=False)
    assert _scratch(tmp_path).claim(str(tmp_path / "a.mrc"), HEAD)
    assert not {str(killed), running.file.name} & set(opened) and len(opened) == 1
    running.replace(str(tmp_path / "b.mrc"))
    assert names(tmp_path) == [killed.name, "a.mrc", "b.mrc"]


@pytest.mark.parametrize("times", [1, 5])
@pytest.mark.parametrize("name", ["replace", "link", "rename", "unlink"])
def test_a_file_that_is_held_for_a_moment_is_waited_for(name, times, tmp_path, hold):
    path = str(tmp_path / "a.mrc")
    hold(os, name, times)
    assert _scratch(tmp_path).claim(path, HEAD)
    assert _scratch(tmp_path, b"headcorpse").claim(path, HEAD)
    _scratch(tmp_path, b"another").replace(path)
    _scratch(tmp_path).discard()
    assert (tmp_path / "a.mrc").read_bytes() == b"another"
    assert names(tmp_path) == ["a.mrc"]


def test_what_is_compared_is_waited_for_too(tmp_path, hold):
    path = str(tmp_path / "a.mrc")
    _scratch(tmp_path).replace(path)
    second = _scratch(tmp_path)
    hold(scratch, "open", 3)
    assert second.claim(path, HEAD)


@pytest.mark.parametrize("module, name", [(scratch, "open"), (os, "replace")])
def test_a_name_whose_file_is_held_for_long_is_taken(module, name, tmp_path, hold):
    path = tmp_path / "a.mrc"
    _scratch(tmp_path, b"headold").replace(str(path))
    second = _scratch(tmp_path)
    hold(module, name)
    assert not second.claim(str(path), HEAD)
    assert second.claim(str(tmp_path / "a_02.mrc"), HEAD)
    assert path.read_bytes() == b"headold" and names(tmp_path) == ["a.mrc", "a_02.mrc"]


def test_a_typed_file_that_is_held_for_long_stays(tmp_path, hold):
    path = tmp_path / "a.mrc"
    _scratch(tmp_path, b"old").replace(str(path))
    second = _scratch(tmp_path)
    hold(os, "replace")
    with pytest.raises(PermissionError):
        second.replace(str(path))
    second.discard()
    assert path.read_bytes() == b"old" and names(tmp_path) == ["a.mrc"]


def test_other_errors_are_not_waited_for(tmp_path, monkeypatch):
    tried = []

    def fail(*words):
        tried.append(words)
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(OSError, match="No space"):
        _scratch(tmp_path).replace(str(tmp_path / "a.mrc"))
    assert len(tried) == 1


def test_a_sphere_that_cannot_be_withdrawn_is_told_of(tmp_path, hold):
    path = str(tmp_path / "a.mrc")
    first = _scratch(tmp_path)
    assert first.claim(path, HEAD)
    hold(os, "unlink")
    assert first.withdraw() == path


def test_files_can_be_read_by_whoever_the_umask_allows(tmp_path):
    before = os.umask(0o022)
    try:
        _scratch(tmp_path).replace(str(tmp_path / "a.mrc"))
    finally:
        os.umask(before)
    if not ON_WINDOWS:
        assert (tmp_path / "a.mrc").stat().st_mode & 0o777 == 0o644


@pytest.mark.parametrize("finish", ["replace", "claim"])
def test_a_file_is_on_disk_before_it_has_its_name(finish, tmp_path, monkeypatch):
    path = tmp_path / "a.mrc"
    flushed, fsync = [], os.fsync

    def note(descriptor):
        flushed.append((os.fstat(descriptor).st_size, path.exists()))
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", note)
    scratch = _scratch(tmp_path)
    getattr(scratch, finish)(str(path), *([HEAD] if finish == "claim" else []))
    assert flushed == [(8, False)]
    assert scratch.file.closed


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


def test_a_name_that_a_folder_has_is_taken(tmp_path, monkeypatch):
    monkeypatch.setattr(scratch, "PATIENCE", 0.0)  # Windows calls it refused.
    (tmp_path / "a.mrc").mkdir()
    first = _scratch(tmp_path)
    assert not first.claim(str(tmp_path / "a.mrc"), HEAD)
    first.discard()
    assert names(tmp_path) == ["a.mrc"]


def test_a_file_that_somebody_else_removed_is_not_an_error(tmp_path):
    first, second = _scratch(tmp_path), _scratch(tmp_path)
    assert first.claim(str(tmp_path / "a.mrc"), HEAD)
    os.unlink(tmp_path / "a.mrc")
    assert first.withdraw() == ""
    second.file.close()
    os.unlink(second.file.name)
    second.discard()
    assert names(tmp_path) == []


def test_a_name_can_be_made_longer(tmp_path):
    first, second = Scratch(str(tmp_path), 200), Scratch(str(tmp_path))
    assert sorted(map(len, names(tmp_path))) == [24, 200]
    assert all(name[:12] == ".makesphere-" and name.endswith(".tmp") for name in names(tmp_path))
    first.discard()
    second.discard()


@pytest.mark.skipif(not os.path.exists("/proc/self/fd"), reason="needs Linux")
def test_nothing_stays_open(tmp_path):
    before = os.listdir("/proc/self/fd")
    _scratch(tmp_path).replace(str(tmp_path / "a.mrc"))
    _scratch(tmp_path).discard()
    assert _scratch(tmp_path).claim(str(tmp_path / "b.mrc"), HEAD)
    assert not _scratch(tmp_path, b"hand").claim(str(tmp_path / "b.mrc"), HEAD)
    assert len(os.listdir("/proc/self/fd")) == len(before)
