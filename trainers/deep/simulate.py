"""Simulations of deep networks, by architecture."""

from __future__ import annotations

from scalefit.trainers.protocol import Simulation

from .training import Training

TRAINING = Training()
SIMULATIONS: dict[str, Simulation] = {name: TRAINING for name in ("mlp", "cnn", "resnet", "vit")}
