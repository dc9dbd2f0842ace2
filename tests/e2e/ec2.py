#!/usr/bin/env python3
"""A local EC2 to try image builders on: no account, no network, nothing of this machine changed.

  ec2.py [options] -- COMMAND ARG...    runs one command against it; prints what was made and what is left
  ec2.py [options] --serve              prints {"endpoint", "region", "enter", "environment"} as one line of JSON, then
                                        obeys lines on standard input: `report` prints the report as one line, `fault CALL=WHAT` has
                                        the next call of that name (counted from now on) fail, `fault` none,
                                        `client PID` says whom signals of faults go to; ends when standard input does

moto answers the calls (cloud.py adds what it leaves out) and every instance is a guest with a real sshd (guest.py) on
port 22 of an address 127.1.x.y. All of it lives in network and mount namespaces of its own, so a port 22 in use does not matter
and nothing outlives the process, however it ends. `enter` is the command prefix that brings a client in. Needs Linux, bubblewrap,
openssh-server and, for other users than root, user namespaces with a range in /etc/subuid (package uidmap).
"""
import argparse
import array
import collections
import fcntl
import getpass
import json
import logging
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time

INSIDE = "AMIBAKE_EC2_INSIDE"
DIR = pathlib.Path("/dev/shm")  # our mount namespace has a tmpfs of its own here
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE", "AWS_SECRET_ACCESS_KEY": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"}


def parse(arguments):
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, what, default in (("running", "an instance takes to run", 0.2), ("ssh", "it takes to answer SSH", 0.3),
                                ("stopped", "it takes to stop", 0.2), ("terminated", "it takes to terminate", 0.2),
                                ("image", "an image takes", 0.5)):
        p.add_argument(f"--{name}", type=float, default=default, metavar="SECONDS", help=f"time {what} (default {default})")
    p.add_argument("--fault", action="append", default=[], metavar="CALL=WHAT",
                   help="CALL: CreateImage, or CreateImage#2 for the second; WHAT: an error code, drop, SIGINT, SIGTERM, SIGKILL")
    p.add_argument("--region", default="us-east-1")
    p.add_argument("--json", action="store_true", help="print the whole report as JSON")
    p.add_argument("--serve", action="store_true")
    p.add_argument("command", nargs=argparse.REMAINDER)
    args = p.parse_args(arguments)
    args.command = args.command[1:] if args.command[:1] == ["--"] else args.command
    if bool(args.command) == args.serve:
        p.error("give either a command or --serve")
    return args


def missing():
    """What this machine lacks, in words; None where all is there."""
    programs = ["bwrap", "ssh-keygen", "unshare", "nsenter", "mount", *([] if os.getuid() == 0 else ["newuidmap"])]
    absent = [name for name in programs if not shutil.which(name)] + [p for p in ["/usr/sbin/sshd"] if not os.path.exists(p)]
    if absent:
        return f"missing: {', '.join(absent)}; tests/e2e/setup.sh installs them"
    user = getpass.getuser()
    if os.getuid() != 0 and f"\n{user}:" not in "\n" + pathlib.Path("/etc/subuid").read_text():
        return f"no range of user ids for {user}: `sudo usermod --add-subuids 200000-265535 --add-subgids 200000-265535 {user}`"
    return None


def enter_namespaces():
    """Starts this program again inside namespaces of its own; the process id stays."""
    user = [] if os.getuid() == 0 else ["--user", "--map-root-user", "--map-auto"]
    os.environ[INSIDE] = "user" if user else "root"
    os.execvp("unshare", ["unshare", *user, "--net", "--mount", "--", sys.executable, *sys.argv])


def prepare():
    subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=755", "ec2", DIR], check=True)
    with socket.socket() as s:  # `ip link set lo up`, where there may be no iproute2
        request = array.array("b", b"lo".ljust(16, b"\0") + (0x1 | 0x40).to_bytes(2, sys.byteorder) + bytes(14))
        fcntl.ioctl(s, 0x8914, request)


