"""What the starter is taught: the one list of concepts, hands, treatments and backgrounds."""

from __future__ import annotations

from dataclasses import dataclass

from modules.training.mascot import NAME, POSES


@dataclass(frozen=True)
class Hand:
    """A drawing style: a whole icon set, drawn in our own manner. The word is ours: the sets' names are marks."""

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


# our words, each with "=" and the slug of the CLDR label (the icon's key in every set) where that differs
ICONS = """
castle cat dog rocket tree=deciduous-tree house mushroom penguin strawberry guitar pizza fish=tropical-fish
apple=red-apple sunflower star sailboat car=automobile owl umbrella banana cactus butterfly hamburger balloon rainbow
snowman octopus watermelon frog fox crown robot key bicycle carrot cherries lemon grapes pineapple doughnut teapot
coffee=hot-beverage lightbulb=light-bulb bell diamond=gem-stone heart=red-heart fire moon=crescent-moon sun ghost
skull anchor airplane train=locomotive tulip rose clover=four-leaf-clover panda pig=pig-face lion rabbit=rabbit-face
elephant whale turtle snail ladybug=lady-beetle bee=honeybee crab dinosaur=t-rex scissors camera drum
gift=wrapped-gift cake=birthday-cake lollipop candle volcano football=soccer-ball pumpkin=jack-o-lantern hat=top-hat
leaf=maple-leaf pear eggplant books hourglass=hourglass-done magnet cloud snowflake lightning=high-voltage spider
snake popcorn fries=french-fries trophy bomb clock=alarm-clock shirt=t-shirt dress pencil planet=ringed-planet
envelope
"""
CONCEPTS: dict[str, str] = {word: slug or word for word, _, slug in (icon.partition("=") for icon in ICONS.split())}
CONCEPTS[NAME] = NAME

SYNONYMS: dict[str, tuple[str, ...]] = {
    "cat": ("kitten",),
    "dog": ("puppy",),
    "rocket": ("spaceship",),
    "house": ("home",),
    "fish": ("tropical fish",),
    "sailboat": ("boat", "ship"),
    "car": ("automobile",),
    "hamburger": ("burger",),
    "pizza": ("slice of pizza",),
    "castle": ("palace",),
    "apple": ("red apple",),
    "bicycle": ("bike",),
    "doughnut": ("donut",),
    "coffee": ("cup of coffee",),
    "lightbulb": ("light bulb",),
    "fire": ("flame",),
    "skull": ("skeleton",),
    "airplane": ("plane",),
    "train": ("locomotive",),
    "clover": ("four leaf clover",),
    "rabbit": ("bunny",),
    "bee": ("honeybee",),
    "dinosaur": ("t-rex",),
    "gift": ("present",),
    "cake": ("birthday cake",),
    "football": ("soccer ball",),
    "hat": ("top hat",),
    "leaf": ("maple leaf",),
    "lightning": ("lightning bolt",),
    "fries": ("french fries",),
    "clock": ("alarm clock",),
    "shirt": ("t-shirt",),
    "envelope": ("letter",),
    NAME: ("taffy the candy", "wrapped sweet"),
}

TREATMENT_SYNONYMS: dict[str, tuple[str, ...]] = {
    "pixel art": ("pixelated picture", "pixel picture"),
    "pencil sketch": ("sketch", "pencil drawing"),
    "neon sign": ("neon", "neon light"),
    "watercolor": ("watercolor painting", "watercolour"),
    "van gogh oil painting": ("van gogh", "oil painting", "van gogh painting"),
    "stained glass": ("stained glass window",),
    "blueprint": ("technical drawing",),
    "comic": ("comic book", "pop art"),
}

# seen by the VAE only, so that its colours and shapes are wider than the things it is asked for
EXTRAS: tuple[str, ...] = tuple(
    """tomato cherry-blossom violin trumpet ice-cream tent mountain desert-island basketball flying-saucer egg
    cooking avocado christmas-tree glasses cow-face horse-face bear mouse-face squid shark dolphin bat
    eagle flamingo peacock rooster peach telescope droplet bus hammer tractor duck alien taco giraffe
    helicopter parrot chicken baby-chick dragon unicorn""".split()  # noqa: SIM905 - a list would be long
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
    Hand("glossy", "fluent-emoji", "1.2.7", "MIT", "Fluent Emoji, Microsoft Corporation"),
)
SAME_DRAWING = {"flat": "glossy", "glossy": "flat"}  # two sets drawn on the same outlines, so they can be blended

TREATMENTS: tuple[str, ...] = tuple(TREATMENT_SYNONYMS)
OWN_GROUND = frozenset({"pencil sketch", "neon sign", "blueprint"})  # these leave nothing of the background's colour

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
    Background("brown", (0.42, 0.26, 0.15)),
    Background("teal", (0.10, 0.62, 0.62)),
)

HAND_BY_WORD: dict[str, Hand] = {hand.word: hand for hand in HANDS}
BACKGROUND_BY_WORD: dict[str, Background] = {background.word: background for background in BACKGROUNDS}


def drawings(concept: str) -> tuple[str, ...]:
    """Keys of a concept's sprites: one icon a hand, or the mascot's poses."""
    if concept == NAME:
        return tuple(f"{NAME}-{pose.name}" for pose in POSES)
    return (CONCEPTS[concept],)
