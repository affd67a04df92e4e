"""Training of a network by minibatches: its weights, a step of its optimizer, its norms.

What the network is, what it is shown and what its loss is, a subclass says. `state` holds
`weights`, all parameters of a run one after another, shape (run, parameter), with the optimizer's
moments beside them; and buffers, `buffer NAME`, shape (run, ...). The networks of a call are bound
to these tensors, and a step changes them in place. `data` holds for each run its `rate`, its
`initial` weights, and `start KIND`, the norms that growth is counted from.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

import torch
from torch import Tensor, nn
from torch.func import functional_call, vmap

from scalefit.trainers.protocol import Context, Run, Simulation

from . import optimizers
from .faster import Faster
from .inits import weights
from .norms import complexities, numbers
from .variables import NORMS, name_of

if TYPE_CHECKING:
    from scalefit.trainers.protocol import Tensors

    from .layout import Plan
    from .optimized import Optimized


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

    def together(self, context: Context) -> bool:
        """Return whether `losses` may be tried."""
        del context
        return False

    def losses(
        self, context: Context, call: Callable[[Tensor], Tensor], data: Tensors, fresh: Tensors
    ) -> Tensor:
        """Return the losses of all runs' networks on the examples of a step, shape (run,).

        Parameters
        ----------
        call
            Returns what each network makes of its own examples, the run axis first.
        """
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
        if "way" not in context.kept:
            ways = [self._one_by_one]
            if len(state["weights"]) > 1 and self.together(context):
                ways.append(self._together)
            context.kept["way"] = Faster(*ways)
        context.kept["way"](context, state, data, fresh)
        gradient, _ = self._gradient(context, state)
        with torch.no_grad():
            rates = (data["rate"] * optimizers.rate(context.settings, k)).float()
            optimizers.step(context.settings, state, gradient, rates, k)
        return state

    def _one_by_one(self, context: Context, state: Tensors, data: Tensors, fresh: Tensors) -> None:
        """Fill in the gradients of one run after another."""
        _, parts = self._gradient(context, state)
        for run, model in enumerate(self.bound(context, state, train=True)):
            loss = self.loss(context, model, data, fresh, run)
            found = torch.autograd.grad(loss, list(model.parameters()))
            torch._foreach_copy_(parts[run], list(found))  # pyright: ignore[reportPrivateImportUsage]

    def _together(self, context: Context, state: Tensors, data: Tensors, fresh: Tensors) -> None:
        """Fill in the gradients of all runs at once."""
        flat = state["weights"]
        kept, call, leaves, parts = context.kept.get("ensemble", (None, None, {}, []))
        if kept is not flat:
            plan = self.plan(context.settings)
            module = self.bound(context, state, train=True)[0]
            leaves = {one.name: one.view(flat).detach().requires_grad_() for one in plan.parts}
            parts = [one.view(self._gradient(context, state)[0]) for one in plan.parts]
            call = partial(vmap(partial(functional_call, module)), leaves)
            context.kept["ensemble"] = (flat, call, leaves, parts)
        loss = self.losses(context, call, data, fresh).sum()
        found = torch.autograd.grad(loss, list(leaves.values()))
        torch._foreach_copy_(parts, list(found))  # pyright: ignore[reportPrivateImportUsage]

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
        ranks = ranks_of(context.settings, plan)
        now = numbers(plan.matrices, state["weights"], ranks=ranks)
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


def ranks_of(settings: Optimized, plan: Plan) -> int:
    """Return how many singular values of a layer are recorded, at most all that any has."""
    most = max(min(one.shape) for one in plan.matrices)
    return min(settings.spectra, most)


def labels_of(settings: Optimized, plan: Plan) -> dict[str, list[Any]]:
    """Return the names of layers, and the ranks of singular values where they are recorded."""
    found: dict[str, list[Any]] = {"layer": [one.name for one in plan.matrices]}
    if ranks := ranks_of(settings, plan):
        found["rank"] = list(range(1, ranks + 1))
    return found


def stacked(rows: Sequence[Tensors]) -> Tensors:
    """Return what was measured of several runs, shape (run, ...)."""
    return {name: torch.stack([row[name] for row in rows]) for name in rows[0]}
