#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The published schemas before an independent judge, python3-jsonschema.

They have to be valid JSON Schema 2020-12 and to accept what is built in, and
`wattstep validate` must never accept what the judge refuses. The other way
round it may: it checks meaning, too, and then has to name the place.
"""
import copy
import json
import os
import pathlib
import random
import re
import subprocess
import tempfile
import unittest

import jsonschema

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
PROGRAM = pathlib.Path(os.environ.get("WATTSTEP_BUILD", ROOT / "build")) / "wattstep"
SCHEMAS = {path.name: json.loads(path.read_text()) for path in sorted(ROOT.glob("*/*.schema.json"))}
STATES = sorted(ROOT.glob("workloads/states/*.json"))
PLANS = sorted(ROOT.glob("workloads/plans/*.json"))

SEED = 20240611
MUTANTS = 300

# What takes the place of a value: each type, edges of ranges, words that stand elsewhere.
REPLACEMENTS = [None, True, False, 0, 1, -1, 7, 0.5, 100, 101, 4096, 4097, 1e9, 1e300, "", "idle", "placed", "none",
                "all-threads", "quick", "wattstep/plan", "2.0", "Capital", "two\nlines", "--timeout", "é" * 70,
                [], [1], ["idle"], {}, {"name": "x"}]


def judge(document, schema_name):
    """What the judge has against a document, or None."""
    base = (ROOT / "workloads" / schema_name).as_uri()
    store = {(ROOT / "workloads" / name).as_uri(): schema for name, schema in SCHEMAS.items()}
    resolver = jsonschema.RefResolver(base, SCHEMAS[schema_name], store=store)
    errors = jsonschema.Draft202012Validator(SCHEMAS[schema_name], resolver=resolver).iter_errors(document)
    return next((error.message for error in errors), None)


def schema_of(path):
    return f"{path.parent.name[:-1]}.schema.json"


def validate(path):
    return subprocess.run([PROGRAM, "validate", path], text=True, capture_output=True, timeout=60)


def places(value, found=None):
    """All containers in a document that are not empty."""
    found = [] if found is None else found
    if isinstance(value, (dict, list)) and value:
        found.append(value)
        for member in value.values() if isinstance(value, dict) else value:
            places(member, found)
    return found


def mutate(document, chance):
    """Changes one thing in a document."""
    inside = chance.choice(places(document))
    key = chance.choice(list(inside) if isinstance(inside, dict) else range(len(inside)))
    what = chance.choice(["replace", "replace", "replace", "remove", "add", "double"])
    if what == "replace":
        inside[key] = copy.deepcopy(chance.choice(REPLACEMENTS))
    elif what == "remove":
        del inside[key]
    elif isinstance(inside, list):
        inside.append(copy.deepcopy(inside[key]) if what == "double" else 7)
    elif what == "double":
        inside[str(key) + "s"] = copy.deepcopy(inside[key])
    else:
        inside["colour"] = "blue"
    return document


def written_out(path):
    """A built-in plan whose states stand in it."""
    plan = json.loads(path.read_text())
    plan["states"] = [json.loads((ROOT / f"workloads/states/{name}.json").read_text()) for name in plan["states"]]
    return plan


class Schemas(unittest.TestCase):
    def test_each_is_valid_json_schema_2020_12(self):
        self.assertGreaterEqual(len(SCHEMAS), 2)
        for name, schema in SCHEMAS.items():
            with self.subTest(name):
                self.assertEqual(schema["$schema"], "https://json-schema.org/draft/2020-12/schema")
                jsonschema.Draft202012Validator.check_schema(schema)

    def test_what_is_built_in_is_accepted_by_both(self):
        self.assertTrue(STATES and PLANS)
        for path in STATES + PLANS:
            with self.subTest(path.name):
                self.assertIsNone(judge(json.loads(path.read_text()), schema_of(path)))
                done = validate(path)
                self.assertEqual(done.returncode, 0, done.stderr)

    def test_a_plan_may_have_its_states_written_out(self):
        for path in PLANS:
            with self.subTest(path.name), tempfile.TemporaryDirectory() as folder:
                file = pathlib.Path(folder) / "plan.json"
                file.write_text(json.dumps(written_out(path)))
                self.assertIsNone(judge(json.loads(file.read_text()), "plan.schema.json"))
                self.assertEqual(validate(file).returncode, 0)

    def test_what_the_judge_refuses_is_refused_on_seeded_mutants(self):
        chance = random.Random(SEED)
        originals = [(json.loads(path.read_text()), schema_of(path)) for path in STATES + PLANS]
        originals += [(written_out(path), "plan.schema.json") for path in PLANS]
        refused = 0
        with tempfile.TemporaryDirectory() as folder:
            file = pathlib.Path(folder) / "mutant.json"
            for number in range(MUTANTS):
                original, schema_name = chance.choice(originals)
                mutant = mutate(copy.deepcopy(original), chance)
                file.write_text(json.dumps(mutant))
                against, done = judge(mutant, schema_name), validate(file)
                with self.subTest(seed=SEED, number=number, mutant=json.dumps(mutant), judge=against,
                                  stderr=done.stderr):
                    self.assertIn(done.returncode, (0, 2))
                    if against:
                        self.assertEqual(done.returncode, 2)
                        refused += 1
                    if done.returncode == 2:
                        self.assertRegex(done.stderr, re.escape(str(file)) + ": /")
        self.assertGreater(refused, MUTANTS / 4)
        self.assertLess(refused, MUTANTS * 0.95)


if __name__ == "__main__":
    unittest.main()
