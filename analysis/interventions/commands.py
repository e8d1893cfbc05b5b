"""The commands of interventions: `film-analysis patch`, `patch-words`, `ablate`, `analogies` and more."""

from __future__ import annotations

import argparse
import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from analysis.writes import NO_DATA, where_kept, where_pairs
from film import InputError, Questions, Session, Stages, find, refuse, write_atomically

if TYPE_CHECKING:
    from analysis.interventions.kept import Measured

PRINTED = 20  # rows of what is measured over many questions


def add_commands(commands: Any, checkpoint_help: str) -> None:
    """Add them to the parsers of `film-analysis`."""
    add = commands.add_parser("patch", help="patch gamma and beta from one question into another, map by map")
    add.add_argument("checkpoint", nargs="?", help=checkpoint_help)
    add.add_argument("--picture", type=Path, help="a picture file; with --source and --target")
    add.add_argument("--source", help="the question whose gamma and beta are taken")
    add.add_argument("--target", help="the question that is asked with them")
    add.add_argument("--parameters", default="both", choices=("both", "gamma", "beta"))
    add.add_argument("--answers", nargs=2, metavar=("A", "B"), help="whose logits are compared: A minus B")
    add.add_argument("--pairs", type=int, help="instead: so many one-word pairs about the gallery's pictures")
    add.add_argument("--seed", type=int, default=0)
    add.add_argument("--device", default="auto")
    add.add_argument("--json", type=Path, help="write the pair's numbers here, or with --pairs the rows")
    add.add_argument(
        "--out", help="with --pairs: folder to keep them in; of gamma and beta together the study if left out"
    )
    add.add_argument(
        "--controls", action="store_true", help="with --pairs: whole blocks beside controls; nothing is kept"
    )
    add.set_defaults(run=_patch, writes=where_pairs)
    add = commands.add_parser(
        "patch-words", help="after which words is the difference of two questions read?"
    )
    add.add_argument("checkpoint", nargs="?", help=checkpoint_help)
    add.add_argument(
        "--pairs", type=int, default=300, help="so many one-word pairs about the gallery's pictures"
    )
    _of_results(add)
    add.set_defaults(run=_patch_words, writes=where_kept)
    add = commands.add_parser("objects", help="what every feature map reads at every object of a picture")
    add.add_argument("checkpoint", nargs="?", help=checkpoint_help)
    add.add_argument("--picture", required=True, help="a picture file, or gallery-7")
    add.add_argument(
        "--scenes", type=Path, help="of a picture file: the CLEVR scenes file that has its scene"
    )
    add.add_argument("--question", required=True)
    add.add_argument(
        "--edits", default="", help="of gamma and beta, as in a link of the Bench: set:2.17.gamma:0"
    )
    add.add_argument("--device", default="auto")
    add.add_argument("--json", type=Path, help="write every map's readings here")
    add.set_defaults(run=_objects)
    add = commands.add_parser("ablate", help="accuracy with noise on gamma and beta, and with their means")
    add.add_argument("checkpoint", nargs="?", help=checkpoint_help)
    _of_data(add, 1000)
    add.add_argument("--noise", type=float, nargs="+", default=[1.0, 2.0, 3.0], help="standard deviations")
    _of_results(add)
    add.set_defaults(run=_ablate, writes=where_kept)
    _of_questions(commands, checkpoint_help)
    add = commands.add_parser("analogies", help="A + B - C of questions, and how often it answers rightly")
    add.add_argument("checkpoint", nargs="?", help=checkpoint_help)
    add.add_argument("--triples", type=int, default=300, help="so many about the gallery's pictures")
    _of_results(add)
    add.set_defaults(run=_analogies, writes=where_kept)
    add = commands.add_parser("robustness", help="do answers hold in other words, and with linked questions?")
    add.add_argument("checkpoint", nargs="?", help=checkpoint_help)
    _of_data(add, 500)
    add.add_argument("--paraphrases", type=int, default=8, help="of each question, at most")
    _of_results(add)
    add.set_defaults(run=_robustness, writes=where_kept)
    add = commands.add_parser(
        "zero-shot",
        help="the paper's analogy on condition B, for networks taught A; goes on where it was stopped",
    )
    add.add_argument("folder", type=Path, help="that `film train-cogent` wrote")
    _of_results(add)
    add.set_defaults(run=_zero_shot, writes=lambda options: [options.folder])


def _of_questions(commands: Any, checkpoint_help: str) -> None:
    """Those that measure many questions on request, as the bench does; they keep nothing."""
    for name, told in (
        ("kept-sets", "what is left with a few feature maps alone, and without them"),
        ("map-pairs", "whether pairs of feature maps do together what they do alone"),
        ("families", "effects of feature maps on question families that were left out"),
    ):
        add = commands.add_parser(name, help=told)
        add.add_argument("checkpoint", nargs="?", help=checkpoint_help)
        add.add_argument("--questions", type=int, default=200, help="so many about the gallery's pictures")
        add.add_argument("--seed", type=int, default=0)
        add.add_argument("--device", default="auto")
        add.add_argument("--json", type=Path, help="write the rows here")
        add.set_defaults(run=_over_questions)


