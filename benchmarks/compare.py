"""Two checkpoints compared on questions about the gallery, everything but probes.

    python -m benchmarks.compare [ONE OTHER]

Without names: the bundled network beside itself, which costs as much as any other.
"""

from __future__ import annotations

import argparse
import time

from analysis import compare, gallery_questions
from film import Session, find

QUESTIONS = 3000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("checkpoints", nargs="*", default=["clevr", "clevr"], help="two folders or names")
    parser.add_argument("--questions", type=int, default=QUESTIONS)
    options = parser.parse_args()
    one, other = (Session(find(name)) for name in options.checkpoints)
    asked = gallery_questions(options.questions)
    began, used = time.perf_counter(), time.process_time()
    found = compare(one, other, asked, "the gallery")
    seconds, processor = time.perf_counter() - began, time.process_time() - used
    print("\n".join(found.lines()))
    print(f"{found.recipe['questions']:,} questions: {seconds:.1f} s, {processor:.1f} s of processor time")


if __name__ == "__main__":
    main()
