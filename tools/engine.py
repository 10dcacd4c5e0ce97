"""On request: a Docker engine on this machine, where it is root on Debian or Ubuntu; standard library only.

Installs by apt-get what is missing of docker.io, iptables and debootstrap, and starts the engine when none answers.
Run again, it does only what is missing.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

ENGINE = {"dockerd": "docker.io", "iptables": "iptables"}
BASE_IMAGE = {"debootstrap": "debootstrap"}
"""Programs, and the Debian package that has each."""

LOG = Path("/var/log/dockerd.log")
SYSTEMD = Path("/run/systemd/system")
READY_S = 60.0
ANSWER_S = 20.0


class MissingTool(Exception):
    """Something has to be done by hand first; the text says what."""


def main() -> int:
    try:
        answered = answers()
        wanted = BASE_IMAGE if answered else {**ENGINE, **BASE_IMAGE}
        missing = [package for program, package in wanted.items() if find(program) is None]
        if answered and not missing:
            say("a Docker engine answers, and nothing has to be installed")
            return 0
        require_root(missing)
        if missing:
            install(missing)
        if not answers():
            start()
    except MissingTool as error:
        print(f"Error: {error}", file=sys.stderr)
        return 1
    except subprocess.CalledProcessError as error:
        print(f"Error: `{' '.join(map(str, error.cmd))}` ended with exit code {error.returncode}", file=sys.stderr)
        print("Try: read what it printed above, mend that, and run `make engine` again", file=sys.stderr)
        return 1
    return 0


def find(program: str) -> str | None:
    """Path of a program, also where PATH lacks the folders of root's."""
    return shutil.which(program, path=f"{os.environ.get('PATH', os.defpath)}:/usr/local/sbin:/usr/sbin:/sbin")


def answers() -> bool:
    """Whether an engine answers the `docker` command."""
    if find("docker") is None:
        return False
    try:
        done = subprocess.run(
            ["docker", "version"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=ANSWER_S, check=False
        )
    except subprocess.TimeoutExpired:
        return False
    return done.returncode == 0


def require_root(missing: list[str]) -> None:
    apt = f"apt-get install {' '.join(missing)}" if missing else "systemctl start docker"
    if find("apt-get") is None:
        raise MissingTool(
            "this is neither Debian nor Ubuntu, so nothing is installed here\n"
            f"Try: install Docker Engine, iptables and debootstrap by your system's package manager "
            f"(missing here: {', '.join(missing) or 'only a running engine'}), and start the engine"
        )
    if os.geteuid() != 0:
        raise MissingTool(f"only root can install programs and start the engine\nTry: sudo make engine, or sudo {apt}")


def install(packages: list[str]) -> None:
    say(f"installing {', '.join(packages)} by apt-get")
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    get = ["apt-get", "install", "-qq", "--yes", "--no-install-recommends"]
    subprocess.run(["apt-get", "update", "-qq"], env=environment, check=True)
    subprocess.run([*get, *packages], env=environment, check=True)
    if find("docker") is None:
        # From Debian 13 on docker.io has the engine alone.
        subprocess.run([*get, "docker-cli"], env=environment, check=True)


def start() -> None:
    """Start the engine by systemd where that runs, else by hand; return when it answers."""
    if SYSTEMD.is_dir():
        say("starting the Docker engine by systemd")
        subprocess.run(["systemctl", "start", "docker"], check=True)
        where = "journalctl -u docker"
        engine = None
    else:
        dockerd = find("dockerd")
        if dockerd is None:
            raise MissingTool("there is no dockerd, and no systemd\nTry: apt-get install --reinstall docker.io")
        say(f"starting the Docker engine by hand, there is no systemd; its log is {LOG}")
        where = f"tail {LOG}"
        with LOG.open("ab") as log:
            engine = subprocess.Popen(
                [dockerd],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
    began = time.monotonic()
    while not answers():
        ended = engine is not None and engine.poll() is not None
        if ended or time.monotonic() - began > READY_S:
            why = "has ended" if ended else f"does not answer within {READY_S:.0f} s"
            raise MissingTool(f"the Docker engine {why}\nTry: `{where}` shows why")
        time.sleep(0.1)
    say(f"the Docker engine answers, after {time.monotonic() - began:.0f} s")


def say(text: str) -> None:
    print(f"engine: {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
