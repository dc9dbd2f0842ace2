//! What an image boots into, as far as a guest that stands for its instances has to show it.

use super::filter::like;

/// An operating system as public images have it. Facts of its publisher: default user, `/etc/os-release`.
#[derive(Debug, PartialEq, Eq)]
pub struct Platform {
    /// `ID`: `amzn`, `debian`; `windows` for Windows.
    pub id: &'static str,
    /// `VERSION_ID`: `2023`, `12`.
    pub version_id: &'static str,
    /// `NAME`.
    pub name: &'static str,
    /// `PRETTY_NAME`.
    pub pretty_name: &'static str,
    /// `ID_LIKE`; empty: it is like no other.
    pub id_like: &'static str,
    /// `VERSION_CODENAME`; empty: it has none.
    pub codename: &'static str,
    /// The user that takes the instance's key.
    pub login: &'static str,
    /// A container image with the same files and packages; empty: there is none.
    pub container: &'static str,
    /// What names of its images look like, in lower case.
    marks: &'static [&'static str],
}

impl Platform {
    /// The platform that an image's name speaks of.
    pub fn of_name(name: &str) -> Option<&'static Self> {
        let name = name.to_lowercase();
        PLATFORMS.iter().find(|platform| platform.marks.iter().any(|mark| like(mark, &name)))
    }

    /// The platform that [`Platform::key`] names.
    pub fn of_key(key: &str) -> Option<&'static Self> {
        PLATFORMS.iter().find(|platform| platform.key() == key)
    }

    /// `debian-12`
    pub fn key(&self) -> String {
        format!("{}-{}", self.id, self.version_id)
    }

    /// Whether it is Windows, which no guest stands for.
    pub fn is_windows(&self) -> bool {
        self.id == "windows"
    }

    /// The content of `/etc/os-release`; empty for Windows.
    pub fn os_release(&self) -> String {
        if self.is_windows() {
            return String::new();
        }
        let fields = [
            ("PRETTY_NAME", self.pretty_name),
            ("NAME", self.name),
            ("VERSION_ID", self.version_id),
            ("VERSION_CODENAME", self.codename),
            ("ID", self.id),
            ("ID_LIKE", self.id_like),
        ];
        fields.iter().filter(|(_, value)| !value.is_empty()).map(|(key, value)| format!("{key}=\"{value}\"\n")).collect()
    }
}

/// Platforms that differ in their version: those of one publisher.
macro_rules! platforms {
    ($($id:literal $name:literal like $id_like:literal login $login:literal {
        $($version:literal $pretty:literal $codename:literal $container:literal [$($mark:literal),*];)*
    })*) => { &[$($(Platform {
        id: $id,
        version_id: $version,
        name: $name,
        pretty_name: $pretty,
        id_like: $id_like,
        codename: $codename,
        login: $login,
        container: $container,
        marks: &[$($mark),*],
    },)*)*] };
}

