"""Training of a network by minibatches: its weights, a step of its optimizer, its norms.

What the network is, what it is shown and what its loss is, a subclass says. `state` holds
`weights`, all parameters of a run one after another, shape (run, parameter), with the optimizer's
moments beside them; and buffers, `buffer NAME`, shape (run, ...). The networks of a call are bound
to these tensors, and a step changes them in place. `data` holds for each run its `rate`, its
`initial` weights, and `start KIND`, the norms that growth is counted from.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import torch
from torch import Tensor, nn

from scalefit.trainers.protocol import Context, Run, Simulation

from . import optimizers
from .inits import weights
from .norms import complexities, numbers
from .variables import NORMS, name_of

if TYPE_CHECKING:
    from scalefit.trainers.protocol import Tensors

    from .layout import Plan


class Network(Simulation):
    """Training of a network whose parameters lie one after another."""

    block: ClassVar[int] = 256

    def plan(self, settings: Any) -> Plan:
        """Return what the network of these settings consists of."""
        raise NotImplementedError

    def loss(
        self,
        context: Context,
        model: nn.Module,
        data: Tensors,
        fresh: Tensors,
        run: int,
    ) -> Tensor:
        """Return the loss of a run's network on the examples of a step, shape ()."""
        raise NotImplementedError

    def weights(self, run: Run, plan: Plan) -> Tensor:
        """Return the initial parameters of a run, shape (parameter,), on the host."""
        return weights(run, run.settings, plan)

    def started(self, context: Context, runs: Sequence[Run]) -> tuple[Tensors, Tensors]:
        """Return initial weights, learning rates and norms, and the state before the first step."""
        plan, device = self.plan(context.settings), context.device
        each: list[Any] = [run.settings for run in runs]
        rates = torch.tensor([one.learning_rate for one in each], dtype=torch.float64)
        initial = torch.stack([self.weights(run, plan) for run in runs]).to(device)
        data: Tensors = {"rate": rates.to(device), "initial": initial}
        state = {"weights": initial.clone()}
        state |= optimizers.moments(context.settings, state["weights"])
        for name, (shape, dtype) in plan.buffers.items():
            full = torch.full((len(runs), *shape), float(name.endswith("var")), dtype=dtype)
            state[f"buffer {name}"] = full.to(device)
        start = complexities(*[numbers(plan.matrices, initial)] * 2)
        data |= {f"start {norm}": start[f"norm_{norm}"] for norm in NORMS}
        return data, state

    def step(
        self, context: Context, state: Tensors, data: Tensors, fresh: Tensors, k: Tensor
    ) -> Tensors:
        """Return the same tensors, a step further."""
        models = self.bound(context, state, train=True)
        gradient, parts = self._gradient(context, state)
        for run, model in enumerate(models):
            loss = self.loss(context, model, data, fresh, run)
            found = torch.autograd.grad(loss, list(model.parameters()))
            torch._foreach_copy_(parts[run], list(found))  # pyright: ignore[reportPrivateImportUsage]
        with torch.no_grad():
            rates = (data["rate"] * optimizers.rate(context.settings, k)).float()
            optimizers.step(context.settings, state, gradient, rates, k)
        return state

    def bound(self, context: Context, state: Tensors, *, train: bool) -> list[nn.Module]:
        """Return the runs' networks, whose parameters are parts of `state`."""
        flat = state["weights"]
        kind = "trained" if train else "measured"
        kept, models = context.kept.get(kind, (None, []))
        if kept is not flat:
            plan = self.plan(context.settings)
            names = [name for name in state if name.startswith("buffer ")]
            models = [
                plan.bound(flat[run], {name[7:]: state[name][run] for name in names}).train(train)
                for run in range(len(flat))
            ]
            context.kept[kind] = (flat, models)
        found: list[nn.Module] = models
        return found

    def _gradient(self, context: Context, state: Tensors) -> tuple[Tensor, list[list[Tensor]]]:
        """Return all gradients, and parts of them as the parameters are, the same every step."""
        if "gradient" not in context.kept:
            gradient = torch.empty_like(state["weights"])
            plan = self.plan(context.settings)
            parts = [[one.view(row) for one in plan.parts] for row in gradient]
            context.kept["gradient"] = (gradient, parts)
        found: tuple[Tensor, list[list[Tensor]]] = context.kept["gradient"]
        return found

    def norms(self, context: Context, state: Tensors, data: Tensors) -> Tensors:
        """Return the norms, their growth, and the numbers of each layer."""
        plan = self.plan(context.settings)
        now = numbers(plan.matrices, state["weights"])
        since = numbers(plan.matrices, state["weights"] - data["initial"], spectral=False)
        all_of_them = complexities(now, since)
        found = {f"layer_{name}": one for name, one in now.items()}
        found |= {f"layer_{name}_from_init": since[name] for name in ("rows", "columns")}
        for norm in NORMS:
            value = all_of_them[f"norm_{norm}"]
            found[name_of(norm)] = value
            found[name_of(norm, "growth")] = (value - data[f"start {norm}"]).clamp(min=0)
            if (away := f"norm_{norm}_from_init") in all_of_them:
                found[name_of(norm, "from_init")] = all_of_them[away]
        return found


def stacked(rows: Sequence[Tensors]) -> Tensors:
    """Return what was measured of several runs, shape (run, ...)."""
    return {name: torch.stack([row[name] for row in rows]) for name in rows[0]}