def _of_data(add: argparse.ArgumentParser, questions: int) -> None:
    add.add_argument("--data", help="CLEVR folder or packed corpus to ask about; the gallery if left out")
    add.add_argument("--split", help="of a CLEVR folder")
    add.add_argument("--questions", type=int, default=questions)


def _of_results(add: argparse.ArgumentParser) -> None:
    add.add_argument("--seed", type=int, default=0)
    add.add_argument("--device", default="auto")
    add.add_argument("--json", type=Path, help="write the rows here")
    add.add_argument("--keep", action="store_true", help="keep them beside the weights, for the app to show")


def _patch(options: argparse.Namespace, bars: Stages) -> None:
    from analysis.interventions.pairs import MinimalPair
    from analysis.interventions.patching import patch_pair, patch_pairs, random_direction

    if options.pairs is not None:
        (_patch_controls if options.controls else _patch_many)(options, bars)
        return
    refuse(options, "which is of many pairs; say with --pairs how many.", "--controls")
    refuse(options, "which is for the results of many --pairs; those of one go to --json.", "--out")
    if not (options.picture and options.source and options.target):
        raise InputError("Give --picture, --source and --target, or --pairs for many.")
    session = Session(options.checkpoint, options.device)
    answers = tuple(options.answers) if options.answers else None
    found = patch_pair(
        session, options.picture, options.source, options.target, options.parameters, answers=answers
    )
    pair = MinimalPair("picture", options.source, options.target, *found.answers[0], "", ("", ""), "")
    control = patch_pairs(
        session, [pair], lambda _: options.picture, options.parameters, change=random_direction(options.seed)
    )
    for block, share in enumerate(found.share("denoising", "blocks")[0], start=1):
        print(f"block {block}: {share:+.3f} of {found.distance[0]:.2f} logits recovered")
    if options.json:
        told = found.to_json() | {
            "source": options.source,
            "target": options.target,
            "controls": {
                "random direction of the same size": {
                    "seed": options.seed,
                    "recovered": control.share("denoising")[0].tolist(),
                    "recovered_blocks": control.share("denoising", "blocks")[0].tolist(),
                }
            },
        }
        _write(options.json, told)


def _patch_many(options: argparse.Namespace, bars: Stages) -> None:
    from analysis.interventions.word_reading import gallery_word_reading, write_word_reading

    refuse(
        options, "which is of one pair; --pairs are about the gallery's pictures, and compare true answers.",
        "--picture", "--source", "--target", "--answers",
    )  # fmt: skip
    _enough(options.pairs)
    out = next(iter(where_pairs(options)), None)
    if out is None and options.json is None:
        raise InputError(
            f"--parameters {options.parameters} was given, but the study keeps only what gamma and beta do "
            "together; say with --out or --json where these results go."
        )
    workshop = None if out is None else out / ".patching"
    found = gallery_word_reading(
        Session(options.checkpoint, options.device), workshop, pairs=options.pairs,
        parameters=options.parameters, seed=options.seed, progress=bars("pairs patched"),
    )  # fmt: skip
    if out is not None:
        write_word_reading(out, found)
    if workshop is not None:
        shutil.rmtree(workshop, ignore_errors=True)
    if options.json:
        _write(options.json, found.to_json())
    whole = found.table[(found.table["kind"] == "any") & (found.table["map"] < 0)]
    for row in whole.itertuples():
        print(
            f"block {row.block}: {row.share:.3f} of the difference recovered [{row.low:.3f}, {row.high:.3f}]"
        )
    claimed = found.table[found.table["claimed"] & (found.table["map"] >= 0) & (found.table["kind"] != "any")]
    where = "not kept" if out is None else out
    print(f"{where}: {len(claimed)} maps read a kind of word, confirmed on pictures kept aside")


def _patch_controls(options: argparse.Namespace, bars: Stages) -> None:
    from analysis.interventions.patch_controls import gallery_patch_controls
    from analysis.study import Study

    refuse(
        options, "which controls have not: they are of whole blocks, about the gallery's pictures.",
        "--picture", "--source", "--target", "--answers", "--out",
    )  # fmt: skip
    if options.parameters != "both":
        raise InputError("Controls are of gamma and beta together; leave --parameters out.")
    _enough(options.pairs)
    study = Study(Session(options.checkpoint, options.device), find(options.checkpoint))
    found = gallery_patch_controls(
        study.session,
        study.population,
        pairs=options.pairs,
        seed=options.seed,
        progress=bars("pairs patched"),
    )
    table = found.tables["table"]
    for row in table[table["kind"] == "any"].itertuples():
        share = "" if row.share != row.share else f" {row.share:+.3f} [{row.low:+.3f}, {row.high:+.3f}]"
        print(
            f"block {row.block}, {row.patch:32}{row.logits:+8.3f} logits "
            f"[{row.logits_low:+.3f}, {row.logits_high:+.3f}]{share}"
        )
    if options.json:
        _write(options.json, found.to_json())


