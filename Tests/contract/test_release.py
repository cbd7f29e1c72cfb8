"""scripts/release, on a repository of its own, with a toolchain that compiles a program of one line."""

import hashlib
import os
import re
import shutil
import subprocess
import tarfile

import pytest
from serving import ROOT, run_verdict

SOURCE = "Sources/App/verdict/Verdict.swift"
VERSION = re.search(r'static let release = "(.*)"', (ROOT / SOURCE).read_text())[1]
TAG = f"v{VERSION}"
NAME = f"verdict-{VERSION}-linux-{os.uname().machine}"
CHANGELOG = f"""# Changelog

## 99.0.0 (unreleased)

- Not in this release.

## {VERSION} (2026-02-03)

- Reads `model.yaml`.
# A line that git takes for a comment unless told otherwise.

- Ends here.

## 0.0.1 (2026-01-01)

- Long ago.
"""
NOTES = "- Reads `model.yaml`.\n# A line that git takes for a comment unless told otherwise.\n\n- Ends here."

# Takes the place of the toolchain: builds a real program, since scripts/release runs, examines and strips it.
TOOLCHAIN = """#!/bin/bash
set -e
[[ $1 != --version ]] || { echo "Swift version 6.3"; exit; }
echo "$*" >>"$ORDERS"
[[ $1 == build && " $* " == *" --product verdict "* ]]
while [[ $1 != --scratch-path ]]; do shift; done
mkdir -p "$2/release" "$2/checkouts/a-library"
echo "a licence" >"$2/checkouts/a-library/LICENSE.txt"
echo "a notice" >"$2/checkouts/a-library/NOTICE.txt"
echo "int puts(const char *); int main(void) { return puts(\\"$BUILT_VERSION\\") < 0; }" | cc -g -x c -o "$2/release/verdict" -
eval "$DURING_BUILD"
"""


class Project:
    """A git repository with what scripts/release reads."""

    def __init__(self, folder):
        self.folder = folder / "project"
        self.orders = folder / "orders"
        for name in ("scripts/release", "scripts/prerequisites.sh", SOURCE, "LICENSE", "README.md", ".gitignore"):
            (self.folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, self.folder / name)
        (self.folder / "CHANGELOG.md").write_text(CHANGELOG)
        (folder / "toolchain").mkdir()
        (folder / "toolchain" / "swift").write_text(TOOLCHAIN)
        (folder / "toolchain" / "swift").chmod(0o755)
        self.environment = os.environ | {
            "PATH": f"{folder / 'toolchain'}:{os.environ['PATH']}",
            "ORDERS": str(self.orders),
            "BUILT_VERSION": VERSION,
            "DURING_BUILD": "",
            "GIT_CONFIG_GLOBAL": "/dev/null",
            "GIT_CONFIG_SYSTEM": "/dev/null",
            "GIT_AUTHOR_NAME": "A", "GIT_AUTHOR_EMAIL": "a@localhost",
            "GIT_COMMITTER_NAME": "A", "GIT_COMMITTER_EMAIL": "a@localhost",
        }
        self.git("init", "--quiet")
        self.commit()

    def git(self, *arguments):
        return subprocess.run(
            ["git", *arguments], cwd=self.folder, env=self.environment, check=True, capture_output=True, text=True
        ).stdout.strip()

    def commit(self):
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", "Change")

    def release(self, *arguments, folder=None, **variables):
        return subprocess.run(
            [str(self.folder / "scripts" / "release"), *arguments],
            cwd=folder or self.folder, env=self.environment | variables, capture_output=True, text=True, timeout=120,
        )

    def refuses(self, *words, **variables):
        """Whether a release stops with these words, without a tag or a file."""
        result = self.release(**variables)
        assert result.returncode == 1, result
        assert all(word in result.stderr for word in words), result.stderr
        self.has_released_nothing()

    def has_released_nothing(self):
        assert self.git("tag", "--list", TAG) == ""
        assert not list((self.folder / ".build").glob("releases/*"))


@pytest.fixture
def project(tmp_path):
    return Project(tmp_path)


def test_a_release_is_a_tag_an_archive_and_its_checksum(project):
    result = project.release()
    assert result.returncode == 0, result
    made = project.folder / ".build" / "releases" / VERSION
    assert sorted(one.name for one in made.iterdir()) == sorted(["SHA256SUMS", f"{NAME}.tar.gz", "notes.md"])

    archive = made / f"{NAME}.tar.gz"
    assert (made / "SHA256SUMS").read_text() == f"{hashlib.sha256(archive.read_bytes()).hexdigest()}  {NAME}.tar.gz\n"
    assert subprocess.run(["sha256sum", "--check", "--strict", "SHA256SUMS"], cwd=made, capture_output=True).returncode == 0
    with tarfile.open(archive) as content:
        assert all(one.uid == one.gid == 0 and one.name.startswith(NAME) for one in content)
        content.extractall(project.folder.parent, filter="data")
    unpacked = project.folder.parent / NAME
    assert subprocess.run([unpacked / "bin" / "verdict"], capture_output=True, text=True).stdout == f"{VERSION}\n"
    for name in ("LICENSE", "README.md", "CHANGELOG.md"):
        assert (unpacked / name).read_bytes() == (project.folder / name).read_bytes()
    assert (unpacked / "licenses" / "a-library" / "NOTICE.txt").read_text() == "a notice\n"
    assert (unpacked / "licenses" / "a-library" / "LICENSE.txt").exists()

    assert (made / "notes.md").read_text() == NOTES + "\n"
    assert project.git("rev-parse", f"{TAG}^{{commit}}") == project.git("rev-parse", "HEAD")
    assert project.git("for-each-ref", "--format=%(objecttype) %(contents)", f"refs/tags/{TAG}") == f"tag Verdict {VERSION}\n\n{NOTES}"
    assert "--static-swift-stdlib" in project.orders.read_text()
    assert f"git push origin {TAG}" in result.stdout
    assert project.git("status", "--porcelain") == ""


