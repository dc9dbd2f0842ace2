//! What a guest cannot do.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::process::{Child, Stdio};

use crate::sandbox_support::{Place, Who, inode, text};

/// Runs a script as each kind of user, as the guest's root.
#[track_caller]
fn check(script: &str, expected: &str) {
    for who in Who::everyone() {
        let place = Place::new(who);
        assert_eq!(place.prints(&format!("sudo bash -c {}", quoted(script))), expected, "{who:?}: {script}");
    }
}

fn quoted(script: &str) -> String {
    format!("'{}'", script.replace('\'', "'\\''"))
}

#[test]
fn nothing_outside_is_written() {
    for who in Who::everyone() {
        let place = Place::new(who);
        let victim = place.own().join("victim");
        fs::write(&victim, "whole").unwrap();
        fs::set_permissions(&victim, fs::Permissions::from_mode(0o666)).unwrap();
        let path = victim.display();
        let (bash, program) = (inode("/bin/bash".as_ref()), inode(&place.program()));
        let script = format!(
            "mkdir -p $(dirname {path}); echo broken >{path}; echo broken >>/bin/bash; rm -f /usr/bin/env; \
             for exe in /proc/1/exe /proc/self/exe /run/amibake/program /usr/bin/sudo; do echo broken >>$exe; done 2>/dev/null; cat {path}"
        );
        // In the guest it is done: there it is the guest's own.
        assert_eq!(place.prints(&format!("sudo bash -c {}", quoted(&script))), "broken\n", "{who:?}");
        assert_eq!(fs::read_to_string(&victim).unwrap(), "whole", "{who:?}");
        assert_eq!(inode("/bin/bash".as_ref()), bash, "{who:?}");
        assert_eq!(inode(&place.program()), program, "{who:?}");
        assert!(fs::exists("/usr/bin/env").unwrap());
    }
}

/// A process of this machine, which ends with the test.
struct Outside(Child);

