"""Names of what a user imports: found in the current folder, which hides nothing."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from scalefit.errors import ConfigError
from scalefit.importing import named


def test_the_folder_joins_the_path_only_for_a_module_that_lies_in_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", sys.path[:])
    (tmp_path / "json.py").write_text("dumps = 3")
    (tmp_path / "oddly.py").write_text("VALUE = 5\nraise_later = None")
    (tmp_path / "broken.py").write_text("1 / 0")
    before = sys.path[:]
    assert callable(named("json:dumps", "what", "a:b"))
    for wrong in ("nowhere:X", "broken:X", "json:nothing"):
        with pytest.raises(ConfigError, match=wrong.partition(":")[0]):
            named(wrong, "what", "a:b")
    assert sys.path == before
    assert named("oddly:VALUE", "what", "a:b") == 5
    assert sys.path == [*before, str(tmp_path)]
    sys.modules.pop("oddly")
