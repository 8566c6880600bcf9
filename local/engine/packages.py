"""A function's code and its layers as folders, and what this machine can run of them.

Folders are named after their content, so that functions share them and a new version gets a new one. Nothing changes a folder once it has
its name.
"""

import hashlib
import io
import os
import shutil
import stat
import sys
import tempfile
import threading
import zipfile
from pathlib import Path

unpacking = threading.Lock()


class Unusable(Exception):
    """A function that this machine cannot run, and why."""


def unpacked(folder, kind, zips):
    """The folder with the contents of all zips, of which later ones win, as Lambda merges layers into ``/opt``."""
    digest = hashlib.sha256(b"".join(hashlib.sha256(packed).digest() for packed in zips)).hexdigest()
    target = Path(folder, kind, digest)
    with unpacking:
        if not target.is_dir():
            unpack_all(zips, target)
    return str(target)


def unpack_all(zips, target):
    target.parent.mkdir(parents=True, exist_ok=True)
    unfinished = tempfile.mkdtemp(dir=target.parent)
    try:
        for packed in zips:
            unpack(packed, unfinished)
        os.chmod(unfinished, 0o755)
        os.rename(unfinished, target)
    except BaseException:
        shutil.rmtree(unfinished)
        raise


def unpack(packed, folder):
    try:
        with zipfile.ZipFile(io.BytesIO(packed)) as archive:
            for entry in archive.infolist():
                place(archive, entry, folder)
    except zipfile.BadZipFile as error:
        raise Unusable(f"Could not unzip uploaded file: {error}") from error


def place(archive, entry, folder):
    """One entry with its permissions. A link is one again: ``zipfile`` would write its target as text."""
    mode = entry.external_attr >> 16
    if stat.S_ISLNK(mode):
        path = Path(folder, entry.filename)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        path.symlink_to(archive.read(entry).decode())
        return
    path = archive.extract(entry, folder)
    if stat.S_IMODE(mode):
        os.chmod(path, stat.S_IMODE(mode) | stat.S_IRUSR)


def check_architecture(machine, architectures):
    """Refuses what is built for another machine, unless the kernel hands it to an emulator."""
    wanted = architectures[0] if architectures else "x86_64"
    if wanted != machine and not emulates(wanted):
        raise Unusable(
            f"Architectures: this machine is {machine} and has no emulator registered for {wanted}: "
            f"give {machine}, or register qemu-user with binfmt_misc"
        )


def emulates(architecture):
    name = {"arm64": "qemu-aarch64", "x86_64": "qemu-x86_64"}.get(architecture)
    try:
        return Path("/proc/sys/fs/binfmt_misc", f"{name}").read_text().startswith("enabled")
    except OSError:
        return False


def runtime(name):
    """What runs a runtime's identifier here: ``runtime``, ``command`` and ``managed`` of lambda-local's configuration."""
    if name.startswith("provided"):
        return {"runtime": "provided"}
    if name.startswith("python3."):
        return {"runtime": "python", "command": [sys.executable, "-m", "awslambdaric"], "managed": True}
    if name.startswith("nodejs"):
        return {"runtime": "node"}
    raise Unusable(f"Runtime: {name} cannot be run on this machine; provided.*, python3.* and nodejs* can")
