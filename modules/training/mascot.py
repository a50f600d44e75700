"""Taffy, the mascot: original vector art (CC0), a wrapped sweet with a face, in eight poses and every hand's manner."""

from __future__ import annotations

from dataclasses import dataclass
from math import cos, radians, sin

NAME = "taffy"
CREDIT = "Taffy, the mascot: drawn for Taffy, CC0"


@dataclass(frozen=True)
class Pose:
    """Where the limbs are and what the face does. Angles in degrees; 0 points right, 90 up."""

    name: str
    arms: tuple[float, float]  # left, right
    legs: tuple[float, float]
    tilt: float = 0.0  # of the whole figure, clockwise
    eyes: str = "open"  # open, shut, wink, wide
    mouth: str = "smile"  # smile, open, small


@dataclass(frozen=True)
class Manner:
    """How one hand draws: what is filled, and with which outline."""

    outline: float = 0.0  # width of the dark line around every part
    shaded: bool = False  # gradients instead of plain colours
    line_art: bool = False  # nothing but lines, in currentColor


POSES: tuple[Pose, ...] = (
    Pose("standing", (205, -25), (-105, -75)),
    Pose("waving", (205, 55), (-105, -75), mouth="open"),
    Pose("cheering", (130, 50), (-115, -65), mouth="open"),
    Pose("asleep", (215, -35), (-100, -80), tilt=-12, eyes="shut", mouth="small"),
    Pose("winking", (140, -35), (-105, -70), tilt=6, eyes="wink"),
    Pose("running", (170, 20), (-140, -50), tilt=12, mouth="open"),
    Pose("surprised", (160, 20), (-105, -75), eyes="wide", mouth="small"),
    Pose("dancing", (215, 60), (-125, -70), tilt=-10),
)
MANNERS: dict[str, Manner] = {
    "soft": Manner(shaded=True),
    "flat": Manner(),
    "ink": Manner(outline=5, line_art=True),
    "bold": Manner(outline=3),
    "glossy": Manner(shaded=True),
}

PINK, DEEP, CREAM, CARAMEL, DARK, CHEEK = "#ff6fae", "#e23a86", "#fff1d6", "#ffcf86", "#3b1d3f", "#ff3d7f"
BODY = "M64 32 C88 32 98 46 98 62 C98 80 86 92 64 92 C42 92 30 80 30 62 C30 46 40 32 64 32 Z"
STRIPES = (
    "M47 35 C38 50 38 74 47 89 L58 92 C47 76 47 49 58 32 Z",
    "M74 33 C85 49 85 76 74 91 L84 87 C93 72 93 50 84 37 Z",
)
WRAPPERS = (
    "M33 58 L12 42 Q7 39 8 46 L11 53 L5 58 L4 63 L9 66 L6 74 Q6 81 13 78 L33 67 Z",
    "M95 58 L116 42 Q121 39 120 46 L117 53 L123 58 L124 63 L119 66 L122 74 Q122 81 115 78 L95 67 Z",
)
FOLDS = ("M31 62 L14 50 M31 63 L12 62 M31 64 L15 73", "M97 62 L114 50 M97 63 L116 62 M97 64 L113 73")


def mascot_svg(pose: Pose, manner: Manner) -> str:
    """One pose in one manner: an SVG of 128 x 128 units on a transparent ground."""
    legs = [_limb(x, 88, angle, 26, manner, shoe=True) for x, angle in zip((53, 75), pose.legs, strict=True)]
    arms = [_limb(x, 78, angle, 27, manner, shoe=False) for x, angle in zip((36, 92), pose.arms, strict=True)]
    inner = "".join([*legs, *_wrappers(manner), *_body(manner), *arms, *_face(pose, manner)])
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 128 128" width="128" height="128">'
        f"<defs>{_gradients()}</defs>"
        f'<g transform="rotate({pose.tilt} 64 64)" stroke-linejoin="round" stroke-linecap="round">{inner}</g></svg>'
    )


def _gradients() -> str:
    def gradient(name: str, top: str, bottom: str) -> str:
        stops = f'<stop offset="0" stop-color="{top}"/><stop offset="1" stop-color="{bottom}"/>'
        return f'<linearGradient id="{name}" x1="0" y1="0" x2="0" y2="1">{stops}</linearGradient>'

    return gradient("body", "#ff9cc9", "#ef4a94") + gradient("wrap", "#ffe0a6", "#ffbd66")


