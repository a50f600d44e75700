"""What the starter is taught: the one list of concepts, hands, treatments and backgrounds."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Hand:
    """A drawing style that comes from a whole icon set. The word is ours: the sets' names are marks."""

    word: str
    package: str  # npm name
    version: str
    licence: str
    credit: str
    monochrome: bool = False  # drawn in currentColor, so its colour is ours to choose


@dataclass(frozen=True)
class Background:
    """A named plain colour, with other phrases that ask for it."""

    word: str
    colour: tuple[float, float, float]  # RGB, 0..1
    phrases: tuple[str, ...] = ()

    @property
    def is_dark(self) -> bool:
        """True where black line art would not be seen (Rec. 601 luma)."""
        red, green, blue = self.colour
        return 0.299 * red + 0.587 * green + 0.114 * blue < 0.45


# our word -> slug of the CLDR label, which is the icon's key in every set
CONCEPTS: dict[str, str] = {
    "castle": "castle",
    "cat": "cat",
    "dog": "dog",
    "rocket": "rocket",
    "tree": "deciduous-tree",
    "house": "house",
    "mushroom": "mushroom",
    "penguin": "penguin",
    "strawberry": "strawberry",
    "guitar": "guitar",
    "pizza": "pizza",
    "fish": "tropical-fish",
    "apple": "red-apple",
    "sunflower": "sunflower",
    "star": "star",
    "sailboat": "sailboat",
    "car": "automobile",
    "owl": "owl",
    "umbrella": "umbrella",
    "banana": "banana",
    "cactus": "cactus",
    "butterfly": "butterfly",
    "hamburger": "hamburger",
    "balloon": "balloon",
    "rainbow": "rainbow",
    "snowman": "snowman",
    "octopus": "octopus",
    "watermelon": "watermelon",
    "frog": "frog",
    "fox": "fox",
    "crown": "crown",
    "robot": "robot",
}

SYNONYMS: dict[str, tuple[str, ...]] = {
    "cat": ("kitten",),
    "dog": ("puppy",),
    "rocket": ("spaceship",),
    "house": ("home",),
    "fish": ("tropical fish",),
    "sailboat": ("boat", "ship"),
    "car": ("automobile",),
    "owl": ("bird",),
    "hamburger": ("burger",),
    "sunflower": ("flower",),
    "pizza": ("slice of pizza",),
    "castle": ("palace",),
    "apple": ("red apple",),
}

TREATMENT_SYNONYMS: dict[str, tuple[str, ...]] = {
    "pixel art": ("pixelated picture", "pixel picture"),
    "pencil sketch": ("sketch", "pencil drawing"),
    "van gogh oil painting": ("van gogh", "oil painting", "van gogh painting"),
}

# seen by the VAE only, so that its colours and shapes are wider than 32 things
EXTRAS: tuple[str, ...] = tuple(
    """key bicycle carrot cherries lemon tomato grapes pineapple doughnut teapot hot-beverage light-bulb bell
    gem-stone red-heart fire crescent-moon sun ghost skull alien anchor airplane helicopter locomotive tractor bus
    tulip rose cherry-blossom four-leaf-clover panda pig-face lion rabbit-face elephant whale turtle snail
    lady-beetle honeybee crab duck chicken baby-chick parrot t-rex dragon unicorn scissors hammer camera trumpet
    violin drum wrapped-gift birthday-cake ice-cream lollipop candle tent volcano mountain desert-island
    soccer-ball basketball flying-saucer egg cooking avocado jack-o-lantern christmas-tree top-hat glasses
    cow-face horse-face bear mouse-face squid shark dolphin bat eagle flamingo peacock rooster maple-leaf pear
    peach eggplant books hourglass-done magnet telescope cloud snowflake high-voltage droplet""".split()  # noqa: SIM905 - a list would be a hundred lines long
)

HANDS: tuple[Hand, ...] = (
    Hand("soft", "noto", "1.2.9", "Apache-2.0", "Noto Emoji, Google Inc"),
    Hand("flat", "fluent-emoji-flat", "1.2.6", "MIT", "Fluent Emoji Flat, Microsoft Corporation"),
    Hand(
        "ink",
        "fluent-emoji-high-contrast",
        "1.2.6",
        "MIT",
        "Fluent Emoji High Contrast, Microsoft Corporation",
        monochrome=True,
    ),
    Hand("bold", "twemoji", "1.2.5", "CC-BY-4.0", "Twemoji, Twitter, Inc and other contributors"),
)

TREATMENTS: tuple[str, ...] = ("pixel art", "pencil sketch", "van gogh oil painting")

BACKGROUNDS: tuple[Background, ...] = (
    Background("white", (1.0, 1.0, 1.0)),
    Background("black", (0.06, 0.06, 0.08), ("at night",)),
    Background("gray", (0.62, 0.63, 0.65), ("on a grey background",)),
    Background("red", (0.78, 0.16, 0.18)),
    Background("orange", (0.98, 0.62, 0.24)),
    Background("yellow", (0.99, 0.88, 0.40)),
    Background("green", (0.45, 0.78, 0.45)),
    Background("blue", (0.22, 0.42, 0.80)),
    Background("purple", (0.47, 0.27, 0.65)),
    Background("pink", (0.99, 0.75, 0.83)),
)

HAND_BY_WORD: dict[str, Hand] = {hand.word: hand for hand in HANDS}
BACKGROUND_BY_WORD: dict[str, Background] = {background.word: background for background in BACKGROUNDS}
