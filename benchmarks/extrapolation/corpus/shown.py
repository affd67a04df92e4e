"""Text of the corpus benchmark's summaries, at most 80 columns wide."""

from __future__ import annotations

from typing import Any

from corpus.forecasts import VARIANTS

Row = dict[str, Any]


def tables(found: Row, methods: list[str]) -> str:
    """Return the scores of all methods over public corpora, and those of the first by part."""
    first, *rest = methods
    lines = [
        f"{'public':<11}{'RMSLE':>15}{'log score':>15}{'interval score':>16}{'covered':>9}"
        f"{'width':>8}{'CPU s':>6}"
    ]
    for factor in found[first]:
        lines.append("all" if factor == "all" else f"fitted up to 1/{factor} of the last x")
        lines += [f"{name[:10]:<11}{_pooled(found[name][factor]['public'])}" for name in methods]
    lines += [
        "",
        f"{first + ' by corpus, group':<25}{'tasks':>5}{'RMSLE':>8}{'log sc.':>9}{'cov.':>5}"
        f"{'width':>8}  best rival, RMSLE",
    ]
    rivals = [name for name in rest if name not in VARIANTS]
    for factor, parts in found[first].items():
        for part in ("corpora", "groups"):
            for name, one in parts[part].items():
                beside = {rival: found[rival][factor][part].get(name) for rival in rivals}
                where = "all" if factor == "all" else f"1/{factor}"
                lines.append(f"{where:<5}{name[:19]:<20}{_part(one)}  {_best(beside)}"[:80])
    return "\n".join(lines)


def differences(found: Row) -> str:
    """Return paired differences, mean and standard error, by corpus and pooled."""
    lines = [
        f"{'':<10}{'RMSLE':>16}{'log score':>14}{'interval score':>16}{'covered':>12}"
        f"{'log width':>12}"
    ]
    for name, one in {
        **found["corpora"],
        "public": found["public"],
        "pooled": found["pooled"],
    }.items():
        if "rmsle" in one:
            lines.append(
                f"{name[:9]:<10}{_stated(one['rmsle']):>16}{_stated(one['log_score'], 2):>14}"
                f"{_stated(one['interval_score']):>16}{_stated(one['covered'], 2):>12}"
                f"{_stated(one['width'], 2):>12}"
            )
    lines.append(
        f"{found['pooled']['tasks']} tasks; {found['left_out']} more where one of them failed"
    )
    return "\n".join(lines)


def _pooled(one: Row) -> str:
    covered = f"{one['covered'][0]:.2f}" if "covered" in one else "-"
    width = f"{one['width_median']:#.3g}" if "width_median" in one else "-"
    return (
        f"{_stated(one['rmsle']):>15}{_stated(one.get('log_score'), 2):>15}"
        f"{_stated(one.get('interval_score')):>16}{covered:>9}{width:>8}{one['cpu_s'][0]:>6.1f}"
    )


def _part(one: Row) -> str:
    score = f"{one['log_score'][0]:.2f}" if "log_score" in one else "-"
    covered = f"{one['covered'][0]:.2f}" if "covered" in one else "-"
    width = f"{one['width_median']:.4f}" if "width_median" in one else "-"
    return f"{one['tasks']:>5}{one['rmsle'][0]:>8.4f}{score:>9}{covered:>5}{width:>8}"


def _best(rivals: dict[str, Row | None]) -> str:
    """Return the rival of least error, with that."""
    errors = {name: one["rmsle"][0] for name, one in rivals.items() if one}
    if not errors:
        return ""
    name = min(errors, key=errors.__getitem__)
    return f"{name} {errors[name]:.4f}"


def _stated(mean: list[float | None] | None, digits: int = 4) -> str:
    """Return a mean with its standard error."""
    if mean is None:
        return "-"
    size = abs(mean[0] or 0.0)
    form = ".1g" if size >= 1e4 else ".0f" if size >= 100.0 else f".{digits}f"
    value, error = ("-" if one is None else format(one, form) for one in mean)
    return f"{value} ({error})"