def _enough(pairs: int) -> None:
    if pairs < 20:
        raise InputError(f"--pairs {pairs} is too few to test anything; take 100 or more.")


def _patch_words(options: argparse.Namespace, bars: Stages) -> None:
    from analysis.interventions.kept import FOLDER
    from analysis.interventions.word_patching_of_pairs import gallery_word_patching

    _enough(options.pairs)
    workshop = find(options.checkpoint) / FOLDER / ".patch-words" if options.keep else None
    found = gallery_word_patching(
        Session(options.checkpoint, options.device), pairs=options.pairs, seed=options.seed,
        workshop=workshop, progress=bars("pairs patched"),
    )  # fmt: skip
    table = found.tables["table"]
    for row in table[table["kind"] == "any"].itertuples():
        sure = "*" if row.claimed else " "
        print(
            f"{row.patch:6}{row.place:>6}: {row.share:+.3f} [{row.low:+.3f}, {row.high:+.3f}]{sure} "
            f"another pair {row.control:+.3f}, random {row.random:+.3f}"
        )
    _keep(options, "patch-words", found)
    if workshop is not None:
        shutil.rmtree(workshop, ignore_errors=True)
    if options.json:
        _write(options.json, found.to_json())


def _objects(options: argparse.Namespace, bars: Stages) -> None:
    from analysis.interventions.edit_list import applied_edits, read_edits
    from analysis.question.scene_objects import STAGES, object_readings
    from analysis.report_view import picture_of

    session = Session(options.checkpoint, options.device)
    shown = picture_of(options.picture, options.scenes)
    if shown.scene is None:
        raise InputError("It is not known what is in this picture: name its scenes file with --scenes.")
    edits = applied_edits(read_edits(options.edits))
    found = object_readings(session, shown.pixels, options.question, shown.scene, edits)
    for (number, name), own in found.groupby(["object", "name"]):
        strongest = own.sort_values(STAGES[1], ascending=False, key=abs).head(3)
        maps = ", ".join(
            f"block {row[1] + 1} map {row[2]} {row[3]:+.2f} -> {row[4]:+.2f}"
            for row in strongest[["block", "map", *STAGES[:2]]].itertuples()
        )
        print(f"{number}: {name}: strongest {STAGES[1]}: {maps}")
    if options.json:
        rows = json.loads(found.assign(block=found["block"] + 1).to_json(orient="records"))
        told = {"weights": session.card.weights, "picture": options.picture, "question": options.question}
        _write(options.json, told | {"edits": options.edits, "rows": rows})


def _ablate(options: argparse.Namespace, bars: Stages) -> None:
    from analysis.interventions.ablation import measure_ablations

    session = Session(options.checkpoint, options.device)
    if any(not 0 <= deviation <= 1000 for deviation in options.noise):
        raise InputError(f"--noise {options.noise} was given; use standard deviations from 0 to 1,000.")
    asked, source = _asked(options)
    kept = measure_ablations(
        session, asked, source, noise=options.noise, seed=options.seed, progress=bars("questions")
    )
    found = kept.tables["table"]
    whole = found[(found["group"] == "all") & (found["block"] == 0)]
    for row in whole.itertuples():
        value = "" if row.value != row.value else f" {row.value:g}"
        print(f"{row.what + value:24}{row.accuracy:8.1%}{row.change:+8.1f} points")
    _tell_left_out(kept)
    _keep(options, "ablate", kept)
    if options.json:
        named = found.rename(columns={"right": "count", "accuracy": "right"})
        rows = json.loads(named.to_json(orient="records"))  # right: the share of right answers
        _write(options.json, {**kept.recipe, "rows": rows})


