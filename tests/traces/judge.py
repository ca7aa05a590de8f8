#!/usr/bin/env python3
"""Judges the image of an ext4 file system with a SQLite database that was recovered after a disaster.

    judge.py check IMAGE --log LOG --acknowledged N [--issued M] [--db db.sqlite]
    judge.py check IMAGE --reference IMAGE [--db db.sqlite]
    judge.py image LOG --entries N OUT       write what the first N entries of a log leave, in order
    judge.py facts LOG [--db db.sqlite]      tell what is in a log, and from which entry on each prefix recovers
    judge.py selftest LOG [--prefixes 40]    the judge must pass each straight prefix, and refuse what it must refuse

LOG is a dm-log-writes recording, packed with zstd or not. IMAGE is raw; a recovered one is copied, never changed.
N counts entries of the log from its start: every request up to entry N (a FLUSH at the latest) was answered.
M likewise: no request after entry M was issued yet, so that nothing of it may be there (all were, if it is not given).

What `check` holds, in this order:
 1. `e2fsck -p -E journal_only` ends with 0: the journal can be replayed.
 2. `e2fsck -fn` ends with 0 and complains of nothing but the free counts of the superblock, which a mounted ext4 does
    not keep up to date.
 3. The database (with its -wal) passes `pragma integrity_check`.
 4. In a table `entries` (the project's own recording): the running numbers have no gap, each row's checksum is right.
 5. Nothing durable is lost. With a log: the rows are exactly those of a straight prefix that ends at or after the last
    acknowledged FLUSH; so a transaction is held, or not yet begun, never half there. With a reference image: the
    greatest key is at least the reference's, and in `entries` every row of it is there.

Exit codes: 0 passed, 1 failed, 2 bad usage, 3 a program is missing, 5 inconclusive: the straight prefix up to the last
acknowledged FLUSH does not recover either (mkfs was not over), so that nothing is promised.
Needs e2fsck and debugfs (e2fsprogs), zstd for packed logs, and Python's sqlite3.
"""

import argparse
import hashlib
import mmap
import os
import re
import shutil
import sqlite3
import struct
import subprocess
import sys
import tempfile

MAGIC = 0x6A736677736872
FLUSH, DISCARD, MARK = 1, 4, 8
PATH = os.environ.get("PATH", "") + os.pathsep + "/sbin" + os.pathsep + "/usr/sbin"
# What e2fsck may say of a sound file system.
HARMLESS = re.compile(
    r"^$|^Pass \d|^e2fsck |^Fix\? no$"
    r"|^Free (blocks|inodes) count wrong \(\d+, counted=\d+\)\.$"
    r"|^(\S+): \d+/\d+ files .* \d+/\d+ blocks$"
)


class Failure(Exception):
    """What is wrong with an image."""


class Environment(Exception):
    """A program or file is missing."""


def run(*command):
    program = shutil.which(command[0], path=PATH)
    if program is None:
        raise Environment(f"{command[0]} is not installed")
    done = subprocess.run([program, *command[1:]], capture_output=True, text=True, errors="replace", stdin=subprocess.DEVNULL)
    return done.returncode, done.stdout + done.stderr


class Log:
    """A dm-log-writes recording; `prefix(n)` is what its first n entries leave."""

    def __init__(self, path):
        self.path = path
        with open(path, "rb") as file:
            packed = file.read(4) == b"\x28\xb5\x2f\xfd"
        if packed:
            unpacked = tempfile.TemporaryFile()
            zstd = shutil.which("zstd", path=PATH)
            if zstd is None:
                raise Environment("zstd is not installed")
            if subprocess.run([zstd, "-dqc", path], stdout=unpacked, check=False).returncode:
                raise Environment(f"{path} cannot be unpacked")
        else:
            unpacked = open(path, "rb")
        self.bytes = mmap.mmap(unpacked.fileno(), 0, access=mmap.ACCESS_READ)
        magic, version, count, sector = struct.unpack_from("<QQQI", self.bytes)
        if magic != MAGIC or version != 1:
            raise Environment(f"{path} is no dm-log-writes recording")
        self.entries, self.size, at = [], 0, sector
        for _ in range(count):
            first, sectors, flags, _ = struct.unpack_from("<QQQQ", self.bytes, at)
            at += sector
            offset, length = first * sector, sectors * sector
            self.entries.append((offset, length, flags, at))
            if not flags & DISCARD:
                at += length
            self.size = max(self.size, offset + length)
        self.flushes = [n + 1 for n, entry in enumerate(self.entries) if entry[2] & FLUSH]
        self.image, self.done = bytearray(self.size), 0

    def prefix(self, count):
        if count < self.done:
            self.image, self.done = bytearray(self.size), 0
        for offset, length, flags, data in self.entries[self.done:count]:
            if flags & DISCARD:
                self.image[offset:offset + length] = bytes(length)
            else:
                self.image[offset:offset + length] = self.bytes[data:data + length]
        self.done = max(count, self.done)
        return self.image

    def last_flush(self, acknowledged):
        """Number of entries up to the last FLUSH among the first `acknowledged`, or 0."""
        return max((n for n in self.flushes if n <= acknowledged), default=0)


