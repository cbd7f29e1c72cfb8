"""scripts/run: what it prints works when pasted, and it serves what it is told to."""

import json
import os
import signal
import subprocess

import pytest
from identity_models import features, identity
from serving import ROOT, Server

# The script asks the package manager whether anything changed, which takes long on a busy machine.
BUILDING = 600

SCRIPT = [str(ROOT / "scripts" / "run")]


def test_the_printed_commands_work_as_printed():
    with Server(None, command=[*SCRIPT, "--port", "0"], patience=BUILDING) as server:
        commands = []
        while len(commands) < 3:
            line = server.read_line()
            if line.startswith("  curl"):
                commands.append(line.strip())
        answers = []
        for command in commands:
            result = subprocess.run(["bash", "-c", command], capture_output=True, text=True, timeout=30)
            assert result.returncode == 0, (command, result)
            answers.append(json.loads(result.stdout))
        payment, batch, loan = answers
        assert payment["model"] == "fraud_detection" and payment["model_version"] == "2"
        assert payment["decision"] == "BLOCK"
        assert batch["count"] == 2
        assert [one["decision"] for one in batch["results"]] == ["ALLOW", "BLOCK"]
        assert loan["model"] == "credit_score" and loan["decision"] == "BLOCK"
        assert len(loan["reasons"]) == 3
        assert server.stop(signal.SIGTERM) == 0


def test_the_port_can_be_set_in_the_environment_and_an_interrupt_ends_it():
    with Server(None, command=SCRIPT, patience=BUILDING, VERDICT_PORT="0") as server:
        assert server.get("/health/live").status == 200
        assert server.stop(signal.SIGINT) == 0


@pytest.mark.parametrize("how", ["--models", "--config", "VERDICT_MODELS", "VERDICT_CONFIG"])
def test_models_and_ports_are_those_asked_for_and_paths_mean_the_callers_folder(repository, how):
    repository.add("m", 1, identity(7), golden="low,high,prediction\n3,2,522\n")
    repository.add("made_up", 1, identity(0, names=("it's low", "high")))
    repository.add("broken", 1, "no model")
    folder = repository.folder.parent
    (folder / "mine.yaml").write_text("models: models\nhttp: { port: 0 }\n")
    arguments, variables = {
        "--models": (["--models=models", "--port", "0"], {}),
        "--config": (["--config", "mine.yaml"], {}),
        "VERDICT_MODELS": ([], {"VERDICT_MODELS": "models", "VERDICT_HTTP_PORT": "0"}),
        "VERDICT_CONFIG": ([], {"VERDICT_CONFIG": "mine.yaml"}),
    }[how]
    with Server(None, *arguments, command=SCRIPT, patience=BUILDING, folder=folder, **variables) as server:
        assert server.port != 8080
        assert [name for name, _ in server.index()] == ["broken", "m", "made_up"]
        assert server.post("/predict/m", {"features": features(5)}).json["prediction"] == [12]
        # What it prints is about these models, not the examples.
        printed = []
        while not printed or "Ctrl-C" not in printed[-1]:
            printed.append(server.read_line())
        assert any("/models" in line for line in printed) and not any("fraud" in line for line in printed)
        commands = [line.strip() for line in printed if "/predict/" in line]
        answers = [json.loads(subprocess.run(["bash", "-c", one], capture_output=True, timeout=30).stdout) for one in commands]
        # A row of golden.csv, and made-up values of the inputs' own names.
        assert [(one["model"], one["prediction"]) for one in answers] == [("m", [522]), ("made_up", [257])], commands
        assert server.stop(signal.SIGTERM) == 0


def test_nothing_is_built_when_nothing_has_changed(tmp_path):
    """With a toolchain that only says what it was asked for."""
    orders, toolchain, stamp = tmp_path / "orders", tmp_path / "swift", ROOT / ".build" / "run-built"
    toolchain.write_text(f'#!/bin/sh\necho "$@" >>{orders}\necho "Swift version 6.3"\n')
    toolchain.chmod(0o755)
    orders.touch()
    path = f"{tmp_path}:{os.environ['PATH']}"

    def builds():
        with Server(None, "--port", "0", command=SCRIPT, PATH=path) as server:
            assert server.stop(signal.SIGTERM) == 0
        return sum(line.startswith("build ") for line in orders.read_text().splitlines())

    try:
        assert builds() == 1, "another toolchain than before"
        assert builds() == 1
        # As if every source had been edited since.
        os.utime(stamp, (0, 0))
        assert builds() == 2
        assert builds() == 2
    finally:
        stamp.unlink(missing_ok=True)


@pytest.mark.parametrize("script, named", [("run", "--models"), ("test", "FILTER"), ("check", "law")])
def test_help_says_what_a_script_takes_and_does_nothing(script, named):
    for flag in ("--help", "-h"):
        run = subprocess.run([str(ROOT / "scripts" / script), flag], capture_output=True, text=True, timeout=60)
        assert run.returncode == 0 and named in run.stdout and not run.stderr, run
        assert "set -" not in run.stdout


def test_what_a_script_does_not_take_is_a_wrong_use():
    for script in ("test", "check"):
        run = subprocess.run([str(ROOT / "scripts" / script), "--halp"], capture_output=True, text=True, timeout=60)
        assert run.returncode not in (0, 127), run
