"""All code of Taffy. The plan of the house is in docs/architecture.md."""
