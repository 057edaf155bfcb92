"""Checks that no dependency of the library needs a newer Rust than the one that Cargo.toml declares.

For machines without that toolchain: each dependency's own `rust-version` is compared. Dev-dependencies do not count.
"""

import json
import subprocess
import sys


def version(text):
    return tuple(int(part) for part in (text.split(".") + ["0", "0"])[:3])


metadata = json.loads(subprocess.check_output(["cargo", "metadata", "--format-version=1", "--all-features"]))
packages = {package["id"]: package for package in metadata["packages"]}
nodes = {node["id"]: node for node in metadata["resolve"]["nodes"]}
root = metadata["resolve"]["root"]
wanted, queue = set(), [root]
while queue:
    node = nodes[queue.pop()]
    for dependency in node["deps"]:
        kinds = {kind["kind"] for kind in dependency["dep_kinds"]}
        if kinds != {"dev"} and dependency["pkg"] not in wanted:
            wanted.add(dependency["pkg"])
            queue.append(dependency["pkg"])

declared = packages[root]["rust_version"]
late = [p for p in (packages[i] for i in wanted) if p["rust_version"] and version(p["rust_version"]) > version(declared)]
for package in late:
    print(f"{package['name']} {package['version']} needs Rust {package['rust_version']}, this crate declares {declared}")
print(f"{len(wanted)} dependencies looked at for Rust {declared}: {len(late)} need more")
sys.exit(bool(late))
