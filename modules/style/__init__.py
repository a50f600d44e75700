"""What style transfer can do without a model: colours, presets, pictures, measures. Importable without torch."""
