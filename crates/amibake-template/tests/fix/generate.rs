//! Templates full of what fixers look for: old and new keys, in values of every type.

use serde_json::{Map, Value as Json, json};

/// xorshift64*.
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    pub fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.next() >> 33).unwrap() % limit
    }

    fn pick<'p, T: ?Sized>(&mut self, pool: &[&'p T]) -> &'p T {
        pool[self.below(pool.len())]
    }
}

/// Keys that belong together, with the types that have them; every builder may have the last row's.
const BUILDERS: [(&[&str], &[&str]); 12] = [
    (
        &["virtualbox", "virtualbox-iso", "virtualbox-ovf"],
        &[
            "guest_additions_attach",
            "guest_additions_mode",
            "ssh_host_port_min",
            "host_port_min",
            "ssh_host_port_max",
            "ssh_skip_nat_mapping",
        ],
    ),
    (&["qemu"], &["disk_size", "ssh_host_port_min", "ssh_host_port_max", "host_port_min"]),
    (&["vsphere-iso"], &["network", "networkCard", "network_card", "disk_size", "disk_thin_provisioned", "disk_eagerly_scrub"]),
    (&["hyperv-iso", "hyperv-vmcx"], &["cpu", "cpus", "ram_size", "memory", "vhd_temp_path", "clone_from_vmxc_path"]),
    (&["vmware", "vmware-iso", "vmware-vmx"], &["remote_type", "disk_type_id", "skip_compaction"]),
    (&["azure-chroot", "azure-arm"], &["shared_image_destination"]),
    (&["parallels-iso", "parallels-pvm"], &["headless", "parallels_tools_host_path", "guest_os_distribution", "guest_os_type"]),
    (&["scaleway", "proxmox", "docker"], &["access_key", "organization_id", "login_email"]),
    (
        &["amazon-ebs", "amazon-chroot", "amazon-instance", "amazon-ebssurrogate", "amazon-ebsvolume"],
        &["shutdown_behaviour", "shutdown_behavior", "enhanced_networking", "ena_support", "ssh_interface", "spot_price_auto_product"],
    ),
    (
        &["amazon-ebs", "amazon-instance"],
        &["temporary_security_group_source_cidr", "temporary_security_group_source_cidrs", "ami_name", "snapshot_name", "tags"],
    ),
    (&["null", ""], &["iso_md5", "iso_checksum", "iso_checksum_type", "iso_checksum_url", "ami_description"]),
    (
        &["null"],
        &["ssh_key_path", "ssh_private_key_file", "ssh_disable_agent", "ssh_wait_timeout", "ssh_timeout", "ami_name", "bundle_prefix"],
    ),
];

/// Not among them: a backslash before `u003c`, which Packer makes broken JSON of.
const TEXTS: [&str; 26] = [
    "",
    "a",
    "true",
    "1",
    "esx5",
    "esx5",
    "thin",
    "sha256",
    "{{.CreateTime}}",
    "x{{ .CreateTime }}{{\t.CreateTime}}",
    "{{{.CreateTime}}}",
    "{{isotime | clean_ami_name}}",
    "{{clean_image_name `a`}} clean_ami_name",
    "a, b",
    "b,c,",
    "{{user `x`}}",
    "é & <b> \u{2028}",
    "\u{1f600}\u{7f}",
    "\n\t\u{1}\u{8}",
    "10m",
    "\"quoted\"",
    "none",
    "md5",
    "/path/to",
    "C:\\path",
    "{{",
];

const ESCAPES: [&str; 5] = ["`$x`\"``'`'", "```$", "````", "`n", "it`'s"];

/// A template of so many components; `escapes` puts PowerShell's escapes in, which shrink with every run of `fix`.
pub fn template(random: &mut Random, components: usize, escapes: bool) -> Json {
    let mut root = json!({"builders": [], "provisioners": [], "post-processors": [], "_comment": text(random)});
    for _ in 0..components {
        let (section, component) = match random.below(6) {
            0 => ("post-processors", post_processor(random)),
            1 => ("post-processors", (0..random.below(4)).map(|_| post_processor(random)).collect()),
            2 => ("provisioners", provisioner(random, escapes)),
            _ => ("builders", builder(random)),
        };
        root[section].as_array_mut().unwrap().push(component);
    }
    root
}

