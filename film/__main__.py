"""`python -m film COMMAND`: the project from a terminal.

Each command is one function that adds its arguments and one that runs it; heavy libraries are
imported only by the command that needs them.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from film.command_line import refuse, run_command
from film.errors import InputError
from film.progress import progress_bars
from film.started import command

Add = Callable[[argparse.ArgumentParser], None]
Run = Callable[[argparse.Namespace], None]

_NO_PICTURES = "but --no-pictures makes none: leave one of them out."


def _add_train(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--recipe", default="small", help="which network, trained how (see film/training/recipes.py)"
    )
    parser.add_argument(
        "--data", type=Path, nargs="+", required=True, help="packed corpus to train on, or several"
    )
    parser.add_argument("--validation", type=Path, help="packed corpus to look at now and then")
    parser.add_argument("--out", type=Path, required=True, help="folder of the run")
    parser.add_argument(
        "--initial",
        nargs="*",
        default=[],
        metavar="CHECKPOINT[=MODULE,...]",
        help="checkpoints to take matching weights from: all, or these modules alone (=blocks,stem.layers.7)",
    )
    parser.add_argument("--resume", action="store_true", help="go on with the run in --out")
    parser.add_argument("--time-limit", type=float, default=float("inf"), help="minutes; then save and stop")
    parser.add_argument("--save-every", type=float, default=2.0, help="minutes between saved states")
    parser.add_argument(
        "--keep",
        type=int,
        default=0,
        metavar="N",
        help="keep N points of the training in points/, to compare",
    )
    parser.add_argument("--precision", default="auto", help="auto, bfloat16 or float32")
    parser.add_argument(
        "--set",
        nargs="*",
        default=[],
        metavar="FIELD=VALUE",
        help="change the recipe: network.maps=128, training.samples=1000000, training.loss.sets=0",
    )


def _train(options: argparse.Namespace) -> None:
    from film.training.loop import start
    from film.training.recipes import recipe

    if not 0 <= options.keep <= 1000:
        raise InputError(f"--keep {options.keep} was given; keep 0 to 1,000 points.")
    chosen = recipe(options.recipe).changed(options.set)
    done = start(
        options.out,
        chosen.network,
        chosen.training,
        options.data,
        options.validation,
        initial=options.initial,
        resume=options.resume,
        precision=options.precision,
        time_limit=options.time_limit * 60,
        save_every=options.save_every * 60,
        keep=options.keep,
        report=lambda line: print(line, flush=True),
    )
    print("finished" if done else f"stopped in time; go on with --resume --out {options.out}")


def _add_train_ablations(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--table", type=int, default=2, help="of the paper: 2 (default), or 3, the depths")
    parser.add_argument(
        "--rows", nargs="*", default=[], help="only these (the whole network always; default all)"
    )
    parser.add_argument("--data", type=Path, nargs="+", required=True, help="packed corpora to train on")
    parser.add_argument("--validation", type=Path, required=True, help="packed corpus to measure on")
    parser.add_argument("--out", type=Path, required=True, help="folder; run again to go on after a stop")
    parser.add_argument("--samples", type=int, default=3_000_000, help="of every network (default 3 million)")
    parser.add_argument("--seeds", type=int, default=1, help="networks of every row (default 1)")
    parser.add_argument("--time-limit", type=float, default=float("inf"), help="minutes; then save and stop")
    parser.add_argument("--precision", default="auto", help="auto, bfloat16 or float32")
    parser.add_argument("--set", nargs="*", default=[], metavar="FIELD=VALUE", help="change every row alike")


def _train_ablations(options: argparse.Namespace) -> None:
    from film.training.ablations import train_ablations

    done = train_ablations(
        options.out, options.data, options.validation, table=options.table, rows=options.rows,
        samples=options.samples, seeds=options.seeds, changes=options.set, precision=options.precision,
        time_limit=options.time_limit * 60, report=lambda line: print(line, flush=True),
    )  # fmt: skip
    table = options.out / f"table-{options.table}.csv"
    print(f"finished: {table}" if done else "stopped in time; run the same again to go on")


def _add_train_cogent(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--out", type=Path, required=True, help="folder; run again to go on after a stop")
    parser.add_argument("--samples", type=int, default=3_000_000, help="that the network sees of condition A")
    parser.add_argument("--scenes", type=int, default=70_000, help="of A, ten questions each")
    parser.add_argument("--tested", type=int, default=1000, help="scenes of each condition to test on")
    parser.add_argument("--steps", type=int, nargs="+", help="numbers of B's questions to learn on from")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--workers", type=int, default=1, help="processes that make corpora (default 1)")
    parser.add_argument("--time-limit", type=float, default=float("inf"), help="minutes; then save and stop")
    parser.add_argument("--precision", default="auto", help="auto, bfloat16 or float32")
    parser.add_argument("--set", nargs="*", default=[], metavar="FIELD=VALUE", help="change the recipe")


def _train_cogent(options: argparse.Namespace) -> None:
    from film.training.cogent import RESULTS, STEPS, train_cogent

    done = train_cogent(
        options.out, samples=options.samples, scenes=options.scenes, tested=options.tested,
        steps=options.steps or STEPS, changes=options.set, seed=options.seed, workers=options.workers,
        precision=options.precision, time_limit=options.time_limit * 60,
        report=lambda line: print(line, flush=True),
    )  # fmt: skip
    print(f"finished: {options.out / RESULTS}" if done else "stopped in time; run the same again to go on")


def _add_generate(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("out", type=Path, help="folder to write; run again to go on after a stop")
    parser.add_argument("--pictures", type=int, default=1000, help="how many pictures (default 1000)")
    parser.add_argument("--questions", type=int, default=10, help="questions for each picture (default 10)")
    parser.add_argument("--size", help="pixels; default 480x320 for clevr, 192x128 for packed")
    parser.add_argument("--for", dest="recipe", help="a recipe of film train: of the size that it wants")
    parser.add_argument("--no-pictures", action="store_true", help="scenes and questions only")
    parser.add_argument(
        "--format",
        default="packed",
        help="packed (a corpus for training, default) or clevr (a CLEVR v1.0 folder)",
    )
    parser.add_argument("--split", default="train", help="name of the split; other splits, other scenes")
    parser.add_argument(
        "--condition", help="A or B: the colours that CLEVR-CoGenT allows cubes and cylinders"
    )
    parser.add_argument("--most-objects", type=int, default=10, help="in a scene, of 3 to 10 (default 10)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--again", type=int, default=0, metavar="N", help="other questions about the same pictures: 1, 2, ..."
    )
    parser.add_argument("--quality", default="training", help="training (a little grain, default) or clean")
    parser.add_argument(
        "--shard", default="1/1", metavar="I/N", help="make the I-th of N parts, counted from 1"
    )
    parser.add_argument("--workers", type=int, default=1, help="processes, one thread each (default 1)")
    parser.add_argument(
        "--questions-of", default="clevr",
        help="clevr (default), or closure: only CLOSURE's questions about given --scenes; --questions of "
        "each of its 46 families, in a file for each of its seven kinds",
    )  # fmt: skip
    parser.add_argument("--scenes", type=Path, help="CLEVR scenes file, for --questions-of closure")


def _generate(options: argparse.Namespace) -> None:
    from film.clevr.data.generate import FOLDER_SIZE, PACKED_SIZE, DatasetRecipe, Shard, generate

    if options.questions_of != "clevr":
        _generate_closure(options)
        return
    refuse(options, "which is for --questions-of closure; CLEVR's scenes are sampled here.", "--scenes")
    if options.no_pictures:
        refuse(options, _NO_PICTURES, "--size", "--for", "--quality")
    usual = FOLDER_SIZE if options.format == "clevr" else PACKED_SIZE
    size = None if options.no_pictures else _picture_size(options, usual)
    recipe = DatasetRecipe(
        pictures=options.pictures,
        questions=options.questions,
        size=size,
        layout=options.format,
        split=options.split,
        condition=options.condition,
        seed=options.seed,
        quality=options.quality,
        again=options.again,
        most_objects=options.most_objects,
    )
    shard = Shard(*_numbers("--shard", options.shard, "/", (1, 1)))
    with progress_bars() as bars:
        folder = generate(options.out, recipe, shard=shard, workers=options.workers, progress=bars)
    print(f"finished: {folder}")


def _generate_closure(options: argparse.Namespace) -> None:
    from film.clevr.data.closure_questions import write_closure
    from film.clevr.scene_json import read_scenes

    if options.questions_of != "closure":
        raise InputError(f"--questions-of {options.questions_of} was given; use clevr or closure.")
    if options.scenes is None:
        raise InputError("--questions-of closure asks about scenes that exist; say with --scenes which.")
    refuse(
        options, "but --questions-of closure asks about the scenes of --scenes, as they are: leave it out.",
        "--pictures", "--size", "--for", "--no-pictures", "--format", "--split", "--condition",
        "--most-objects", "--again", "--quality", "--shard", "--workers",
    )  # fmt: skip
    scenes = read_scenes(options.scenes)
    with progress_bars() as bars:
        counts = write_closure(
            scenes, options.out, options.questions, options.seed, bars("kinds of question")
        )
    for kind, (made, wanted) in counts.items():
        fewer = f" of {wanted:,}; the scenes allow no more" if made < wanted else ""
        print(f"{kind}: {made:,} questions{fewer}")
    print(f"finished: {options.out}")


def _add_pack(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folder", type=Path, help="CLEVR v1.0, CLEVR-CoGenT or CLEVR-Humans folder")
    parser.add_argument("out", type=Path, help="folder to write; run again to go on after a stop")
    parser.add_argument("--split", required=True, help="train, val, test, trainA, ...")
    parser.add_argument(
        "--pictures", type=Path, help="CLEVR folder to take pictures and scenes from (CLEVR-Humans)"
    )
    parser.add_argument("--size", help="pixels of the packed pictures (default 192x128)")
    parser.add_argument("--for", dest="recipe", help="a recipe of film train: of the size that it wants")
    parser.add_argument("--no-pictures", action="store_true", help="leave the pictures out")
    parser.add_argument("--workers", type=int, default=1, help="processes (default 1)")
    parser.add_argument(
        "--new-words", type=int, metavar="N",
        help="ids of their own for words outside CLEVR's that come N times or more (CLEVR-Humans: 5)",
    )  # fmt: skip
    parser.add_argument("--words-of", type=Path, help="number words as this packed corpus does")


def _pack(options: argparse.Namespace) -> None:
    from film.clevr.data.folder import open_folder
    from film.clevr.data.packing import pack, words_of

    if options.no_pictures:
        refuse(options, _NO_PICTURES, "--size", "--for")
    if options.words_of is not None:
        refuse(options, "but --words-of takes the words of another corpus: leave one out.", "--new-words")
    size = None if options.no_pictures else _picture_size(options, (192, 128))
    split = open_folder(options.folder, options.pictures).split(options.split)
    words = None
    if options.words_of is not None:
        from film.clevr.data.corpus import Corpus

        words = Corpus.open(options.words_of).words
    elif options.new_words is not None:
        words = words_of(split, options.new_words)
    with progress_bars() as bars:
        pack(split, options.out, size=size, words=words, workers=options.workers, progress=bars)
    print(f"finished: {options.out}")


def _add_draw(parser: argparse.ArgumentParser) -> None:
    from film.clevr.scene_series import SERIES

    parser.add_argument("out", type=Path, help="folder to write, new or empty: a CLEVR v1.0 folder")
    parser.add_argument("--scenes", type=Path, help="a CLEVR scenes file")
    parser.add_argument("--scene", action="append", default=[], metavar="TEXT",
                        help="a scene as in the link of an edited one; repeatable")  # fmt: skip
    parser.add_argument("--series", choices=list(SERIES), help="of one scene: one object of it through this")
    parser.add_argument("--number", type=int, help="the scene of the series where several are given, from 1")
    parser.add_argument("--object", type=int, default=1, help="the object of the series, from 1 (default 1)")
    parser.add_argument("--question", action="append", default=[], metavar="TEXT",
                        help="asked of every scene in which it has an answer; repeatable")  # fmt: skip
    parser.add_argument("--split", default="new", help="name of the split (default new)")


def _draw(options: argparse.Namespace) -> None:
    from film.clevr.data.scene_folder import unanswered, write_scene_folder
    from film.clevr.editing import drawable, scene_from_text
    from film.clevr.scene_json import read_scenes
    from film.clevr.scene_series import some_series

    scenes = [scene_from_text(text.removeprefix("scene-")) for text in options.scene]
    if options.scenes is not None:
        scenes += [drawable(scene) for scene in read_scenes(options.scenes)]
    if not scenes:
        raise InputError("No scene was given; give --scenes FILE or --scene TEXT.")
    if options.series is None:
        refuse(options, "which is of a --series; say which one.", "--number", "--object")
    else:
        if options.number is None and len(scenes) > 1:
            raise InputError(
                f"A series is of one scene, and {len(scenes):,} were given; choose one with --number."
            )
        number = 1 if options.number is None else options.number
        if not 1 <= number <= len(scenes):
            raise InputError(
                f"--number {number} was given; use 1 to {len(scenes):,}, as many as there are scenes."
            )
        scene, objects = scenes[number - 1], max(1, len(scenes[number - 1].objects))
        if not 1 <= options.object <= objects:
            raise InputError(
                f"--object {options.object} was given; use 1 to {objects}, as many as the scene has."
            )
        scenes = list(some_series(scene, options.object - 1, options.series).scenes)
    for told in unanswered(scenes, options.question):
        print(f"film draw: {told}", file=sys.stderr)
    with progress_bars() as bars:
        folder = write_scene_folder(
            options.out, scenes, options.question, split=options.split, progress=bars("pictures")
        )
    print(f"finished: {folder}")


def _add_gallery(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("out", type=Path, help="folder to write, such as film/clevr/gallery")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--samples", type=int, default=256, help="samples a pixel (default 256)")


def _gallery(options: argparse.Namespace) -> None:
    from film.clevr.gallery.make import make_gallery

    with progress_bars() as bars:
        make_gallery(options.out, options.seed, options.samples, bars("pictures"))
    print(f"finished: {options.out}")


def _picture_size(options: argparse.Namespace, usual: tuple[int, int]) -> tuple[int, int] | None:
    """Pixels of the pictures to make, (width, height); None where a recipe wants no pictures."""
    if options.recipe is None:
        return _numbers("--size", options.size, "x", usual)
    if options.size is not None:
        raise InputError("--size and --for were given; --for takes the size from the recipe: leave one out.")
    from film.training.recipes import recipe

    return recipe(options.recipe).picture_size


def _numbers(option: str, text: str | None, mark: str, default: tuple[int, int]) -> tuple[int, int]:
    """Two numbers such as 480x320 or 1/4."""
    if text is None:
        return default
    first, found, second = text.partition(mark)
    if not (found and first.isdecimal() and second.isdecimal()):
        raise InputError(
            f"{option} {text} was given; write two numbers such as {default[0]}{mark}{default[1]}."
        )
    return int(first), int(second)


def _add_ask(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--image", type=Path, required=True, help="a picture file")
    parser.add_argument("--question", required=True, action="append", help="in CLEVR's words; repeatable")
    _add_network(parser)
    parser.add_argument("--json", action="store_true", help="print everything, gamma and beta too, as JSON")


def _add_network(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--checkpoint", help="folder, or name of a bundled one")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or mps")
    parser.add_argument("--resnet", type=Path, help="ResNet-101 weights, for networks on features")


def _ask(options: argparse.Namespace) -> None:
    from film.answer import percent
    from film.session import Session

    session = Session(options.checkpoint, options.device, resnet=options.resnet)
    if session.notice:
        print(f"film ask: {session.notice}", file=sys.stderr)
    answers = session.ask_many(options.image, options.question)
    if options.json:
        print(json.dumps([answer.to_json() for answer in answers], indent=1))
        return
    for answer in answers:
        best = sorted(answer.probabilities.items(), key=lambda item: -item[1])[:3]
        print(f"{answer.answer:10} " + "  ".join(f"{name} {percent(share)}" for name, share in best))


def _add_evaluate(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--data", type=Path, required=True, help="a CLEVR folder or a packed corpus")
    parser.add_argument("--split", help="which split of a CLEVR folder, such as val")
    parser.add_argument(
        "--questions", type=Path, help="a questions file about its pictures, such as one of CLOSURE's"
    )
    _add_network(parser)
    parser.add_argument("--most", type=int, help="only the first so many questions")
    parser.add_argument("--seed", type=int, default=0, help="of the wording of extra questions")
    parser.add_argument("--json", type=Path, help="write everything here, each question's answer too")


def _evaluate(options: argparse.Namespace) -> None:
    from film.evaluation import evaluate, table
    from film.files import write_atomically
    from film.session import Session

    session = Session(options.checkpoint, options.device, resnet=options.resnet)
    if session.notice:
        print(f"film evaluate: {session.notice}", file=sys.stderr)
    with progress_bars() as bars:
        result = evaluate(
            session,
            options.data,
            options.split,
            questions=options.questions,
            most=options.most,
            seed=options.seed,
            progress=bars,
        )
    print(table(result))
    if options.json:
        text = json.dumps(result.to_json(), indent=1)
        write_atomically(options.json, lambda path: path.write_text(text + "\n", encoding="utf-8"))


def _add_import_official(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", type=Path, help="a film.pt of the published code")
    parser.add_argument("out", type=Path, help="folder for the checkpoint")
    parser.add_argument("--network", type=Path, help="take the FiLM-ed network from this film.pt instead")
    parser.add_argument("--half", action="store_true", help="keep matrices as float16: half the size")


def _import_official(options: argparse.Namespace) -> None:
    from film.checkpoint import save
    from film.official import import_official

    network, card = import_official(options.file, options.network)
    save(options.out, network, card, half=options.half)
    size = sum(value.numel() for value in network.parameters())
    print(f"{options.out}: {size:,} parameters, {len(card.words)} words, {len(card.answer_indices)} answers")


def _add_truth(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--scenes", type=Path, required=True, help="CLEVR scenes file")
    parser.add_argument("--questions", type=Path, required=True, help="CLEVR questions file with answers")
    parser.add_argument(
        "--parse", action="store_true", help="read the programs from the texts, not from the file"
    )


def _truth(options: argparse.Namespace) -> None:
    from film.clevr.data.verify import truth

    found = truth(options.scenes, options.questions, parse_texts=options.parse)
    print(json.dumps({"questions": found.questions, "agree": found.agree, "ill_posed": found.ill_posed}))
    if found.not_understood:
        print(
            f"film truth: {len(found.not_understood)} texts are not understood, first this: "
            f"{found.not_understood[0]}",
            file=sys.stderr,
        )


# name -> (one line of help, adds the arguments, runs the command)
COMMANDS: dict[str, tuple[str, Add, Run]] = {
    "generate": ("make CLEVR scenes, questions and pictures", _add_generate, _generate),
    "gallery": ("make the bundled gallery anew", _add_gallery, _gallery),
    "draw": ("draw scenes, or a series of one, as a CLEVR folder", _add_draw, _draw),
    "pack": ("pack a CLEVR folder for training", _add_pack, _pack),
    "truth": ("hold answers against the scenes they are about", _add_truth, _truth),
    "train": ("train a network", _add_train, _train),
    "train-ablations": (
        "train the rows of the paper's Table 2 or 3",
        _add_train_ablations,
        _train_ablations,
    ),
    "train-cogent": (
        "train on CoGenT's condition A, test on A and B, learn on from B",
        _add_train_cogent,
        _train_cogent,
    ),
    "ask": ("ask a network about a picture", _add_ask, _ask),
    "evaluate": ("measure a network on CLEVR questions", _add_evaluate, _evaluate),
    "import-official": ("make a checkpoint of a published film.pt", _add_import_official, _import_official),
}


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog=command("film"), description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, (summary, add, _) in COMMANDS.items():
        parser_of = commands.add_parser(name, help=summary, description=summary)
        add(parser_of)
        parser_of.set_defaults(parser=parser_of)
    options = parser.parse_args(arguments)
    run = COMMANDS[options.command][2]
    return run_command(f"film {options.command}", options, lambda: run(options))


if __name__ == "__main__":
    sys.exit(main())
