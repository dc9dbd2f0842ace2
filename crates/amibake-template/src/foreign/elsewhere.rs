//! Components for other platforms, by name. Source: the program `packer` 1.6.6, and the plugins listed for Packer up to 2024.

use crate::component::Kind;

/// What a component of another platform is for, in words that follow "for"; None for a type nobody knows.
pub fn platform(kind: Kind, type_name: &str) -> Option<&'static str> {
    table(kind).iter().find(|(_, types)| types.contains(&type_name)).map(|(platform, _)| *platform)
}

/// All of them.
pub fn names(kind: Kind) -> impl Iterator<Item = &'static str> {
    table(kind).iter().flat_map(|(_, types)| types.iter().copied())
}

type Table = &'static [(&'static str, &'static [&'static str])];

fn table(kind: Kind) -> Table {
    match kind {
        Kind::Builder => BUILDERS,
        Kind::Provisioner => PROVISIONERS,
        Kind::PostProcessor => POST_PROCESSORS,
    }
}

const BUILDERS: Table = &[
    ("1&1", &["oneandone"]),
    ("Alibaba Cloud", &["alicloud-ecs"]),
    ("Anka", &["veertu-anka", "veertu-anka-vm-clone", "veertu-anka-vm-create"]),
    ("ARM images", &["arm", "arm-image", "cross"]),
    ("Azure", &["azure-arm", "azure-chroot", "azure-dtl"]),
    ("Baidu Cloud", &["baiducloud-bcc"]),
    ("Brightbox", &["brightbox"]),
    ("Civo", &["civo"]),
    ("CloudStack", &["cloudstack"]),
    ("DigitalOcean", &["digitalocean"]),
    ("Docker", &["docker"]),
    ("Equinix Metal", &["equinix-metal", "packet"]),
    ("Google Compute Engine", &["googlecompute"]),
    ("gridscale", &["gridscale"]),
    ("Hetzner Cloud", &["hcloud"]),
    ("Huawei Cloud", &["huaweicloud-ecs"]),
    ("HyperOne", &["hyperone"]),
    ("Hyper-V", &["hyperv-iso", "hyperv-vmcx"]),
    ("IBM Cloud", &["ibmcloud-classic", "ibmcloud-vpc", "powervs", "softlayer"]),
    ("Incus", &["incus"]),
    ("IONOS Cloud", &["ionoscloud", "profitbricks"]),
    ("JD Cloud", &["jdcloud"]),
    ("Kamatera", &["kamatera"]),
    ("libvirt", &["libvirt"]),
    ("Linode", &["linode"]),
    ("LXC and LXD", &["lxc", "lxd"]),
    ("Naver Cloud", &["ncloud"]),
    ("Nutanix", &["nutanix"]),
    ("OpenStack", &["openstack"]),
    ("Oracle Cloud", &["oracle-classic", "oracle-oci"]),
    (
        "Outscale",
        &[
            "osc-bsu",
            "osc-bsusurrogate",
            "osc-bsuvolume",
            "osc-chroot",
            "outscale-bsu",
            "outscale-bsusurrogate",
            "outscale-bsuvolume",
            "outscale-chroot",
        ],
    ),
    ("Parallels", &["parallels-iso", "parallels-ipsw", "parallels-macvm", "parallels-pvm"]),
    ("Proxmox", &["proxmox", "proxmox-clone", "proxmox-iso"]),
    ("QEMU", &["qemu"]),
    ("Scaleway", &["scaleway"]),
    ("Tart", &["tart-cli"]),
    ("Tencent Cloud", &["tencentcloud-cvm"]),
    ("Triton", &["triton"]),
    ("UCloud", &["ucloud-uhost"]),
    ("UpCloud", &["upcloud"]),
    ("UTM", &["utm-cloud", "utm-iso", "utm-utm", "utm-zip"]),
    ("Vagrant", &["vagrant"]),
    ("VirtualBox", &["virtualbox-iso", "virtualbox-ovf", "virtualbox-vm"]),
    ("VMware", &["vmware-iso", "vmware-vmx"]),
    ("VMware Cloud Director", &["vcd-iso"]),
    ("Volcengine", &["volcengine-ecs"]),
    ("vSphere", &["vsphere-clone", "vsphere-iso", "vsphere-supervisor"]),
    ("Vultr", &["vultr"]),
    ("XenServer", &["xenserver-iso", "xenserver-xva", "xva"]),
    ("Yandex Cloud", &["yandex"]),
];

const PROVISIONERS: Table = &[
    ("Azure DevTest Labs", &["azure-dtlartifact"]),
    ("cnspec", &["cnspec", "mondoo"]),
    ("Converge", &["converge"]),
    ("HCP's lists of software", &["hcp-sbom"]),
    ("InSpec", &["inspec"]),
    ("itamae", &["itamae"]),
    ("comments in Packer's output", &["comment"]),
    ("PowerShell DSC", &["dsc"]),
    ("Serverspec", &["serverspec"]),
    ("Windows Update", &["windows-update"]),
];

const POST_PROCESSORS: Table = &[
    ("Alibaba Cloud", &["alicloud-import"]),
    ("Anka", &["veertu-anka-registry-push"]),
    ("Atlas, a service of the past", &["atlas"]),
    ("deleting old images", &["amazon-ami-management"]),
    ("DigitalOcean", &["digitalocean-import"]),
    ("Docker", &["docker-import", "docker-push", "docker-save", "docker-tag"]),
    ("Exoscale", &["exoscale-import"]),
    ("Google Compute Engine", &["googlecompute-export", "googlecompute-import"]),
    ("HCP Packer's registry", &["hcp-packer-registry"]),
    ("JSON files", &["json-updater"]),
    ("Tencent Cloud", &["tencentcloud-import"]),
    ("UCloud", &["ucloud-import"]),
    ("UpCloud", &["upcloud-import"]),
    ("Vagrant's registry", &["vagrant-cloud", "vagrant-registry"]),
    ("Volcengine", &["volcengine-import"]),
    ("vSphere", &["vsphere", "vsphere-template"]),
    ("Yandex Cloud", &["yandex-export", "yandex-import"]),
];
