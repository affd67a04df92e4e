"""Capture: the steps of a simulation as one graph on a GPU, and one after another elsewhere.

A step of a small model is a dozen kernels of a few microseconds, and launching them takes longer
than running them. A CUDA graph launches a whole step at once. It reads and writes the same memory
every time: the state is copied into place at the start of a block and out of it at the end.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING

import torch

from .device import out_of_memory
from .protocol import Context, Simulation

if TYPE_CHECKING:
    from .protocol import Tensors

    Update = Callable[[Tensors, Tensors, Tensors, range], Tensors]

WARM = 3
"""Steps before the capture, in which libraries set up what they need."""


def updater(simulation: Simulation, context: Context) -> Update:
    """Return the function that takes several steps: captured where that is possible.

    A simulation with an `update` of its own is left to it.
    """

    def eager(state: Tensors, data: Tensors, fresh: Tensors, steps: range) -> Tensors:
        return simulation.update(context, state, data, fresh, steps)

    own = type(simulation).update is not Simulation.update
    if own or context.device.type != "cuda":
        return eager
    graph: Graph | None = Graph(simulation, context)

    def captured(state: Tensors, data: Tensors, fresh: Tensors, steps: range) -> Tensors:
        nonlocal graph
        if graph is not None:
            try:
                return graph.update(state, data, fresh, steps)
            except RuntimeError as error:
                if out_of_memory(error):
                    raise
                graph = None
                warnings.warn(
                    f"{type(simulation).__name__}: its step cannot be captured as a graph, and is "
                    f"launched piece by piece: {str(error).splitlines()[0]}",
                    stacklevel=2,
                )
        return eager(state, data, fresh, steps)

    return captured


class Graph:
    """A step captured once, and launched for every step of a call."""

    def __init__(self, simulation: Simulation, context: Context) -> None:
        self._simulation = simulation
        self._context = context
        self._graph: torch.cuda.CUDAGraph | None = None
        self._state: Tensors = {}
        self._fresh: Tensors = {}
        self._number = torch.zeros((), dtype=torch.int64, device=context.device)

    def update(self, state: Tensors, data: Tensors, fresh: Tensors, steps: range) -> Tensors:
        """Return the state after some steps."""
        if self._graph is None:
            self._capture(state, data, fresh, steps.start)
        assert self._graph is not None
        for name, tensor in self._state.items():
            tensor.copy_(state[name])
        self._number.fill_(steps.start)
        for at in range(len(steps)):
            for name, tensor in self._fresh.items():
                tensor.copy_(fresh[name][:, at])
            self._graph.replay()
        return {name: tensor.clone() for name, tensor in self._state.items()}

    def _capture(self, state: Tensors, data: Tensors, fresh: Tensors, first: int) -> None:
        self._state = {name: tensor.clone() for name, tensor in state.items()}
        self._fresh = {name: tensor[:, 0].clone() for name, tensor in fresh.items()}
        self._number.fill_(first)
        side = torch.cuda.Stream()  # type: ignore[no-untyped-call]
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            for _ in range(WARM):
                self._step(data)
        torch.cuda.current_stream().wait_stream(side)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            for name, tensor in self._step(data).items():
                self._state[name].copy_(tensor)
            self._number += 1
        self._graph = graph

    def _step(self, data: Tensors) -> Tensors:
        return self._simulation.step(self._context, self._state, data, self._fresh, self._number)
