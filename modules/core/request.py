"""GenerationRequest: the one list of parameters. The form, the API, the journal and the infotext derive from it.

It checks form only (types and ranges). Names and the checkpoint's own size rules are checked by `App.submit`,
which knows the registries and the card.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal, get_args

from pydantic import AfterValidator, ConfigDict, Field, JsonValue, ValidationError, model_validator
from pydantic.dataclasses import dataclass

from modules.core.errors import BadRequest

MAX_PIXELS = 64_000_000
MAX_SEED = 2**53 - 1  # the largest whole number a browser keeps exactly
MAX_PROMPT = 20_000
MAX_TURNS = 20
RULES = {  # pydantic's kinds of findings in a person's words; braces: pydantic's own figures
    "missing": "is missing",
    "greater_than": "must be more than {gt}",
    "greater_than_equal": "must be at least {ge}",
    "less_than": "must be less than {lt}",
    "less_than_equal": "must be at most {le}",
    "finite_number": "must be a finite number",
    **dict.fromkeys(("int_type", "int_parsing", "int_from_float"), "must be a whole number"),
    **dict.fromkeys(("float_type", "float_parsing"), "must be a number"),
    **dict.fromkeys(("bool_type", "bool_parsing"), "must be true or false"),
    "string_type": "must be text",
    "string_too_long": "may have at most {max_length} characters",
    "literal_error": "must be {expected}",
}

Side = Annotated[int, Field(ge=0, le=65_536)]
Share = Annotated[float, Field(ge=0, le=1)]
Extension = Annotated[int, Field(ge=0, le=4096)]
InputId = Annotated[str, Field(max_length=64, pattern=r"^[A-Za-z0-9_-]*$")]
Weight = Annotated[float, Field(gt=0, le=100)]
TextField = Literal["prompt", "negative_prompt", "hires_prompt", "hires_negative_prompt"]
Text = Annotated[str, Field(max_length=MAX_PROMPT)]


def turns(text: str) -> tuple[tuple[int, float], ...]:
    """Seeds that noise is turned toward, and how far: "12:0.15, 99:0.4" is (12, 0.15), (99, 0.4). Raises ValueError."""
    pairs = [pair.partition(":") for pair in text.split(",")] if text.strip() else []
    try:
        found = tuple((int(seed), float(strength)) for seed, _, strength in pairs)
    except ValueError:
        raise ValueError(
            f"write seed:strength with commas between, such as 12:0.15, 99:0.4; got {text!r:.80}"
        ) from None
    if len(found) > MAX_TURNS:
        raise ValueError(f"at most {MAX_TURNS} turns are kept, got {len(found)}")
    for seed, strength in found:
        if not (0 <= seed <= MAX_SEED and 0 <= strength <= 1):
            raise ValueError(f"a seed is 0 to {MAX_SEED} and a strength 0 to 1, got {seed}:{strength:g}")
    return found


def _readable_turns(text: str) -> str:
    turns(text)
    return text


@dataclass(frozen=True, config=ConfigDict(extra="forbid", allow_inf_nan=False))
class GenerationRequest:
    """What somebody wants to see.

    prompt, negative_prompt: up to 20,000 characters each; may be empty.
    checkpoint: name of a checkpoint; empty means the one the server was started with.
    sampler, schedule: names in `SAMPLERS` and `SCHEDULES`; schedule "automatic" is the sampler's own.
    steps: 1 to 150 pushes toward the prompt.
    cfg_scale: 0 to 100; 1 ignores the negative prompt, 7 is usual.
    width, height: pixels; 0 means the checkpoint's native size; together at most 64 megapixels.
    seed: 0 to 2**53-1; -1 asks for a random one. Picture i of a job uses seed + i.
    variation_seed, variation_strength: how far (0 to 1) the starting noise is turned toward that of another seed;
    with a strength above 0 every picture has the same seed, and picture i the variation seed + i.
    earlier_variations: what the noise is turned toward before that, "seed:strength" in order with commas between, the
    same for every picture: the variations of the picture that is varied again.
    tiling: the picture continues over its edges, so that copies fit side by side.
    count: 1 to 64 pictures. batch_size: how many are denoised together, 1 to 16.
    clip_skip: 1 to 12; 2 leaves out the last layer of the text encoder.
    vae: whose VAE decodes: "automatic" (a file named after the checkpoint, else its own), "built in", or a file's name.
    noise_source: "nv" (Philox, the same picture on every device, as A1111's GPU noise) or "cpu" (torch's generator).
    preview: name in `PREVIEWS`, "automatic" or "off".
    fast_every: 1 to 10; above 1 only every so many steps are computed whole, and those between them take their deep
    features from the last whole one (DeepCache): another picture, much like the exact one. fast_layers: how many of the
    last layers every step computes, 1 to 3; 0 takes what suits the checkpoint.

    image: id of an input picture (`gallery/inputs.py`) to start from; empty starts from noise alone.
    strength: 0 to 1, how far the picture is noised and painted anew; 0 only passes it through the VAE.
    exact_steps: run `steps` steps at any strength, instead of A1111's share of them.
    resize_mode: how a picture of another shape is brought to width x height: "stretch", "crop", "fill" (the rest is
    filled with its edge), or "latent" (stretched as latents). With an image, a size of 0 is the picture's own.
    mask: id of an input picture, white where the picture may change; empty means everywhere.
    mask_blur: 0 to 64 pixels, standard deviation of the soft edge. mask_grow: -256 to 256 pixels, before the blur.
    mask_invert: white is kept instead. mask_content: what stands under the mask at the start.
    only_masked: paint the mask's surroundings at full resolution and paste them back. mask_padding: 0 to 512 pixels
    of surroundings. soft_mask: grey means a degree of change (differential diffusion, Levin and Fried 2023).
    image_cfg_scale: 0 to 100, how closely an instruct checkpoint keeps to the picture (Brooks et al. 2023, eq. 3).
    extend_left, extend_top, extend_right, extend_bottom: 0 to 4096 pixels to add beyond the picture's edges.
    extend_overlap: 0 to 512 pixels inside the old edge that may change to blend in.

    hires_scale: 1 to 8, size of a second, finer pass; 1 means none. hires_upscaler: name in `UPSCALERS` (latent or
    pixels). hires_strength: as strength. hires_steps: 0 means the same as steps. hires_sampler, hires_schedule,
    hires_prompt, hires_negative_prompt: empty means the same as in the first pass. hires_cfg_scale: 0 means the same.

    style_mode: how a look is transferred (docs/style.md). "none"; "colour", colours only, without a checkpoint, at the
    picture's own size; "words", `image` painted anew after the prompt and the preset; "inject", `image` painted with
    the attention of the style pictures (StyleID); "series", all pictures of the job in one style, that of the first
    or of a style picture (StyleAligned); "adapter", IP-Adapter, where its weights are installed.
    style_images: ids of up to 4 style pictures. style_weights: the share of each, on any scale; empty: equal shares.
    style_preset: name in `modules/style/presets.json`, added to the prompts; empty means none.
    style_amount: 0 to 1, how much of the style's colours (adapter: of the style) is taken.
    style_keep: 0 to 1, how much of the content "inject" keeps: 0.5 is the published setting (gamma 0.75), more also
    begins with less noise, down to one step's; style_keep_falls: gamma falls to half on the way.
    style_contrast: 0.5 to 3, sharpness of the injected attention. style_grid: 0 to 1, the coarsest attention that is
    injected, as a part of the latent grid. style_memory: where "inject" has the features of both pictures from.
    style_match: give a finished picture the style's colours; style_method: how colours are matched (always in
    "colour"): mean and spread of each channel, or optimal transport; style_luma: lightness stays.

    parent: id of the picture this one was made from; origin: by which act ("vary", "upscale", "zoom out" ...).
    variants: for each picture the prompts it has instead of those above; empty where all have the same.
    extras: values of extensions' controls, `"<extension>.<control>": value`.
    """

    prompt: Annotated[str, Field(max_length=MAX_PROMPT)] = ""
    negative_prompt: Annotated[str, Field(max_length=MAX_PROMPT)] = ""
    checkpoint: str = ""
    sampler: str = "DPM++ 2M"
    schedule: str = "automatic"
    steps: Annotated[int, Field(ge=1, le=150)] = 20
    cfg_scale: Annotated[float, Field(ge=0, le=100)] = 7.0
    width: Side = 0
    height: Side = 0
    seed: Annotated[int, Field(ge=-1, le=MAX_SEED)] = -1
    variation_seed: Annotated[int, Field(ge=-1, le=MAX_SEED)] = -1
    variation_strength: Share = 0.0
    earlier_variations: Annotated[str, AfterValidator(_readable_turns)] = ""
    tiling: bool = False
    count: Annotated[int, Field(ge=1, le=64)] = 1
    batch_size: Annotated[int, Field(ge=1, le=16)] = 1
    clip_skip: Annotated[int, Field(ge=1, le=12)] = 1
    vae: Annotated[str, Field(max_length=200)] = "automatic"
    noise_source: Literal["nv", "cpu"] = "nv"
    preview: str = "automatic"
    fast_every: Annotated[int, Field(ge=1, le=10)] = 1
    fast_layers: Annotated[int, Field(ge=0, le=3)] = 0

    image: InputId = ""
    strength: Share = 0.75
    exact_steps: bool = False
    resize_mode: Literal["stretch", "crop", "fill", "latent"] = "stretch"
    mask: InputId = ""
    mask_blur: Annotated[float, Field(ge=0, le=64)] = 4.0
    mask_grow: Annotated[int, Field(ge=-256, le=256)] = 0
    mask_invert: bool = False
    mask_content: Literal["fill", "original", "latent noise", "latent nothing"] = "original"
    only_masked: bool = False
    mask_padding: Annotated[int, Field(ge=0, le=512)] = 32
    soft_mask: bool = False
    image_cfg_scale: Annotated[float, Field(ge=0, le=100)] = 1.5
    extend_left: Extension = 0
    extend_top: Extension = 0
    extend_right: Extension = 0
    extend_bottom: Extension = 0
    extend_overlap: Annotated[int, Field(ge=0, le=512)] = 16

    hires_scale: Annotated[float, Field(ge=1, le=8)] = 1.0
    hires_upscaler: str = "Latent"
    hires_strength: Share = 0.7
    hires_steps: Annotated[int, Field(ge=0, le=150)] = 0
    hires_sampler: str = ""
    hires_schedule: str = ""
    hires_prompt: Annotated[str, Field(max_length=MAX_PROMPT)] = ""
    hires_negative_prompt: Annotated[str, Field(max_length=MAX_PROMPT)] = ""
    hires_cfg_scale: Annotated[float, Field(ge=0, le=100)] = 0.0

    style_mode: Literal["none", "colour", "words", "inject", "series", "adapter"] = "none"
    style_images: Annotated[tuple[InputId, ...], Field(max_length=4)] = ()
    style_weights: Annotated[tuple[Weight, ...], Field(max_length=4)] = ()
    style_preset: Annotated[str, Field(max_length=60)] = ""
    style_amount: Share = 1.0
    style_keep: Share = 0.5
    style_keep_falls: bool = False
    style_contrast: Annotated[float, Field(ge=0.5, le=3)] = 1.5
    style_grid: Share = 0.5
    style_memory: Literal["automatic", "stored", "lock-step"] = "automatic"
    style_match: bool = False
    style_method: Literal["statistics", "transport"] = "transport"
    style_luma: bool = False

    parent: InputId = ""
    origin: Annotated[str, Field(max_length=40)] = ""
    variants: tuple[Mapping[str, Text], ...] = ()
    extras: Mapping[str, JsonValue] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _few_enough_pixels(self) -> GenerationRequest:
        if self.width * self.height > MAX_PIXELS:
            raise ValueError(f"a picture may have at most 64 megapixels, got {self.width}x{self.height}")
        return self

    @model_validator(mode="after")
    def _a_variant_for_each_picture(self) -> GenerationRequest:
        if self.variants and len(self.variants) != self.count:
            raise ValueError(f"give prompts for each of {self.count} pictures or for none; got {len(self.variants)}")
        if unknown := {name for texts in self.variants for name in texts} - set(get_args(TextField)):
            raise ValueError(f"pictures of one job differ in prompts only, got {min(unknown)!r:.60}")
        if self.variants and self.style_mode == "series":
            raise ValueError("a series in one style has one prompt for all its pictures")
        return self

    @model_validator(mode="after")
    def _style_has_its_pictures(self) -> GenerationRequest:
        if self.style_mode in {"colour", "words", "inject"} and not self.image:
            raise ValueError(f"style mode {self.style_mode!r} needs a content picture: give image")
        if not self.style_images and (self.style_match or self.style_mode in {"colour", "inject", "adapter"}):
            what = "matching colours" if self.style_match else f"style mode {self.style_mode!r}"
            raise ValueError(f"{what} needs a style picture: give style_images")
        if "" in self.style_images:
            raise ValueError("the id of a style picture is empty")
        if self.style_weights and len(self.style_weights) != len(self.style_images):
            given = f"{len(self.style_weights)} for {len(self.style_images)} pictures"
            raise ValueError(f"give one style weight for each style picture, or none; got {given}")
        if self.style_mode in {"colour", "inject"} and self.count > 1:
            raise ValueError(f"style mode {self.style_mode!r} uses no seed and makes one picture, got {self.count}")
        if self.style_mode == "inject" and self.fast_every > 1:
            raise ValueError("style mode 'inject' needs every step whole: set fast mode to 1")
        return self


def sentence(error: ValidationError) -> str:
    """Pydantic's findings as one line for a person: field, what is allowed, what was given."""
    found = []
    for item in error.errors(include_url=False):
        field = ".".join(str(part) for part in item["loc"]).replace("_", " ").replace("cfg", "CFG")
        given = "" if item["type"] in {"missing", "value_error"} else f", got {item['input']!r:.80}"
        rule = RULES.get(item["type"])
        said = f" {rule.format(**item.get('ctx', {}))}" if rule else f": {item['msg'].removeprefix('Value error, ')}"
        found.append(f"{field}{said}{given}".removeprefix(": "))
    return "; ".join(found)


def parse_request(values: Mapping[str, object]) -> GenerationRequest:
    """A request from outside (a form, a JSON body). Raises BadRequest with a sentence."""
    try:
        return GenerationRequest(**values)  # type: ignore[arg-type]
    except ValidationError as error:
        raise BadRequest(sentence(error)) from error
    except TypeError as error:
        raise BadRequest(f"the request cannot be read: {error}") from error
