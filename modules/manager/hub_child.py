"""The process that talks to the model hub: `python -m modules.manager.hub_child list|get <JSON>`, answers in JSON.

Taffy itself is offline. This process alone may ask the network, is started by a click and ends with its answer. The
hub's address, login and file list are the hub library's own affair.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

CHUNK = 2**20  # bytes
EVERY = 4 * CHUNK  # bytes between two reports
TIMEOUT = 30.0  # seconds without a byte


class Refused(Exception):
    """A sentence for the person, and what to try."""

    def __init__(self, message: str, advice: str = "") -> None:
        super().__init__(message)
        self.advice = advice


def listed(repo: str, revision: str | None) -> dict[str, Any]:
    """The version (commit) of a model, and its files with size and checksum: sha256, or git's sha1 of small files."""
    from huggingface_hub import HfApi
    from huggingface_hub.errors import GatedRepoError, HfHubHTTPError, HFValidationError, RepositoryNotFoundError

    try:
        found = HfApi().model_info(repo, revision=revision, files_metadata=True, timeout=TIMEOUT)
    except GatedRepoError as error:
        advice = "accept the model's licence on its page there, then log in here with `hf auth login`"
        raise Refused(f"{repo} asks for a login", advice) from error
    except (RepositoryNotFoundError, HFValidationError) as error:
        raise Refused(f"there is no public model called {repo!r:.200}", "write it like owner/name") from error
    except (HfHubHTTPError, OSError) as error:
        raise Refused(f"the hub did not answer: {error!s:.200}", "is this computer online?") from error
    files = [
        {
            "name": item.rfilename,
            "size": item.size or 0,
            "sha256": item.lfs.sha256 if item.lfs else "",
            "sha1": item.blob_id or "",
        }
        for item in found.siblings or ()
    ]
    return {"repo": repo, "version": found.sha, "tags": found.tags or [], "files": files}


def fetched(repo: str, version: str, files: list[dict[str, Any]]) -> Iterator[dict[str, int]]:
    """Write each file to its "target"; yields {"done", "total"} in bytes. What was begun before is continued."""
    import httpx

    total, done = sum(file["size"] for file in files), 0
    for file in files:
        target = Path(file["target"])
        part = target.with_name(f".{target.name}.{(file['sha256'] or file['sha1'])[:12]}.part")
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            for size in _file(repo, version, file["name"], part, file["size"]):
                yield {"done": done + size, "total": total}
        except httpx.HTTPError as error:
            raise Refused(
                f"the connection was lost: {error!s:.200}", "start it again: it goes on where it stopped"
            ) from error
        done += file["size"]
        yield {"done": done, "total": total}
        _check(part, file)
        part.replace(target)


def _file(repo: str, version: str, name: str, part: Path, size: int) -> Iterator[int]:
    """Bring one file to disk from where it stopped; yields its bytes so far."""
    import httpx
    from huggingface_hub import get_token, hf_hub_url

    have = part.stat().st_size if part.exists() else 0
    if have == size:
        return
    headers = {"Authorization": f"Bearer {token}"} if (token := get_token()) else {}
    if 0 < have < size:
        headers["Range"] = f"bytes={have}-"
    url = hf_hub_url(repo, name, revision=version)
    with ExitStack() as stack:
        answer = stack.enter_context(httpx.stream("GET", url, headers=headers, follow_redirects=True, timeout=TIMEOUT))
        if answer.status_code >= 400:
            raise Refused(f"the hub refused {name}: {answer.status_code} {answer.reason_phrase}", "try again later")
        goes_on = answer.status_code == 206
        file = stack.enter_context(part.open("ab" if goes_on else "wb"))
        have = told = have if goes_on else 0
        for chunk in answer.iter_bytes(CHUNK):
            have += file.write(chunk)
            if have > size:
                break
            if have - told >= EVERY:
                told = have
                yield have
    if have != size:
        raise httpx.ReadError(f"{name} has {size:,} bytes, {have:,} came")


def _check(part: Path, file: dict[str, Any]) -> None:
    """Raises Refused if the bytes are not those that the hub lists; then they are gone."""
    with part.open("rb") as opened:
        if file["sha256"]:
            found, wanted = hashlib.file_digest(opened, "sha256").hexdigest(), file["sha256"]
        else:
            content = opened.read()
            found, wanted = hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest(), file["sha1"]
    if found != wanted:
        part.unlink()
        raise Refused(f"{file['name']} arrived damaged: its checksum is another one", "start it again")


def main(act: str, arguments: dict[str, Any]) -> None:
    try:
        for line in [listed(**arguments)] if act == "list" else fetched(**arguments):
            print(json.dumps(line), flush=True)
    except Refused as error:
        print(json.dumps({"error": str(error), "advice": error.advice}), flush=True)
    except OSError as error:
        print(json.dumps({"error": f"it could not be saved: {error}", "advice": "free some disk space?"}), flush=True)


if __name__ == "__main__":
    main(sys.argv[1], json.loads(sys.argv[2]))
