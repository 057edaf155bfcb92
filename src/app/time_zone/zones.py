"""Prints zones.rs: which country each time zone's name belongs to.

Made of the files that IANA's tzdata is installed as (zone.tab, zone1970.tab, tzdata.zi):

    python3 src/app/time_zone/zones.py /usr/share/zoneinfo > src/app/time_zone/zones.rs

zone.tab names a country for each of its zones; Europe/Simferopol, which two claim, is left out. Names that are kept for
old settings (`Asia/Calcutta`) have the country of the zone that they are links to, if zone1970.tab knows that zone in one
country alone. Names without a slash are left out: `EET` and `EST5EDT` are rules, whatever zone they are linked to.
"""

import sys
from pathlib import Path

base = Path(sys.argv[1])


def rows(name):
    lines = (base / name).read_text().splitlines()
    return [line.split("\t") for line in lines if line and not line.startswith("#")]


countries = {}
for country, _, zone, *_ in rows("zone.tab"):
    countries.setdefault(zone, set()).add(country)
# "The obsolescent zone.tab format cannot represent Europe/Simferopol well", it says itself.
countries["Europe/Simferopol"] = {"RU", "UA"}
today = {zone: set(listed.split(",")) for listed, _, zone, *_ in rows("zone1970.tab")}
for zone, listed in today.items():
    # zone.tab cannot say that a zone's country is disputed.
    if zone in countries and not countries[zone] & listed:
        sys.exit(f"{zone} is in {countries[zone]} by zone.tab and in {listed} by zone1970.tab")

rules = (base / "tzdata.zi").read_text().splitlines()
version = rules[0].removeprefix("# version ")
links = {name: target for kind, target, name in (line.split() for line in rules if line.startswith("L "))}
for name, target in links.items():
    if "/" in name and name not in countries:
        while target in links and target not in countries:
            target = links[target]
        known = countries.get(target, set()) | today.get(target, set())
        if len(known) == 1:
            countries[name] = known

names = {}
for zone, known in countries.items():
    if len(known) == 1:
        names.setdefault(*known, []).append(zone)

print("//! Countries and the names of their time zones.")
print("//!")
print(f"//! Made by zones.py of IANA's tzdata {version} (zone.tab, zone1970.tab, tzdata.zi), which is in the public domain.")
print()
print("/// ISO 3166-1 alpha-2 code, and names. Sorted by code.")
print("#[rustfmt::skip]")
print(f"pub(super) const ZONES: [(&str, &[&str]); {len(names)}] = [")
for country in sorted(names):
    line = f'    ("{country}", &['
    for zone in sorted(names[country]):
        piece = f'"{zone}", '
        if len(line) + len(piece.rstrip()) > 116:
            print(line.rstrip())
            line = "        "
        line += piece
    print(line.removesuffix(", ") + "]),")
print("];")
