#!/usr/bin/env python3
"""Takes a recording of an ext4 file system with a SQLite database through the simulator, and has programs that know
neither judge what comes out.

    e2e.py SCENARIO LOG [--points 20] [--first ENTRY] [--plant ID] [--seed N] [--mirrorsim PROGRAM] [--data DIR]
                        [--db db.sqlite]

SCENARIO replays LOG (dm-log-writes) with one client that has one slot, so that answers come in the order of the log.

 1. The run to its end: the volume and the recovered image are, byte for byte, what the log written straight leaves.
 2. At POINTS events the site of the source is lost and the destination loses power, after all power cuts that the
    scenario has before. They are spread over the log from where mkfs is over: the first FLUSH at ENTRY or later whose
    prefix recovers. The image that recovery gives is judged:
    a. `judge.py` (see there) passes it: e2fsck, integrity_check, every transaction whose FLUSH was acknowledged;
    b. it is, byte for byte, what a number of operations leave, all the answered ones at least.

Every third point lies just behind an answer, where the least has been done with it; the others anywhere between two.
With --plant a bug is switched on in part 2, part 1 is left out, and success is that `judge.py` refuses a point. The bug
may stop the source early; then the points are spread over what was answered until then.

Exit codes: 0 passed, 1 failed, 2 bad usage, 3 a program or file is missing, 4 the simulator did not do what was asked.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time

# Other tests look at every file here.
sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import judge  # noqa: E402


class Trouble(Exception):
    """The simulator did not do what was asked, or cannot be understood."""


class Simulator:
    """The command with what every call has in common."""

    def __init__(self, options):
        self.program = options.mirrorsim
        self.scenario = options.scenario
        self.data = ["--data", options.data] if options.data else []
        self.seed = ["--seed", str(options.seed)]

    def call(self, *arguments, codes=(0,)):
        command = [self.program, *arguments, "--message-format", "json"]
        try:
            done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL)
        except OSError as error:
            raise judge.Environment(f"{self.program} cannot be run: {error.strerror}") from error
        if done.returncode not in codes:
            raise Trouble(f"`{' '.join(command)}` ended with {done.returncode}:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
        return [json.loads(line) for line in done.stdout.splitlines()]

    def explained(self):
        return self.call("explain", self.scenario, *self.data)[0]["text"]

    def answers(self, planted):
        """Number of the event of each answer, in order."""
        shared = ["trace", self.scenario, *self.data, *self.seed, "--check", "end", *planted]
        # A planted bug makes a run red, and its trace is still told.
        told = self.call(*shared, "--kind", "answered", codes=(0, 1))
        answers = [line for line in told if line["type"] == "event"]
        for number, line in enumerate(answers, 1):
            found = re.search(r"slot (\d+) request (\d+) answered", line["text"])
            if found is None or found.group(1, 2) != ("0", str(number)):
                raise Trouble(f"answer {number} is not of slot 0 and request {number}: {line['text'].strip()}")
        return [line["event"] for line in answers]

    def run(self, folder, planted, *more):
        """What a run says of itself. Images are in `folder`."""
        shared = ["run", self.scenario, *self.data, *self.seed, "--no-report", "--export-images", folder, *planted]
        told = self.call(*shared, *more, codes=(0, 1) if planted else (0,))
        return next(line["run"] for line in told if line["type"] == "run")


class Operations:
    """The operations that a log becomes: the trace reader cuts what is longer than the largest operation."""

    def __init__(self, log, largest):
        step = largest // 512 * 512 if largest >= 512 else largest
        self.log, self.pieces, self.ends = log, [], []
        for offset, length, flags, data in log.entries:
            if not flags & judge.MARK:
                for start in range(0, length, step):
                    piece = min(step, length - start)
                    self.pieces.append((offset + start, piece, None if flags & judge.DISCARD else data + start))
            self.ends.append(len(self.pieces))

    def acknowledged(self, answered):
        """Entries of the log that are answered when so many operations are. A FLUSH is when all before it are."""
        return sum(end <= answered for end in self.ends)

    def issued(self, issued):
        """Entries that a recovered image may have anything of."""
        return next((n for n, end in enumerate(self.ends, 1) if end >= issued), len(self.ends))

    def image(self, count):
        image = bytearray(self.log.size)
        for offset, length, data in self.pieces[:count]:
            image[offset:offset + length] = bytes(length) if data is None else self.log.bytes[data:data + length]
        return image


def read(folder, ending):
    names = [name for name in os.listdir(folder) if name.endswith(ending)]
    if len(names) != 1:
        raise Trouble(f"{len(names)} images end with {ending}")
    path = os.path.join(folder, names[0])
    with open(path, "rb") as file:
        return path, file.read()


def same(image, straight):
    """Whether an image is a shorter one and zeros behind it."""
    return image[:len(straight)] == straight and not any(image[len(straight):])


def to_the_end(simulator, operations):
    """Part 1. Returns whether it passed."""
    passed = True
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="e2e.") as folder:
        run = simulator.run(folder, [])
        wall = time.monotonic() - started
        done = run["operations"]
        if done["acknowledged"] != len(operations.pieces):
            raise Trouble(f"{done['acknowledged']} operations were answered, the log has {len(operations.pieces)}")
        straight = operations.log.prefix(len(operations.log.entries))
        for ending in (".volume", ".recovered"):
            equal = same(read(folder, ending)[1], straight)
            passed &= equal
            print(f"end: {ending[1:]} {'is' if equal else 'IS NOT'} the log written straight, byte for byte")
    cuts = [fault for fault in run["faults"] if fault["name"] == "power_cut"]
    print(f"end: {done['acknowledged']} operations, {sum(c['took_effect'] for c in cuts)} power cuts,", end=" ")
    print(f"{run['checks']['changes']} durable changes, {wall:.1f} s")
    return passed


def points(operations, answers, first, count):
    """Events spread over the entries of the log from number `first` on."""
    # A planted bug may stop the source before the end.
    entries = [n for n in range(first, len(operations.ends)) if operations.ends[n - 1] < len(answers)]
    if not entries:
        raise Trouble(f"only {len(answers)} operations were answered")
    for i in range(count):
        entry = entries[(len(entries) - 1) * i // max(1, count - 1)]
        # The golden ratio spreads what lies between: operations of an entry that was cut, events between two answers.
        share = i * 0.618034 % 1
        start, end = operations.ends[entry - 1], operations.ends[entry]
        at = min(max(1, start + int((end - start) * share)), len(answers) - 1)
        event, following = answers[at - 1], answers[at]
        yield event + 1 + (0 if i % 3 == 0 else int((following - event) * share))


def disaster(simulator, operations, prefixes, planted, event):
    """Loses the site at an event. Returns what the judge has against the image, and what the bytes have."""
    with tempfile.TemporaryDirectory(prefix="e2e.") as folder:
        run = simulator.run(folder, planted, "--check", "end", "--disaster-at", str(event))
        done = run["operations"]
        if done["refused"]:
            raise Trouble(f"{done['refused']} operations were refused")
        path, content = read(folder, ".recovered")
        entries, most = operations.acknowledged(done["acknowledged"]), operations.issued(done["issued"])
        cuts = sum(fault["took_effect"] for fault in run["faults"] if fault["name"] == "power_cut")
        at = f"event {event}: {done['acknowledged']} of {done['issued']} operations answered ({entries} entries), {cuts + 1} power cuts"
        try:
            state = prefixes.judge(path, entries, most)
            if state is None:
                raise Trouble(f"event {event}: mkfs is not over")
            refused, told = None, str(state)
        except judge.Failure as failure:
            refused, told = str(failure), f"JUDGE: {failure}"
        counts = range(done["acknowledged"], done["issued"] + 1)
        exact = any(same(content, operations.image(n)) for n in counts)
        if not exact:
            told += f"; BYTES: no prefix of {counts[0]} to {counts[-1]} operations"
        print(f"{at}: {told}", flush=True)
        return refused, exact


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("scenario")
    parser.add_argument("log")
    parser.add_argument("--points", type=int, default=20)
    parser.add_argument("--plant", metavar="ID")
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--mirrorsim", default=os.environ.get("MIRRORSIM", "target/release/mirrorsim"))
    parser.add_argument("--data", default=os.environ.get("MIRRORSIM_DATA"))
    parser.add_argument("--db", default="db.sqlite")
    options = parser.parse_args()
    if options.points < 1:
        parser.error("--points must be at least 1")
    try:
        return end_to_end(options)
    except (judge.Environment, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 3
    except Trouble as trouble:
        print(f"error: {trouble}", file=sys.stderr)
        return 4


def end_to_end(options):
    started = time.monotonic()
    simulator = Simulator(options)
    text = simulator.explained()
    slots, largest = re.findall(r"^  (\d+) slots", text, re.M), re.findall(r"largest operation (\d+) bytes", text)
    if slots != ["1"] or len(largest) != 1:
        raise Trouble("the scenario must have one source, and one client with one slot")
    log = judge.Log(options.log)
    operations = Operations(log, int(largest[0]))
    planted = ["--plant", options.plant] if options.plant else []
    passed = options.plant is not None or to_the_end(simulator, operations)
    prefixes = judge.Prefixes(log, options.db)
    flushes = [n for n in log.flushes if n >= options.first]
    over = next((n for n in flushes if isinstance(prefixes.state(n), judge.State)), None)
    if over is None:
        raise Trouble("no prefix of the log recovers")
    answers = simulator.answers(planted)
    refused = inexact = 0
    for event in points(operations, answers, over, options.points):
        verdict, exact = disaster(simulator, operations, prefixes, planted, event)
        refused += verdict is not None
        inexact += not exact
    print(f"{options.points - refused} of {options.points} points passed the judge,", end=" ")
    print(f"{options.points - inexact} are exact; {time.monotonic() - started:.1f} s")
    if options.plant:
        print(f"{options.plant} {'was' if refused else 'WAS NOT'} found from outside")
        return 0 if refused else 1
    return 0 if passed and not refused and not inexact else 1


if __name__ == "__main__":
    sys.exit(main())
