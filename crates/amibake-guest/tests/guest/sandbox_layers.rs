//! What a guest changed, saved and started from again.

use std::fs;

use crate::sandbox_support::{Place, Who, text};

/// What a script changes, and what a guest from that shows.
const CHANGES: &str = "set -e; sudo mkdir -p /opt/app/x; echo hi | sudo tee /opt/app/a >/dev/null; sudo chmod 4755 /opt/app/a; ln -s a /tmp/l; \
    sudo rm -rf /etc/alternatives /etc/skel; sudo mkdir /etc/skel; sudo touch /etc/skel/new /etc/profile; sudo chmod 600 /etc/os-release; \
    sudo sh -c 'cp /etc/nsswitch.conf /tmp/same; cat /tmp/same >/etc/nsswitch.conf; rm /tmp/same'; sudo rm /usr/bin/env; \
    echo x | sudo tee /usr/local/bin/x >/dev/null; mkfifo p; sudo touch /tmp/gone; sudo rm /tmp/gone";

#[test]
fn a_layer_holds_the_changes_and_only_them() {
    for who in Who::everyone() {
        let place = Place::new(who);
        let layer = place.own().join("layer.tar");
        let output = place.run(&["--save", layer.to_str().unwrap(), "--", CHANGES]);
        assert!(output.status.success(), "{who:?}: {}", text(&output.stderr));
        let user = if who.many() { "1000:1000" } else { "0:0" };
        let expected = format!(
            "- /etc/alternatives\n\
             + /etc/skel/new - 644 0:0 0\n+ /home/ec2-user/p p 644 {user} 0\n+ /opt/app d 755 0:0 0\n+ /opt/app/a - 4755 0:0 3\n\
             + /opt/app/x d 755 0:0 0\n+ /tmp/l l 777 {user} 0 a\n- /usr/bin/env\n+ /usr/local/bin/x - 644 0:0 2\n"
        );
        // What a new home directory has, and this machine's name, are this machine's own.
        let ours = |line: &&str| !line.contains("/etc/skel/.") && !line.contains("os-release");
        let lines = |text: &str| text.lines().filter(ours).map(|line| format!("{line}\n")).collect::<String>();
        let (listed, expected) = (lines(&text(&output.stdout)), lines(&expected));
        assert_eq!(listed, expected, "{who:?}");
        assert!(text(&output.stdout).contains("~ /etc/os-release - 600 0:0 "), "{who:?}");
    }
}

#[test]
fn a_guest_starts_from_layers() {
    for who in Who::everyone() {
        let place = Place::new(who);
        let (first, second) = (place.own().join("1.tar"), place.own().join("2.tar"));
        let (first, second) = (first.to_str().unwrap(), second.to_str().unwrap());
        place.run(&["--save", first, "--", CHANGES]);
        let again = "sudo rm -r /opt/app; sudo mkdir /opt/app /etc/alternatives; sudo touch /opt/app/b; rm p";
        let output = place.run(&["--layer", first, "--save", second, "--", again]);
        assert_eq!(
            text(&output.stdout),
            "+ /etc/alternatives d 755 0:0 0\n- /home/ec2-user/p\n- /opt/app/a\n+ /opt/app/b - 644 0:0 0\n- /opt/app/x\n",
            "{who:?}: {}",
            text(&output.stderr)
        );
        let shown =
            "ls -A /opt/app /etc/skel /etc/alternatives ~/p /usr/bin/env /usr/local/bin/x /tmp 2>/dev/null; stat -c %a /etc/os-release";
        let output = place.run(&["--layer", first, "--layer", second, "--", shown]);
        assert_eq!(
            text(&output.stdout),
            "/usr/local/bin/x\n\n/etc/alternatives:\n\n/etc/skel:\nnew\n\n/opt/app:\nb\n\n/tmp:\nl\n600\n",
            "{who:?}: {}",
            text(&output.stderr)
        );
    }
}

#[test]
fn a_layer_cannot_write_outside() {
    for who in Who::everyone() {
        let place = Place::new(who);
        let layer = place.own().join("evil.tar");
        let mut tar = tar::Builder::new(fs::File::create(&layer).unwrap());
        let mut link = tar::Header::new_gnu();
        link.set_entry_type(tar::EntryType::Symlink);
        link.set_size(0);
        link.set_mode(0o777);
        link.set_uid(0);
        link.set_gid(0);
        tar.append_link(&mut link, "way", place.own()).unwrap();
        let mut file = tar::Header::new_gnu();
        file.set_size(4);
        file.set_mode(0o644);
        file.set_uid(0);
        file.set_gid(0);
        tar.append_data(&mut file, "way/out", &b"evil"[..]).unwrap();
        tar.finish().unwrap();
        let output = place.run(&["--layer", layer.to_str().unwrap(), "--", "true"]);
        assert!(!output.status.success(), "{who:?}");
        assert!(text(&output.stderr).contains("unpacking way/out"), "{who:?}: {}", text(&output.stderr));
        assert!(!place.own().join("out").exists(), "{who:?}");
        place.is_clean();
    }
}
