#!/usr/bin/env python3
"""Every planted bug must be found within its number of seeds, by an oracle of its row, and its witness must be green
without it over the same seeds.

    planted.py MIRRORSIM [JOBS]
"""

import json
import subprocess
import sys


def objects(*arguments):
    """The JSON lines of a command, and its exit code."""
    done = subprocess.run([*arguments, "--message-format", "json"], stdout=subprocess.PIPE, text=True)
    return [json.loads(line) for line in done.stdout.splitlines()], done.returncode


def chunks(seeds):
    """1..=1, 2..=10, 11..=100 and so on: a bug that is easily found costs one seed."""
    first, size = 1, 1
    while first <= seeds:
        last = min(seeds, size)
        yield f"{first}..={last}"
        first, size = last + 1, size * 10


def runs(mirrorsim, jobs, row, seeds, *more):
    lines, code = objects(
        mirrorsim, "run", row["witness"], "--seeds", seeds, "--jobs", jobs, "--no-report", *more
    )
    return [line["run"] for line in lines if "run" in line], code


def find(mirrorsim, jobs, row):
    """What is wrong with a row, or nothing."""
    for seeds in chunks(row["seeds"]):
        bent, code = runs(mirrorsim, jobs, row, seeds, "--plant", row["id"])
        red = [run for run in bent if run["verdict"] == "failed"]
        if code not in (0, 1):
            return f"exit {code} over seeds {seeds}"
        if not red:
            continue
        seed = red[0]["seed"]
        oracle = red[0]["failures"][0]["oracle"]
        if oracle not in row["oracles"]:
            return f"seed {seed}: found by `{oracle}`, and the row names {', '.join(row['oracles'])}"
        _, code = runs(mirrorsim, jobs, row, f"{seed}..={seed}")
        if code != 0:
            return f"seed {seed} of {row['witness']} is not green without the bug (exit {code})"
        print(f"{row['id']}: found with seed {seed} by `{oracle}`", flush=True)
        return None
    return f"not found in {row['seeds']} seeds of {row['witness']}"


def main():
    mirrorsim, jobs = sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else "2"
    rows, _ = objects(mirrorsim, "list", "--planted")
    missed = 0
    for row in rows:
        wrong = find(mirrorsim, jobs, row)
        if wrong:
            missed += 1
            print(f"{row['id']}: {wrong}", flush=True)
    print(f"{len(rows)} planted bugs, {missed} not found as they should be")
    return 1 if missed or not rows else 0


if __name__ == "__main__":
    sys.exit(main())