def test_the_archive_of_a_commit_is_always_the_same(project):
    digests = set()
    for folder in ("one", "two"):
        assert project.release("--into", folder, folder=project.folder.parent).returncode == 0
        digests.add((project.folder.parent / folder / "SHA256SUMS").read_text())
        project.git("tag", "--delete", TAG)
    assert len(digests) == 1


def test_a_dry_run_shows_the_release_and_changes_nothing(project):
    result = project.release("--dry-run")
    assert result.returncode == 0, result
    for word in (TAG, f"{NAME}.tar.gz", project.git("rev-parse", "HEAD"), NOTES):
        assert word in result.stdout
    assert not project.orders.exists()
    assert not (project.folder / ".build").exists()
    project.has_released_nothing()


@pytest.mark.parametrize("change", ["edited", "staged", "new"])
def test_a_tree_with_changes_is_refused(project, change):
    name = "a-new-file" if change == "new" else "README.md"
    (project.folder / name).write_text("changed")
    if change == "staged":
        project.git("add", name)
    project.refuses("working tree has changes", name)
    assert project.release("--dry-run").returncode == 1
    assert not project.orders.exists()


@pytest.mark.parametrize(
    ("heading", "reason"),
    [
        ("## 98.0.0 (2026-02-03)", f"no section '## {VERSION}'"),
        (f"## {VERSION}.1 (2026-02-03)", f"no section '## {VERSION}'"),
        (f"## {VERSION} (unreleased)", "has no date"),
        (f"## {VERSION}", "has no date"),
        (f"## {VERSION} (2026-02-03)\n\n## 0.0.2 (2026-01-02)", "is empty"),
        (f"## {VERSION} (2026-02-03)\n\n- Twice.\n\n## {VERSION} (2026-02-03)", "more than one section"),
    ],
)
def test_a_changelog_without_a_dated_section_is_refused(project, heading, reason):
    (project.folder / "CHANGELOG.md").write_text(CHANGELOG.replace(f"## {VERSION} (2026-02-03)", heading))
    project.commit()
    project.refuses(reason)
    assert not project.orders.exists()


def test_a_tag_that_exists_is_refused_and_stays(project):
    project.git("tag", TAG)
    (project.folder / "README.md").write_text("later")
    project.commit()
    result = project.release()
    assert result.returncode == 1 and f"{TAG} exists already" in result.stderr, result
    assert project.git("rev-parse", TAG) == project.git("rev-parse", "HEAD~1")
    assert not project.orders.exists()


def test_a_folder_that_exists_is_refused_and_stays(project):
    kept = project.folder / ".build" / "releases" / VERSION / "kept"
    kept.parent.mkdir(parents=True)
    kept.touch()
    result = project.release()
    assert result.returncode == 1 and "exists already" in result.stderr, result
    assert kept.exists() and project.git("tag", "--list") == ""


@pytest.mark.parametrize("lines", ["", 'static let release = "1"', 'static let release = "1.0.0"\nstatic let release = "2.0.0"'])
def test_a_source_without_exactly_one_version_is_refused(project, lines):
    (project.folder / SOURCE).write_text(lines + "\n")
    project.commit()
    project.refuses(SOURCE)


def test_a_build_that_fails_makes_no_tag(project):
    project.refuses("the build failed", DURING_BUILD="exit 1")


def test_a_program_of_another_version_makes_no_tag(project):
    project.refuses("0.0.7", VERSION, BUILT_VERSION="0.0.7")


def test_a_tree_that_changes_during_the_build_makes_no_tag(project):
    project.refuses("changed during the build", DURING_BUILD="echo changed >>README.md")


@pytest.mark.parametrize("arguments", [["--dryrun"], ["--into"], ["--into", ""], ["1.0.0"]])
def test_wrong_arguments_are_misuse(project, arguments):
    result = project.release(*arguments)
    assert result.returncode == 2 and "usage" in result.stderr, result
    project.has_released_nothing()


def test_help_explains_it(project):
    result = project.release("--help")
    assert result.returncode == 0 and "--dry-run" in result.stdout and "#" not in result.stdout.splitlines()[0], result


def test_the_changelog_has_a_section_for_the_version_that_the_program_prints():
    assert run_verdict("--version").stdout.strip() == VERSION
    assert re.search(rf"^## {re.escape(VERSION)} \(", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
