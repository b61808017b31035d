"""What a file is that is not a map: the beginnings of formats, as their definitions have them."""

import struct

import pytest
from chimerax.makesphere.engine.contents import contents

# With 1,024 bytes of a header, as where a map is expected. Those of common files are tried as
# files in test_other_files.py.
BEGINNINGS = {
    "GIF": (b"GIF89a" + struct.pack("<2H", 64, 64), "a GIF image"),
    "big-endian BigTIFF": (b"MM\0+" + struct.pack(">2H", 8, 0), "a TIFF image"),
    "ZIP without files": (b"PK\x05\x06", "a ZIP archive"),
    "7-Zip": (bytes.fromhex("377abcaf271c0004"), "a 7-Zip archive"),
    "RAR 4": (bytes.fromhex("526172211a0700"), "a RAR archive"),
    "RAR 5": (bytes.fromhex("526172211a070100"), "a RAR archive"),
    "lz4": (struct.pack("<I", 0x184D2204), "packed by lz4"),
    "gzip in gzip": (bytes.fromhex("1f8b0800"), "packed more than once"),
    "bzip2 in gzip": (b"BZh91AY&SY", "packed more than once"),
    "xz in gzip": (bytes.fromhex("fd377a585a0000"), "packed more than once"),
    "EM, bytes": (bytes([6, 0, 0, 1]) + struct.pack("<3i", 8, 9, 7), "an EM file"),
    "EM, 16 bits": (bytes([6, 0, 0, 2]) + struct.pack("<3i", 8, 9, 7), "an EM file"),
    "EM, float64": (bytes([6, 0, 0, 9]) + struct.pack("<3i", 8, 9, 7), "an EM file"),
    "MATLAB 5": (b"MATLAB 5.0 MAT-file, Platform: GLNXA64".ljust(116), "a MATLAB file"),
    "NRRD": (b"NRRD0004\ntype: float\ndimension: 3\n", "an NRRD image"),
    "FITS": (b"SIMPLE  =                    T", "a FITS image"),
    "DICOM": (bytes(128) + b"DICM" + bytes([2, 0, 0, 0]), "a DICOM image"),
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


def test_a_mark_of_the_byte_order_is_passed_over():
    assert contents("\ufeff<!doctype html>".encode()) == "a web page"
    assert contents("\ufeffplain words".encode()) == "a text file"


def test_what_is_told_of_little():
    assert contents(b"") == "empty"
    assert contents(b'<?xml version="1.0"?>\n<HTML>') == "a web page"
    assert contents(b"<emd>") == "an XML file"
    assert contents(struct.pack("<4i", 64, 64, 64, 2) + b"MAP ") == ""
