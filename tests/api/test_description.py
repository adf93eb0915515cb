"""The gateway does what its description says, and refuses what it doesn't: property-based, from the description itself."""

import json
import os
import pathlib
import re
import subprocess
import unittest

from system import System

HERE = pathlib.Path(__file__).resolve().parent
SECONDS = 600


class Description(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.system = System(os.environ["OPENRUN_TEST_STATE"])
        cls.addClassCleanup(cls.system.down)
        cls.system.up()

    def test_schemathesis_finds_nothing(self):
        # All phases (examples, coverage, fuzzing, stateful by links) and all checks; the seed stands in schemathesis.toml.
        report = self.system.state / "schemathesis"
        done = subprocess.run(
            ["schemathesis", "--config-file", str(HERE / "schemathesis.toml"), "run", self.system.url() + "/openapi.yaml",
             "--no-color", "--report", "ndjson", "--report-dir", str(report)],
            cwd=HERE, env=dict(os.environ, PYTHONPATH=str(HERE), OPENRUN_URL=self.system.url(),
                               OPENRUN_ADMIN_TOKEN=self.system.environment["OPENRUN_ADMIN_TOKEN"]),
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=SECONDS, check=False)
        said = done.stdout.decode()
        print(said[said.find("= SUMMARY"):])
        self.assertEqual(done.returncode, 0, said[-12000:])
        cases = re.search(r"(\d+) generated", said)
        self.assertGreater(int(cases[1]), 1000, "it tried little")


if __name__ == "__main__":
    unittest.main()
