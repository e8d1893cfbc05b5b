"""The training loop: `python -m film train`.

A run is a folder:

    state.pt       everything needed to go on exactly here; written whole, then renamed into place
    history.csv    one row every so often: samples, losses, accuracy per group; also for TensorBoard
    checkpoint/    the network as it stands (averaged weights), loadable by everything else
    points/        the same at some moments of the training, by the samples seen; where they are asked for

Killed at any moment, a run loses at most the minutes since its last `state.pt`. Started with
`torchrun`, every process trains on its own share of the pictures and gradients are averaged.
"""

from __future__ import annotations

import contextlib
import copy
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn

from film.checkpoint import Card, current_names, save
from film.clevr.data.corpus import Corpus
from film.clevr.data.encoding import UNKNOWN_FAMILY
from film.clevr.language.families import FAMILIES
from film.clevr.language.programs import ANSWERS, GROUPS
from film.config import NetworkConfig, TrainingConfig
from film.errors import InputError
from film.files import only_writer, write_atomically
from film.network import FiLMNetwork
from film.training.auxiliary import TrainingLoss
from film.training.batches import BatchSampler
from film.training.checks import check_corpus, check_recipe, check_words, fitting_told
from film.training.initial import take_over
from film.training.records import append_row, forget_rows, origin
from film.training.runtime import Runtime

Report = Callable[[str], None]

# Which of the paper's five groups each family belongs to, by the last step of its program.
GROUP_NAMES = tuple(dict.fromkeys(GROUPS.values()))
# Questions of no known family, such as people's own, are of no group: they come last.
_GROUP_OF_FAMILY = torch.full((UNKNOWN_FAMILY + 1,), len(GROUP_NAMES))
_GROUP_OF_FAMILY[: len(FAMILIES)] = torch.tensor(
    [GROUP_NAMES.index(GROUPS[family.type]) for family in FAMILIES]
)


@dataclass
class Scores:
    """Right and asked per group, summed over batches."""

    right: Tensor = field(default_factory=lambda: torch.zeros(len(GROUP_NAMES) + 1))
    asked: Tensor = field(default_factory=lambda: torch.zeros(len(GROUP_NAMES) + 1))

    def add(self, right: Tensor, family: Tensor) -> None:
        group = _GROUP_OF_FAMILY[family.cpu()]
        self.right.index_add_(0, group, right.cpu().float())
        self.asked.index_add_(0, group, torch.ones(len(group)))

    @property
    def overall(self) -> float:
        return float(self.right.sum() / self.asked.sum().clamp(min=1))

    def by_group(self) -> dict[str, float]:
        share = self.right / self.asked.clamp(min=1)
        asked = (self.asked > 0).tolist()
        return {name: float(share[place]) for place, name in enumerate(GROUP_NAMES) if asked[place]}


