"""What a file is that is not a map: the beginnings of formats, as their definitions have them."""

import struct

import pytest
from chimerax.makesphere.engine.contents import contents

# With 1,024 bytes of a header, as where a map is expected. Those of common files are tried as
# files in test_other_files.py.
BEGINNINGS = {
    "big-endian BigTIFF": (b"MM\0+" + struct.pack(">2H", 8, 0), "a TIFF image"),
    "ZIP without files": (b"PK\x05\x06", "a ZIP archive"),
    "7-Zip": (bytes.fromhex("377abcaf271c0004"), "packed in a way"),
    "RAR 4": (bytes.fromhex("526172211a0700"), "packed in a way"),
    "RAR 5": (bytes.fromhex("526172211a070100"), "packed in a way"),
    "gzip in gzip": (bytes.fromhex("1f8b0800"), "packed more than once"),
    "bzip2 in gzip": (b"BZh91AY&SY", "packed more than once"),
    "xz in gzip": (bytes.fromhex("fd377a585a0000"), "packed more than once"),
    "EM, bytes": (bytes([6, 0, 0, 1]) + struct.pack("<3i", 8, 9, 7), "an EM file"),
    "EM, 16 bits": (bytes([6, 0, 0, 2]) + struct.pack("<3i", 8, 9, 7), "an EM file"),
    "EM, float64": (bytes([6, 0, 0, 9]) + struct.pack("<3i", 8, 9, 7), "an EM file"),
}


@pytest.mark.parametrize("case", BEGINNINGS)
def test_beginnings_of_formats_are_named(case):
    start, told = BEGINNINGS[case]
    assert contents(start.ljust(1024, b"\0")).startswith(told)


@pytest.mark.parametrize("case", BEGINNINGS)
def test_formats_are_told_where_they_belong_only(case):
    """A byte further on it is something else."""
    start, told = BEGINNINGS[case]
    assert not contents(b"\x01" + start.ljust(1023, b"\0")).startswith(told)


def test_what_is_told_of_little():
    assert contents(b"") == "empty"
    assert contents(b"<HTML>") == "a web page"
    assert contents(b"<emd>") == contents("\ufeffplain words".encode()) == "a text file"
    assert contents(struct.pack("<4i", 64, 64, 64, 2) + b"MAP ") == ""
