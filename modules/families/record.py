"""What a checkpoint says about itself in its metadata: our own `taffy` record, or the ModelSpec keys."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, JsonValue, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from modules.core.errors import BadCheckpoint
from modules.core.request import sentence

KEY = "taffy"
MAX_WORDS = 5_000
MAX_TEXT = 2_000  # characters of a description or an example that are shown
Prediction = Literal["epsilon", "v_prediction"]


@dataclass(frozen=True, config=ConfigDict(allow_inf_nan=False))
class Record:
    """The `taffy` metadata (JSON). Fields that are None are left to the family's defaults.

    zero_snr: trained up to pure noise.
    downscale: pixels per latent cell and side. native_size: pixels. attention_heads: of the denoiser.
    config: the library configs of the parts ("unet", "vae", "text_encoder", "scheduler").
    card: "description", "examples", and lists of words the checkpoint knows, by kind.
    """

    format: Literal[1] = 1
    prediction_type: Prediction | None = None
    zero_snr: bool = False
    scaling_factor: Annotated[float, Field(gt=0, le=1000)] | None = None
    downscale: int | None = None
    native_size: Annotated[int, Field(ge=8, le=16_384)] | None = None
    attention_heads: Annotated[int, Field(ge=1, le=1024)] | None = None
    default_steps: Annotated[int, Field(ge=1, le=150)] | None = None
    default_cfg: Annotated[float, Field(ge=0, le=100)] | None = None
    default_sampler: str = ""
    default_schedule: str = ""
    config: Mapping[str, Mapping[str, Any]] = Field(default_factory=dict)
    card: Mapping[str, JsonValue] = Field(default_factory=dict)

    @property
    def description(self) -> str:
        text = self.card.get("description")
        return text[:MAX_TEXT] if isinstance(text, str) else ""

    @property
    def examples(self) -> tuple[str, ...]:
        return _texts(self.card.get("examples"))

    @property
    def words(self) -> dict[str, tuple[str, ...]]:
        """Every list of texts on the card but the examples, by its name."""
        lists = {kind: _texts(value) for kind, value in self.card.items() if kind != "examples"}
        return {kind: words for kind, words in lists.items() if words}


_RECORD = TypeAdapter(Record)


def read_record(file_name: str, metadata: Mapping[str, str]) -> Record:
    """Raises BadCheckpoint if there is a `taffy` record that cannot be used."""
    if KEY not in metadata:
        return _from_modelspec(metadata)
    try:
        return _RECORD.validate_json(metadata[KEY])
    except ValidationError as error:
        raise BadCheckpoint(f"the metadata of {file_name} cannot be used: {sentence(error)}") from error


def _from_modelspec(metadata: Mapping[str, str]) -> Record:
    """https://github.com/Stability-AI/ModelSpec and kohya's sd-scripts: other programs' words for the same."""
    predictions: dict[str, Prediction] = {"epsilon": "epsilon", "v": "v_prediction", "v_prediction": "v_prediction"}
    size = re.fullmatch(r"([1-9]\d{1,3})(x\d{2,4})?", metadata.get("modelspec.resolution", ""))
    return Record(
        prediction_type=predictions.get(metadata.get("modelspec.prediction_type", "")),
        zero_snr=metadata.get("ss_zero_terminal_snr") == "True",
        native_size=int(size[1]) if size else None,
        card={"description": metadata.get("modelspec.description", "")},
    )


def _texts(value: JsonValue) -> tuple[str, ...]:
    """A list of texts as a tuple; anything else is nothing."""
    if not isinstance(value, list):
        return ()
    return tuple(item[:MAX_TEXT] for item in value[:MAX_WORDS] if isinstance(item, str))