class State:
    """The rows of a database."""

    def __init__(self, table, rows):
        self.table, self.rows = table, rows
        self.digest = hashlib.sha256(repr((table if rows else None, rows)).encode()).hexdigest()
        self.greatest = max((row[0] for row in rows), default=0)

    def __str__(self):
        return f"{len(self.rows)} rows, greatest key {self.greatest}"


def file_system(image):
    """Replays the journal of an image and checks it; changes it."""
    code, text = run("e2fsck", "-p", "-E", "journal_only", image)
    if code != 0:
        raise Failure(f"the journal cannot be replayed: e2fsck ended with {code}: {first_line(text, image)}")
    code, text = run("e2fsck", "-fn", image)
    complaints = [line for line in text.splitlines() if not HARMLESS.match(line)]
    if code != 0 or complaints:
        told = "; ".join(complaints[:3]) or "(no complaint)"
        raise Failure(f"the file system is damaged: e2fsck -fn ended with {code}: {told}")


def first_line(text, image):
    lines = [line.replace(image, "image").strip() for line in text.splitlines()]
    return next((line for line in lines if line and not line.startswith("e2fsck ") and line != "image:"), "")


def database(image, name, work):
    """The state of the database in an image whose journal is replayed."""
    if not re.fullmatch(r"[A-Za-z0-9._/-]+", name):
        raise Environment(f"{name!r} is no file name")
    path = os.path.join(work, "db")
    for suffix in ("", "-wal", "-shm"):
        if os.path.exists(path + suffix):
            os.remove(path + suffix)
    for suffix in ("", "-wal"):
        run("debugfs", "-R", f"dump {name}{suffix} {path}{suffix}", image)
    if not os.path.exists(path):
        return State(None, [])
    connection = sqlite3.connect(path)
    try:
        verdict = connection.execute("pragma integrity_check").fetchall()
        if verdict != [("ok",)]:
            raise Failure(f"the database is damaged: {verdict[0][0]}")
        tables = [row[0] for row in connection.execute("select name from sqlite_master where type = 'table' order by 1")]
        if not tables:
            return State(None, [])
        quoted = tables[0].replace('"', '""')
        state = State(tables[0], connection.execute(f'select * from "{quoted}" order by rowid').fetchall())
    except sqlite3.Error as error:
        raise Failure(f"the database is damaged: {error}") from error
    finally:
        connection.close()
    if state.table == "entries":
        check_entries(state)
    return state


def check_entries(state):
    for place, (n, body, stored) in enumerate(state.rows):
        if n != place + 1:
            raise Failure(f"row {place + 1} is missing, row {n} is there")
        if hashlib.sha3_256(f"{n}:{body}".encode()).hexdigest() != stored:
            raise Failure(f"the checksum of row {n} is wrong")


def recover(content, name):
    """The state of the database in an image: a path, or bytes. The image is copied."""
    with tempfile.TemporaryDirectory(prefix="judge.") as work:
        copy = os.path.join(work, "image")
        if isinstance(content, (bytes, bytearray)):
            with open(copy, "wb") as file:
                file.write(content)
        else:
            shutil.copyfile(content, copy)
        file_system(copy)
        return database(copy, name, work)


def judge(content, reference, following, name):
    """Holds a recovered image against the state of what was promised and, if given, the states that may follow it."""
    got = recover(content, name)
    if following is not None:
        if any(got.digest == state.digest for state in following()):
            return got
        if got.greatest < reference.greatest:
            raise Failure(f"acknowledged transactions are lost: got {got}, want at least {reference}")
        raise Failure(f"the rows are of no prefix from the last acknowledged flush on: got {got}, want at least {reference}")
    lost = set(reference.rows) - set(got.rows) if reference.table == "entries" else ()
    if got.greatest < reference.greatest or lost:
        raise Failure(f"acknowledged transactions are lost: got {got}, want at least {reference}")
    return got


class Prefixes:
    """States of straight prefixes of a log, each computed once. A state that is not recoverable is a `Failure`."""

    def __init__(self, log, name):
        self.log, self.name, self.known = log, name, {}

    def state(self, count):
        if count not in self.known:
            try:
                self.known[count] = recover(self.log.prefix(count), self.name)
            except Failure as failure:
                self.known[count] = failure
        return self.known[count]

    def following(self, count, issued):
        """States at flush `count` and every later one, up to the first that has all that was issued; or at the end."""
        for later in sorted({count, *self.log.flushes, len(self.log.entries)}):
            if later >= count and isinstance(self.state(later), State):
                yield self.state(later)
            if later >= max(count, issued):
                return

    def judge(self, content, acknowledged, issued=None):
        flush = self.log.last_flush(acknowledged)
        issued = len(self.log.entries) if issued is None else issued
        reference = self.state(flush)
        if isinstance(reference, Failure):
            return None
        return judge(content, reference, lambda: self.following(flush, issued), self.name)


