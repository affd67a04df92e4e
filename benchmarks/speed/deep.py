"""Deep networks against a plain PyTorch loop with a DataLoader, by turns in one process.

The plain loop trains the same module one seed after another: `DataLoader` over a `Dataset` that
gives one image, from bytes to float, at a time, `torch.optim.Adam`, float32, memory as PyTorch has
it. Ratios are of CPU seconds of one thread, each repeat's, the lowest first; images are random
bytes of MNIST's size. Ours in bfloat16 stands beside where the processor has instructions for it.

cnn, resnet   quarter of the published CNN, half of the ResNet, batches of 128
mlp           784-128-10, 32 seeds, batches of 32; and the same by a loop over the seeds
data          what a step of the CNN sees, alone
norms         their share of a CNN's run of 6,000 steps with 45 checkpoints, and that of all that
              checkpoints do there

    python benchmarks/speed/deep.py
    python benchmarks/speed/deep.py --small --out small.json
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))
import campaign

campaign.one_thread()  # before PyTorch is loaded

CASES: dict[str, dict[str, Any]] = {
    "cnn": {"protocol": "cnn", "width": 0.25, "seeds": 1},
    "resnet": {"protocol": "resnet", "width": 0.5, "seeds": 1},
    "mlp": {"protocol": "mlp", "width": 0.5, "hidden_layers": 1, "batch": 32, "seeds": 32},
}
STEPS = {"cnn": 30, "resnet": 10, "mlp": 60}
"""Of every seed in a repeat."""
TRAIN, TEST = 2000, 5000
RUN, CHECKPOINTS = 6000, 45


def images() -> str:
    """Return the name of random images of MNIST's size."""
    from scalefit.trainers.deep.images import own

    rng = np.random.default_rng(0)
    found: dict[str, Any] = {}
    for part, count in (("train", TRAIN), ("test", TEST)):
        found[f"x_{part}"] = rng.integers(0, 256, (count, 28, 28), dtype=np.uint8)
        found[f"y_{part}"] = rng.integers(0, 10, count)
    return own(found)


class Ours:
    """Runs of a configuration, ready to take steps."""

    def __init__(self, name: str, steps: int, **more: Any) -> None:
        import torch

        from scalefit import trainers
        from scalefit.trainers.families import simulation
        from scalefit.trainers.protocol import Context
        from scalefit.trainers.sweep import expand

        settings = {**CASES[name], "images": images(), "n_train": TRAIN, "steps": steps, **more}
        self.runs = expand(trainers.config("deep", **settings), 0)
        self.settings: Any = self.runs[0].settings
        self.simulation: Any = simulation(self.settings)
        self.context = Context(self.settings, torch.device("cpu"))
        self.data, self.state = self.simulation.init(self.context, self.runs)

    def train(self, steps: int) -> None:
        """Take steps, with what they see."""
        import torch

        fresh = self.simulation.feed(self.context, self.runs, 0)
        with torch.enable_grad():
            part = {name: one[:, :steps] for name, one in fresh.items()}
            self.simulation.update(self.context, self.state, self.data, part, range(steps))

    def see(self, steps: int) -> None:
        """Gather what the steps of the first run see."""
        fresh = self.simulation.feed(self.context, self.runs, 0)
        for places in fresh["examples"][0, :steps]:
            chosen = self.data["chosen"][0][places]
            self.simulation._images(self.settings, self.data, chosen, "train")
            self.data["labels"][0][places]


class Plain:
    """The same networks as one would write their training down."""

    def __init__(self, settings: Any, seeds: int) -> None:
        import torch
        from torch.utils.data import DataLoader, Dataset

        from scalefit.trainers.deep.models import build

        held = settings.data

        class Bytes(Dataset):  # type: ignore[type-arg]
            def __len__(self) -> int:
                return TRAIN

            def __getitem__(self, at: int) -> tuple[torch.Tensor, int]:
                image = torch.from_numpy(held.train[at]).permute(2, 0, 1).float() / 255
                return (image - 0.5) / 0.5, int(held.train_labels[at])

        self.loader = DataLoader(Bytes(), settings.rows, shuffle=True, drop_last=True)
        self.models = [build(settings, held.shape, held.classes) for _ in range(seeds)]
        self.optimizers = [torch.optim.Adam(one.parameters(), lr=1e-3) for one in self.models]

    def batches(self, steps: int) -> Any:
        """Yield so many batches, epoch after epoch."""
        while steps > 0:
            for one in self.loader:
                yield one
                steps -= 1
                if not steps:
                    return

    def train(self, steps: int) -> None:
        """Train one network after another."""
        from torch.nn.functional import cross_entropy

        for model, optimizer in zip(self.models, self.optimizers, strict=True):
            for shown, labels in self.batches(steps):
                optimizer.zero_grad()
                cross_entropy(model(shown), labels).backward()
                optimizer.step()

    def see(self, steps: int) -> None:
        """Gather what the steps of one network see."""
        for _ in self.batches(steps):
            pass


