"""Recognizing files that are not maps by their first bytes."""

import re

ANNEX = "a git-annex pointer, for which `git annex get` fetches the file"
# How they begin, as no map's header does.
SIGNATURES = {
    rb"\x89HDF\r\n\x1a\n": "an HDF5 file",
    rb"version https://git-lfs": "a Git LFS pointer, for which `git lfs pull` fetches the file",
    rb"%PDF-": "a PDF document",
    rb"\x89PNG": "a PNG image",
    rb"\xff\xd8\xff": "a JPEG image",
    rb"GIF8": "a GIF image",
    rb"II[*+]\0|MM\0[*+]": "a TIFF image",
    rb"PK(\x03\x04|\x05\x06)": "a ZIP archive",
    rb"7z\xbc\xaf\x27\x1c": "a 7-Zip archive",
    rb"Rar!\x1a\x07": "a RAR archive",
    rb"\x28\xb5\x2f\xfd": "packed by zstd",
    rb"\x04\x22\x4d\x18": "packed by lz4",
    rb"\x1f\x9d\x90": "packed by compress",
    rb"\x1f\x8b\x08|BZh|\xfd7zXZ\0": "packed more than once",
    rb"\x93NUMPY": "a NumPy array",
    rb"\x06\0\0[\x01\x02\x05\x09]": "an EM file of the TOM toolbox",
    rb"MATLAB ": "a MATLAB file",
    rb"NRRD000": "an NRRD image",
    rb"\0\0\0\x04\0\0\0\0": "a DM4 image",
    rb"SIMPLE  =": "a FITS image",
    rb".{128}DICM": "a DICOM image",
    rb".{257}ustar": "a tar archive",
    rb".{344}n\+1\0": "a NIfTI image",
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
    for signature, kind in SIGNATURES.items():
        if re.match(signature, start, re.DOTALL):
            return kind
    if not TEXT.fullmatch(start):
        return ""
    if ANNEX_PATH.match(start):
        return ANNEX
    if WEB_PAGE.match(start) or (MARKUP.match(start) and b"<html" in start.lower()):
        return "a web page"
    return "an XML file" if MARKUP.match(start) else "a text file"
