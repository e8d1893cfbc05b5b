"""`python -m analysis extract | layout | study | ...`: measure what the app then only reads."""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import time
from pathlib import Path

from analysis.writes import NO_DATA, beside_all, beside_weights
from film import (
    InputError,
    Questions,
    Session,
    Stages,
    command,
    find,
    progress_bars,
    refuse,
    run_command,
    unknown_words,
)

STUDIED = 20_000  # questions, where no number is given


def _extract(options: argparse.Namespace, bars: Stages) -> None:
    from analysis.corpus.extraction import extract
    from analysis.corpus.question_set import read_questions, sample_questions

    if options.data:
        refuse(options, "which is of sampled questions; those of --data are taken as they come.", "--seed")
    else:
        refuse(options, NO_DATA, "--split")
    session = Session(find(options.checkpoint), options.device or _own_device())
    if options.data:
        asked = read_questions(
            options.data, options.questions, options.split, progress=bars("questions found")
        )
    else:
        asked = sample_questions(options.questions or STUDIED, options.seed, progress=bars("questions drawn"))
    if told := unknown_words(*session.vocabulary.unknown(asked.table["text"]), len(asked)):
        print(told)
    began = time.perf_counter()
    made = extract(session, asked, options.out, predict=options.predict, progress=bars("questions read"))
    seconds = time.perf_counter() - began
    size = sum(path.stat().st_size for path in Path(options.out).iterdir() if path.is_file())
    if os.environ.get("RANK", "0") == "0":
        print(f"{options.out}: {len(made):,} questions in {seconds:.1f} s, {size / 1e6:.1f} MB")


def _own_device() -> str:
    """Under torchrun every process takes the GPU of its number."""
    import torch

    number = os.environ.get("LOCAL_RANK")
    return f"cuda:{number}" if number is not None and torch.cuda.is_available() else "auto"


def _layout(options: argparse.Namespace, bars: Stages) -> None:
    import numpy as np

    from analysis.corpus.extraction import open_extraction
    from analysis.corpus.kept_layouts import layout_in
    from analysis.corpus.layout import LayoutRecipe

    session = Session(find(options.checkpoint), "cpu") if options.checkpoint else None
    extraction = open_extraction(options.folder, session)
    recipe = LayoutRecipe(options.space, options.method, options.seed, dict(map(_setting, options.set)))
    rows = None
    if options.questions and options.questions < len(extraction):
        rng = np.random.default_rng(options.seed)
        rows = np.sort(rng.choice(len(extraction), options.questions, replace=False))
    layout = layout_in(
        Path(options.folder) / "layouts", extraction, recipe, rows,
        stability=options.stability, progress=bars("parts in a hundred"),
    )  # fmt: skip
    print(f"{layout.recipe.describe()}: {len(layout):,} questions; " + _quality(layout.quality))


def _setting(text: str) -> tuple[str, float | str]:
    name, found, value = text.partition("=")
    if not found:
        raise InputError(f"--set {text} is no setting; write it as --set perplexity=50.")
    try:
        return name, int(value) if value.isdecimal() else float(value)
    except ValueError:
        return name, value  # such as metric=cosine; the recipe refuses what is none of a setting's values


def _quality(quality: dict[str, float]) -> str:
    return ", ".join(f"{name.replace('_', ' ')} {value:.4g}" for name, value in quality.items())


def _study(options: argparse.Namespace, bars: Stages) -> None:
    from analysis.study import FOLDER, make_study

    folder = find(options.checkpoint)
    out = Path(options.out or folder / FOLDER)
    began = time.perf_counter()
    study, layouts = make_study(
        Session(folder, options.device or "auto"), out,
        questions=options.questions or STUDIED, seed=options.seed, progress=bars("parts"),
    )  # fmt: skip
    for title, layout in layouts.items():
        print(f"{title}: {len(layout):,} questions; {_quality(layout.quality)}")
    size = sum(path.stat().st_size for path in out.rglob("*") if path.is_file())
    print(f"{out}: {len(study):,} questions, {size / 1e6:.1f} MB, {time.perf_counter() - began:.0f} s")