def by_turns(works: dict[str, Callable[[], object]], repeats: int) -> dict[str, list[float]]:
    """Return CPU seconds of each, by turns, after a turn that is not timed."""
    taken: dict[str, list[float]] = {name: [] for name in works}
    for turn in range(repeats + 1):
        for name, work in works.items():
            before = time.process_time()
            work()
            if turn:
                taken[name].append(time.process_time() - before)
    return taken


def ratios(name: str, steps: int, repeats: int, fast: bool) -> dict[str, Any]:
    """Return how many times faster than the plain loop a case trains."""
    seeds = CASES[name]["seeds"]
    ours = Ours(name, steps)
    plain = Plain(ours.settings, seeds)
    works = {"plain": lambda: plain.train(steps), "ours": lambda: ours.train(steps)}
    if fast and name != "mlp":
        half = Ours(name, steps, precision="bfloat16")
        works["ours in bfloat16"] = lambda: half.train(steps)
    if name == "mlp":
        looped = Ours(name, steps)
        looped.context.kept["way"] = looped.simulation._one_by_one
        works["one seed after another"] = lambda: looped.train(steps)
    taken = by_turns(works, repeats)
    found: dict[str, Any] = {"seeds": seeds, "batch": ours.settings.rows, "steps": steps}
    found["plain_ms_a_step"] = [round(1e3 * one / steps / seeds, 3) for one in taken["plain"]]
    for word in list(works)[1:]:
        found[word] = _ratio(taken["plain"], taken[word])
    if name == "mlp":
        found["chosen"] = ours.context.kept["way"].chosen.__name__.strip("_")
    return found


def data_side(steps: int, repeats: int) -> list[float]:
    """Return how many times faster than a DataLoader batches are made."""
    ours = Ours("cnn", steps)
    plain = Plain(ours.settings, 1)
    taken = by_turns({"plain": lambda: plain.see(steps), "ours": lambda: ours.see(steps)}, repeats)
    return _ratio(taken["plain"], taken["ours"])


def shares(steps: int, repeats: int) -> dict[str, list[float]]:
    """Return the shares of a run of 6,000 steps that norms, and all of its checkpoints, take."""
    ours = Ours("cnn", steps)
    taken = by_turns(
        {
            "steps": lambda: ours.train(steps),
            "measure": lambda: ours.simulation.measure(ours.context, ours.state, ours.data),
            "norms": lambda: ours.simulation.norms(ours.context, ours.state, ours.data),
        },
        repeats,
    )
    found: dict[str, list[float]] = {"norms": [], "checkpoints": []}
    for step, measure, norms in zip(taken["steps"], taken["measure"], taken["norms"], strict=True):
        whole = RUN * step / steps + CHECKPOINTS * measure
        found["norms"].append(round(CHECKPOINTS * norms / whole, 4))
        found["checkpoints"].append(round(CHECKPOINTS * measure / whole, 4))
    return {name: sorted(one) for name, one in found.items()}


def _ratio(plain: list[float], ours: list[float]) -> list[float]:
    return sorted(round(a / b, 2) for a, b in zip(plain, ours, strict=True))


def bfloat16() -> bool:
    """Return whether the processor multiplies matrices in bfloat16."""
    try:
        words = Path("/proc/cpuinfo").read_text()
    except OSError:
        return False
    return "avx512_bf16" in words or "amx_bf16" in words


def main() -> None:
    parser = campaign.options(__doc__, "deep_speed.json")
    parser.add_argument("--small", action="store_true", help="a minute, to try the script")
    options = parser.parse_args()
    import torch

    torch.set_num_threads(1)
    repeats, part = (1, 3) if options.small else (5, 1)
    fast = bfloat16()
    result: dict[str, Any] = {"bfloat16": fast, "repeats": repeats}
    for name, steps in STEPS.items():
        result[name] = ratios(name, steps // part, repeats, fast)
        print(name, result[name], flush=True)
    result["data"] = data_side(60 // part, repeats)
    result["share_of_a_run"] = shares(20 // part, repeats)
    print(result["data"], result["share_of_a_run"])
    campaign.keep(result, options.out, ("scalefit", "numpy", "torch"))


if __name__ == "__main__":
    main()
