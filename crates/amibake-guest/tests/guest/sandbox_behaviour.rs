//! What a script finds in a guest.

use crate::sandbox_support::{Place, Who, text};

/// Runs a script as each kind of user; `None`: not where all users are root.
#[track_caller]
fn check(script: &str, expected: &str, single: Option<&str>) {
    for who in Who::everyone() {
        let Some(expected) = (if who.many() { Some(expected) } else { single }) else { continue };
        assert_eq!(Place::new(who).prints(script), expected, "{who:?}: {script}");
    }
}

#[test]
fn a_session_is_what_sshd_would_have_made() {
    let script = "whoami; pwd; echo $HOME $USER $LOGNAME $SHELL $PATH; umask; hostname; env | wc -l; echo $0";
    let rest = "/home/ec2-user ec2-user ec2-user /bin/bash /usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\n\
                0022\ni-0123456789abcdef0\n8\nbash\n";
    let expected = |user: &str| format!("{user}\n/home/ec2-user\n{rest}");
    check(script, &expected("ec2-user"), Some(&expected("root")));
}

#[test]
fn sudo_is_what_cloud_images_have() {
    check(
        "sudo id -u; sudo -n -E sh -c 'echo $HOME'; sudo sh -c 'echo $HOME $USER'",
        "0\n/home/ec2-user\n/root root\n",
        Some("0\n/home/ec2-user\n/root root\n"),
    );
    check("sudo -u ubuntu id -un; sudo -u ubuntu -g daemon id -gn; sudo -i pwd", "ubuntu\ndaemon\n/root\n", None);
    check("A=1 B=2 sudo --preserve-env=A C=3 sh -c 'echo $A$B$C $SUDO_USER'", "13 ec2-user\n", None);
    check("printf 'echo script\\n' >s; chmod +x s; sudo ./s; sudo nowhere; echo $?", "script\n1\n", Some("script\n1\n"));
    check("sudo -u nobody-at-all true || echo no", "no\n", Some("no\n"));
}

#[test]
fn root_may_change_the_image_and_no_one_else() {
    let script = "sudo touch /usr/local/bin/x /etc/y /opt/z /usr/lib/systemd/system/u.service && ls /usr/local/bin/x /etc/y /opt/z; \
                  touch /etc/q 2>/dev/null || echo refused; sudo sh -c 'echo a >>/etc/profile' && tail -n1 /etc/profile; \
                  sudo install -o root -m 4755 /bin/true /usr/bin/new && stat -c %a /usr/bin/new";
    check(script, "/etc/y\n/opt/z\n/usr/local/bin/x\nrefused\na\n4755\n", None);
}

#[test]
fn users_that_a_script_makes_exist() {
    check(
        "sudo useradd -m -s /bin/sh app && sudo -u app sh -c 'cd; pwd; id -un' && sudo chown app:app /opt && stat -c %U /opt",
        "/home/app\napp\napp\n",
        None,
    );
    check("sudo useradd -m app && sudo chown app /opt && echo fine", "fine\n", Some("fine\n"));
}

#[test]
fn a_command_ends_as_it_ended() {
    for who in Who::everyone() {
        let place = Place::new(who);
        assert_eq!(place.run(&["--", "exit 42"]).status.code(), Some(42), "{who:?}");
        let output = place.run(&["--", "kill -TERM $$"]);
        assert_eq!(text(&output.stderr), "signal 15\n", "{who:?}");
        place.is_clean();
    }
}

#[test]
fn stand_ins_say_what_scripts_read() {
    let script = "sudo systemctl is-active nginx; systemctl is-system-running; cloud-init status; rpm -q nginx; sudo apt-get install -y nginx && echo installed";
    let expected = "active\nrunning\nstatus: done\npackage nginx is not installed\ninstalled\n";
    check(script, expected, Some(expected));
}

#[test]
fn a_terminal_is_the_guests_own() {
    for who in Who::everyone() {
        let output = Place::new(who).run(&["--terminal", "--", "tty; stty size; echo $TERM; test -t 0 && echo here"]);
        assert_eq!(text(&output.stdout), "/dev/pts/0\r\n24 80\r\nxterm\r\nhere\r\n", "{who:?}");
    }
}
