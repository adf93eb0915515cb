"""The real Connect clients of Node and Go (tests/clients/), built once and driven by lines of JSON."""

import json
import os
import pathlib
import shutil
import subprocess

from system import ROOT, Failed

PROTOS = ["coupon/v1/coupon.proto", "coupon_issuance/v1/coupon_issuance.proto", "rpc_campaign/rpc_campaign.proto",
          "rpc_coupon/rpc_coupon.proto"]
CLIENTS = ROOT / "tests" / "clients"
BUILD_SECONDS = 600
ANSWER_SECONDS = 60


def run(*command, directory=None, environment=None):
    done = subprocess.run(list(map(str, command)), cwd=directory, env=dict(os.environ, **(environment or {})), stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=BUILD_SECONDS, check=False)
    if done.returncode != 0:
        raise Failed(f"{' '.join(map(str, command))} exited {done.returncode}:\n{done.stdout.decode()[-3000:]}")


def build_node(directory):
    """The command of the client; its packages are those of the lock file."""
    directory.mkdir(parents=True, exist_ok=True)
    for name in ("client.mjs", "package.json", "package-lock.json"):
        shutil.copy(CLIENTS / "connect-node" / name, directory)
    run("npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts", directory=directory)
    descriptors = directory / "dialects.pb"
    run("protoc", "-I", ROOT / "proto", "--include_imports", "-o", descriptors, *PROTOS)
    return lambda url: ["node", directory / "client.mjs", url, descriptors]


def build_go(directory):
    run(CLIENTS / "connect-go" / "generate.sh", ROOT / "proto", directory)
    return lambda url: [directory / "client", url]


class Client:
    """One client process against one address."""

    def __init__(self, command, environment=None):
        self.process = subprocess.Popen(list(map(str, command)), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                                        env=dict(os.environ, **(environment or {})))

    def call(self, service, method, request, **options):
        line = json.dumps({"service": service, "method": method, "request": request, **options})
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        if not answer:
            raise Failed(f"the client has ended with {self.process.wait(ANSWER_SECONDS)}")
        return json.loads(answer)

    def close(self):
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait(ANSWER_SECONDS)


def clients_directory():
    """Kept between runs: what the registries gave does not change."""
    return pathlib.Path(os.environ.get("OPENRUN_TEST_DIR", ROOT / ".openrun" / "test")).resolve() / "clients"
