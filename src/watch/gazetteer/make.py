#!/usr/bin/env python3
"""Makes countries.tsv from the Unicode CLDR territory names.

    npm pack cldr-localenames-full && tar xzf cldr-localenames-full-*.tgz
    python3 make.py package > countries.tsv

One line a territory: its code, then every name it has in the languages we
read. The data is under the Unicode licence v3 (LICENSE-UNICODE beside this file).
"""
import json
import re
import sys

LANGUAGES = ["en", "ru", "uk", "kk", "ky", "uz", "uz-Cyrl", "tg", "tk"]
# Names that are ordinary words or parts of other names, and would only make noise.
SKIPPED = re.compile(r"^Британ[иі]я$|^Britaniya$|[()\[\]]|^..?$|^Outlying |^Pseudo|^Unknown")



def spellings(name, language):
    """The name as CLDR has it, and as the press writes it out."""
    if language == "en" and (" & " in name or name.startswith("St. ")):
        return [name, re.sub("^St\\. ", "Saint ", name.replace(" & ", " and "))]
    return [name]


names = {}
for language in LANGUAGES:
    path = f"{sys.argv[1]}/main/{language}/territories.json"
    with open(path, encoding="utf-8") as file:
        territories = json.load(file)["main"][language]["localeDisplayNames"]["territories"]
    for code, name in territories.items():
        code = code.split("-")[0]
        if not re.fullmatch("[A-Z]{2}", code) or code in ("QO", "ZZ", "XA", "XB", "UN", "EZ"):
            continue
        found = names.setdefault(code, [])
        for spelling in spellings(name, language):
            if spelling not in found and not SKIPPED.search(spelling):
                found.append(spelling)

for code in sorted(names):
    if len(names[code]) > 1:
        print(code, *names[code], sep="\t")