def command_check(options):
    if (options.log is None) == (options.reference is None) or (options.log is None) != (options.acknowledged is None):
        print("error: give --log and --acknowledged, or --reference", file=sys.stderr)
        return 2
    if options.log:
        log = Log(options.log)
        if not 0 <= options.acknowledged <= len(log.entries):
            print(f"error: --acknowledged is {options.acknowledged}, the log has {len(log.entries)} entries", file=sys.stderr)
            return 2
        got = Prefixes(log, options.db).judge(options.image, options.acknowledged, options.issued)
    else:
        try:
            reference = recover(options.reference, options.db)
        except Failure:
            got = None
        else:
            got = judge(options.image, reference, None, options.db)
    if got is None:
        print("inconclusive: what was acknowledged does not recover by itself (mkfs was not over)")
        return 5
    print(f"passed: {got}")
    return 0


def command_image(options):
    log = Log(options.log)
    if not 0 <= options.entries <= len(log.entries):
        print(f"error: --entries is {options.entries}, the log has {len(log.entries)} entries", file=sys.stderr)
        return 2
    with open(options.out, "wb") as file:
        file.write(log.prefix(options.entries))
    return 0


def command_facts(options):
    log = Log(options.log)
    kinds = [flags for _, _, flags, _ in log.entries]
    written = sum(length for _, length, flags, _ in log.entries if not flags & (DISCARD | MARK))
    print(f"entries {len(kinds)}, flushes {len(log.flushes)}, discards {sum(bool(f & DISCARD) for f in kinds)},", end=" ")
    print(f"bytes written {written}, largest {max(length for _, length, f, _ in log.entries if not f & DISCARD)}, device {log.size}")
    prefixes, first, last = Prefixes(log, options.db), None, None
    counts = range(len(kinds) + 1) if options.every else sorted({*log.flushes, len(kinds)})
    for count in counts:
        state = prefixes.state(count)
        if isinstance(state, Failure):
            if first is not None and not options.states:
                print(f"prefix {count} does not recover: {state}")
            first = None
            continue
        if first is None:
            first = count
        if options.states and (last is None or last.digest != state.digest):
            print(f"prefix {count}: {state}")
        last = state
    print(f"every prefix that was tried from entry {first} on recovers; at the end: {last}")
    return 0


def command_selftest(options):
    log = Log(options.log)
    prefixes, total, failed = Prefixes(log, options.db), len(log.entries), 0
    first = next(n for n in log.flushes if isinstance(prefixes.state(n), State))
    passed = refused = 0

    def expect(good, what, content, acknowledged):
        nonlocal failed, passed, refused
        try:
            verdict = prefixes.judge(content, acknowledged)
            if verdict is None or good is False:
                failed += 1
                print(f"FAILED: {what} passed ({verdict})")
            passed += 1
        except Failure as failure:
            refused += 1
            if good:
                failed += 1
                print(f"FAILED: {what} was refused: {failure}")

    # Every straight prefix holds what was acknowledged at its end, and what was acknowledged long before.
    step = max(1, (total - first) // max(1, options.prefixes))
    for count in range(first, total + 1, step):
        expect(True, f"prefix {count}", bytes(log.prefix(count)), count)
        expect(True, f"prefix {count} with half acknowledged", bytes(log.prefix(count)), first + (count - first) // 2)
    # A prefix that lacks an acknowledged transaction is refused; so is an image that lost its superblock.
    changes = [n for n, before in zip(log.flushes[1:], log.flushes) if n > first and digest(prefixes, n) != digest(prefixes, before)]
    for count in changes[:: max(1, len(changes) // 12)]:
        before = max(n for n in log.flushes if n < count)
        expect(False, f"prefix {before} with {count} acknowledged", bytes(log.prefix(before)), count)
    blank = bytearray(log.prefix(total))
    blank[:4096] = bytes(4096)
    expect(False, "an image without superblock", bytes(blank), total)
    print(f"{passed} images passed, {refused} were refused; {failed} verdicts were wrong")
    return 1 if failed else 0


def digest(prefixes, count):
    state = prefixes.state(count)
    return state.digest if isinstance(state, State) else None


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    check = commands.add_parser("check")
    check.add_argument("image")
    check.add_argument("--log")
    check.add_argument("--acknowledged", type=int)
    check.add_argument("--issued", type=int)
    check.add_argument("--reference")
    image = commands.add_parser("image")
    image.add_argument("log")
    image.add_argument("--entries", type=int, required=True)
    image.add_argument("out")
    facts = commands.add_parser("facts")
    facts.add_argument("log")
    facts.add_argument("--every", action="store_true", help="try every prefix, not only those that end with a FLUSH")
    facts.add_argument("--states", action="store_true", help="tell each prefix at which the rows change")
    selftest = commands.add_parser("selftest")
    selftest.add_argument("log")
    selftest.add_argument("--prefixes", type=int, default=40)
    for command in (check, facts, selftest):
        command.add_argument("--db", default="db.sqlite")
    options = parser.parse_args()
    try:
        return globals()["command_" + options.command](options)
    except Failure as failure:
        print(f"failed: {failure}")
        return 1
    except (Environment, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 3


if __name__ == "__main__":
    sys.exit(main())