def _evidence(options: argparse.Namespace, bars: Stages) -> None:
    from analysis.corpus.accuracy import DRAWN, drawn_questions, some_questions, told_left_out
    from analysis.corpus.evidence import FOLDER, measure_evidence

    if not options.data:
        refuse(options, NO_DATA, "--split")
    folder = find(options.checkpoint)
    out = Path(options.out or folder / FOLDER)
    session = Session(folder, options.device)
    asked: Questions
    if options.data:
        asked = some_questions(options.data, options.split, options.questions)
        source = Path(options.data).name
    else:
        asked, source = drawn_questions(options.questions, options.seed), DRAWN
    found = measure_evidence(session, out, asked, source, seed=options.seed, bars=bars)
    print(
        f"{out}: {found.answers['right'].mean():.1%} of {len(found.answers):,} questions right, "
        f"{len(found.probes):,} probes"
    )
    if told := told_left_out(found.recipe):
        print(told)


def _generalisation(options: argparse.Namespace, bars: Stages) -> None:
    from analysis.corpus.generalisation import by_kind, measure_generalisation

    folder = find(options.checkpoint)
    session = Session(folder, options.device)
    found = measure_generalisation(
        session, folder, questions=options.questions, seed=options.seed, progress=bars
    )
    print(f"{'test':10} {'kind':18}{'asked':>7}{'right %':>9}{'95 % interval':>16}{'constant guess':>16}")
    for test, table in found.items():
        for row in by_kind(test, table).itertuples():
            print(
                f"{test:10} {row.value:18}{row.asked:7,}{100 * row.accuracy:9.1f}{row.interval:>16}"
                f"{100 * row.guess:16.1f}"
            )


def _maps(options: argparse.Namespace, bars: Stages) -> None:
    from analysis.corpus.map_cards import FOLDER, measure_maps, write_maps
    from analysis.study import open_study

    folder = find(options.checkpoint)
    session = Session(folder, options.device)
    study = open_study(folder / FOLDER, session)
    if study is None:
        study_it = command("analysis", "study", session.checkpoint)
        raise InputError(f"There is no study in {folder / FOLDER}; make it with `{study_it}`.")
    out = Path(options.out or folder / FOLDER)
    workshop = out / ".maps"
    found = measure_maps(session, study, seed=options.seed, folder=workshop, progress=bars("parts"))
    write_maps(out, found)
    shutil.rmtree(workshop, ignore_errors=True)
    named = (found.cards["pictures"] != "unlabelled").sum()
    print(f"{out}: {len(found.cards):,} maps, {named:,} of them differ between objects")
    print(found.survival())
    print(found.trust())
    for block, cards in found.telling.groupby("block"):
        print(f"block {int(block) + 1}: maps {', '.join(map(str, cards['map']))}")


def _reproduce(options: argparse.Namespace, bars: Stages) -> None:
    from analysis.readme import tables, trained_tables, written
    from analysis.reproduce import measure_results
    from film import bundled, write_atomically

    measured = {}
    for folder in map(find, options.checkpoint or bundled()):
        session = Session(folder, options.device)
        results = measure_results(session, folder, seed=options.seed, bars=bars)
        measured[session.card.name or folder.name] = session.card, results
        for part, why in results["left out"].items():
            print(f"{part} left out: {why}", file=sys.stderr)
    made = tables(measured) | trained_tables()
    if options.readme is None:
        print("\n\n".join(made.values()))
        return
    page = Path(options.readme)
    if not page.is_file():
        raise InputError(f"There is no page {page}; name the README to write the tables into.")
    text = written(page.read_text("utf-8"), made)
    write_atomically(page, lambda path: path.write_text(text, encoding="utf-8"))
    print(f"{page}: {len(made)} tables written")


