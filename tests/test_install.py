"""What a user gets from the package alone: the wheel installed into an empty environment, far from the checkout."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(out), str(ROOT)],
        check=True, capture_output=True,
    )  # fmt: skip
    (found,) = out.glob("mizan_kb-*.whl")
    return found


def test_install_wheel_holds_all_data(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    for folder, inside in (("ontology", "kb/shipped/ontology"), ("queries", "kb/shipped/queries"), ("web", "web")):
        for path in (ROOT / folder).rglob("*"):
            if path.is_file() and "__pycache__" not in path.parts:
                assert f"{inside}/{path.relative_to(ROOT / folder)}" in names
    for path in (ROOT / "kb" / "cases").rglob("*.ttl"):
        assert str(path.relative_to(ROOT)) in names
    assert not [n for n in names if n.startswith("tests/")]


def test_install_wheel_works_outside_the_checkout(wheel: Path, tmp_path: Path) -> None:
    venv = tmp_path / "venv"
    environment = {k: v for k, v in os.environ.items() if k not in {"PYTHONPATH", "VIRTUAL_ENV", "MIZAN_HOME"}}
    subprocess.run([sys.executable, "-m", "venv", str(venv)], check=True)
    python, mizan = venv / "bin" / "python", venv / "bin" / "mizan"
    subprocess.run([python, "-m", "pip", "install", "--quiet", str(wheel)], check=True, env=environment)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()

    def run(*arguments: str) -> str:
        done = subprocess.run(
            [mizan, *arguments], check=False, capture_output=True, text=True, cwd=elsewhere, env=environment
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    assert "30 incident" in run("demo", "--no-serve")
    assert (elsewhere / ".mizan" / "mizan.json").is_file()
    assert "rows)" in run("query", "provisions_invoked_by_report")
    run("bundle", "create", "--incident", "syria-2015-16/INC-021", "--out", "bundles")
    assert len(list((elsewhere / "bundles").iterdir())) == 1
    shown = subprocess.run(
        [python, "-c", "import kb, web; print(kb.__file__, web.__file__)"],
        check=True, capture_output=True, text=True, cwd=elsewhere, env=environment,
    ).stdout  # fmt: skip
    assert str(ROOT) not in shown
