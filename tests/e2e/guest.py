"""A guest: what an EC2 instance of the tests is.

A real sshd inside a bubblewrap sandbox. The sandbox has a root of its own with this machine's /usr under a
copy-on-write layer, so a build can write anywhere and nothing of the machine changes. All files live on the tmpfs
that ec2.py mounted for itself and last as long as the instance: a stopped guest keeps them.
"""
import os
import pathlib
import shutil
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor

STUBS = pathlib.Path(__file__).resolve().parent / "stubs"
# Login names of the usual images. All are uid 0: a sandbox cannot give a setuid program (the real sudo) its rights.
USERS = ("ec2-user", "ubuntu", "admin", "fedora", "centos")
RECORDED = ("amazon-linux-extras apt apt-get dnf yum zypper snap systemctl service reboot shutdown useradd usermod "
            "groupadd").split()
# Folders of /usr that a guest owns. Outside of root's own run the rest belongs to somebody who is not in the sandbox.
OWN_FOLDERS = "bin sbin lib/systemd/system share local/bin local/etc local/lib local/sbin local/share local/src".split()
TEXT_LIMIT = 64 << 10  # a report holds a file's text up to this many bytes
SSHD_CONFIG = """ListenAddress {address}
HostKey /run/guest/host_key
AuthorizedKeysFile .ssh/authorized_keys
PermitRootLogin yes
PasswordAuthentication no
KbdInteractiveAuthentication no
UsePAM no
UseDNS no
MaxStartups 200
PidFile none
Subsystem sftp /usr/lib/openssh/sftp-server
SetEnv PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin
ForceCommand /run/guest/login
"""

# bubblewrap dies with the *thread* that started it (PR_SET_PDEATHSIG), so all are started by one that never ends.
_starter = ThreadPoolExecutor(max_workers=1)


class Guest:
    """One instance's machine; `address` is where its sshd answers, `public_key` the one key that it accepts."""

    def __init__(self, directory, address, public_key):
        self.address = address
        self.dir, self.root = directory, directory / "root"
        self.run = self.root / "run/guest"
        self.sandbox = None
        self._make_root(public_key)
        self._make_usr()
        self.born = self._files()

    def _make_root(self, public_key):
        for name in ("etc/default", "etc/systemd/system", "home", "opt", "root", "run/guest", "run/sshd", "srv", "tmp", "usr", "var/log", "var/tmp"):
            (self.root / name).mkdir(parents=True)
        for name in ("bin", "sbin", "lib", "lib64"):
            (self.root / name).symlink_to(f"usr/{name}")
        for name in ("tmp", "var/tmp"):
            (self.root / name).chmod(0o1777)
        passwd = ["root:x:0:0::/root:/bin/bash", "sshd:x:101:65534::/run/sshd:/usr/sbin/nologin",
                  *(f"{user}:x:0:0::/home/{user}:/bin/bash" for user in USERS)]
        etc = self.root / "etc"
        etc.joinpath("passwd").write_text("\n".join(passwd) + "\n")
        etc.joinpath("group").write_text("root:x:0:\ntty:x:5:\nnogroup:x:65534:\n")
        etc.joinpath("hosts").write_text("127.0.0.1 localhost guest\n")
        shutil.copy("/etc/os-release", etc / "os-release")
        etc.joinpath("ld.so.cache").touch()  # where the machine's own goes
        for home in (self.root / "root", *(self.root / "home" / user for user in USERS)):
            (home / ".ssh").mkdir(parents=True, mode=0o700)
            key_file = home / ".ssh/authorized_keys"
            key_file.write_text(public_key.strip() + "\n")
            key_file.chmod(0o600)
        self.run.joinpath("sshd_config").write_text(SSHD_CONFIG.format(address=self.address))
        shutil.copy(STUBS / "login", self.run / "login")
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", self.run / "host_key"], check=True)

    def _make_usr(self):
        usr, upper, work = (self.dir / name for name in ("usr", "upper", "work"))
        for path in (usr, upper, work):
            path.mkdir()
        for name in OWN_FOLDERS:
            (upper / name).mkdir(parents=True, exist_ok=True)
        options = f"lowerdir=/usr,upperdir={upper},workdir={work}"
        subprocess.run(["mount", "-t", "overlay", "-o", options, "guest-usr", usr], check=True)
        programs = usr / "local/bin"
        shutil.copy(STUBS / "sudo", programs / "sudo")
        for name in RECORDED:
            shutil.copy(STUBS / "record", programs / name)

    def start(self, after):
        """Boots: sshd answers `after` seconds from now."""
        self.sandbox = None
        _starter.submit(self._start, time.monotonic() + after)

    def _start(self, when):
        time.sleep(max(0, when - time.monotonic()))
        if self.sandbox is not None:  # halted, or booted already
            return
        share = [word for path in ("/etc/alternatives", "/etc/ssl", "/etc/ld.so.cache")
                 for word in ("--ro-bind-try", path, path)]
        self.sandbox = subprocess.Popen(
            ["bwrap", "--die-with-parent", "--unshare-pid", "--unshare-uts", "--unshare-ipc", "--hostname", "guest",
             "--bind", self.root, "/", "--bind", self.dir / "usr", "/usr", *share, "--proc", "/proc", "--dev", "/dev",
             "/usr/sbin/sshd", "-D", "-f", "/run/guest/sshd_config", "-E", "/run/guest/sshd.log"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, env={"PATH": os.environ["PATH"]})

    def halt(self):
        """Ends every process of the guest at once; its files stay."""
        sandbox, self.sandbox = self.sandbox, self.sandbox or False
        if sandbox:
            sandbox.kill()
            sandbox.wait()

    def _files(self):
        """Every file that the guest has or changed: path as the guest sees it -> (real path, its stat)."""
        found = {}
        for top, prefix in ((self.root, pathlib.Path("/")), (self.dir / "upper", pathlib.Path("/usr"))):
            for path in top.rglob("*"):
                inside = prefix / path.relative_to(top)
                if path.is_file() and not path.is_symlink() and not inside.is_relative_to("/run"):
                    found[str(inside)] = (path, path.stat())
        return found

    def report(self):
        """What an image of this guest would hold beyond its source, and what was done to get there."""
        files = {}
        for inside, (path, stat) in sorted(self._files().items()):
            before = self.born.get(inside)
            if before and (before[1].st_mtime_ns, before[1].st_mode) == (stat.st_mtime_ns, stat.st_mode):
                continue
            text = path.read_bytes().decode(errors="replace") if stat.st_size <= TEXT_LIMIT else None
            files[inside] = {"mode": f"{stat.st_mode & 0o7777:o}", "size": stat.st_size, "text": text}
        return {"address": self.address, "files": files, "commands": self._lines("commands.log"),
                "stubs": self._lines("stubs.log"),
                "connections": sum(line.startswith("Accepted ") for line in self._lines("sshd.log"))}

    def _lines(self, name):
        path = self.run / name
        return path.read_text(errors="replace").splitlines() if path.exists() else []
