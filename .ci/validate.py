#!/usr/bin/env python3
"""Validates every JSON report below a folder against the report schema, and what campaigns say of the claims against its own.

    validate.py SCHEMA CLAIMS_SCHEMA FOLDER
"""

import json
import pathlib
import sys

import jsonschema


def validator_of(path):
    with open(path, encoding="utf-8") as file:
        schema = json.load(file)
    kind = jsonschema.validators.validator_for(schema)
    kind.check_schema(schema)
    return kind(schema)


def main():
    validators = [validator_of(path) for path in sys.argv[1:3]]
    reports = sorted(pathlib.Path(sys.argv[3]).rglob("*.json"))
    wrong = 0
    for path in reports:
        # A report's name has its seeds.
        validator = validators[path.name.startswith(("claims.", "claims+"))]
        with open(path, encoding="utf-8") as file:
            report = json.load(file)
        for error in validator.iter_errors(report):
            wrong += 1
            print(f"{path}: {error.json_path}: {error.message[:200]}")
    # A validator that accepts everything would be no judge.
    lax = any(validator.is_valid({}) for validator in validators)
    print(f"{len(reports)} reports, {wrong} mistakes ({type(validators[0]).__name__})")
    return 1 if wrong or not reports or lax else 0


if __name__ == "__main__":
    sys.exit(main())
