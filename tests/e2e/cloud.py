"""What moto leaves out of EC2, as WSGI middleware around moto's own application.

moto answers the calls; after each one `World.settle` looks at what moto now has and gives it what real EC2 would:
states that take time, an address behind which a guest answers, names and groups that cannot be reused or deleted too
early. It does so on moto's models, in the same process, so that filters see it too (moto is pinned for that reason).
"""
import collections
import http
import io
import json
import os
import re
import signal
import socket
import threading
import time
import urllib.parse
import uuid

from guest import Guest

ACCOUNT = "123456789012"
CODES = {"pending": 0, "running": 16, "shutting-down": 32, "terminated": 48, "stopping": 64, "stopped": 80}
ON_THE_WAY = {"running": "pending", "stopped": "stopping", "terminated": "shutting-down"}
RETRIED = ("InternalError", "RequestLimitExceeded", "ServiceUnavailable", "Unavailable")


def ami(ident, name, owner, device, architecture, day):
    return {"ami_id": f"ami-{ident:017x}", "name": name, "owner_id": owner, "owner_alias": "amazon", "public": True,
            "image_type": "machine", "architecture": architecture, "virtualization_type": "hvm", "hypervisor": "xen",
            "root_device_type": "ebs", "root_device_name": device, "creation_date": f"{day}T00:00:00.000Z",
            "description": name, "image_location": f"amazon/{name}"}


def source_images():
    """The images a build can start from. Unlike moto's own they have dates that differ, so "newest" means something."""
    images = []
    for day, release in (("2026-02-03", "2023.10.20260203.0"), ("2026-04-27", "2023.11.20260427.1")):
        for kind, arch in (("", "x86_64"), ("", "arm64"), ("minimal-", "x86_64"), ("minimal-", "arm64")):
            images.append((f"al2023-ami-{kind}{release}-kernel-6.1-{arch}", "137112412989", "/dev/xvda", arch, day))
    images += [
        ("amzn2-ami-hvm-2.0.20260427.1-x86_64-gp2", "137112412989", "/dev/xvda", "x86_64", "2026-04-27"),
        ("debian-12-amd64-20260405-2073", "136693071363", "/dev/xvda", "x86_64", "2026-04-05"),
        ("ubuntu/images/hvm-ssd/ubuntu-jammy-22.04-amd64-server-20260410", "099720109477", "/dev/sda1", "x86_64", "2026-04-10"),
        ("ubuntu/images/hvm-ssd-gp3/ubuntu-noble-24.04-amd64-server-20260412", "099720109477", "/dev/sda1", "x86_64", "2026-04-12"),
    ]
    return [ami(number, *image) for number, image in enumerate(images, 1)]


class Machine:
    """An instance of moto's together with its guest and the clock of its states."""

    def __init__(self, world, backend, instance):
        self.world, self.instance = world, instance
        self.address = world.next_address()
        key = backend.key_pairs.get(instance.key_name)
        self.guest = Guest(world.dir / instance.id, self.address, key.public_key if key else "")
        self.target, self.shown, self.due = None, None, 0.0

    def settle(self):
        """Takes note of a state that moto just set, and shows the state that EC2 would show by now."""
        state, now = self.instance._state, time.monotonic()
        if state.name != self.shown:
            self.target, self.due = state.name, now + self.world.seconds[state.name]
            if self.target == "running":
                self._connect()
                self.guest.start(self.world.seconds["ssh"])
            else:
                self.guest.halt()
        self.shown = self.target if now >= self.due else ON_THE_WAY[self.target]
        state.name, state.code = self.shown, CODES[self.shown]

    def _connect(self):
        interface = self.instance.nics[0]
        interface.private_ip_address = self.address
        interface.private_ip_addresses = [{"Primary": True, "PrivateIpAddress": self.address}]
        if interface.public_ip:  # none in a subnet that gives none: that is for the template to ask for
            interface.public_ip = self.address

    def holds(self, group_id):
        # The groups of an explicit network interface stand only there; a change of groups moto keeps only in the instance.
        groups = self.instance.security_groups or [g for n in self.instance.nics.values() for g in n.group_set]
        return self.shown != "terminated" and group_id in {group.id for group in groups}


