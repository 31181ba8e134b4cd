"""How different two colours look, to whom: the colour science that the tests of our colours measure with.

Colours are written ``#rrggbb`` (sRGB, D65 white). Nothing here is of the package: it judges what that draws.
"""

from __future__ import annotations

import math
from itertools import combinations, product
from typing import Final

Triple = tuple[float, float, float]

VISIONS: Final[dict[str, tuple[Triple, Triple, Triple]]] = {
    "normal": ((1, 0, 0), (0, 1, 0), (0, 0, 1)),
    "protanopia": (
        (0.152286, 1.052583, -0.204868),
        (0.114503, 0.786281, 0.099216),
        (-0.003882, -0.048116, 1.051998),
    ),
    "deuteranopia": (
        (0.367322, 0.860646, -0.227968),
        (0.280085, 0.672501, 0.047413),
        (-0.011820, 0.042940, 0.968881),
    ),
    "tritanopia": (
        (1.255528, -0.076749, -0.178779),
        (-0.078411, 0.930809, 0.147602),
        (0.004733, 0.691367, 0.303900),
    ),
}
"""What makes of linear sRGB what somebody sees, at severity 1.0: Machado, Oliveira & Fernandes, "A
Physiologically-based Model for Simulation of Color Vision Deficiency", IEEE TVCG 15(6), 2009."""

_TO_XYZ: Final = (
    (0.4124564, 0.3575761, 0.1804375),
    (0.2126729, 0.7151522, 0.0721750),
    (0.0193339, 0.1191920, 0.9503041),
)
_WHITE: Final = (0.95047, 1.0, 1.08883)


def lab(colour: str, vision: str = "normal") -> Triple:
    """Give a colour's CIE L*a*b* as somebody sees it."""
    light = _linear(colour)
    seen = tuple(min(1.0, max(0.0, _dot(row, light))) for row in VISIONS[vision])
    x, y, z = (_lightness(_dot(row, seen) / white) for row, white in zip(_TO_XYZ, _WHITE, strict=True))
    return 116 * y - 16, 500 * (x - y), 200 * (y - z)


def hue(colour: str) -> float:
    """Give the angle of a colour's hue in L*a*b*, in degrees."""
    _, a, b = lab(colour)
    return math.degrees(math.atan2(b, a)) % 360


def contrast(first: str, second: str) -> float:
    """Give the contrast of WCAG 2.2, 1 to 21."""
    lighter, darker = sorted((_dot(_TO_XYZ[1], _linear(each)) for each in (first, second)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def smallest_difference(colours: tuple[str, ...]) -> tuple[float, str, str, str]:
    """Find the two of some colours that look most alike, and to whom: the difference, the vision, the colours."""
    return min(
        (difference(lab(first, vision), lab(second, vision)), vision, first, second)
        for vision, (first, second) in product(VISIONS, combinations(colours, 2))
    )


def difference(first: Triple, second: Triple) -> float:
    """Give CIEDE2000 of two L*a*b* colours: 1 is just seen side by side, 100 is black and white.

    As written down by Sharma, Wu & Dalal, "The CIEDE2000 Color-Difference Formula", Color Res. Appl. 30(1), 2005.
    """
    (l1, a1, b1), (l2, a2, b2) = first, second
    g = 0.5 * (1 - _grey((math.hypot(a1, b1) + math.hypot(a2, b2)) / 2))
    a1, a2 = a1 * (1 + g), a2 * (1 + g)
    c1, c2 = math.hypot(a1, b1), math.hypot(a2, b2)
    h1, h2 = (math.degrees(math.atan2(b, a)) % 360 for a, b in ((a1, b1), (a2, b2)))
    turn = (h2 - h1 + 180) % 360 - 180 if c1 * c2 else 0.0
    lightness, chroma = (l1 + l2) / 2, (c1 + c2) / 2
    angle = h1 + turn / 2 if c1 * c2 else h1 + h2
    t = (
        1
        - 0.17 * _cos(angle - 30)
        + 0.24 * _cos(2 * angle)
        + 0.32 * _cos(3 * angle + 6)
        - 0.20 * _cos(4 * angle - 63)
    )
    dl = (l2 - l1) / (1 + 0.015 * (lightness - 50) ** 2 / math.sqrt(20 + (lightness - 50) ** 2))
    dc = (c2 - c1) / (1 + 0.045 * chroma)
    dh = 2 * math.sqrt(c1 * c2) * math.sin(math.radians(turn / 2)) / (1 + 0.015 * chroma * t)
    blue = 60 * math.exp(-((((angle % 360) - 275) / 25) ** 2))
    rotation = -math.sin(math.radians(blue)) * 2 * _grey(chroma)
    return math.sqrt(dl**2 + dc**2 + dh**2 + rotation * dc * dh)


def _grey(chroma: float) -> float:
    return math.sqrt(chroma**7 / (chroma**7 + 25**7))


def _cos(degrees: float) -> float:
    return math.cos(math.radians(degrees))


def _linear(colour: str) -> Triple:
    red, green, blue = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
    return _light(red), _light(green), _light(blue)


def _light(value: float) -> float:
    return value / 12.92 if value <= 0.04045 else float(((value + 0.055) / 1.055) ** 2.4)


def _lightness(value: float) -> float:
    return value ** (1 / 3) if value > 216 / 24389 else (24389 / 27 * value + 16) / 116


def _dot(row: Triple, values: tuple[float, ...]) -> float:
    return sum(weight * value for weight, value in zip(row, values, strict=True))
