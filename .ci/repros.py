#!/usr/bin/env python3
"""Every planted bug of the protocol from a campaign to a file that anybody can replay: found, reduced, and replayed.

    repros.py MIRRORSIM FOLDER [ID...]

Of each bug (or of those named) a campaign runs the witness until one is red, and reduces what it finds; then a process that knows
nothing but the file replays it. The table goes to FOLDER/repros.json and to standard output; 1 if a bug was not found, not reduced
within its time, or did not fail in the same way again.
"""

import json
import pathlib
import shutil
import statistics
import subprocess
import sys
import time

# What a bug may need at the most: its row says in how many seeds its witness shows it.
SEEDS = 100
# s; the aim is a minute for one kind of failure, on a machine that does nothing else.
BUDGET = 300


def messages(command):
    """What a command says, with the time at which it says so."""
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        for line in process.stdout:
            yield time.monotonic(), json.loads(line)


def planted(mirrorsim):
    """The bugs of the protocol; those of the rig (X) are of no oracle."""
    rows = [row for _, row in messages([mirrorsim, "list", "--planted", "--message-format", "json"])]
    return [row for row in rows if not row["id"].startswith("X")]


def found(mirrorsim, row, out):
    """The first kind of failure that an oracle of the row names; else any."""
    seeds = f"--seeds=1..={max(SEEDS, row['seeds'])}"
    command = [mirrorsim, "campaign", row["witness"], "--plant", row["id"], seeds, "--fail-fast", "--jobs=2"]
    command += [f"--out={out}", f"--shrink-budget={BUDGET}s", "--message-format=json"]
    kinds, errors, ended, seconds = [], [], None, 0
    for at, message in messages(command):
        if "report" in message:
            ended = at
        elif message.get("type") == "cause":
            kinds += message["kinds"]
            seconds = at - ended
        elif message.get("type") == "error":
            errors.append(message["what"])
    ours = [kind for kind in kinds if kind["signature"].split()[0] in row["oracles"]]
    return (ours or kinds or [None])[0], seconds / max(1, len(kinds) + len(errors)), errors


def again(mirrorsim, path):
    """What a replay says of it."""
    command = [mirrorsim, "replay", path, "--message-format=json"]
    return next((m for _, m in messages(command) if m.get("type") == "replayed"), {}).get("what", "not replayed")


def main():
    mirrorsim, folder = sys.argv[1], pathlib.Path(sys.argv[2])
    folder.mkdir(parents=True, exist_ok=True)
    rows = [row for row in planted(mirrorsim) if not sys.argv[3:] or row["id"] in sys.argv[3:]]
    table, wrong = [], []
    for row in rows:
        out = folder / row["id"]
        shutil.rmtree(out, ignore_errors=True)
        kind, seconds, errors = found(mirrorsim, row, out)
        wrong += [f"{row['id']}: {error}" for error in errors]
        if kind is None:
            wrong.append(f"{row['id']}: not found, or not reduced")
            continue
        replay = again(mirrorsim, kind["path"])
        (faults, operations), (was_faults, was_operations) = kind["to"], kind["from"]
        line = {
            "id": row["id"],
            "first": kind["first"],
            "signature": kind["signature"],
            "from": {"faults": was_faults, "operations": was_operations},
            "to": {"faults": faults, "operations": operations},
            "seconds": round(seconds, 1),
            "replay": replay,
        }
        table.append(line)
        print(
            f"{row['id']:4} {kind['first']:34} {was_faults:4} faults {was_operations:6} operations"
            f" -> {faults:2} and {operations:3}, {line['seconds']:5} s, {replay}",
            flush=True,
        )
        if kind["cut_short"]:
            wrong.append(f"{row['id']}: more could have been left out after {BUDGET} s")
        if not replay.startswith("reproduced"):
            wrong.append(f"{row['id']}: {replay}")
    (folder / "repros.json").write_text(json.dumps(table, indent=1) + "\n")
    if table:
        faults, operations = (statistics.median(line["to"][what] for line in table) for what in ("faults", "operations"))
        longest = max(line["seconds"] for line in table)
        print(f"{len(table)} of {len(rows)} found, reduced and replayed: in the median {faults:g} faults and {operations:g} operations; {longest} s at the most")
    print("\n".join(wrong))
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
