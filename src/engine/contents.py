"""Recognizing files that are not maps by their first bytes."""

import re

EM, TIFF, ZIP = "an EM file of the TOM toolbox", "a TIFF image", "a ZIP archive"
TWICE = "packed more than once"
ANNEX = "a git-annex pointer, for which `git annex get` fetches the file"
# Offset and bytes, none of which a map's header has.
SIGNATURES = {
    (0, b"\x89HDF\r\n\x1a\n"): "an HDF5 file",
    (0, b"version https://git-lfs"): "a Git LFS pointer, for which `git lfs pull` fetches the file",
    (0, b"%PDF-"): "a PDF document",
    (0, b"\x89PNG"): "a PNG image",
    (0, b"\xff\xd8\xff"): "a JPEG image",
    (0, b"GIF8"): "a GIF image",
    (0, b"II*\0"): TIFF,
    (0, b"MM\0*"): TIFF,
    (0, b"II+\0"): TIFF,
    (0, b"MM\0+"): TIFF,
    (0, b"PK\x03\x04"): ZIP,
    (0, b"PK\x05\x06"): ZIP,
    (0, b"7z\xbc\xaf\x27\x1c"): "a 7-Zip archive",
    (0, b"Rar!\x1a\x07"): "a RAR archive",
    (0, b"\x28\xb5\x2f\xfd"): "packed by zstd",
    (0, b"\x04\x22\x4d\x18"): "packed by lz4",
    (0, b"\x1f\x9d\x90"): "packed by compress",
    (0, b"\x1f\x8b\x08"): TWICE,
    (0, b"BZh"): TWICE,
    (0, b"\xfd7zXZ\0"): TWICE,
    (0, b"\x93NUMPY"): "a NumPy array",
    (0, b"\x06\0\0\x01"): EM,
    (0, b"\x06\0\0\x02"): EM,
    (0, b"\x06\0\0\x05"): EM,
    (0, b"\x06\0\0\x09"): EM,
    (0, b"MATLAB "): "a MATLAB file",
    (0, b"NRRD000"): "an NRRD image",
    (0, b"\0\0\0\x04\0\0\0\0"): "a DM4 image",
    (0, b"SIMPLE  ="): "a FITS image",
    (128, b"DICM"): "a DICOM image",
    (257, b"ustar"): "a tar archive",
    (344, b"n+1\0"): "a NIfTI image",
}
WEB_PAGE = re.compile(rb"\s*<(!doctype\s+html|html|head|body|script|!--)", re.IGNORECASE)
MARKUP = re.compile(rb"\s*<[?!A-Za-z]")
ANNEX_PATH = re.compile(rb"[./\\]*(\.git[/\\])?annex[/\\]objects[/\\]")
# A map's header cannot match: the sides of its box are small four-byte numbers, with zero bytes.
TEXT = re.compile(rb"[\t-\r\x1b -~\x80-\xff]+")
BYTE_ORDER_MARK = b"\xef\xbb\xbf"


def contents(start: bytes) -> str:
    """Recognize a file that is not a map.

    Parameters
    ----------
    start
        Its first bytes, as many as a map's header has if there are that many.

    Returns
    -------
    str
        What it is, to be read after *is*; empty if it may be a map.
    """
    if not start:
        return "empty"
    start = start.removeprefix(BYTE_ORDER_MARK)
    for (offset, signature), kind in SIGNATURES.items():
        if start.startswith(signature, offset):
            return kind
    if not TEXT.fullmatch(start):
        return ""
    if ANNEX_PATH.match(start):
        return ANNEX
    if WEB_PAGE.match(start) or (MARKUP.match(start) and b"<html" in start.lower()):
        return "a web page"
    return "an XML file" if MARKUP.match(start) else "a text file"
