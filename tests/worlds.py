"""A data set small enough for tests."""

from pathlib import Path

from film.clevr.data.generate import DatasetRecipe

TINY = DatasetRecipe(pictures=7, questions=4, size=(48, 32), chunk=3, seed=5)


def tree(folder: Path) -> dict[str, bytes]:
    """Every file below a folder, by its path there."""
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}
