"""Trains every model variant that Verdict's tree readers claim to read, with the real libraries, and writes
the models and golden files to Tests/GoldenTests/trees. Deterministic: run twice, the files are the same.

    python scripts/train-variants [--venvs DIR] [--out DIR] [--only xgboost-3.2.0]

Makes one virtual environment a library version below --venvs (default $VERDICT_VENVS, else .venv/variants)
and installs the pinned packages from PyPI. Versions whose Python is not found are skipped and named.
"""
import argparse
import os
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
MODERN = ["numpy==2.2.6", "scipy==1.15.3", "pandas==2.2.3", "scikit-learn==1.7.2"]
MIDDLE = ["numpy==1.26.4", "scipy==1.13.1", "pandas==2.2.3", "scikit-learn==1.5.2"]
OLD = ["numpy==1.23.5", "scipy==1.10.1", "pandas==1.5.3", "scikit-learn==1.2.2"]
# Library version -> (the Python it needs, packages beside it). xgboost goes in without its GPU dependency.
VERSIONS = {
    "xgboost-1.0.2": ("3.11", OLD),
    "xgboost-1.3.3": ("3.11", OLD),
    "xgboost-1.6.2": ("3.11", OLD),
    "xgboost-1.7.6": ("3.11", OLD),
    "xgboost-2.0.3": ("3.11", MIDDLE),
    "xgboost-2.1.4": ("3.11", MIDDLE),
    "xgboost-3.0.5": ("3.11", MIDDLE),
    "xgboost-3.2.0": ("3.11", MODERN),
    "xgboost-3.4.1": ("3.12", MODERN),
    "lightgbm-3.3.5": ("3.11", OLD),
    "lightgbm-4.7.0": ("3.11", MODERN),
}


def interpreter(version):
    """A Python of that minor version: this one, one on the path, or one of pyenv's."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    candidates = [sys.executable, shutil.which(f"python{version}"), *sorted(map(str, pyenv.glob(f"{version}.*/bin/python")))]
    for candidate in filter(None, candidates):
        question = [candidate, "-c", "import sys; print('%d.%d' % sys.version_info[:2])"]
        if subprocess.run(question, capture_output=True, text=True).stdout.strip() == version:
            return candidate
    return None


def environment(venvs, name, python, packages):
    """The Python of a virtual environment with the library and the packages, made if it is not there."""
    library, version = name.split("-")
    folder = venvs / name
    executable = folder / "bin" / "python"
    done = folder / "complete"
    if not done.exists():
        print(f"{name}: installing into {folder}", flush=True)
        subprocess.run([python, "-m", "venv", "--clear", str(folder)], check=True)
        install = [str(executable), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run(install + packages, check=True)
        alone = ["--no-deps"] if library == "xgboost" else []
        subprocess.run(install + alone + [f"{library}=={version}"], check=True)
        done.touch()
    return executable


def main():
    parser = argparse.ArgumentParser(prog="train-variants", description=__doc__.split("\n\n")[0])
    parser.add_argument("--venvs", type=Path, default=Path(os.environ.get("VERDICT_VENVS", ".venv/variants")))
    parser.add_argument("--out", type=Path, default=HERE.parents[1] / "Tests" / "GoldenTests" / "trees")
    parser.add_argument("--only", action="append", choices=list(VERSIONS), help="train with this version alone (repeatable)")
    options = parser.parse_args()
    skipped = []
    for name in options.only or VERSIONS:
        python_version, packages = VERSIONS[name]
        python = interpreter(python_version)
        if python is None:
            skipped.append(f"{name} (needs Python {python_version})")
            continue
        executable = environment(options.venvs.resolve(), name, python, packages)
        folder = options.out / name
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        script = HERE / f"{name.split('-')[0]}_variants.py"
        variables = dict(os.environ, OMP_NUM_THREADS="1", PYTHONHASHSEED="0", PYTHONDONTWRITEBYTECODE="1",
                         PYTHONWARNINGS="ignore")
        subprocess.run([str(executable), str(script), str(folder.resolve())], check=True, env=variables)
    size = sum(file.stat().st_size for file in options.out.rglob("*") if file.is_file())
    print(f"{options.out}: {size / 1e6:.2f} MB")
    if skipped:
        print("skipped: " + ", ".join(skipped))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