def _report(options: argparse.Namespace, bars: Stages) -> None:
    from analysis.report import make_report, write_report
    from analysis.report_view import view_of
    from analysis.study import Study

    if not options.view:
        refuse(options, "which is for the picture of a --view; name one.", "--pictures", "--picture")
    alone = Path(options.checkpoint) if options.checkpoint else None
    if alone and (alone / "extraction.json").is_file() and not (alone / "card.json").is_file():
        session, folder = None, alone  # a study without its network
    else:
        folder = find(options.checkpoint)
        session = Session(folder, options.device)
    weights = Study(session, folder).weights
    given = {"folder": options.pictures, "picture": options.picture}
    view, remarks, shown = view_of(options.view, weights, **given) if options.view else (None, (), None)
    page = make_report(
        session, folder, view=view, remarks=remarks, shown=shown, seed=options.seed, command=options.typed,
        progress=bars("parts"),
    )  # fmt: skip
    write_report(options.out, page)
    print(f"{options.out}: {len(page.encode()) / 1e6:.1f} MB")


def _check(options: argparse.Namespace, bars: Stages) -> None:
    from analysis.adapter.check import check_study

    found, problems = check_study(options.folder)
    print(found)
    if problems:
        raise InputError("\n".join(problems))
    print("Nothing is wrong with it.")


def _import_article(options: argparse.Namespace, bars: Stages) -> None:
    from analysis.adapter.article import import_article

    for name, study in import_article(options.folder, options.out, progress=bars("parts")).items():
        print(f"{Path(options.out) / name}: {len(study):,} questions")


