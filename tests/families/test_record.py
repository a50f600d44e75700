from __future__ import annotations

import json

import pytest

from modules.core.errors import BadCheckpoint
from modules.families.record import MAX_TEXT, read_record


def test_our_own_record_is_read() -> None:
    taffy = {"format": 1, "prediction_type": "v_prediction", "native_size": 64, "unknown": 1}
    record = read_record("a", {"taffy": json.dumps(taffy)})
    assert (record.prediction_type, record.native_size, record.default_cfg) == ("v_prediction", 64, None)


def test_the_cards_lists_of_texts_become_words() -> None:
    card = {"description": "d", "examples": ["a cat"], "concepts": ["cat", 3, "dog"], "training": {"steps": 1}}
    record = read_record("a", {"taffy": json.dumps({"card": card})})
    assert record.words == {"concepts": ("cat", "dog")}
    assert (record.description, record.examples) == ("d", ("a cat",))


def test_modelspec_is_understood() -> None:
    metadata = {"modelspec.prediction_type": "v", "modelspec.resolution": "768x768", "modelspec.description": "d"}
    record = read_record("a", metadata)
    assert (record.prediction_type, record.native_size, record.description) == ("v_prediction", 768, "d")


@pytest.mark.parametrize("resolution", ["00x00", "07x07", "1", "99999", "x"])
def test_a_resolution_that_is_none_is_left_to_the_family(resolution: str) -> None:
    assert read_record("a", {"modelspec.resolution": resolution}).native_size is None


def test_a_description_of_any_length_is_shown_to_a_limit() -> None:
    assert len(read_record("a", {"modelspec.description": "d" * 10**6}).description) == MAX_TEXT


def test_a_file_without_metadata_leaves_everything_to_the_family() -> None:
    record = read_record("a", {"modelspec.resolution": "large"})
    assert (record.prediction_type, record.native_size, record.words) == (None, None, {})


@pytest.mark.parametrize(
    "taffy",
    [
        "{",
        "[]",
        '{"format": 2}',
        '{"native_size": -1}',
        '{"scaling_factor": NaN}',
        '{"default_steps": "many"}',
        '{"config": {"unet": 3}}',
        '{"prediction_type": "sample"}',
    ],
)
def test_a_record_that_cannot_be_used_is_refused(taffy: str) -> None:
    with pytest.raises(BadCheckpoint, match=r"metadata of a\.safetensors"):
        read_record("a.safetensors", {"taffy": taffy})