class World:
    """All of EC2's state that moto does not keep. `seconds`: how long each transition takes."""

    def __init__(self, directory, seconds, faults):
        from moto.ec2.models import ec2_backends
        self.backends = ec2_backends[ACCOUNT]
        self.dir, self.seconds, self.faults = directory, seconds, faults
        self.machines, self.images, self.replies = {}, {}, {}
        self.calls, self.seen = [], collections.Counter()
        self.lock = threading.RLock()
        self.client = None  # process group that signals of faults go to
        self.given = {image["ami_id"] for image in source_images()}

    def next_address(self):
        number = len(self.machines) + 2
        return f"127.1.{number >> 8}.{number & 255}"

    def settle(self):
        for backend in list(self.backends.values()):
            for reservation in backend.reservations.values():
                for instance in reservation.instances:
                    if instance.id not in self.machines:
                        self.machines[instance.id] = Machine(self, backend, instance)
            for image in backend.amis.values():
                if image.id not in self.given:
                    self._settle_image(backend, image)
        for machine in self.machines.values():
            machine.settle()

    def _settle_image(self, backend, image):
        now = time.monotonic()
        if image.id not in self.images:
            self.images[image.id] = now + self.seconds["image"]
            image.root_device_type = "ebs"  # moto says "standard", which no builder takes as a source again
        image.state = "available" if now >= self.images[image.id] else "pending"
        image.ebs_snapshot.status = "completed" if image.state == "available" else "pending"

    def refuse(self, backend, action, form):
        """EC2's own refusals that moto does not make: (code, message) or None."""
        names = {image.name: image.id for image in backend.amis.values()}
        if action in ("CreateImage", "RegisterImage", "CopyImage") and form.get("Name") in names:
            owner = names[form["Name"]]
            return "InvalidAMIName.Duplicate", f"AMI name {form['Name']} is already in use by AMI {owner}"
        group = form.get("GroupId")
        if action == "DeleteSecurityGroup" and any(m.holds(group) for m in self.machines.values()):
            return "DependencyViolation", f"resource {group} has a dependent object"
        return None

    def report(self):
        """Everything a test wants to know: the calls, the images, what is left over, the guests."""
        with self.lock:
            self.settle()
            images, left = [], collections.defaultdict(list)
            for region, backend in self.backends.items():
                made = [image for image in backend.amis.values() if image.id not in self.given]
                images += [describe_image(region, image) for image in made]
                owned = {image.ebs_snapshot.id for image in backend.amis.values()}
                left["instances"] += [m.instance.id for m in self.machines.values() if m.instance.ec2_backend is backend
                                      and m.target != "terminated"]
                left["key_pairs"] += list(backend.key_pairs)
                left["security_groups"] += [g.name for groups in backend.groups.values() for g in groups.values()
                                            if g.name != "default"]
                left["volumes"] += list(backend.volumes)
                left["snapshots"] += [s for s in backend.snapshots if s not in owned]
            guests = [{"instance": name, **machine.guest.report()} for name, machine in self.machines.items()]
            return {"images": images, "left": {kind: names for kind, names in left.items() if names},
                    "guests": guests, "calls": self.calls}

    def stop(self):
        for machine in self.machines.values():
            machine.guest.halt()


def describe_image(region, image):
    def tags(resource):
        return {tag["key"]: tag["value"] for tag in resource.get_tags()}
    return {"region": region, "id": image.id, "name": image.name, "state": image.state, "description": image.description,
            "tags": tags(image), "snapshot": {"id": image.ebs_snapshot.id, "tags": tags(image.ebs_snapshot)},
            "launch_permissions": image.launch_permissions}