impl Drop for Outside {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn no_process_outside_is_seen_or_killed() {
    for who in Who::everyone() {
        let place = Place::new(who);
        let mut sleep = who.command("/bin/sleep".as_ref());
        sleep.arg("1000").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let mut outside = Outside(sleep.spawn().unwrap());
        // The last of them kills whatever can be reached, its own session with it. The guest itself goes on, and has nothing left.
        let output = place.run(&[
            "--",
            "ls -d /proc/[0-9]* | wc -l",
            &format!("sudo kill -9 {} || echo out of reach", outside.0.id()),
            "sudo setsid sleep 1000 & until pgrep -x sleep; do :; done; sudo bash -c 'kill -9 1; kill -STOP 1; kill -9 -1'; echo not reached",
            // The kernel buries the dead in its own time.
            "for _ in {1..1000}; do pgrep -x sleep >/dev/null || { echo killed; break; }; sleep 0.01; done",
        ]);
        let printed = text(&output.stdout);
        let lines: Vec<_> = printed.lines().collect();
        let [seen, out_of_reach, _sleep, killed] = lines[..] else { panic!("{who:?}: {printed}{}", text(&output.stderr)) };
        // The first process, the session's shell, `ls` and `wc`.
        assert!(seen.parse::<u32>().unwrap() <= 5, "{who:?}: {seen} processes");
        assert_eq!((out_of_reach, killed), ("out of reach", "killed"), "{who:?}");
        assert!(outside.0.try_wait().unwrap().is_none(), "{who:?}: a process outside was killed");
        place.is_clean();
    }
}

#[test]
fn no_secret_of_the_user_is_readable() {
    for who in Who::everyone() {
        let place = Place::new(who);
        for dir in [".aws", ".ssh"] {
            let dir = place.own().join(dir);
            fs::create_dir(&dir).unwrap();
            fs::write(dir.join("secret"), "SECRET-OF-THIS-MACHINE").unwrap();
            let owner = fs::metadata(place.own()).unwrap();
            use std::os::unix::fs::MetadataExt as _;
            chown(dir.join("secret"), Some(owner.uid()), Some(owner.gid())).unwrap();
        }
        let own = place.own();
        let script = format!(
            "cat {own}/.aws/secret {own}/.ssh/secret; cat /proc/*/environ /proc/*/cmdline; env; ls -laR /root /home /tmp; \
             cat /etc/shadow /etc/ssh/ssh_host*; find / -xdev -name secret; echo looked everywhere",
            own = own.display()
        );
        let output = place
            .command(&["--", &format!("sudo bash -c {}", quoted(&script))])
            .env("AWS_SECRET_ACCESS_KEY", "SECRET-OF-THIS-MACHINE")
            .env("HOME", &own)
            .output()
            .unwrap();
        let printed = String::from_utf8_lossy(&output.stdout);
        assert!(printed.ends_with("looked everywhere\n"), "{who:?}: {printed}");
        assert!(!printed.contains("SECRET-OF-"), "{who:?}: {printed}");
        assert!(!printed.contains("PRIVATE KEY"), "{who:?}: {printed}");
        assert!(!printed.contains("$6$") && !printed.contains("$y$"), "{who:?}: {printed}");
    }
}

#[test]
fn nothing_can_be_mounted() {
    let script = "mount -t tmpfs none /mnt 2>/dev/null && echo mounted; mount --bind / /mnt 2>/dev/null && echo bound; \
                  umount /proc/sys 2>/dev/null && echo unmounted; mount -o remount,rw /proc/sys 2>/dev/null && echo remounted; \
                  unshare -Urm true 2>/dev/null && echo nested; unshare -m true 2>/dev/null && echo unshared; \
                  mknod /tmp/sda b 8 0 2>/dev/null && echo device; chroot / /bin/echo done";
    check(script, "done\n");
}

#[test]
fn no_service_of_this_machine_is_reached() {
    for who in Who::everyone() {
        let place = Place::new(who);
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        assert!(std::net::TcpStream::connect(address).is_ok());
        let script = format!(
            "exec 2>/dev/null; (exec 9<>/dev/tcp/127.0.0.1/{}) && echo connected; (exec 9<>/dev/tcp/169.254.169.254/80) && echo metadata; \
             ip link add x type dummy && echo interface; tail -n +3 /proc/net/dev | cut -d: -f1; wc -l </proc/net/route",
            address.port()
        );
        assert_eq!(place.prints(&format!("sudo bash -c {}", quoted(&script))).replace(' ', ""), "lo\n1\n", "{who:?}");
    }
}

#[test]
fn no_setting_of_the_kernel_can_be_changed() {
    let script = "for file in /proc/sys/kernel/hostname /proc/sys/vm/drop_caches /proc/sys/kernel/core_pattern /proc/sysrq-trigger \
                  /proc/sys/user/max_user_namespaces /proc/sys/net/ipv4/ip_forward; do [ -e $file ] && (echo 1 >$file) 2>/dev/null && echo $file; done; \
                  cat /proc/kcore /proc/keys /proc/kmsg 2>/dev/null | head -c 10 | wc -c";
    check(script, "0\n");
}

/// With its descriptors the guest could outlive its owner, with its memory or its root directory it could become the owner.
#[test]
fn the_owners_line_to_the_guest_is_out_of_reach() {
    let script = "shopt -s nullglob; for file in /proc/1/fd/* /proc/1/fd/0 /proc/1/mem /proc/1/environ /proc/1/exe /proc/1/map_files/*; do \
                  (exec 9<$file) 2>/dev/null && echo read $file; (exec 9>>$file) 2>/dev/null && echo wrote $file; done; \
                  for dir in root cwd task/1/root task/1/cwd; do (cd /proc/1/$dir) 2>/dev/null && echo went into $dir; done; \
                  nsenter --target 1 --mount true 2>/dev/null && echo entered; echo tried";
    check(script, "tried\n");
}

#[test]
fn only_the_standard_streams_reach_a_guest() {
    for who in Who::everyone() {
        let place = Place::new(who);
        // The shell opens the directory itself, as 3.
        let mut command = std::process::Command::new("/bin/sh");
        let mut inner = place.command(&["--", "ls /proc/self/fd"]);
        inner.stdin(Stdio::null());
        let words: Vec<_> =
            std::iter::once(inner.get_program()).chain(inner.get_args()).map(|word| quoted(word.to_str().unwrap())).collect();
        let output = command
            .arg("-c")
            .arg(format!("exec 7</dev/null 8</etc/passwd; cd {}; exec {}", place.own().display(), words.join(" ")))
            .output()
            .unwrap();
        assert_eq!(String::from_utf8_lossy(&output.stdout), "0\n1\n2\n3\n", "{who:?}");
    }
}