/// The first whose marks fit counts: the more particular ones stand first.
const PLATFORMS: &[Platform] = platforms! {
    "windows" "Windows" like "" login "Administrator" {
        "2025" "Windows Server 2025" "" "" ["windows_server-2025*"];
        "2022" "Windows Server 2022" "" "" ["windows_server-2022*"];
        "2019" "Windows Server 2019" "" "" ["windows_server-2019*"];
        "2016" "Windows Server 2016" "" "" ["windows_server-2016*"];
        "2012" "Windows Server 2012" "" "" ["windows_server-2012*"];
        "" "Windows" "" "" ["*windows*"];
    }
    "ubuntu" "Ubuntu" like "debian" login "ubuntu" {
        "26.04" "Ubuntu 26.04 LTS" "resolute" "docker.io/library/ubuntu:26.04" ["*resolute*", "*ubuntu*26?04*"];
        "24.04" "Ubuntu 24.04.3 LTS" "noble" "docker.io/library/ubuntu:24.04" ["*noble*", "*ubuntu*24?04*"];
        "22.04" "Ubuntu 22.04.5 LTS" "jammy" "docker.io/library/ubuntu:22.04" ["*jammy*", "*ubuntu*22?04*"];
        "20.04" "Ubuntu 20.04.6 LTS" "focal" "docker.io/library/ubuntu:20.04" ["*focal*", "*ubuntu*20?04*"];
        "18.04" "Ubuntu 18.04.6 LTS" "bionic" "docker.io/library/ubuntu:18.04" ["*bionic*", "*ubuntu*18?04*"];
        "16.04" "Ubuntu 16.04.7 LTS" "xenial" "docker.io/library/ubuntu:16.04" ["*xenial*", "*ubuntu*16?04*"];
        "14.04" "Ubuntu 14.04.6 LTS" "" "docker.io/library/ubuntu:14.04" ["*trusty*", "*ubuntu*14?04*"];
    }
    "debian" "Debian GNU/Linux" like "" login "admin" {
        "13" "Debian GNU/Linux 13 (trixie)" "trixie" "docker.io/library/debian:13" ["*trixie*", "*debian?13*", "*debian13*"];
        "12" "Debian GNU/Linux 12 (bookworm)" "bookworm" "docker.io/library/debian:12" ["*bookworm*", "*debian?12*", "*debian12*"];
        "11" "Debian GNU/Linux 11 (bullseye)" "bullseye" "docker.io/library/debian:11" ["*bullseye*", "*debian?11*", "*debian11*"];
        "10" "Debian GNU/Linux 10 (buster)" "buster" "docker.io/library/debian:10" ["*buster*", "*debian?10*", "*debian10*"];
        "9" "Debian GNU/Linux 9 (stretch)" "stretch" "docker.io/library/debian:9" ["*stretch*", "*debian?9*", "*debian9*"];
    }
    "rhel" "Red Hat Enterprise Linux" like "fedora" login "ec2-user" {
        "10.0" "Red Hat Enterprise Linux 10.0 (Coughlan)" "" "registry.access.redhat.com/ubi10/ubi" ["*rhel?10*", "*rhel10*"];
        "9.6" "Red Hat Enterprise Linux 9.6 (Plow)" "" "registry.access.redhat.com/ubi9/ubi" ["*rhel?9*", "*rhel9*"];
        "8.10" "Red Hat Enterprise Linux 8.10 (Ootpa)" "" "registry.access.redhat.com/ubi8/ubi" ["*rhel?8*", "*rhel8*"];
        "7.9" "Red Hat Enterprise Linux Server 7.9 (Maipo)" "" "registry.access.redhat.com/ubi7/ubi" ["*rhel?7*", "*rhel7*"];
    }
    "rocky" "Rocky Linux" like "rhel centos fedora" login "rocky" {
        "10.0" "Rocky Linux 10.0 (Red Quartz)" "" "docker.io/rockylinux/rockylinux:10" ["*rocky?10*", "*rocky?linux?10*"];
        "9.6" "Rocky Linux 9.6 (Blue Onyx)" "" "docker.io/rockylinux/rockylinux:9" ["*rocky?9*", "*rocky?linux?9*"];
        "8.10" "Rocky Linux 8.10 (Green Obsidian)" "" "docker.io/rockylinux/rockylinux:8" ["*rocky?8*", "*rocky?linux?8*"];
    }
    "almalinux" "AlmaLinux" like "rhel centos fedora" login "ec2-user" {
        "10.0" "AlmaLinux 10.0 (Purple Lion)" "" "docker.io/library/almalinux:10" ["*almalinux?os?10*", "*alma*linux?10*"];
        "9.6" "AlmaLinux 9.6 (Sage Margay)" "" "docker.io/library/almalinux:9" ["*almalinux?os?9*", "*alma*linux?9*"];
        "8.10" "AlmaLinux 8.10 (Cerulean Leopard)" "" "docker.io/library/almalinux:8" ["*almalinux?os?8*", "*alma*linux?8*"];
    }
    "centos" "CentOS Stream" like "rhel fedora" login "ec2-user" {
        "10" "CentOS Stream 10 (Coughlan)" "" "quay.io/centos/centos:stream10" ["*centos*stream?10*"];
        "9" "CentOS Stream 9" "" "quay.io/centos/centos:stream9" ["*centos*stream?9*"];
    }
    "centos" "CentOS Stream" like "rhel fedora" login "centos" {
        "8" "CentOS Stream 8" "" "quay.io/centos/centos:stream8" ["*centos*stream?8*", "*centos?8*", "*centos?linux?8*", "*centos8*"];
    }
    "centos" "CentOS Linux" like "rhel fedora" login "centos" {
        "7" "CentOS Linux 7 (Core)" "" "docker.io/library/centos:7" ["*centos?7*", "*centos?linux?7*", "*centos7*"];
    }
    "fedora" "Fedora Linux" like "" login "fedora" {
        "43" "Fedora Linux 43 (Cloud Edition)" "" "registry.fedoraproject.org/fedora:43" ["*fedora*-43-*"];
        "42" "Fedora Linux 42 (Cloud Edition)" "" "registry.fedoraproject.org/fedora:42" ["*fedora*"];
    }
    "sles" "SLES" like "suse" login "ec2-user" {
        "15.7" "SUSE Linux Enterprise Server 15 SP7" "" "registry.suse.com/bci/bci-base:15.7" ["*sles?15*", "*sles15*"];
        "12.5" "SUSE Linux Enterprise Server 12 SP5" "" "registry.suse.com/suse/sles12sp5" ["*sles?12*", "*sles12*"];
    }
    "amzn" "Amazon Linux" like "fedora" login "ec2-user" {
        "2023" "Amazon Linux 2023" "" "public.ecr.aws/amazonlinux/amazonlinux:2023"
            ["*al2023*", "*amzn2023*", "*amazon*linux*2023*"];
    }
    "amzn" "Amazon Linux" like "centos rhel fedora" login "ec2-user" {
        "2" "Amazon Linux 2" "" "public.ecr.aws/amazonlinux/amazonlinux:2"
            ["*amzn2*", "*amazon*linux*2*", "amazon-eks-*node-*"];
    }
    "amzn" "Amazon Linux AMI" like "rhel fedora" login "ec2-user" {
        "2018.03" "Amazon Linux AMI 2018.03" "" "public.ecr.aws/amazonlinux/amazonlinux:1" ["*amzn-ami*"];
    }
};

