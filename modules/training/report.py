"""What an evaluation found, as the tables of the model card."""

from __future__ import annotations

from typing import Any

HEAD = "| {} | share | 95 % interval | right of all | chance |\n|---|---|---|---|---|"


def markdown(found: dict[str, Any]) -> str:
    """Every figure of `evaluation.json`, judge first."""
    parts = [_table(f"the judge on {name} pictures", marks) for name, marks in found["judge"].items()]
    whole = {name: value for name, value in found["seen"].items() if isinstance(value, dict)}
    parts.append(_table("seen combinations, plain and treated", whole))
    parts.append(
        "\n".join(f"- {name}: {value:.1%}" for name, value in found["seen"].items() if not isinstance(value, dict))
    )
    parts += [_table(name, marks) for name, marks in found["papers"].items()]
    copies, psnr = found["copies"], found["vae psnr"]
    parts.append(
        f"- autoencoder: {psnr['unseen renders']} dB on unseen renders, {psnr['photographs']} dB on photographs\n"
        f"- copies: {copies['share']:.1%} ({copies['low']:.1%} to {copies['high']:.1%}) of {copies['n']} made pictures "
        f"are nearer to a training picture than 99 % of unseen real ones are (chance 1 %)\n"
        f"- time: {found['seconds a picture of 20 steps']} s for 20 steps, loaded; measured with {found['sampler']}\n"
        f"- most confused: {'; '.join(found['most confused'])}"
    )
    return "\n\n".join(parts) + "\n"


def _table(title: str, marks: dict[str, Any]) -> str:
    rows = [
        f"| {name} | {mark['share']:.1%} | {mark['low']:.1%} to {mark['high']:.1%} "
        f"| {mark['right']} of {mark['n']} | {mark['chance']:.1%} |"
        for name, mark in marks.items()
    ]
    return "\n".join([HEAD.format(title), *rows])
