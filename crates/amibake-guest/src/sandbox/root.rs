//! The file systems of a guest. Runs as the first process of its namespaces, in the run's directory.

use std::fs::{self, File};
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;

use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sys::stat::Mode;

use super::fault::{During as _, Fault, Step};
use super::init::Plan;
use super::limits;
use super::tree::Tree;

/// Makes the guest's root directory, and this process's.
pub(super) fn enter(plan: &Plan) -> Result<(), Fault> {
    mount(None::<&str>, "/", None::<&str>, MsFlags::MS_REC | MsFlags::MS_PRIVATE, None::<&str>)
        .at(Step::Namespaces, || "own mounts".to_owned())?;
    let root = format!("{}/mnt", plan.dir);
    for tree in &plan.trees {
        overlay(tree, &plan.dir, &root)?;
    }
    let program = fs::canonicalize("shared/program").during(|| "the program of a run".to_owned())?;
    std::env::set_current_dir(&root).during(|| "going into a guest".to_owned())?;
    proc()?;
    dev(plan.many)?;
    run(&program)?;
    limits::no_more_user_namespaces()?;
    limits::close_proc()?;
    nix::unistd::pivot_root(".", ".").during(|| "making a guest's root directory the root".to_owned())?;
    umount2(".", MntFlags::MNT_DETACH).during(|| "letting go of this machine's root directory".to_owned())?;
    std::env::set_current_dir("/").during(|| "the root of a guest".to_owned())
}

fn overlay(tree: &Tree, dir: &str, root: &str) -> Result<(), Fault> {
    let upper = format!("{dir}/{}", tree.dir());
    let options = format!("lowerdir={},upperdir={upper}/upper,workdir={upper}/work,userxattr", tree.lowers.join(":"));
    let at = format!("{root}/{}", tree.at);
    mount(Some("overlay"), at.as_str(), Some("overlay"), MsFlags::empty(), Some(options.as_str()))
        .at(Step::Overlay, || format!("a copy-on-write view of /{}", tree.at))
}

fn proc() -> Result<(), Fault> {
    let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC;
    mount(Some("proc"), "proc", Some("proc"), flags, None::<&str>).at(Step::Proc, || "the /proc of a guest".to_owned())
}

/// Devices that are the same on every machine.
const DEVICES: [&str; 6] = ["null", "zero", "full", "random", "urandom", "tty"];

fn dev(many: bool) -> Result<(), Fault> {
    let quiet = MsFlags::MS_NOSUID | MsFlags::MS_NOEXEC;
    tmpfs("dev", quiet, "mode=755,size=64k")?;
    for name in DEVICES {
        let path = format!("dev/{name}");
        File::create(&path)
            .map_err(|source| source.raw_os_error().map_or(nix::errno::Errno::EIO, nix::errno::Errno::from_raw))
            .and_then(|_| mount(Some(format!("/{path}").as_str()), path.as_str(), None::<&str>, MsFlags::MS_BIND, None::<&str>))
            .during(|| format!("/{path} of a guest"))?;
    }
    directory("dev/pts", 0o755)?;
    directory("dev/shm", 0o755)?;
    tmpfs("dev/shm", quiet | MsFlags::MS_NODEV, "mode=1777")?;
    // Group 5 is `tty` everywhere.
    let options = if many { "newinstance,ptmxmode=0666,mode=0620,gid=5" } else { "newinstance,ptmxmode=0666,mode=0620" };
    mount(Some("devpts"), "dev/pts", Some("devpts"), quiet, Some(options)).during(|| "terminals of a guest".to_owned())?;
    for (name, target) in [
        ("ptmx", "pts/ptmx"),
        ("fd", "/proc/self/fd"),
        ("stdin", "/proc/self/fd/0"),
        ("stdout", "/proc/self/fd/1"),
        ("stderr", "/proc/self/fd/2"),
    ] {
        symlink(target, format!("dev/{name}")).during(|| format!("/dev/{name} of a guest"))?;
    }
    Ok(())
}

/// `/run`, with what the guest's machinery keeps there.
fn run(program: &Path) -> Result<(), Fault> {
    tmpfs("run", MsFlags::MS_NOSUID | MsFlags::MS_NODEV, "mode=755")?;
    directory("run/amibake", 0o755)?;
    directory("run/lock", 0o1777)?;
    directory("run/user", 0o755)?;
    nix::unistd::mkfifo("run/amibake/power", Mode::S_IRUSR | Mode::S_IWUSR).during(|| "a guest's power switch".to_owned())?;
    write("run/amibake/log", 0o666)?;
    write("run/amibake/program", 0o755)?;
    let path = "run/amibake/program";
    mount(Some(program), path, None::<&str>, MsFlags::MS_BIND, None::<&str>)
        .and_then(|()| {
            let flags = MsFlags::MS_BIND | MsFlags::MS_REMOUNT | MsFlags::MS_RDONLY | MsFlags::MS_NOSUID | MsFlags::MS_NODEV;
            mount(None::<&str>, path, None::<&str>, flags, None::<&str>)
        })
        .during(|| "the program inside a guest".to_owned())
}

fn tmpfs(at: &str, flags: MsFlags, options: &str) -> Result<(), Fault> {
    mount(Some("tmpfs"), at, Some("tmpfs"), flags, Some(options)).during(|| format!("/{at} of a guest"))
}

fn directory(path: &str, mode: u32) -> Result<(), Fault> {
    fs::create_dir(path).and_then(|()| fs::set_permissions(path, fs::Permissions::from_mode(mode))).during(|| format!("/{path} of a guest"))
}

fn write(path: &str, mode: u32) -> Result<(), Fault> {
    fs::write(path, "").and_then(|()| fs::set_permissions(path, fs::Permissions::from_mode(mode))).during(|| format!("/{path} of a guest"))
}

/// Mounts what a new guest would show, without anything of its own, at `at` (which has a directory for each tree).
pub(super) fn view(trees: &[Tree], at: &str) -> Result<(), Fault> {
    for tree in trees {
        let options = format!("lowerdir={},userxattr", tree.lowers.join(":"));
        mount(Some("overlay"), format!("{at}/{}", tree.dir()).as_str(), Some("overlay"), MsFlags::MS_RDONLY, Some(options.as_str()))
            .at(Step::Overlay, || format!("the earlier content of /{}", tree.at))?;
    }
    Ok(())
}
