#!/usr/bin/env python3
"""Validates every JSON report below a folder against the report schema.

    validate.py SCHEMA FOLDER
"""

import json
import pathlib
import sys

import jsonschema


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        schema = json.load(file)
    kind = jsonschema.validators.validator_for(schema)
    kind.check_schema(schema)
    validator = kind(schema)
    reports = sorted(pathlib.Path(sys.argv[2]).rglob("*.json"))
    wrong = 0
    for path in reports:
        with open(path, encoding="utf-8") as file:
            report = json.load(file)
        for error in validator.iter_errors(report):
            wrong += 1
            print(f"{path}: {error.json_path}: {error.message[:200]}")
    # A validator that accepts everything would be no judge.
    lax = validator.is_valid({})
    print(f"{len(reports)} reports, {wrong} mistakes ({kind.__name__})")
    return 1 if wrong or not reports or lax else 0


if __name__ == "__main__":
    sys.exit(main())
