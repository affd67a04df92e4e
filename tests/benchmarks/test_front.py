"""`python -m benchmarks`: questions, their help, their scripts, and tables for a terminal."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parents[2] / "benchmarks"))

import questions
import tables
import terminal

ROOT = Path(__file__).parents[2]

ASKED = ["reproduction", "extrapolation", "surfaces", "design", "calibration", "speed", "faults"]


def asked(*words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "benchmarks", *words]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def test_every_question_has_its_sub_command_and_its_scripts() -> None:
    assert list(questions.QUESTIONS) == ASKED
    for question in questions.QUESTIONS.values():
        for script in question.scripts:
            assert (ROOT / "benchmarks" / script.path).is_file(), script.path
        assert set(question.tables) <= set(tables.TABLES)
        assert any(script.quick is not None for script in question.scripts)


def test_options_of_quick_sizes_are_options_of_their_scripts() -> None:
    for question in questions.QUESTIONS.values():
        for script in question.scripts:
            text = (ROOT / "benchmarks" / script.path).read_text()
            shared = "campaign.arguments(" in text
            known = {"--curves", "--workers"} if shared else set()
            for option in [*(script.quick or ()), *(["--workers"] if script.takes else [])]:
                assert not option.startswith("--") or option in known or f'"{option}"' in text, (
                    script.path,
                    option,
                )


@pytest.mark.parametrize("name", ASKED)
def test_help_says_what_is_asked(
    name: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from importlib.util import module_from_spec, spec_from_file_location

    spec = spec_from_file_location("front", ROOT / "benchmarks" / "__main__.py")
    assert spec is not None
    assert spec.loader is not None
    front = module_from_spec(spec)
    spec.loader.exec_module(front)
    monkeypatch.setattr(sys, "argv", ["benchmarks", name, "--help"])
    with pytest.raises(SystemExit) as ended:
        front.main()
    assert ended.value.code == 0
    said = " ".join(capsys.readouterr().out.split())
    assert f"{questions.QUESTIONS[name].asks}?" in said
    assert "--quick" in said
    assert "--full" in said


def test_a_question_shows_its_kept_tables_within_80_columns() -> None:
    done = asked("speed")
    assert done.returncode == 0, done.stderr
    assert "the preview, one model with a floor" in " ".join(done.stdout.split())
    assert "speed/engine.py" in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= terminal.WIDTH


def test_a_name_that_is_none_is_refused_with_the_names_there_are() -> None:
    done = asked("speeds")
    assert done.returncode == 2
    assert "calibration" in done.stderr


def test_cells_are_wrapped_and_nothing_is_lost() -> None:
    words = "a claim of many words that does not fit a line"
    shown = terminal.table(["claim", "value"], [[words, "0.5"], ["short", "1"]], width=24)
    lines = shown.splitlines()
    assert max(map(len, lines)) <= 24
    assert " ".join(line[:17].strip() for line in lines[2:-1]).split() == words.split()
    assert lines[2].endswith("0.5")
    assert lines[-1].split() == ["short", "1"]


def test_tables_of_markdown_lose_their_links_alone() -> None:
    text = (
        "| claim | measured | script | kept | commit |\n| --- | --- | --- | --- | --- |\n"
        "| `fit` holds | .90 (.01) | [a.py](x/a.py) | [a](results/a.json) | 0b73173 |"
    )
    assert terminal.of_markdown(text).splitlines()[-1].split("  ") == [
        "fit holds",
        ".90 (.01)",
    ]
