"""The command `python -m modules.training`."""

from __future__ import annotations

import argparse
from pathlib import Path

import torch

from modules.training.run import Run


def main() -> None:
    """Read the flags and train."""
    parser = argparse.ArgumentParser(prog="python -m modules.training", description=__doc__)
    parser.add_argument("--minutes", type=float, required=True, help="working time of the whole run")
    parser.add_argument("--resume", type=Path, required=True, metavar="DIR", help="folder of the run")
    parser.add_argument("--pause-file", type=Path, metavar="F", help="training sleeps while this file exists")
    parser.add_argument("--threads", type=int, default=1, help="torch threads (default 1)")
    parser.add_argument("--npm", type=Path, metavar="DIR", help="where npm puts the icon sets (default DIR/npm)")
    parser.add_argument("--output", type=Path, metavar="FILE", help="the checkpoint to write at the end")
    parser.add_argument(
        "--start-from", type=Path, metavar="F", help="begin with the weights of a released starter or of a run's folder"
    )
    parser.add_argument("--workers", type=int, default=2, help="processes that draw the pictures (default 2)")
    arguments = parser.parse_args()
    if arguments.minutes <= 0:
        parser.error(f"--minutes must be positive, got {arguments.minutes}")
    torch.set_num_threads(arguments.threads)
    Run(
        folder=arguments.resume,
        minutes=arguments.minutes,
        pause_file=arguments.pause_file,
        npm_folder=arguments.npm or arguments.resume / "npm",
        output=arguments.output,
        start_from=arguments.start_from,
        workers=arguments.workers,
    ).train()


if __name__ == "__main__":
    main()