#[cfg(test)]
mod tests {
    use super::Platform;

    #[track_caller]
    fn check(name: &str, expected: &str) {
        assert_eq!(Platform::of_name(name).map(Platform::key).unwrap_or_default(), expected, "{name}");
    }

    #[test]
    fn names_tell_the_platform() {
        check("al2023-ami-2023.12.20261019.0-kernel-6.1-x86_64", "amzn-2023");
        check("amzn2-ami-hvm-2.0.20260601.0-x86_64-gp2", "amzn-2");
        check("amzn-ami-hvm-2018.03.0.20231218.0-x86_64-gp2", "amzn-2018.03");
        check("amazon-eks-node-al2023-x86_64-standard-1.33-v20261001", "amzn-2023");
        check("amazon-eks-arm64-node-1.32-v20251120", "amzn-2");
        check("ubuntu/images/hvm-ssd/ubuntu-jammy-22.04-amd64-server-20261008", "ubuntu-22.04");
        check("ubuntu-eks/k8s_1.31/images/hvm-ssd/ubuntu-jammy-22.04-amd64-server-20261008", "ubuntu-22.04");
        check("Hardened Ubuntu 24.04", "ubuntu-24.04");
        check("debian-12-amd64-20261013-2621", "debian-12");
        check("debian-stretch-hvm-x86_64-gp2-2022-07-01-66430", "debian-9");
        check("RHEL-8.10.0_HVM-20261013-x86_64-0-Hourly2-GP3", "rhel-8.10");
        check("RHEL-9.6.0_HVM-20261010-x86_64-0-Hourly2-GP3", "rhel-9.6");
        check("Rocky-9-EC2-Base-9.6-20261010.0.x86_64", "rocky-9.6");
        check("AlmaLinux OS 9.6.20261010 x86_64", "almalinux-9.6");
        check("CentOS Linux 7 x86_64 HVM EBS ENA 2002_01", "centos-7");
        check("Windows_Server-2022-English-Full-Base-2026.10.14", "windows-2022");
        check("CentOS Stream 9 x86_64 20261010", "centos-9");
        check("centos-7-minimal-install-1", "centos-7");
        check("Rocky-8-EC2-Base-8.10-20240528.0.x86_64", "rocky-8.10");
        check("golden", "");
    }

    #[test]
    fn an_os_release_has_what_scripts_read() {
        let debian = Platform::of_key("debian-12").map(Platform::os_release).unwrap_or_default();
        assert_eq!(
            debian,
            "PRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\nNAME=\"Debian GNU/Linux\"\nVERSION_ID=\"12\"\n\
             VERSION_CODENAME=\"bookworm\"\nID=\"debian\"\n"
        );
        assert_eq!(Platform::of_key("windows-2022").map(Platform::os_release).as_deref(), Some(""));
    }
}
