"""Reads a document from the file system and returns its text, whole, with what describes it.

    {"path": "guide.md"}  ->  {"document": {"name", "media_type", "bytes", "sha256", "encoding", "lines"}, "text": "..."}

The text is exact: UTF-8 comes as it is in the file (line ends, byte order mark and all), anything else as base64, and
``document.encoding`` says which. How long the answer is does not matter here: that is the layer's business.

Only files below ``DOCUMENT_ROOT`` are read, wherever ``..`` and symbolic links lead. A failure's class name is the
``errorType`` that a workflow catches.
"""

import base64
import errno
import hashlib
import mimetypes
import os
import stat
from pathlib import Path

# Python's own table only: the system's mime.types differs from machine to machine.
MEDIA_TYPES = mimetypes.MimeTypes(filenames=())
MEDIA_TYPES.add_type("text/markdown", ".md")
MEDIA_TYPES.add_type("text/markdown", ".markdown")
MEDIA_TYPES.add_type("text/x-rst", ".rst")

NOTHING_THERE = {errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ENAMETOOLONG}


class ConfigurationError(Exception):
    """``DOCUMENT_ROOT`` is not set or is no folder."""


class InvalidEvent(Exception):
    """The event has no ``path`` that is text."""


class PathOutsideRoot(Exception):
    """The path leads out of ``DOCUMENT_ROOT``."""


class DocumentNotFound(Exception):
    """There is nothing at the path."""


class NotADocument(Exception):
    """What is at the path is no regular file: a folder, a pipe, a device."""


def document_root(environment):
    """The folder of ``DOCUMENT_ROOT``, with its symbolic links resolved."""
    folder = environment.get("DOCUMENT_ROOT")
    if not folder:
        raise ConfigurationError("DOCUMENT_ROOT is not set: it names the folder whose documents may be read")
    root = Path(folder).resolve()
    if not root.is_dir():
        raise ConfigurationError(f"DOCUMENT_ROOT={folder} is not a folder")
    return root


def requested_path(event):
    path = event.get("path") if isinstance(event, dict) else None
    if not isinstance(path, str) or not path or "\0" in path:
        raise InvalidEvent('the event must be {"path": "..."}: a file below DOCUMENT_ROOT')
    return path


def locate(root, path):
    """The file that ``path``, relative to ``root`` or absolute, really names; it must lie below ``root``."""
    try:
        file = (root / path).resolve()
    except (OSError, RuntimeError) as error:  # a circle of symbolic links
        raise DocumentNotFound(f"{path} cannot be resolved") from error
    if not file.is_relative_to(root):
        raise PathOutsideRoot(f"{path} leads out of DOCUMENT_ROOT")
    return file


def open_for_reading(file, path):
    try:
        # Without O_NONBLOCK, opening a pipe would wait for its other end.
        return os.open(file, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        if error.errno in NOTHING_THERE:
            raise DocumentNotFound(f"there is no {path} below DOCUMENT_ROOT") from error
        raise


def read(file, path):
    """The file's bytes; what kind of file it is is asked of the one that is open, not of the name."""
    descriptor = open_for_reading(file, path)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise NotADocument(f"{path} is not a regular file")
        with open(descriptor, "rb", closefd=False) as stream:
            return stream.read()
    finally:
        os.close(descriptor)


def encode(content):
    """The content as JSON text can carry it, and the name of that encoding."""
    try:
        return content.decode("utf-8"), "utf-8"
    except UnicodeDecodeError:
        return base64.b64encode(content).decode("ascii"), "base64"


def count_lines(content):
    """Lines as an editor counts them: a last one without its newline is one too."""
    unfinished = 1 if content and not content.endswith(b"\n") else 0
    return content.count(b"\n") + unfinished


def media_type(name, encoding):
    guessed, _ = MEDIA_TYPES.guess_type(name)
    return guessed or ("text/plain" if encoding == "utf-8" else "application/octet-stream")


def answer(name, content):
    text, encoding = encode(content)
    document = {
        "name": name,
        "media_type": media_type(name, encoding),
        "bytes": len(content),
        "sha256": hashlib.sha256(content).hexdigest(),
        "encoding": encoding,
        "lines": count_lines(content),
    }
    return {"document": document, "text": text}


def handler(event, context):
    if event == {"warmup": True}:
        return event
    path = requested_path(event)
    file = locate(document_root(os.environ), path)
    return answer(file.name, read(file, path))
