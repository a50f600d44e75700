"""The words every package speaks: the request, tasks, events, Protocols, errors. No library but pydantic."""

VERSION = "0.1.0"  # also in pyproject.toml
