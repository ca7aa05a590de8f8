#!/usr/bin/env python3
"""Judges the Kubernetes manifests without a cluster: against the schemas of several versions, and by doing what they say.

    manifests.py MIRRORSIM FOLDER

FOLDER is for the rehearsal: each index runs its command there, in any order and one of them twice, and the merge is to be what
one process makes.
"""

import filecmp
import os
import pathlib
import shutil
import subprocess
import sys

import kubernetes_validate
import yaml

# From the first that has `backoffLimitPerIndex` by default to the newest that the validator knows.
VERSIONS = ["1.29", "1.31", "1.33", kubernetes_validate.latest_version()]
# Enough for a rehearsal.
SEEDS = "--seeds=1..=9"


def valid(manifest):
    for version in VERSIONS:
        kubernetes_validate.validate(manifest, version, strict=True)


def refused(manifest):
    """A validator that accepts everything would be no judge."""
    broken = yaml.safe_load(yaml.safe_dump(manifest))
    broken["spec"]["complationMode"] = "Indexed"
    try:
        valid(broken)
    except kubernetes_validate.ValidationError:
        return True
    return False


def container(job):
    (only,) = job["spec"]["template"]["spec"]["containers"]
    return only


def run(job, folder, more):
    it = container(job)
    said = {v["name"]: v["value"] for v in it.get("env", [])}
    command = [SEEDS if word.startswith("--seeds=") else word for word in it["command"]]
    env = {"PATH": os.environ["PATH"], **said, **more}
    return subprocess.run(command, cwd=folder, env=env, stdout=subprocess.DEVNULL, check=False).returncode


def main():
    mirrorsim, folder = pathlib.Path(sys.argv[1]).resolve(), pathlib.Path(sys.argv[2]).resolve()
    top = pathlib.Path(__file__).resolve().parent.parent
    jobs = {path.stem: yaml.safe_load(path.read_text("utf-8")) for path in (top / "deploy/kubernetes").glob("*.yaml")}
    for job in jobs.values():
        valid(job)
        assert refused(job), "the validator accepts an unknown key"
    print(f"{len(jobs)} manifests are valid for Kubernetes {', '.join(VERSIONS)}")

    shards, merge = jobs["shards"], jobs["merge"]
    count = shards["spec"]["completions"]
    (said,) = (v["value"] for v in container(shards)["env"] if v["name"] == "MIRRORSIM_SHARDS")
    assert said == str(count), f"MIRRORSIM_SHARDS is {said}, and completions {count}"

    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    (folder / "mirrorsim").symlink_to(mirrorsim)
    (folder / "scenarios").symlink_to(top / "scenarios")
    indices = [*reversed(range(1, count)), 1]
    for index in indices:
        code = run(shards, folder, {"JOB_COMPLETION_INDEX": str(index)})
        assert code == 0, f"index {index} ended with {code}"
    assert run(merge, folder, {}) == 5, "the merge does not miss index 0"
    assert run(shards, folder, {"JOB_COMPLETION_INDEX": "0"}) == 0
    assert run(merge, folder, {}) == 0
    whole = [w for w in container(shards)["command"] if w != "--shard=auto" and not w.startswith(("--seeds=", "--out="))]
    subprocess.run([*whole, SEEDS, "--out=whole"], cwd=folder, stdout=subprocess.DEVNULL, check=True)
    same = filecmp.cmp(folder / "whole/report.json", folder / "out/merged/report.json", shallow=False)
    assert same, "the merge of the indices is not what one process makes"
    print(f"{count} indices make the report of one process")


if __name__ == "__main__":
    main()
