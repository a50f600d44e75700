"""Training of Taffy's own small checkpoint. Nothing at run time imports this package."""