def serve(args):
    """Starts moto behind our middleware; gives the world and the endpoint."""
    from cloud import Ec2, World, source_images
    DIR.joinpath("images.json").write_text(json.dumps(source_images()))
    os.environ.update(MOTO_AMIS_PATH=str(DIR / "images.json"), MOTO_ENABLE_AMI_VALIDATION="true",
                      MOTO_ENABLE_KEYPAIR_VALIDATION="true", MOTO_EC2_ENABLE_INSTANCE_TYPE_VALIDATION="true")
    import moto.ec2.models.amis as amis
    from moto.server import DomainDispatcherApplication, create_backend_app
    # moto parses the images' dates in place, once for each region: what is parsed already stays as it is.
    parse_date = amis.parse_timestamp
    amis.parse_timestamp = lambda value: parse_date(value) if isinstance(value, str) else value
    from werkzeug.serving import make_server
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    seconds = {name: getattr(args, name) for name in ("running", "ssh", "stopped", "terminated", "image")}
    world = World(DIR, seconds, dict(fault.split("=", 1) for fault in args.fault))
    server = make_server("127.0.0.1", 0, Ec2(DomainDispatcherApplication(create_backend_app), world), threaded=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return world, f"http://127.0.0.1:{server.server_port}"


def client_environment(args, endpoint):
    return {**CREDENTIALS, "AWS_ENDPOINT_URL": endpoint, "AWS_REGION": args.region, "AWS_DEFAULT_REGION": args.region,
            "AWS_EC2_METADATA_DISABLED": "true"}


def obey(args, world, endpoint):
    space = ["--user", "--preserve-credentials"] if os.environ[INSIDE] == "user" else []
    print(json.dumps({"endpoint": endpoint, "region": args.region, "environment": client_environment(args, endpoint),
                      "enter": ["nsenter", "--target", str(os.getpid()), *space, "--net", "--"]}), flush=True)
    for line in sys.stdin:
        word, *rest = line.split() or [""]
        if word == "client":
            world.client = int(rest[0])
        elif word == "fault":  # counting begins anew
            world.faults, world.seen = dict(fault.split("=", 1) for fault in rest), collections.Counter()
        elif word == "report":
            print(json.dumps(world.report()), flush=True)


def run(args, world, endpoint):
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("AWS_", "MOTO_", INSIDE))}
    began = time.monotonic()
    try:
        client = subprocess.Popen(args.command, env={**environment, **client_environment(args, endpoint)},
                                  start_new_session=True)
    except OSError as error:
        sys.exit(f"cannot run {args.command[0]}: {error.strerror}")
    world.client = client.pid
    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, lambda number, _: os.killpg(client.pid, number))
    status = client.wait()
    report = {"exit": status, "seconds": round(time.monotonic() - began, 2), **world.report()}
    print(json.dumps(report, indent=1) if args.json else summary(report))
    return status if status >= 0 else 128 - status


def summary(report):
    lines = ["", f"--- the local EC2: {len(report['calls'])} calls in {report['seconds']} s, exit status {report['exit']}"]
    for image in report["images"]:
        lines.append(f"image {image['id']} in {image['region']}: {image['name']} ({image['state']})")
        lines += [f"    {key} = {value}" for key, value in sorted(image["tags"].items())]
    for guest in report["guests"]:
        lines.append(f"guest of {guest['instance']}: {len(guest['files'])} files written")
        lines += [f"    {file['mode']:>4} {path} ({file['size']} bytes)" for path, file in guest["files"].items()]
        lines += [f"    called: {call}" for call in guest["stubs"]]
    left = [f"{kind} {name}" for kind, names in report["left"].items() for name in names]
    return "\n".join([*lines, "left behind: " + (", ".join(left) or "nothing")])


def main():
    args = parse(sys.argv[1:])
    if INSIDE not in os.environ:
        lack = missing()
        sys.exit(lack) if lack else enter_namespaces()
    prepare()
    world, endpoint = serve(args)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        return obey(args, world, endpoint) if args.serve else run(args, world, endpoint)
    finally:
        world.stop()


if __name__ == "__main__":
    sys.exit(main())
