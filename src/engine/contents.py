"""What a file is that is not a map, where its first bytes tell."""

import re

HDF5, TIFF, ZIP = "an HDF5 file", "a TIFF image", "a ZIP archive"
SIGNATURES = {
    b"\x89HDF\r\n\x1a\n": HDF5,
    b"version https://git-lfs": "a Git LFS pointer, for which `git lfs pull` fetches the file",
    b"/annex/objects/": "a git-annex pointer, for which `git annex get` fetches the file",
    b"%PDF-": "a PDF document",
    b"\x89PNG": "a PNG image",
    b"\xff\xd8\xff": "a JPEG image",
    b"GIF8": "a GIF image",
    b"II*\0": TIFF,
    b"MM\0*": TIFF,
    b"II+\0": TIFF,
    b"MM\0+": TIFF,
    b"PK\x03\x04": ZIP,
    b"PK\x05\x06": ZIP,
    b"7z\xbc\xaf\x27\x1c": "a 7-Zip archive",
    b"Rar!\x1a\x07": "a RAR archive",
    b"\x28\xb5\x2f\xfd": "packed by zstd",
    b"\x04\x22\x4d\x18": "packed by lz4",
    b"\x1f\x9d\x90": "packed by compress",
    b"\x1f\x8b\x08": "packed more than once",
    b"BZh": "packed more than once",
    b"\xfd7zXZ\0": "packed more than once",
    b"\x93NUMPY": "a NumPy array",
    b"MATLAB 5.0": "a MATLAB file",
    b"SIMPLE  =": "a FITS image",
}
TAR = slice(257, 262)
WEB_PAGE = re.compile(rb"\s*<(!doctype\s+html|html|head|body|script|!--)", re.IGNORECASE)
MARKUP = re.compile(rb"\s*<[?!A-Za-z]")
ANNEX = re.compile(rb"[./\\]*(\.git[/\\])?annex[/\\]objects[/\\]")
# The sides of a map's box are small numbers of four bytes: some are 0.
TEXT = re.compile(rb"[\t-\r\x1b -~\x80-\xff]+")
BYTE_ORDER_MARK = b"\xef\xbb\xbf"


def contents(start: bytes) -> str:
    """Tell what a file is, other than a map.

    Parameters
    ----------
    start
        Its first bytes: as many as the header of a map has, where it has so many.

    Returns
    -------
    str
        To be read after *is*; empty where it may be a map.
    """
    if not start:
        return "empty"
    start = start.removeprefix(BYTE_ORDER_MARK)
    for signature, what in SIGNATURES.items():
        if start.startswith(signature):
            return what
    if start[TAR] == b"ustar":
        return "a tar archive"
    if not TEXT.fullmatch(start):
        return ""
    if ANNEX.match(start):
        return SIGNATURES[b"/annex/objects/"]
    if WEB_PAGE.match(start) or (MARKUP.match(start) and b"<html" in start.lower()):
        return "a web page"
    return "an XML file" if MARKUP.match(start) else "a text file"
