"""scripts/run: what it prints works when pasted."""

import json
import signal
import subprocess

from serving import ROOT, Server

# The script asks the package manager whether anything changed, which takes long on a busy machine.
BUILDING = 600


def test_the_printed_commands_work_as_printed():
    with Server(None, command=[str(ROOT / "scripts" / "run"), "--port", "0"], patience=BUILDING) as server:
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
    with Server(None, command=[str(ROOT / "scripts" / "run")], patience=BUILDING, VERDICT_PORT="0") as server:
        assert server.get("/health/live").status == 200
        assert server.stop(signal.SIGINT) == 0
