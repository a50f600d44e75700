"""Whether a file lies on a drive of this computer or on a network's."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Protocol

import psutil  # type: ignore[import-untyped]

REMOTE = {  # names of file systems; 9p is how Linux inside Windows sees the drives of Windows
    "9p", "afpfs", "afs", "ceph", "cifs", "davfs", "glusterfs", "lustre", "ncpfs",
    "nfs", "nfs4", "smb2", "smb3", "smbfs",
    "fuse.davfs2", "fuse.gcsfuse", "fuse.glusterfs", "fuse.rclone", "fuse.s3fs", "fuse.sshfs",
}  # fmt: skip


class Drive(Protocol):
    """What psutil says of one. opts: of Windows also its kind, "fixed" or "remote"."""

    mountpoint: str
    fstype: str
    opts: str


def is_remote(path: Path, drives: Iterable[Drive] | None = None) -> bool:
    """drives: those of this computer."""
    whole = path.resolve()
    if whole.as_posix().startswith("//"):  # \\server\share
        return True
    known = psutil.disk_partitions(all=True) if drives is None else drives
    around = [drive for drive in known if whole.is_relative_to(drive.mountpoint)]
    nearest = max(reversed(around), key=lambda drive: len(drive.mountpoint), default=None)  # the last one lies on top
    return nearest is not None and (nearest.fstype.casefold() in REMOTE or "remote" in nearest.opts.split(","))
