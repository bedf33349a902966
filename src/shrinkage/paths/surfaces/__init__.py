"""Surfaces: models over two or three axes, strengths or numbers of the recipe, and one choice."""
