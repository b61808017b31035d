"""Recognizing files that users mix up with maps, by their first bytes."""

import re

# How they begin, as no map's header does.
SIGNATURES = {
    rb"\x89HDF\r\n\x1a\n": "an HDF5 file",
    rb"version https://git-lfs": "a Git LFS pointer, for which `git lfs pull` fetches the file",
    rb"\x89PNG|\xff\xd8\xff|GIF8": "a picture",
    rb"II[*+]\0|MM\0[*+]": "a TIFF image",
    rb"PK(\x03\x04|\x05\x06)": "a ZIP archive",
    rb"\x28\xb5\x2f\xfd|7z\xbc\xaf|Rar!|\x1f\x9d": "packed in a way that ChimeraX does not read",
    rb"\x1f\x8b\x08|BZh|\xfd7zXZ\0": "packed more than once",
    rb"\x93NUMPY": "a NumPy array",
    rb"\x06\0\0[\x01\x02\x05\x09]": "an EM file of the TOM toolbox",
    rb"\0\0\0\x04\0\0\0\0": "a DM4 image",
    rb".{257}ustar": "a tar archive",
    # A map's header has zero bytes: the sides of its box are small four-byte numbers.
    rb"\s*<(!doctype\s+html|html|head|body|script)[^\0]*$": "a web page",
    rb"(\xef\xbb\xbf)?[\t-\r\x1b -~\x80-\xff]+$": "a text file",
}


def contents(start: bytes) -> str:
    """Say what a file's first bytes are, to be read after *is*; empty if it may be a map."""
    if not start:
        return "empty"
    found = (k for s, k in SIGNATURES.items() if re.match(s, start, re.DOTALL | re.IGNORECASE))
    return next(found, "")
