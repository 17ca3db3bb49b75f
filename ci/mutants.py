#!/usr/bin/env python3
"""Weakens every memory ordering and every guard of the lock-free parts in turn, and requires a loom model to fail for each;
for some, a test under Miri as well.

    ci/mutants.py [--only TEXT] [--list]

The mutants are in ci/mutants.toml. One passes if the model that it names fails, or, where the table says why its effect cannot
be seen, if all models pass. Beside that the table itself is checked: each ordering in the crates' sources is weakened by some
mutant, each edge of docs/orderings.md has one, and the model that it names stands in the edge's row.
"""

import argparse
import os
import pathlib
import re
import shutil
import subprocess
import sys
import time
import tomllib

ROOT = pathlib.Path(__file__).resolve().parent.parent
TREE = ROOT / "target" / "mutants" / "tree"
# Not the one of ci/loom.sh: to cargo both trees are the same packages, and it would take a mutant for the original.
TARGET = ROOT / "target" / "mutants"
ORDERING = re.compile(r"\b(Acquire|Release|AcqRel|SeqCst)\b")
ACCESS = re.compile(r"\.(load|store|swap|set|fetch_\w+|compare_exchange\w*)\(")
# A model that hangs has been caught too; the slowest takes seconds.
TIMEOUT = 300
# Schedules that Miri is given to find one in which it shows.
MIRI_SEEDS = "16"


def read_table():
    with open(ROOT / "ci" / "mutants.toml", "rb") as file:
        table = tomllib.load(file)
    for mutant in table["mutant"]:
        if ("caught_by" in mutant) == ("unseen" in mutant):
            sys.exit(f"{mutant['name']}: say either what catches it or why nothing can")
        if "miri" in mutant and "unseen" in mutant:
            sys.exit(f"{mutant['name']}: what no model sees, Miri does not either")
    names = [mutant["name"] for mutant in table["mutant"]]
    if len(set(names)) != len(names):
        sys.exit("two mutants have the same name")
    return table


def apply(mutant, root):
    """Edits the files; returns what they were."""
    before = {}
    for edit in mutant["edits"]:
        path = root / edit["file"]
        text = path.read_text()
        before.setdefault(path, text)
        if text.count(edit["find"]) != 1:
            sys.exit(f"{mutant['name']}: {edit['find']!r} stands {text.count(edit['find'])} times in {edit['file']}, not once")
        path.write_text(text.replace(edit["find"], edit["replace"]))
    return before


def orderings():
    """Every access with an ordering that could be weaker: (file, line number, line)."""
    for path in sorted(ROOT.glob("crates/*/src/**/*.rs")):
        for number, line in enumerate(path.read_text().split("#[cfg(all(test")[0].splitlines(), 1):
            code = line.split("//")[0]
            if ORDERING.search(code) and ACCESS.search(code):
                yield str(path.relative_to(ROOT)), number, line.strip()


def check_table(table):
    """What the table leaves out."""
    problems = []
    weakened = [
        (edit["file"], edit["find"])
        for mutant in table["mutant"]
        for edit in mutant["edits"]
        if ORDERING.search(edit["find"]) and "Relaxed" in edit["replace"]
    ]
    exempt = [(entry["file"], entry["text"]) for entry in table["exempt"]]
    sites = list(orderings())
    if len(sites) < 9:
        problems.append(f"only {len(sites)} orderings were found: the search is broken")
    for file, number, line in sites:
        covered = any(where == file and (line in find or find in line) for where, find in weakened + exempt)
        if not covered:
            problems.append(f"{file}:{number}: no mutant weakens `{line}`")
    rows = {}
    for line in (ROOT / "docs" / "orderings.md").read_text().splitlines():
        if edge := re.match(r"\| \*\*(\w+)\*\*", line):
            rows[edge[1]] = line
    mutated = {mutant["edge"] for mutant in table["mutant"]}
    problems += [f"docs/orderings.md: no mutant for edge {edge}" for edge in rows if edge not in mutated]
    for mutant in table["mutant"]:
        row = rows.get(mutant["edge"])
        if row is None:
            problems.append(f"{mutant['name']}: docs/orderings.md has no edge {mutant['edge']}")
        elif mutant.get("caught_by", "") not in row:
            problems.append(f"{mutant['name']}: {mutant['caught_by']} is not in the row of {mutant['edge']}")
    return problems


def copy_tree():
    files = subprocess.run(["git", "ls-files", "--cached", "--others", "--exclude-standard"], cwd=ROOT, check=True, capture_output=True, text=True).stdout.split("\n")
    shutil.rmtree(TREE, ignore_errors=True)
    built = ROOT / "target" / "loom"
    if built.exists() and not (TARGET / "loom").exists():
        shutil.copytree(built, TARGET / "loom", symlinks=True)  # Saves building the dependencies again.
    for name in filter(None, files):
        target = TREE / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, target)


def run(command):
    """The names of the tests that failed, and the output."""
    environment = dict(os.environ, CARGO_TARGET_DIR=str(TARGET), RUST_BACKTRACE="0")
    try:
        done = subprocess.run(
            command, cwd=TREE, env=environment, timeout=TIMEOUT,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace",
        )
    except subprocess.TimeoutExpired:
        return {"a model that hangs"}, ""
    failed = set(re.findall(r"^    (?:\w+::)*(\w+)$", done.stdout, re.MULTILINE))
    if (done.returncode == 0) != (not failed):
        return None, done.stdout  # It did not build, or the run broke off.
    return failed, done.stdout


def judge(mutant):
    """What is wrong with the outcome; None if it is as it must be."""
    caught_by = mutant.get("caught_by")
    commands = [(["./ci/loom.sh"] + ([caught_by] if caught_by else []), caught_by)]
    if miri := mutant.get("miri"):
        commands.append((["./ci/miri.sh", MIRI_SEEDS, miri], miri))
    for command, expected in commands:
        failed, output = run(command)
        if failed is None:
            return f"it does not build or run:\n{output[-3000:]}"
        if expected is None and failed:
            return f"it was thought not to be seen, but {', '.join(sorted(failed))} fails"
        if expected is not None and not failed:
            return f"{expected} does not fail"
    return None


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", default="", help="only the mutants whose name contains this")
    parser.add_argument("--list", action="store_true", help="check the table and print it; run nothing")
    arguments = parser.parse_args()
    table = read_table()
    problems = check_table(table)
    mutants = [mutant for mutant in table["mutant"] if arguments.only in mutant["name"]]
    if not arguments.list:
        copy_tree()
        for mutant in mutants:
            started = time.monotonic()
            before = apply(mutant, TREE)
            problem = judge(mutant)
            for path, text in before.items():
                path.write_text(text)
            expected = " and ".join(filter(None, [mutant.get("caught_by"), mutant.get("miri")])) or f"not to be seen: {mutant['unseen']}"
            print(f"{'WRONG ' if problem else 'ok    '} {mutant['name']} ({time.monotonic() - started:.0f} s): {expected}", flush=True)
            if problem:
                problems.append(f"{mutant['name']}: {problem}")
    else:
        for mutant in mutants:
            print(f"{mutant['edge']:4} {mutant['name']}: {mutant.get('caught_by') or 'unseen, ' + mutant['unseen']}")
    for problem in problems:
        print(problem, file=sys.stderr)
    caught = sum("caught_by" in mutant for mutant in mutants)
    print(f"{len(mutants)} mutants: {caught} to be caught, {len(mutants) - caught} not to be seen; {len(problems)} problems")
    if problems or not mutants:
        sys.exit(1)


main()
