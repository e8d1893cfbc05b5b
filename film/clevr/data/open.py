"""CLEVR data in all its forms behind one door.

folder.py      CLEVR v1.0, CoGenT and Humans folders as downloaded, and ours
corpus.py      packed corpora, which training reads; encoding.py says what their rows mean
packing.py     folder -> packed corpus
generate.py    scenes, questions and pictures from nothing, in either form
scene_folder.py  given scenes with their pictures, as such a folder
picture_folder.py  pictures to leaf through, of any of these or of a plain folder
"""

from __future__ import annotations

from pathlib import Path

from film.clevr.data.corpus import MANIFEST, Corpus
from film.clevr.data.encoding import QuestionArrays, question_arrays, scene_arrays
from film.clevr.data.folder import Folder, Split, open_folder
from film.clevr.data.question_json import GivenQuestion
from film.errors import InputError

__all__ = [
    "Corpus",
    "Folder",
    "GivenQuestion",
    "QuestionArrays",
    "Split",
    "open_data",
    "open_folder",
    "question_arrays",
    "scene_arrays",
]


def open_data(path: str | Path, split: str | None = None) -> Split | Corpus:
    """A packed corpus or one split of a CLEVR folder, whichever `path` is.

    Both have `name`, `questions()`, `scenes()` and `picture_of(filename)`. `split` may be left
    out where there is only one.

    Raises:
        InputError: there is neither, it is damaged, or it has no such split or several and none is named.
    """
    path = Path(path)
    if (path / MANIFEST).exists() or any(path.glob(f"shard-*/{MANIFEST}")):
        corpus = Corpus.open(path)
        if split not in (None, corpus.name):
            raise InputError(
                f"{path} is a packed corpus of split {corpus.name!r}, not {split!r}; leave --split out."
            )
        return corpus
    folder = open_folder(path)
    if split is None and len(folder.splits) > 1:
        raise InputError(f"{path} has the splits {', '.join(folder.splits)}; say which one with --split.")
    return folder.split(split or next(iter(folder.splits)))