def _paint(manner: Manner, plain: str, gradient: str = "") -> str:
    """Fill and stroke attributes of a closed part."""
    if manner.line_art:
        return f'fill="none" stroke="currentColor" stroke-width="{manner.outline}"'
    fill = f"url(#{gradient})" if manner.shaded and gradient else plain
    stroke = f' stroke="{DARK}" stroke-width="{manner.outline}"' if manner.outline else ""
    return f'fill="{fill}"{stroke}'


def _limb(x: float, y: float, angle: float, length: float, manner: Manner, *, shoe: bool) -> str:
    """A thick round line from the body outwards, with a shoe or a hand at its end."""
    x2, y2 = x + cos(radians(angle)) * length, y - sin(radians(angle)) * length
    colour = "currentColor" if manner.line_art else DARK
    fill = colour if manner.line_art else (DEEP if shoe else CREAM)
    edge = "" if manner.line_art else f' stroke="{DARK}" stroke-width="{max(1.5, manner.outline)}"'
    rx, ry = (7.5, 4.8) if shoe else (5.4, 5.4)
    return (
        f'<path d="M{x} {y} L{x2:.1f} {y2:.1f}" stroke="{colour}" stroke-width="5"/>'
        f'<ellipse cx="{x2:.1f}" cy="{y2:.1f}" rx="{rx}" ry="{ry}" fill="{fill}"{edge}/>'
    )


def _wrappers(manner: Manner) -> list[str]:
    """The two twisted ends, cream with folds."""
    line = "currentColor" if manner.line_art else "#d98a34"
    width = 3 if manner.line_art else 2
    ends = [f'<path d="{end}" {_paint(manner, CARAMEL, "wrap")}/>' for end in WRAPPERS]
    return ends + [f'<path d="{fold}" fill="none" stroke="{line}" stroke-width="{width}"/>' for fold in FOLDS]


def _body(manner: Manner) -> list[str]:
    """The sweet itself: pink with two cream stripes."""
    body = f'<path d="{BODY}" {_paint(manner, PINK, "body")}/>'
    if manner.line_art:
        return [body]
    stripes = [f'<path d="{stripe}" fill="{CREAM}" opacity="0.9"/>' for stripe in STRIPES]
    rim = f'<path d="{BODY}" fill="none" stroke="{DARK}" stroke-width="{manner.outline}"/>' if manner.outline else ""
    return [body, *stripes, rim]


def _face(pose: Pose, manner: Manner) -> list[str]:
    """Eyes, mouth and cheeks."""
    colour = "currentColor" if manner.line_art else DARK
    parts = [_eye(52, pose.eyes, colour), _eye(76, "shut" if pose.eyes == "wink" else pose.eyes, colour)]
    match pose.mouth:
        case "open":
            parts.append(f'<path d="M55 69 Q64 84 73 69 Z" fill="{colour}"/>')
            if not manner.line_art:
                parts.append(f'<path d="M59 74 Q64 79.5 69 74 Q64 71.5 59 74 Z" fill="{CHEEK}"/>')
        case "small":
            parts.append(f'<ellipse cx="64" cy="73" rx="3.4" ry="4" fill="{colour}"/>')
        case _:
            parts.append(f'<path d="M55 70 Q64 79 73 70" fill="none" stroke="{colour}" stroke-width="3.6"/>')
    if not manner.line_art:
        parts += [f'<ellipse cx="{x}" cy="69" rx="5" ry="3.4" fill="{CHEEK}" opacity="0.55"/>' for x in (43, 85)]
    return parts


def _eye(x: float, kind: str, colour: str) -> str:
    if kind == "shut":
        return f'<path d="M{x - 6} 60 Q{x} 66 {x + 6} 60" fill="none" stroke="{colour}" stroke-width="3.6"/>'
    height = 9.0 if kind == "wide" else 7.4
    shine = "" if colour == "currentColor" else f'<circle cx="{x + 1.8}" cy="56" r="2.2" fill="white"/>'
    return f'<ellipse cx="{x}" cy="59" rx="5.2" ry="{height}" fill="{colour}"/>{shine}'
