"""What checkpoints are on disk, and the one that is loaded."""