def main(arguments: list[str] | None = None) -> int:
    from analysis.comparison.commands import add_commands as add_comparison
    from analysis.interventions.commands import add_commands
    from analysis.scenes.commands import add_commands as add_scene_commands

    parser = argparse.ArgumentParser(prog=command("analysis"), description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    bundled = "folder, or name of a bundled one; the first bundled one if left out"
    add = commands.add_parser("extract", help="gamma, beta and GRU state of many questions, in a folder")
    add.add_argument("--checkpoint", help=bundled)
    add.add_argument("--out", required=True, help="folder to write; a run cut off there goes on")
    add.add_argument(
        "--data", help="packed corpus, CLEVR folder or text file (a question a line); sampled if left out"
    )
    add.add_argument("--split", help="of a CLEVR folder")
    add.add_argument("--questions", type=int, help=f"the first so many; {STUDIED:,} if sampled")
    add.add_argument("--seed", type=int, default=0, help="of sampled questions")
    add.add_argument(
        "--predict", action="store_true", help="answer those with a picture, keep their pooled maps"
    )
    add.add_argument("--device")
    add.set_defaults(run=_extract)
    add = commands.add_parser(
        "layout", help="a projection of an extraction's questions, in layouts/ in its folder"
    )
    add.add_argument("folder", help="what extract made, or a study (then name its --checkpoint)")
    add.add_argument(
        "--space", default="both", help="gamma, beta, both, maps or state; one block's as both:4"
    )
    add.add_argument("--method", default="tsne", help="tsne, umap, pca, pacmap or tsne-paper (the authors')")
    add.add_argument("--questions", type=int, help="a random sample of so many")
    add.add_argument("--seed", type=int, default=0)
    add.add_argument(
        "--set", action="append", default=[], metavar="NAME=VALUE",
        help="such as perplexity=50, n_neighbors=30 (at most 200), min_dist=0.3, or metric=cosine "
        "(euclidean, cosine or correlation)",
    )  # fmt: skip
    add.add_argument(
        "--stability", action="store_true", help="compare with a layout from another random start"
    )
    add.add_argument("--checkpoint", help="of a study")
    add.set_defaults(run=_layout, writes=lambda options: [options.folder])
    add = commands.add_parser(
        "study", help="many questions and projections of them, kept in study/ beside a checkpoint"
    )
    add.add_argument("checkpoint", nargs="?", help=bundled)
    add.add_argument("--questions", type=int)
    add.add_argument("--seed", type=int, default=0)
    add.add_argument("--device")
    add.add_argument("--out", help="folder to write, study beside the weights if left out")
    add.set_defaults(run=_study, writes=beside_weights)
    add = commands.add_parser(
        "evidence",
        help="answers to questions of known truth, and linear probes, kept in study/ beside a checkpoint",
    )
    add.add_argument(
        "checkpoint", nargs="?", help="folder, or name of a bundled one; the first bundled one if left out"
    )
    add.add_argument(
        "--data", help="CLEVR folder or packed corpus to ask about; scenes drawn here if left out"
    )
    add.add_argument("--split", help="of a CLEVR folder")
    add.add_argument("--questions", type=int, default=3000)
    add.add_argument("--seed", type=int, default=0)
    add.add_argument("--device", default="auto")
    add.add_argument("--out", help="folder to write, study beside the weights if left out")
    add.set_defaults(run=_evidence, writes=beside_weights)
    add = commands.add_parser(
        "maps", help="what every feature map differs between, kept in study/ beside a checkpoint"
    )
    add.add_argument("checkpoint", nargs="?", help=bundled)
    add.add_argument("--seed", type=int, default=0)
    add.add_argument("--device", default="auto")
    add.add_argument("--out", help="folder to write, study beside the weights if left out")
    add.set_defaults(run=_maps, writes=beside_weights)
    add = commands.add_parser(
        "reproduce",
        help="measure what is missing of a study, and write the README's tables; goes on if stopped",
    )
    add.add_argument(
        "checkpoint",
        nargs="*",
        help="folders or names of bundled ones, beside each other; all bundled if left out",
    )
    add.add_argument(
        "--readme", help="the page to write the tables into, between its markers; printed if left out"
    )
    add.add_argument("--seed", type=int, default=0)
    add.add_argument("--device", default="auto")
    add.set_defaults(run=_reproduce, writes=beside_all)
    add = commands.add_parser(
        "generalisation",
        help="CLEVR's, CLOSURE's and CoGenT's questions, kept in study/; run again to go on",
    )
    add.add_argument("checkpoint", nargs="?", help=bundled)
    add.add_argument("--questions", type=int, default=1000, help="of each but CLOSURE (default 1000)")
    add.add_argument("--seed", type=int, default=0)
    add.add_argument("--device", default="auto")
    add.set_defaults(run=_generalisation, writes=beside_weights)
    add = commands.add_parser("report", help="the study, or a saved view, as one self-contained page")
    add.add_argument("checkpoint", nargs="?", help=bundled)
    add.add_argument("--view", help="the app's address of a view, or what follows its question mark")
    add.add_argument("--pictures", help="with --view: the folder of pictures that the app had open")
    add.add_argument("--picture", help="with --view: a picture file, for a view of an upload")
    add.add_argument("--out", required=True, help="the HTML file to write")
    add.add_argument("--seed", type=int, default=0, help="of what is resampled")
    add.add_argument("--device", default="auto")
    add.set_defaults(run=_report)
    add = commands.add_parser("check", help="whether a folder is a whole study, and what it holds")
    add.add_argument(
        "folder", help="what `analysis.write_study` or extract made, or the study of a checkpoint"
    )
    add.set_defaults(run=_check)
    add = commands.add_parser(
        "import-article", help="the gammas and betas that the FiLM authors published, as a study"
    )
    add.add_argument("folder", help="the data files of the article Feature-wise transformations")
    add.add_argument("--out", default="article", help="gets a folder for each feature map")
    add.set_defaults(run=_import_article)
    add_commands(commands, bundled)
    add_scene_commands(commands, bundled)
    add_comparison(commands)
    for parser_of in commands.choices.values():
        parser_of.set_defaults(parser=parser_of)
    options = parser.parse_args(arguments)
    options.typed = command("analysis", *(sys.argv[1:] if arguments is None else arguments))

    def work() -> None:
        asked = options.__dict__.get("questions")
        if asked is not None and asked < 2:
            raise InputError(f"--questions {asked} was given; ask for 2 or more.")
        with progress_bars() as bars:
            options.run(options, bars)

    is_file = options.command == "report"
    return run_command(f"film-analysis {options.command}", options, work, out_is_file=is_file)


if __name__ == "__main__":
    sys.exit(main())
