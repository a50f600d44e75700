"""Jobs belong to the server: a queue that survives a crash, and the people who watch. Knows no page and no weights."""
