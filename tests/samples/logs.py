"""Logs as the libraries write them: one loss of training, one of evaluation every fifth step."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from . import losses

STEPS = np.arange(10, 510, 10)
TRAIN = losses.straight(seed=1, x=STEPS.astype(float))
EVAL = 1.1 * losses.straight(seed=2, x=STEPS.astype(float))
EVALUATED = STEPS % 50 == 0


def trainer_state() -> dict[str, Any]:
    """Return a state with the fields of transformers' TrainerState, evaluations after training."""
    history: list[dict[str, Any]] = []
    for step, train, evaluated, loss in zip(STEPS, TRAIN, EVALUATED, EVAL, strict=True):
        at = {"epoch": float(step) / 100, "step": int(step)}
        history.append({**at, "grad_norm": 0.5, "learning_rate": 1e-4, "loss": float(train)})
        if evaluated:
            history.append({**at, "eval_loss": float(loss), "eval_runtime": 2.5})
    history.append({"epoch": 5.0, "step": 500, "total_flos": 1e15, "train_loss": 0.1})
    return {
        "best_metric": None,
        "best_model_checkpoint": None,
        "epoch": 5.0,
        "eval_steps": 50,
        "global_step": 500,
        "is_hyper_param_search": False,
        "is_local_process_zero": True,
        "is_world_process_zero": True,
        "log_history": history,
        "logging_steps": 10,
        "max_steps": 500,
        "num_input_tokens_seen": 0,
        "num_train_epochs": 5,
        "save_steps": 500,
        "stateful_callbacks": {},
        "total_flos": 1e15,
        "train_batch_size": 8,
        "trial_name": None,
        "trial_params": None,
    }


def write_trainer_state(path: Path) -> Path:
    path.write_text(json.dumps(trainer_state(), indent=2, sort_keys=True) + "\n")
    return path


def lightning() -> pd.DataFrame:
    """Return `metrics.csv` of a CSVLogger."""
    rows: list[dict[str, float]] = []
    for step, train, evaluated, loss in zip(STEPS, TRAIN, EVALUATED, EVAL, strict=True):
        rows.append({"epoch": step // 100, "step": step - 1, "train_loss": train})
        if evaluated:
            rows.append({"epoch": step // 100, "step": step - 1, "val_loss": loss})
    return pd.DataFrame(rows)


def wandb_history() -> pd.DataFrame:
    """Return the history of a run in which evaluation is logged in rows of its own."""
    rows: list[dict[str, Any]] = []
    for step, train, evaluated, loss in zip(STEPS, TRAIN, EVALUATED, EVAL, strict=True):
        logged = [{"train/loss": train, "train/global_step": step}]
        if evaluated:
            logged.append({"eval/loss": loss, "train/global_step": step})
        for row in logged:
            count = len(rows)
            rows.append({"_step": count, "_runtime": 1.5 * count, "_timestamp": 1.7e9, **row})
    return pd.DataFrame(rows)


def wandb_chart(averaged: bool = False) -> pd.DataFrame:
    """Return the table behind a chart of two runs, the second evaluated half as often."""
    table: dict[str, Any] = {"Step": STEPS}
    for run, values in (
        ("calm - sea-1", TRAIN),
        ("tall-tree-2", np.where(EVALUATED, EVAL, np.nan)),
    ):
        name = f"{run} - train/loss"
        table[name] = values
        table[f"{name}__MIN"] = values * (0.9 if averaged else 1.0)
        table[f"{name}__MAX"] = values
    return pd.DataFrame(table)


def write_events(folder: Path, scale: float = 1.0, tensors: bool = False) -> Path:
    """Write an event file with TensorBoard's own writer, and return its path."""
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.compat.proto.summary_pb2 import Summary, SummaryMetadata
    from tensorboard.summary.writer.event_file_writer import EventFileWriter
    from tensorboard.util.tensor_util import make_tensor_proto

    def value(tag: str, number: float) -> Any:
        if not tensors:
            return Summary.Value(tag=tag, simple_value=number)
        plugin = SummaryMetadata.PluginData(plugin_name="scalars")
        return Summary.Value(
            tag=tag,
            tensor=make_tensor_proto(np.float32(number)),
            metadata=SummaryMetadata(plugin_data=plugin),
        )

    writer = EventFileWriter(str(folder))
    for step, train, evaluated, loss in zip(STEPS, TRAIN, EVALUATED, EVAL, strict=True):
        values = [value("train/loss", scale * train)]
        if evaluated:
            values.append(value("eval/loss", scale * loss))
        for one in values:
            writer.add_event(
                Event(step=int(step), wall_time=1e9 + step, summary=Summary(value=[one]))
            )
    writer.close()
    (path,) = folder.iterdir()
    return path