def _over_questions(options: argparse.Namespace, bars: Stages) -> None:
    import numpy as np

    from analysis.corpus.accuracy import GALLERY, gallery_questions
    from analysis.interventions.family_effects import measure_family_effects
    from analysis.interventions.kept_sets import measure_kept_sets
    from analysis.interventions.map_pairs import STRONGEST, measure_interactions
    from analysis.study import Study

    if options.questions < 40:
        raise InputError(f"--questions {options.questions} is too few to test anything; take 200 or more.")
    session = Session(options.checkpoint, options.device)
    study = Study(session, find(options.checkpoint))
    cards = study.cards
    if cards is None and options.command != "families":
        raise InputError("Maps are chosen by their cards, which are not measured here: measure them first.")
    asked, donors = gallery_questions(options.questions, options.seed), list(study.population.texts)
    told = bars("questions")
    if options.command == "kept-sets":
        assert cards is not None
        effect = cards.cards["effect"].to_numpy().reshape(session.config.blocks, -1)
        deviation = np.asarray(study.population.spread("gamma").deviation)
        found = measure_kept_sets(
            session, asked, GALLERY, donors, effect, deviation, seed=options.seed, progress=told
        )
    elif options.command == "map-pairs":
        assert cards is not None
        found = measure_interactions(
            session, asked, GALLERY, donors, cards.strongest(STRONGEST), seed=options.seed, progress=told
        )
    else:
        found = measure_family_effects(session, asked, GALLERY, donors, seed=options.seed, progress=told)
    table = found.tables["table"]
    shown = table[table["claimed"]] if "claimed" in table else table
    print(shown.head(PRINTED).round(4).to_string(index=False))
    if options.json:
        _write(options.json, found.to_json())


def _analogies(options: argparse.Namespace, bars: Stages) -> None:
    from analysis.interventions.analogies import RATES, gallery_analogies

    if options.triples < 20:
        raise InputError(f"--triples {options.triples} is too few for a rate; take 100 or more.")
    session = Session(options.checkpoint, options.device)
    found = gallery_analogies(
        session, triples=options.triples, seed=options.seed, progress=bars("triples tried")
    )
    for row in found.tables["rates"].itertuples():
        print(f"{RATES.get(row.what, row.what):60}{row.share:8.1%} [{row.low:.1%}, {row.high:.1%}]")
    _keep(options, "analogies", found)
    if options.json:
        _write(options.json, found.to_json())


def _robustness(options: argparse.Namespace, bars: Stages) -> None:
    from analysis.interventions.robustness import measure_robustness

    if options.paraphrases < 1:
        raise InputError(f"--paraphrases {options.paraphrases} was given; take 1 or more.")
    session = Session(options.checkpoint, options.device)
    asked, source = _asked(options)
    found = measure_robustness(
        session, asked, source, most=options.paraphrases, seed=options.seed, progress=bars("questions")
    )
    for row in found.tables["table"].itertuples():
        interval = "no interval" if row.low != row.low else f"[{row.low:.1%}, {row.high:.1%}]"
        print(f"{row.way:32}{row.share:8.1%} {interval}; by chance {row.chance:.1%}; {row.asked:,} asked")
    _tell_left_out(found)
    _keep(options, "robustness", found)
    if options.json:
        _write(options.json, found.to_json())


def _zero_shot(options: argparse.Namespace, bars: Stages) -> None:
    from analysis.corpus.generalisation import keep_run
    from analysis.interventions.zero_shot import measure_zero_shot

    found = measure_zero_shot(options.folder, seed=options.seed, device=options.device, progress=bars)
    for test, count in found["questions"].items():
        print(f"{test}: {count['asked']:,} questions, {count['named']:,} concerned, "
              f"{count['rewritten']:,} rewritten")  # fmt: skip
    for row in found["rows"]:
        sure = "no interval" if row["gain_low"] is None else (
            f"[{100 * row['gain_low']:+.1f}, {100 * row['gain_high']:+.1f}]"
        )  # fmt: skip
        print(
            f"{row['run']:18}{row['test']} {row['among']:24}{row['own']:7.1%} -> {row['sum']:6.1%} "
            f"{100 * row['gain']:+6.1f} {sure}; random {row['random']:.1%}"
        )
    if options.keep:
        print(f"{keep_run(options.folder)}: kept")
    if options.json:
        _write(options.json, found)


def _asked(options: argparse.Namespace) -> tuple[Questions, str]:
    """The questions that the options name, and where they come from, in words."""
    from analysis.corpus.accuracy import GALLERY, gallery_questions, some_questions

    if options.data:
        return some_questions(options.data, options.split, options.questions), Path(options.data).name
    refuse(options, NO_DATA, "--split")
    return gallery_questions(options.questions, options.seed), GALLERY


def _tell_left_out(found: Measured) -> None:
    from analysis.corpus.accuracy import told_left_out

    if told := told_left_out(found.recipe):
        print(told)


def _keep(options: argparse.Namespace, what: str, found: Measured) -> None:
    from analysis.interventions.kept import FOLDER, write_measured

    if options.keep:
        out = find(options.checkpoint) / FOLDER
        write_measured(out, what, found)
        print(f"{out}: kept")


def _write(path: Path, told: Any) -> None:
    text = json.dumps(told, indent=1)
    write_atomically(path, lambda temporary: temporary.write_text(text + "\n", encoding="utf-8"))
