"""A word that stands for another."""

from modules.hooks import hookimpl


@hookimpl
def change_prompt(prompt: str) -> str:
    return prompt.replace("moggy", "cat")
