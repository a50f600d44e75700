"""Who may come in: named users with their passwords, the link of `--listen`, and how long somebody stays known."""
