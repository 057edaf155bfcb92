#!/usr/bin/env python3
"""Scores the scanner through `examples/scrub`, which must have been built.

    cargo build --release --example scrub
    python3 tests/evaluation/score.py target/release/examples/scrub

For each secret of each text: it is gone when the clean text holds neither it nor six of its characters in a row. A
false alarm is a harmless text that was changed. Options: --policy NAME; --kinds for each kind; --recall R and
--false-alarms F to fail below and above; --strict-false-alarms F to fail above in any one of the six families that
must hardly ever be changed; --words-lost W to fail above it of what stands beside secrets; --set DIR for another set than the one that `held_back.py` makes.
"""
import argparse
import json
import pathlib
import subprocess
import sys
from collections import defaultdict

HERE = pathlib.Path(__file__).parent
# A remainder as long as this is a leak.
PART = 6
# Of these six, hardly any text may be changed.
STRICT = ("module_path", "rust_type", "version", "uuid", "hash", "timestamp")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("scrub")
    parser.add_argument("--set", type=pathlib.Path)
    parser.add_argument("--policy")
    parser.add_argument("--kinds", action="store_true")
    parser.add_argument("--recall", type=float, default=0)
    parser.add_argument("--false-alarms", type=float, default=1)
    parser.add_argument("--strict-false-alarms", type=float, default=1)
    parser.add_argument("--words-lost", type=float, default=1)
    arguments = parser.parse_args()
    directory = arguments.set or held_back()
    command = [arguments.scrub, "--json"] + (["--policy", arguments.policy] if arguments.policy else [])

    positives = load(directory / "positives.jsonl")
    found, damaged, stays = defaultdict(list), 0, 0
    for row, clean in zip(positives, scrub(command, positives)):
        found[row["kind"]] += [is_gone(secret, row["text"], clean) for secret in row["secrets"]]
        damaged += sum(clean is None or word not in clean for word in row["stays"])
        stays += len(row["stays"])
    negatives = load(directory / "negatives.jsonl")
    alarms = defaultdict(list)
    for row, clean in zip(negatives, scrub(command, negatives)):
        alarms[row["family"]].append(clean != row["text"])

    secrets = [gone for kind in found.values() for gone in kind]
    recall, mean = share(secrets), sum(map(share, found.values())) / len(found)
    false_alarms = share([alarm for family in alarms.values() for alarm in family])
    # Each by itself: in a sum of six, one at six times as much would hide.
    strict = {family: share(alarms[family]) for family in STRICT if alarms[family]}
    worst = max(strict, key=strict.get, default="none")
    print(f"recall                {recall:.4f}  of {len(secrets)} secrets in {len(positives)} texts")
    print(f"recall, mean of kinds {mean:.4f}  of {len(found)} kinds")
    print(f"false alarms          {false_alarms:.4f}  of {len(negatives)} harmless texts")
    print(f"  in paths, types, versions, UUIDs, hashes, times {strict.get(worst, 0):.4f} at most ({worst})")
    print(f"harmless words lost   {damaged / max(stays, 1):.4f}  of {stays} beside secrets")
    if arguments.kinds:
        for kind, results in sorted(found.items(), key=lambda item: share(item[1])):
            print(f"  {share(results):.3f} of {len(results):4} {kind}")
        for family, results in sorted(alarms.items(), key=lambda item: -share(item[1])):
            print(f"  {share(results):.3f} of {len(results):4} {family}: false alarms")
    if set(strict) != set(STRICT) and arguments.strict_false_alarms < 1:
        sys.exit(f"the set has nothing of {set(STRICT) - set(strict)}")
    worse = [
        recall < arguments.recall,
        mean < arguments.recall,
        false_alarms > arguments.false_alarms,
        strict.get(worst, 0) > arguments.strict_false_alarms,
        damaged / max(stays, 1) > arguments.words_lost,
    ]
    if any(worse):
        sys.exit("the scanner has become worse: --kinds tells where")


def held_back():
    directory = HERE.parent.parent / "target" / "evaluation"
    directory.mkdir(parents=True, exist_ok=True)
    subprocess.run([sys.executable, HERE / "held_back.py", directory], check=True, stdout=subprocess.DEVNULL)
    return directory


def load(path):
    with open(path, encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def scrub(command, rows):
    lines = "".join(json.dumps({"text": row["text"]}, ensure_ascii=False) + "\n" for row in rows)
    output = subprocess.run(command, input=lines.encode(), stdout=subprocess.PIPE, check=True).stdout
    answers = [json.loads(line) for line in output.split(b"\n") if line]
    if [answer["text"] for answer in answers] != [row["text"] for row in rows]:
        sys.exit(f"{command[0]} answered for other texts than it was given")
    return [answer["clean_text"] for answer in answers]


def is_gone(secret, text, clean):
    if clean is None:
        return True
    if len(secret) < PART:
        return not stands_in(secret, clean)
    rest = text.replace(secret, "\0")
    parts = (secret[at:at + PART] for at in range(len(secret) - PART + 1))
    return secret not in clean and not any(part in clean and part not in rest for part in parts)


def stands_in(secret, clean):
    """Whether a short secret stands there as a word of its own: any text may hold `123` inside a longer number."""
    at = clean.find(secret)
    while at >= 0:
        around = clean[max(at - 1, 0):at] + clean[at + len(secret):at + len(secret) + 1]
        if not any(char.isascii() and char.isalnum() for char in around):
            return True
        at = clean.find(secret, at + 1)
    return False


def share(results):
    return sum(results) / max(len(results), 1)


if __name__ == "__main__":
    main()
