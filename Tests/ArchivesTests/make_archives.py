#!/usr/bin/env python3
"""Writes Tests/Samples/archives: the same two files, packed by Python's zipfile in each of its forms, and by Java's jar.

SampleArchiveTests.swift has the contents. Needs Python 3.11 or newer, and jar of any JDK (17 was used).
"""
import io
import pathlib
import subprocess
import tempfile
import zipfile

FOLDER = pathlib.Path(__file__).resolve().parent.parent / "Samples" / "archives"
TEXT = "".join(f"tree {i} feature {i * 7 % 13} left {2 * i + 1} right {2 * i + 2}\n" for i in range(40)).encode()
BINARY = bytes(i * i * 31 % 251 for i in range(300))
FILES = {"model.ini": TEXT, "trees/t0.bin": BINARY}


def entry(name, method):
    info = zipfile.ZipInfo(name, (2024, 1, 2, 3, 4, 6))
    info.compress_type = method
    info.external_attr = 0o40755 << 16 | 0x10 if name.endswith("/") else 0o644 << 16
    return info


class Stream(io.RawIOBase):
    """Cannot be moved back in: sizes and checksums come after the contents."""

    def __init__(self):
        self.content = bytearray()

    def writable(self):
        return True

    def write(self, data):
        self.content += bytes(data)
        return len(data)


def write(target, *, zip64=False):
    with zipfile.ZipFile(target, "w") as archive:
        for name, content in FILES.items():
            with archive.open(entry(name, zipfile.ZIP_DEFLATED), "w", force_zip64=zip64) as file:
                file.write(content)
    return bytes(target.content) if isinstance(target, Stream) else target.getvalue()


def with_everything():
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        archive.writestr(entry("trees/", zipfile.ZIP_STORED), b"")
        archive.writestr(entry("model.ini", zipfile.ZIP_DEFLATED), TEXT)
        archive.writestr(entry("trees/t0.bin", zipfile.ZIP_STORED), BINARY)
        archive.writestr(entry("empty", zipfile.ZIP_DEFLATED), b"")
        archive.writestr(entry("größe", zipfile.ZIP_DEFLATED), b"x" * 1000)
        archive.comment = b"a comment"
    return target.getvalue()


def by_jar():
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        for name, content in FILES.items():
            (folder / name).parent.mkdir(exist_ok=True)
            (folder / name).write_bytes(content)
        subprocess.run(["jar", "cfM", "made.zip", *FILES], cwd=folder, check=True)
        return (folder / "made.zip").read_bytes()


FOLDER.mkdir(parents=True, exist_ok=True)
(FOLDER / "python.zip").write_bytes(with_everything())
(FOLDER / "python-streamed.zip").write_bytes(write(Stream()))
(FOLDER / "java.zip").write_bytes(by_jar())
# Writes the zip64 end record, which it else does from 65,536 entries on.
zipfile.ZIP_FILECOUNT_LIMIT = 1
(FOLDER / "python-zip64.zip").write_bytes(write(io.BytesIO(), zip64=True))
(FOLDER / "python-zip64-streamed.zip").write_bytes(write(Stream(), zip64=True))
