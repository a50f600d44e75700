"""An independent judge of pictures: a small network that names what a picture shows, trained on real drawings only."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from modules.training.catalog import BACKGROUNDS, CONCEPTS, HANDS, TREATMENTS

JUDGE_FILE = Path(__file__).with_name("judge.safetensors")
WIDTHS = (32, 48, 96, 160, 192)
PLAIN = "plain"  # the treatment of a picture without one
QUESTIONS: dict[str, tuple[str, ...]] = {
    "concept": tuple(CONCEPTS),
    "hand": tuple(hand.word for hand in HANDS),
    "treatment": (PLAIN, *TREATMENTS),
    "background": tuple(background.word for background in BACKGROUNDS),
}


@dataclass(frozen=True)
class Opinion:
    """What the judge says of one picture: the likeliest answer to each question, and every probability."""

    concept: str
    hand: str  # means something for plain pictures only
    treatment: str
    background: str  # means something where the treatment leaves the ground alone
    probabilities: dict[str, dict[str, float]]  # question -> answer -> 0..1


class Judge(nn.Module):
    """Six convolutions, the mean and the maximum over the picture, and one linear head a question."""

    def __init__(self, questions: dict[str, tuple[str, ...]] | None = None) -> None:
        super().__init__()
        self.questions = questions or QUESTIONS
        first, second, third, fourth, last = WIDTHS
        self.trunk = nn.Sequential(
            *_layer(3, first, side=5, stride=2),
            *_layer(first, second),
            nn.MaxPool2d(2),
            *_layer(second, third),
            nn.MaxPool2d(2),
            *_layer(third, fourth),
            *_layer(fourth, last),
            nn.MaxPool2d(2),
            *_layer(last, last),
        )
        self.heads = nn.ModuleDict({name: nn.Linear(2 * last, len(said)) for name, said in self.questions.items()})

    def features(self, pictures: Tensor) -> Tensor:
        """Pictures (n, 3, 64, 64) in 0..1 -> (n, 384)."""
        maps: Tensor = self.trunk(pictures * 2 - 1)
        return torch.cat([maps.mean((2, 3)), maps.amax((2, 3))], 1)

    def forward(self, pictures: Tensor) -> dict[str, Tensor]:
        """Logits (n, answers) for each question."""
        seen = F.dropout(self.features(pictures), 0.2, self.training)
        return {name: head(seen) for name, head in self.heads.items()}

    @torch.inference_mode()
    def names(self, pictures: Tensor) -> list[Opinion]:
        """What each picture (n, 3, h, w) in 0..1 shows. Other sizes than 64 are scaled."""
        if pictures.shape[-2:] != (64, 64):
            pictures = F.interpolate(pictures, size=(64, 64), mode="bilinear", antialias=True)
        shares = {name: logits.softmax(1) for name, logits in self(pictures.float()).items()}
        return [self._opinion({name: share[i] for name, share in shares.items()}) for i in range(len(pictures))]

    def _opinion(self, shares: dict[str, Tensor]) -> Opinion:
        named = {
            name: dict(zip(self.questions[name], (float(p) for p in share), strict=True))
            for name, share in shares.items()
        }
        best = {name: max(said, key=lambda answer: said[answer]) for name, said in named.items()}
        return Opinion(**best, probabilities=named)


def _layer(inputs: int, outputs: int, side: int = 3, stride: int = 1) -> tuple[nn.Module, ...]:
    convolution = nn.Conv2d(inputs, outputs, side, stride, padding=side // 2, bias=False)
    return convolution, nn.GroupNorm(8, outputs), nn.ReLU()


def save_judge(judge: Judge, path: Path) -> None:
    """Write fp16 weights with the questions and answers in the metadata."""
    state = {name: value.half() if value.is_floating_point() else value for name, value in judge.state_dict().items()}
    save_file(state, path, metadata={"questions": json.dumps(judge.questions)})
    path.chmod(0o644)  # safetensors writes files that only their owner can read


def load_judge(path: Path = JUDGE_FILE) -> Judge:
    """Read a judge, ready to be asked."""
    with safe_open(path, "pt") as file:
        questions = {name: tuple(said) for name, said in json.loads(file.metadata()["questions"]).items()}
        state = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a dict
    judge = Judge(questions)
    judge.load_state_dict(
        {name: value.float() if value.is_floating_point() else value for name, value in state.items()}
    )
    return judge.eval()