class Ec2:
    """The WSGI application that clients talk to: faults and refusals in front of moto, `World.settle` behind it."""

    def __init__(self, moto, world):
        self.moto, self.world = moto, world

    def __call__(self, environ, start_response):
        if environ["PATH_INFO"] == "/report":
            return answer(start_response, 200, json.dumps(self.world.report()), "application/json")
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        form = dict(urllib.parse.parse_qsl(body.decode(errors="replace"), keep_blank_values=True))
        with self.world.lock:
            return self._call(environ, start_response, form, body)

    def _call(self, environ, start_response, form, body):
        world, action = self.world, form.get("Action") or environ.get("HTTP_X_AMZ_TARGET") or environ["PATH_INFO"]
        scope = re.search(r"Credential=[^/]+/\d+/([^/]+)/ec2/", environ.get("HTTP_AUTHORIZATION", ""))
        call = {"action": action, "region": scope and scope[1], "status": 200,
                "params": {key: value for key, value in form.items() if key not in ("Action", "Version")}}
        world.calls.append(call)
        world.seen[action] += 1
        fault = world.faults.get(f"{action}#{world.seen[action]}") or world.faults.get(action)
        if fault:
            call["fault"] = fault
        if fault and fault.startswith("SIG"):
            os.killpg(world.client, getattr(signal, fault))
        elif fault and fault != "drop":
            return self._error(call, start_response, fault, "refused by the test")
        world.settle()
        refusal = scope and world.refuse(world.backends[scope[1]], action, form)
        if refusal:
            return self._error(call, start_response, *refusal)
        token = form.get("ClientToken") and (call["region"], action, form["ClientToken"])
        reply = world.replies.get(token) or self._ask_moto(environ, call, form, body)
        if token and reply[1].startswith("200"):
            world.replies[token] = reply
        if fault == "drop":  # the call took effect, the client never hears of it
            environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
        start_response(reply[1], reply[2])
        return [reply[0]]

    def _ask_moto(self, environ, call, form, body):
        from werkzeug.test import run_wsgi_app
        snapshot_tags = {}
        if call["action"] == "CreateImage":
            form, snapshot_tags = without_snapshot_tags(form)
            body = urllib.parse.urlencode(form).encode()
        before = {image for backend in list(self.world.backends.values()) for image in backend.amis}
        environ = {**environ, "wsgi.input": io.BytesIO(body), "CONTENT_LENGTH": str(len(body))}
        chunks, status, headers = run_wsgi_app(self.moto, environ, buffered=True)
        payload = b"".join(chunks)
        call["status"] = int(status.split()[0])
        if call["status"] >= 300:
            call["error"] = re.sub(r"\s+", " ", payload.decode(errors="replace"))[:300]
        for backend in list(self.world.backends.values()):
            for image in [image for image in backend.amis.values() if snapshot_tags and image.id not in before]:
                image.ebs_snapshot.add_tags(snapshot_tags)
        self.world.settle()
        return payload, status, headers.to_wsgi_list()

    @staticmethod
    def _error(call, start_response, code, message):
        call["status"], call["error"] = (503 if code in RETRIED else 400), code
        text = (f'<?xml version="1.0" encoding="UTF-8"?><Response><Errors><Error><Code>{code}</Code><Message>{message}'
                f"</Message></Error></Errors><RequestID>{uuid.uuid4()}</RequestID></Response>")
        return answer(start_response, call["status"], text, "text/xml")


def without_snapshot_tags(form):
    """CreateImage's parameters without the snapshots' tags, at which moto fails, and those tags."""
    kept, tags = {}, {}
    for key, value in form.items():
        place = re.match(r"(TagSpecification\.\d+)\.", key)
        if place and form.get(f"{place[1]}.ResourceType") == "snapshot":
            if key.endswith(".Key"):
                tags[value] = form.get(key[:-len("Key")] + "Value", "")
        else:
            kept[key] = value
    return kept, tags


def answer(start_response, status, text, kind):
    start_response(f"{status} {http.HTTPStatus(status).phrase}", [("Content-Type", kind)])
    return [text.encode()]
