#!/usr/bin/env python3
"""Judges the sample workflow for GitHub Actions without GitHub: against its schema, and by doing what its campaign step says.

    workflow.py MIRRORSIM FOLDER
"""

import json
import pathlib
import re
import shlex
import subprocess
import sys

import yaml

WORKFLOW = pathlib.Path("deploy/github/campaign.yml")


def valid(path):
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.github-workflows", str(path)]
    return subprocess.run(command, capture_output=True).returncode == 0


def main():
    mirrorsim, folder = sys.argv[1], pathlib.Path(sys.argv[2])
    folder.mkdir(parents=True, exist_ok=True)
    broken = folder / "broken.yml"
    broken.write_text(WORKFLOW.read_text().replace("runs-on:", "run-on:"))
    if valid(broken):
        sys.exit("the validator accepts a broken workflow")
    if not valid(WORKFLOW):
        sys.exit(f"{WORKFLOW} is not valid")
    steps = yaml.safe_load(WORKFLOW.read_text())["jobs"]["campaign"]["steps"]
    text = next(step["run"] for step in steps if step.get("name") == "Campaign")
    # What GitHub puts in on a push; and one seed, the same for every commit.
    text = re.sub(r"\$\{\{[^}]*\|\| '([^']*)' \}\}", r"\1", text)
    if "--seeds commit:400 " not in text:
        sys.exit(f"{WORKFLOW} runs no seeds of the commit on a push")
    text = text.replace("commit:400", "1")
    words = [mirrorsim if word == "target/release/mirrorsim" else word for word in shlex.split(text)]
    for option, name in [("--out", "."), ("--junit", "junit.xml"), ("--sarif", "failures.sarif")]:
        words[words.index(option) + 1] = str(folder / "campaign" / name)
    subprocess.run(words, check=True, stdout=subprocess.DEVNULL)
    sarif = json.loads((folder / "campaign/failures.sarif").read_text())
    if sarif["version"] != "2.1.0" or not (folder / "campaign/junit.xml").is_file():
        sys.exit("the campaign step wrote no results")
    print(f"{WORKFLOW} is valid, and its campaign step runs")


main()
