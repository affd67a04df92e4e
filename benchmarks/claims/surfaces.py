"""Claims on laws in several variables: which form, and public tasks with rows held out."""

from __future__ import annotations

from claims.kept import kept, share, table

SETS = ("chinchilla", "gadre, C4", "gadre, RedPajama", "gadre, RefinedWeb", "datablations")


def forms() -> str:
    """Return the log evidence of each form on five public sets, relative to the best."""
    found = kept("surfaces_forms")["evidence"]
    names = list(found[SETS[0]])
    rows = [[name, *(f"{found[one][name]:.1f}" for one in SETS)] for name in names]
    return table(["form, nats", *SETS], rows)


def tasks() -> str:
    """Return R^2 on rows held out of four public tasks, the law chosen on the other rows."""
    result = kept("surfaces_scalebench")
    rows = []
    for name, one in result["tasks"].items():
        inside, of = one["inside"]
        law = " and ".join(dict.fromkeys(one["law"]))
        rows.append(
            [
                name,
                law,
                share(one["r_squared"]),
                share(one["target"]),
                share(one["published"], 2),
                f"{inside} of {of}",
            ]
        )
    held, error = result["inside_pooled"][:2]
    heads = ["task", "law chosen", "R^2", "wanted", "published", "inside 90%"]
    return f"{table(heads, rows)}\n\nInside, all tasks: {share(held)} ({share(error)})."
