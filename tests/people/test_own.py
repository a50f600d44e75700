"""What users have for themselves, in small files."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from modules.people.own import OwnSettings


def test_what_somebody_changes_at_the_same_moment_is_all_kept(tmp_path: Path) -> None:
    own = OwnSettings(tmp_path)
    for _ in range(20):
        own.change("ann", {"ckpt": None, "preview": None})
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(lambda one: own.change("ann", one), [{"ckpt": "a"}, {"preview": "off"}]))
        assert own.of("ann") == {"ckpt": "a", "preview": "off"}


def test_others_and_those_who_never_chose_have_nothing(tmp_path: Path) -> None:
    own = OwnSettings(tmp_path)
    own.change("ann", {"ckpt": "a"})
    assert own.of("ben") == {}