class Trainer:
    """One run. Build it, `resume` if its folder holds a state, then `train`."""

    def __init__(
        self,
        folder: Path,
        network: FiLMNetwork,
        recipe: TrainingConfig,
        corpus: Corpus,
        validation: Corpus | None = None,
        *,
        former: Sequence[Mapping[str, Any]] = (),
        runtime: Runtime | None = None,
        report: Report = print,
    ):
        """`former`: what the network's weights were taught before this run, from `take_over`."""
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.recipe, self.config, self.former = recipe, network.config, former
        self.corpus = corpus
        self.runtime = runtime = runtime or Runtime.find()
        self.report = report if runtime.rank == 0 else lambda _: None
        check_recipe(network.config, recipe)
        self.sampler = self._sampler(corpus, part=(runtime.rank, runtime.world))
        self.validation = None
        if validation is not None:
            check_words(corpus, validation)
            self.validation = self._sampler(validation)

        torch.manual_seed(recipe.seed)
        self.objective = TrainingLoss(network, recipe.loss, recipe.front).to(runtime.device)
        if runtime.device.type == "cuda":
            torch.set_float32_matmul_precision("high")
        self.objective.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        _freeze(self.objective, recipe.frozen)
        learning = [parameter for parameter in self.objective.parameters() if parameter.requires_grad]
        kind = torch.optim.AdamW if recipe.optimizer == "adamw" else torch.optim.Adam
        self.optimizer = kind(learning, recipe.learning_rate, weight_decay=recipe.weight_decay, fused=True)
        # The averaged weights (and running statistics) are what is kept.
        self.kept = copy.deepcopy(network).requires_grad_(False) if recipe.ema_decay else network
        self._pairs = [
            (kept, live)
            for kept, live in zip(self.kept.state_dict().values(), network.state_dict().values(), strict=True)
            if recipe.ema_decay and kept.is_floating_point()
        ]
        self.steps = 0
        self.stepper: nn.Module = self.objective
        if runtime.world > 1:
            self.stepper = nn.parallel.DistributedDataParallel(self.objective, find_unused_parameters=True)
        self.generator = torch.Generator().manual_seed(recipe.seed * 1000 + runtime.rank)
        self.samples = 0
        self.seconds = 0.0

    def _sampler(self, corpus: Corpus, part: tuple[int, int] = (0, 1)) -> BatchSampler:
        config, recipe = self.config, self.recipe
        check_corpus(config, recipe, corpus)
        if told := fitting_told(corpus, config, recipe.fit):
            self.report(told)
        return BatchSampler(
            corpus,
            self.runtime.device,
            with_pictures=config.picture == "pixels",
            size=(config.width, config.height),
            fit=recipe.fit,
            part=part,
        )

    @property
    def network(self) -> FiLMNetwork:
        return self.objective.network

    @property
    def finished(self) -> bool:
        return self.samples >= self.recipe.samples

    def step(self) -> tuple[dict[str, Tensor], Tensor]:
        """One batch: its losses and the families of its questions."""
        recipe, runtime = self.recipe, self.runtime
        for group in self.optimizer.param_groups:
            group["lr"] = recipe.rate(self.samples)
        batch = self.sampler.draw(
            self.generator,
            max(1, recipe.pictures // runtime.world),
            recipe.questions,
            horizontal_flip=recipe.horizontal_flip,
            shift=recipe.shift,
        )
        with runtime.autocast():
            result = self.stepper(batch)
        result["loss"].backward()
        if recipe.max_grad_norm:
            nn.utils.clip_grad_norm_(self.objective.parameters(), recipe.max_grad_norm)
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        self.steps += 1
        if self._pairs:
            # Early on the average forgets faster, or it would remember the random start for long.
            decay = min(recipe.ema_decay, (1 + self.steps) / (10 + self.steps))
            kept, live = zip(*self._pairs, strict=True)
            torch._foreach_lerp_(kept, live, 1 - decay)
        self.samples += len(batch.answers) * runtime.world
        return result, batch.family

    def train(
        self,
        *,
        time_limit: float = float("inf"),
        log_every: float = 30.0,
        save_every: float = 120.0,
        check_every: float = 300.0,
        keep: int = 0,
    ) -> bool:
        """Train until the recipe's samples are seen or the time is up; True when finished.

        Args:
            time_limit, log_every, save_every, check_every: seconds, the last one between
                looks at the validation corpus.
            keep: how many points of the whole recipe to keep, at equal distances, the last one at its end.
        """  # fmt: skip
        self.objective.train()
        began = logged = saved = checked = time.monotonic()
        spent_before, samples_before = self.seconds, self.samples
        sums: dict[str, Tensor] = {}
        scores, steps = Scores(), 0
        while not self.finished:
            seen = self.samples
            result, family = self.step()
            if point := self.passed(seen, keep):
                self.keep_point(point)
            right = result.pop("right", None)
            if right is not None:
                scores.add(right, family)
            for name, loss in result.items():
                sums[name] = sums.get(name, 0) + loss.detach()
            steps += 1
            now = time.monotonic()
            self.seconds = spent_before + now - began
            stop = self._agree(now - began > time_limit)
            if now - logged > log_every or stop or self.finished:
                row = {name: float(value) / steps for name, value in sums.items()}
                if right is not None:
                    row |= {"accuracy": scores.overall, **scores.by_group()}
                row["rate"] = self.recipe.rate(self.samples)
                speed = (self.samples - samples_before) / (now - began)
                row["per second"] = speed
                if self.validation and (now - checked > check_every or stop or self.finished):
                    row |= {f"validation {name}": value for name, value in self.check().items()}
                    checked = time.monotonic()
                self._log(row, left=(self.recipe.samples - self.samples) / speed)
                sums, scores, steps, logged = {}, Scores(), 0, time.monotonic()
            if now - saved > save_every or stop or self.finished:
                self.save()
                saved = time.monotonic()
            if stop:
                break
        return self.finished

    def _agree(self, stop: bool) -> bool:
        """All processes stop together when one of them wants to."""
        if self.runtime.world == 1:
            return stop
        vote = torch.tensor(int(stop), device=self.runtime.device)
        dist.all_reduce(vote)
        return bool(vote)

    @torch.inference_mode()
    def check(self, most: int = 6000) -> dict[str, float]:
        """Accuracy of the network that would be kept, on the first questions of the validation corpus."""
        assert self.validation is not None
        sampler = self.validation
        self.kept.eval()
        self.objective.eval()
        scores, losses, asked = Scores(), [], 0
        for start in range(0, len(sampler), 32):
            if asked >= most:
                break
            pictures = sampler.usable[start : start + 32]
            questions = int(sampler.counts[pictures].min())
            rows = (sampler.starts[pictures, None] + torch.arange(questions)).flatten()
            batch = sampler.batch(pictures, rows, questions)
            with self.runtime.autocast():
                result = self.objective(batch, self.kept)
            losses.append(float(result["loss"]))
            asked += len(batch.family)
            if "right" in result:
                scores.add(result["right"], batch.family)
        self.objective.train()
        told = {"loss": sum(losses) / len(losses)}
        return told | ({"accuracy": scores.overall, **scores.by_group()} if scores.asked.any() else {})

    def _log(self, row: Mapping[str, float], left: float) -> None:
        if self.runtime.rank:
            return
        groups = " ".join(f"{row[name]:.3f}" for name in GROUP_NAMES if name in row)
        parts = [f"{self.samples / 1e6:8.3f} M", f"{row['per second']:6.0f}/s", f"loss {row['loss']:.4f}"]
        parts += [f"{name} {row[name]:.4f}" for name in ("answer", "sets", "slots", "maps") if name in row]
        if "accuracy" in row:
            parts.append(f"accuracy {row['accuracy']:.4f} ({groups})")
        if "validation loss" in row:
            parts.append(f"validation {row.get('validation accuracy', row['validation loss']):.4f}")
        parts.append(f"{left / 60:.0f} min left")
        self.report("  ".join(parts))
        path = self.folder / "history.csv"
        row = {"samples": self.samples, "seconds": round(self.seconds), **row}
        append_row(path, row)
        with contextlib.suppress(ImportError):
            from torch.utils.tensorboard import SummaryWriter

            with SummaryWriter(str(self.folder / "tensorboard")) as writer:
                for name, value in row.items():
                    writer.add_scalar(name, value, self.samples)

    def save(self) -> None:
        """Write the state and the checkpoint, each whole or not at all."""
        if self.runtime.rank:
            return
        state = {
            "objective": self.objective.state_dict(),
            "kept": self.kept.state_dict() if self._pairs else None,
            "steps": self.steps,
            "optimizer": self.optimizer.state_dict(),
            "samples": self.samples,
            "former": list(self.former),
            "seconds": self.seconds,
            "generator": self.generator.get_state(),
            "network": self.network.config.to_dict(),
            "recipe": self.recipe.to_dict(),
            "data": _hashes(self.corpus),
        }
        path = self.folder / "state.pt"
        try:
            write_atomically(path, lambda temporary: torch.save(state, temporary))
        except (OSError, RuntimeError) as error:
            raise InputError(
                f"The training state could not be written to {self.folder} ({error}); the last one is "
                "untouched. Free some space and go on with --resume."
            ) from error
        save(self.folder / "checkpoint", self.kept, self.card())

    def passed(self, seen: int, keep: int) -> int | None:
        """The last of `keep` points between `seen` samples and now, in samples; None if there is none."""
        total = self.recipe.samples
        number = min(self.samples, total) * keep // total
        return number * total // keep if keep and number > seen * keep // total else None

    def keep_point(self, samples: int) -> None:
        """Keep the network as it stands in `points`, under the samples that the point is for.

        A run that was killed meets the points since its last state again, and writes them again.
        """
        if not self.runtime.rank:
            width = len(str(self.recipe.samples))
            save(self.folder / "points" / f"{samples:0{width}}", self.kept, self.card())

    def card(self) -> Card:
        """What there is to say of the network as it stands."""
        return Card(
            config=self.network.config,
            words=self.corpus.words,
            answers=ANSWERS,
            fit=self.recipe.fit,
            data=origin(self.corpus),
            recipe={
                **self.recipe.to_dict(),
                "samples_seen": self.samples,
                "seconds": round(self.seconds),
                "initial": list(self.former),
            },
        )

    def resume(self) -> None:
        """Go on from the folder's state.

        Raises:
            InputError: there is none, or it is another network's.
        """
        path = self.folder / "state.pt"
        if not path.exists():
            raise InputError(f"There is no {path} to resume; start without --resume.")
        try:
            state = torch.load(path, map_location=self.runtime.device, weights_only=True)
            if NetworkConfig.from_dict(state["network"]) != self.network.config:
                raise InputError(f"{path} is the state of another network; give its own configuration.")
            self._check_same(path, state)
            objective = state["tutor"] if "tutor" in state else state["objective"]  # its earlier name
            self.objective.load_state_dict(current_names(objective))
            if self._pairs and state["kept"] is not None:
                self.kept.load_state_dict(current_names(state["kept"]))
            self.optimizer.load_state_dict(state["optimizer"])
            self.samples, self.steps, self.seconds = state["samples"], state["steps"], state["seconds"]
            self.former = state.get("former", self.former)
            if self.runtime.rank == 0:
                self.generator.set_state(state["generator"].cpu())
            else:  # other processes go on with pictures of their own, not with a repetition
                self.generator.manual_seed(hash((self.recipe.seed, self.runtime.rank, self.samples)) % 2**63)
        except InputError:
            raise
        except Exception as error:
            raise InputError(f"{path} cannot be read as a training state ({error}).") from error
        if self.runtime.rank == 0:
            forget_rows(self.folder / "history.csv", self.samples)

    def _check_same(self, path: Path, state: Mapping[str, Any]) -> None:
        """A run goes on as it began, though it may become longer: its card tells one recipe and one origin.

        Raises:
            InputError: the recipe or the data are others.
        """
        began = replace(TrainingConfig.from_dict(state["recipe"]), samples=self.recipe.samples).to_dict()
        now = self.recipe.to_dict()
        if others := [name for name in now if now[name] != began[name]]:
            raise InputError(
                f"{path} was trained with training.{others[0]} {began[others[0]]}, not {now[others[0]]}; go "
                "on with the same, or start another run with --initial."
            )
        if state.get("data", _hashes(self.corpus)) != _hashes(self.corpus):
            raise InputError(
                f"{path} was trained on other data; go on with the same, or start another run with --initial."
            )


def _hashes(corpus: Corpus) -> list[str]:
    """What tells a corpus's questions and scenes from others, wherever it lies."""
    return sorted(entry["sha256"] for header in corpus.headers for entry in header["files"].values())


def _freeze(objective: TrainingLoss, parts: tuple[str, ...]) -> None:
    network = objective.network
    known: dict[str, nn.Module] = {
        "stem": network.stem,
        "front": network.stem.layers[: objective.front],
        "question_encoder": network.question_encoder,
        "blocks": network.blocks,
        "classifier": network.classifier,
    }
    for part in parts:
        if part not in known:
            raise InputError(f"There is no part {part!r} to freeze; choose from {', '.join(known)}.")
        known[part].requires_grad_(False)


def start(
    out: Path,
    network: NetworkConfig,
    recipe: TrainingConfig,
    data: Path | Sequence[Path],
    validation: Path | None,
    *,
    initial: Sequence[Path | str] = (),
    resume: bool = False,
    precision: str = "auto",
    time_limit: float = float("inf"),
    save_every: float = 120.0,
    keep: int = 0,
    report: Report = print,
) -> bool:
    """Open the data, build or resume the run, train; True when the recipe is finished."""
    runtime = Runtime.find(precision)
    with _alone(out, runtime):
        done = _run(
            out, network, recipe, data, validation, initial, resume, runtime,
            time_limit, save_every, keep, report,
        )  # fmt: skip
    runtime.wait_for_others()
    return done


@contextlib.contextmanager
def _alone(out: Path, runtime: Runtime) -> Iterator[None]:
    """Hold the run's folder: two runs in one would overwrite each other's state."""
    if runtime.rank:
        yield
        return
    with only_writer(out):
        yield


def _run(
    out: Path,
    network: NetworkConfig,
    recipe: TrainingConfig,
    data: Path | Sequence[Path],
    validation: Path | None,
    initial: Sequence[Path | str],
    resume: bool,
    runtime: Runtime,
    time_limit: float,
    save_every: float,
    keep: int,
    report: Report,
) -> bool:
    corpus = Corpus.join(*map(Corpus.open, [data] if isinstance(data, str | Path) else data))
    checked = Corpus.open(validation) if validation else None
    network = replace(network, words=len(corpus.words), answers=len(ANSWERS))
    torch.manual_seed(recipe.seed)
    model = FiLMNetwork(network)
    former = take_over(model, corpus.words, initial, report)
    trainer = Trainer(out, model, recipe, corpus, checked, former=former, runtime=runtime, report=report)
    if resume:
        trainer.resume()
    elif (out / "state.pt").exists():
        raise InputError(f"{out} holds a training run already; go on with --resume or choose another folder.")
    return trainer.train(time_limit=time_limit, save_every=save_every, keep=keep)
