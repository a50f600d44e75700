"""What alters a loaded model for a while. Each adapter is undone exactly by leaving its context."""
