"""Install the package as its users do."""

from __future__ import annotations

import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path
from venv import EnvBuilder


def install_wheel(folder: Path) -> Path:
    """Install a wheel of this project into a new environment in ``folder``; return the Python of that.

    It also finds the packages of this environment, but not the project's folder.
    """
    project = Path(__file__).parents[1]
    source = folder / "source"
    without_caches = shutil.ignore_patterns("__pycache__")
    shutil.copytree(project / "ibutsu_server", source / "ibutsu_server", ignore=without_caches)
    for name in ("pyproject.toml", "README.md"):
        shutil.copy(project / name, source)
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    offline = ["--no-index", "--no-deps"]
    subprocess.run([*pip, "wheel", *offline, "--no-build-isolation", f"-w{folder}", source], check=True)
    EnvBuilder(symlinks=True).create(folder / "env")
    python = folder / "env" / "bin" / "python"
    (wheel,) = folder.glob("*.whl")
    subprocess.run([*pip, f"--python={python}", "install", *offline, wheel], check=True)
    (site_packages,) = (folder / "env" / "lib").glob("python*/site-packages")
    (site_packages / "here.pth").write_text(sysconfig.get_path("purelib"))
    return python
