"""Text that others wrote (an address, a file, a visitor) as it stands in Markdown and in HTML: as text.

Streamlit's Markdown makes links of `www.` and e-mail addresses, pictures of `:name:` and arrows of `->`
after it has taken backslashes away, so that nothing but a code span keeps a word from it.
"""

from __future__ import annotations

import hashlib
import html
import re

LONGEST_KEY = 40  # of a picture that is named in full

# Words and numbers, with what usually stands before, inside and after them.
_ORDINARY = re.compile(
    r"(?!.*www\.)[\[(“‘\"']*[+\-−±]?/?\w+(?:[.'’/,+\-−–=%]+\w+)*[/%]?[\])”’\"']*[.,:;!?…]*[\])”’\"']*[.,;]?"
    r"|[·–—−&=+×*/|%-][.,:;]?",
    re.IGNORECASE,
)
_MARKS = re.compile(r"([\\`*_{}\[\]()#+\-.!|~$:<>&=])")
_FENCE = re.compile(r"`+")


def plain(text: str) -> str:
    """Somebody's text, safe to stand in Markdown: it is shown as it was typed, in one line.

    What could be taken for a link, an address or an icon is shown as code, ordinary words as words.
    """
    return " ".join(
        _MARKS.sub(r"\\\1", word) if _ORDINARY.fullmatch(word) else _as_code(word) for word in text.split()
    )


def _as_code(word: str) -> str:
    # Streamlit changes “:material/” wherever it stands; a joiner of no width keeps it from that.
    word = word.replace(":material/", ":\u2060material/")
    fence = "`" * (1 + max(map(len, _FENCE.findall(word)), default=0))
    pad = " " if word[0] == "`" or word[-1] == "`" else ""
    return f"{fence}{pad}{word}{pad}{fence}"


def escape(text: str) -> str:
    """The same for HTML."""
    return html.escape(text)


def short_key(picture: str) -> str:
    """A picture's key; of a drawn scene, whose key describes it whole, the beginning and a hash."""
    if len(picture) <= LONGEST_KEY:
        return picture
    return f"{picture[: LONGEST_KEY // 2]}… ({hashlib.sha256(picture.encode()).hexdigest()[:8]})"