fn builder(random: &mut Random) -> Json {
    let (types, keys) = BUILDERS[random.below(BUILDERS.len())];
    let mut builder = component(random, types, keys);
    if random.below(4) == 0 {
        let (_, common) = BUILDERS[BUILDERS.len() - 1 - random.below(2)];
        fill(random, &mut builder, common);
    }
    if random.below(8) == 0 && builder["type"].as_str().unwrap().starts_with("amazon-") {
        builder["ssh_private_ip"] = [json!(true), json!(false), json!("true"), json!("F")][random.below(4)].clone();
    }
    // Packer crashes where they are no list.
    if random.below(4) == 0 && builder["type"] == "vsphere-iso" {
        builder["network_adapters"] = json!([value(random, 2)]);
    }
    builder
}

fn post_processor(random: &mut Random) -> Json {
    match random.below(8) {
        0 => value(random, 2),
        1..4 => component(random, &["vagrant"], &["aws", "digitalocean", "virtualbox", "vmware", "override", "login_email"]),
        // Packer crashes over tags that are no strings: lists of others are left out.
        4..6 => {
            let tag = |random: &mut Random| json!([text(random), [text(random), text(random)], 5, null])[random.below(4)].clone();
            json!({"type": "docker-tag", "tag": tag(random), "tags": tag(random)})
        }
        _ => component(random, &["manifest", "docker-push", "compress"], &["filename", "output", "login_email"]),
    }
}

fn provisioner(random: &mut Random, escapes: bool) -> Json {
    match random.below(8) {
        0 => value(random, 2),
        1..4 => {
            let overrides = json!({"virtualbox": value(random, 2), "b": value(random, 2)});
            let forms = [overrides.clone(), json!([overrides]), json!(null), json!({})];
            json!({"type": "shell", "override": forms[random.below(4)]})
        }
        4..6 if escapes => {
            let text = |random: &mut Random| random.pick(&ESCAPES).to_owned();
            let variables = [json!([text(random), text(random)]), value(random, 1)];
            let (user, password, variables) = (text(random), text(random), &variables[random.below(2)]);
            json!({"type": "powershell", "elevated_user": user, "elevated_password": password, "environment_vars": variables})
        }
        _ => component(random, &["ansible-local", "windows-shell"], &["galaxycommand", "galaxy_command", "inline"]),
    }
}

fn component(random: &mut Random, types: &[&str], keys: &[&str]) -> Json {
    let mut component = json!({"type": random.pick(types)});
    fill(random, &mut component, keys);
    component
}

fn fill(random: &mut Random, component: &mut Json, keys: &[&str]) {
    for _ in 0..random.below(6) {
        component[random.pick(keys)] = value(random, 0);
    }
}

fn text(random: &mut Random) -> String {
    random.pick(&TEXTS).to_owned()
}

/// Any value, no deeper than three levels.
fn value(random: &mut Random, depth: usize) -> Json {
    const KEYS: [&str; 6] = ["exlude_from_latest", "exclude_from_latest", "Name", "virtualbox", "network", "clean_ami_name"];
    match random.below(if depth > 2 { 9 } else { 11 }) {
        0..5 => json!(text(random)),
        5 => json!(random.below(2) == 0),
        6 => Json::Null,
        7 | 8 => [json!(0), json!(40960), json!(1.5), json!(-0.0), json!(1e21), json!(1e-7), json!(1234567890123456789_u64)]
            [random.below(7)]
        .clone(),
        9 => (0..random.below(3)).map(|_| value(random, depth + 1)).collect(),
        _ => Json::Object((0..random.below(3)).map(|_| (random.pick(&KEYS).to_owned(), value(random, depth + 1))).collect::<Map<_, _>>()),
    }
}
