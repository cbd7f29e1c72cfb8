"""What the documents show of the program's output is what it prints."""

import json
import re

import pytest
from serving import EXAMPLES, ROOT, Server, bare_environment, run_verdict


def blocks(name, begin):
    """The code blocks of a document that begin so, without that beginning."""
    found = [code[len(begin):] for code in re.findall(r"^```\w*\n(.*?)^```$", (ROOT / name).read_text(), re.S | re.M) if code.startswith(begin)]
    assert found, f"{name} has no such block"
    return found


def test_inspect_prints_what_its_page_shows():
    model = "examples/models/fraud_detection/1"
    (shown,) = blocks("docs/command-line.md", f"$ verdict inspect {model}\n")
    # The page leaves out where the project is.
    assert run_verdict("inspect", ROOT / model).stdout.replace(f"{ROOT}/", "") == shown


def test_score_writes_what_its_page_shows():
    command = "$ verdict score examples/models/fraud_detection --input examples/transactions.csv --raw | head -3\n"
    (shown,) = blocks("docs/command-line.md", command)
    result = run_verdict("score", EXAMPLES / "models" / "fraud_detection", "--input", EXAMPLES / "transactions.csv", "--raw")
    assert result.stdout.splitlines(keepends=True)[:3] == shown.splitlines(keepends=True)


def test_check_prints_what_its_page_shows():
    shown = blocks("docs/model-repository.md", "ok  ")
    assert run_verdict("check", EXAMPLES / "models").stdout == "ok  " + shown[0]


@pytest.mark.parametrize(("page", "count"), [("README.md", 1), ("README.zh-CN.md", 1), ("docs/rest-api.md", 2)])
def test_the_requests_of_the_documents_get_the_answers_that_they_show(page, count, examples):
    pairs = re.findall(r"^```sh\ncurl [^\n]*?(/predict/\S+) --json '(.*?)'\n```\n```json\n(.*?)\n```$", (ROOT / page).read_text(), re.M)
    assert len(pairs) == count

    def essence(answer):
        return re.sub(r'"(total_)?latency_ms":[\d.]+', "", answer)

    for path, body, shown in pairs:
        assert essence(examples.post(path, body).body.decode()) == essence(shown)


def test_the_log_has_the_line_that_its_page_shows():
    rest = blocks("docs/metrics-and-logs.md", '{"timestamp"')[0]
    shown = json.loads('{"timestamp"' + rest)["data"]

    def essence(data):
        return {key: value for key, value in data.items() if key != "duration_ms"}

    with Server(EXAMPLES / "models") as server:
        lines = [json.loads(line)["data"] for line in server.errors().splitlines() if '"model version loaded"' in line]
    assert essence(shown) in map(essence, lines)
    assert all(line.keys() == shown.keys() for line in lines)


def test_the_page_on_configuration_has_the_settings_flags_variables_and_defaults_of_the_program():
    rows = re.findall(r"^\| `([\w.]+)` \| `(--[\w-]+)` \| (`VERDICT_[^|]*`) \| ([^|]*?) \|", (ROOT / "docs/configuration.md").read_text(), re.M)
    documented = {key: (flag, variables.split("`")[1], default.strip("`")) for key, flag, variables, default in rows}
    checked = run_verdict("serve", "--check", "--models", EXAMPLES / "models", env=bare_environment()).stdout
    defaults = {line.split()[0]: re.split(r"\s{2,}", line)[1] for line in checked.splitlines()}
    help_text = " ".join(run_verdict("serve", "--help").stdout.split())
    named = {key: (flag, variable) for flag, key, variable in re.findall(r"(--[\w-]+) \(([\w.]+), (VERDICT_\w+)\)", help_text)}
    assert list(documented) == list(defaults) and documented.keys() == named.keys()
    for key, (flag, variable, default) in documented.items():
        assert (flag, variable) == named[key]
        # This one was given.
        assert key == "models" or default == defaults[key], key
