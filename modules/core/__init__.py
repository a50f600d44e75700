"""The words every package speaks: the request, tasks, events, Protocols, errors. No library but pydantic."""
