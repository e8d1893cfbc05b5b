"""What a text says that CLEVR's questions cannot say, in a sentence."""

from __future__ import annotations

from film.clevr.language.rewording import rules
from film.clevr.language.word_tree import known_words

_BEYOND = {
    "negation": "not no none neither nor never without except but excluding non nobody nothing isnt arent "
    "dont doesnt cannot lack lacks lacking minus unlike",
    "differences": "different differ differs difference differently unequal distinct",
    "superlatives or comparisons of size or place": "largest biggest smallest tiniest most least closest "
    "nearest farthest furthest leftmost rightmost frontmost backmost bigger smaller larger tinier closer "
    "nearer farther taller tallest shorter lighter darker brightest darkest higher lower highest lowest",
    "ordinals": "first second third fourth fifth sixth last 1st 2nd 3rd 4th 5th previous",
    "places other than left of, right of, in front of and behind": "above below under over underneath "
    "beneath top bottom between beside besides near nearby adjacent around inside outside middle center "
    "centre corner touching opposite far close neighbor neighbour next among across edge",
    "given amounts": "zero one two three four five six seven eight nine ten eleven twelve 0 1 2 3 4 5 6 7 8 "
    "9 10 11 12 exactly only several few all every each half pair couple dozen twice single",
    "colors other than its eight": "white black orange pink teal gold golden silver beige violet maroon "
    "turquoise magenta lime navy violet indigo tan olive crimson",
    "shapes other than cube, sphere and cylinder": "pyramid pyramids cone cones torus triangle triangles "
    "square squares circle circles prism rectangle rectangles disc disk ring star cuboid",
    "materials other than metal and rubber": "plastic glass wood wooden stone paper ceramic cloth cotton",
}  # fmt: skip
KIND_OF = {word: kind for kind, words in _BEYOND.items() for word in words.split()}


# Questions in CLEVR's words that CLEVR does not ask.
_UNASKED = rules(
    (r"^(?:is|are) the (?!.*(?:same|number)).*",
     "whether a known object has a given look or place; ask which"),
    (r"^what (?:is|are) (?:the )?(?:{REL}|{NP}s?$).*", "what something is altogether; ask for one attribute"),
    (r".* (?:(?:to|on) the (?:left|right)(?: side)?|in front)$", "a place with no object it refers to"),
)  # fmt: skip


def cannot_say(reworded: str) -> str | None:
    """What a text says that CLEVR's questions cannot, in a sentence; None where that is not known."""
    kinds: dict[str, list[str]] = {}
    for word in dict.fromkeys(reworded.split()):
        if word not in known_words() and word != ",":
            kind = "negation" if word.endswith("n't") else KIND_OF.get(word.removesuffix("'s"), "")
            kinds.setdefault(kind, []).append(f"“{word}”")
    if named := [f"for {kind} ({', '.join(words[:5])})" for kind, words in kinds.items() if kind]:
        return f"CLEVR's questions have no words {' or '.join(named)}."
    if kinds:
        words = kinds[""]
        more = f" and {len(words) - 5} more" if len(words) > 5 else ""
        return f"CLEVR's questions do not have the word{'s' * (len(words) > 1)} {', '.join(words[:5])}{more}."
    unasked = next((str(what) for pattern, what in _UNASKED if pattern.match(reworded)), None)
    return f"CLEVR's questions cannot ask {unasked}." if unasked else None
