//! The account in which a trace was recorded, made again on the lab: what existed before, and what was made to go wrong.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::net::TcpListener;
use std::time::Duration;

use amibake_ec2::lab::record::ImageRecord;
use amibake_ec2::lab::{At, Fault, Kind, Lab, Options, Times};
use amibake_ec2::model::{
    CopyImage, CreateImage, CreateSecurityGroup, DescribeImages, Filter, InstanceState, KeyPairRequest, KeyType, RegisterImage,
    RunInstances, Tag,
};
use amibake_ec2::{Ec2, ImageId, Region, SecurityGroupId, SubnetId, VpcId};

use super::trace::{Scripted, Trace};
use crate::ebs_lab::REGION;

/// A lab, and which of its values stand for which placeholder.
pub struct Account {
    pub lab: Lab,
    pub places: BTreeMap<&'static str, String>,
    /// A port of this machine that is in use.
    busy: Option<TcpListener>,
}

/// The image of the lab that takes the place of the recording's.
const SOURCE_NAME: &str = "al2023-ami-2023*-kernel-6.1-x86_64";

impl Account {
    /// What a trace needs.
    pub async fn of(trace: &Trace) -> Self {
        let lab = Lab::new(options(trace));
        let mut account = Self { lab, places: BTreeMap::new(), busy: None };
        account.find_source().await;
        account.prepare(trace).await;
        for (action, scripted) in &trace.faults {
            account.break_calls(action, scripted);
        }
        account
    }

    fn ec2(&self) -> std::sync::Arc<dyn Ec2> {
        self.lab.region(REGION)
    }

    async fn find_source(&mut self) {
        let filters = vec![Filter::new("name", SOURCE_NAME)];
        let request = DescribeImages { owners: vec!["amazon".to_owned()], filters, ..DescribeImages::default() };
        let images = self.ec2().describe_images(request).await.unwrap();
        let image = images.into_iter().max_by(|a, b| a.creation_date.cmp(&b.creation_date)).unwrap();
        let snapshot = self.lab.image(&image.id).unwrap().snapshots().next().unwrap().to_string();
        self.places.insert("<own-snapshot>", snapshot);
        self.places.insert("<source-name>", image.name);
        let team = Tag { key: "Team".to_owned(), value: "base".to_owned() };
        self.ec2().create_tags(&[image.id.to_string()], &[team]).await.unwrap();
        self.places.insert("<source-ami>", image.id.to_string());
    }

    async fn prepare(&mut self, trace: &Trace) {
        let template = trace.template.to_string();
        if template.contains("<source-ami-pv>") {
            self.add_paravirtual_source();
        }
        if template.contains("<vpc>") || template.contains("<subnet-") || template.contains("tag:Class") {
            self.add_network().await;
        }
        if trace.stdout.iter().any(|line| line.contains("<old-ami>")) {
            self.add_old_image(template.contains("us-west-2")).await;
        }
        if template.contains("\"mykey\"") {
            let request = KeyPairRequest { name: "mykey".to_owned(), key_type: KeyType::Rsa, tags: Vec::new() };
            self.ec2().create_key_pair(request).await.unwrap();
        }
        if template.contains("<default-subnet>") {
            let filters = [Filter::new("default-for-az", "true"), Filter::new("availability-zone", "us-east-1a")];
            let subnets = self.ec2().describe_subnets(&[], &filters).await.unwrap();
            self.places.insert("<default-subnet>", subnets[0].id.to_string());
        }
        if template.contains("session_manager") {
            // The mock has no Session Manager: it answered each call with a server error.
            self.lab.fault(Fault::new(At::Every("StartSession"), Kind::LoseRequest));
        }
        if template.contains("session_manager_port") {
            let busy = TcpListener::bind("127.0.0.1:0").unwrap();
            self.places.insert("<busy-port>", busy.local_addr().unwrap().port().to_string());
            self.busy = Some(busy);
        }
        if template.contains("<instance-store-ami>") {
            let location = Some("a-bucket/image.manifest.xml".to_owned());
            let request = RegisterImage { name: "bundled".to_owned(), location, ..RegisterImage::default() };
            let image = self.ec2().register_image(request).await.unwrap();
            tokio::time::sleep(Duration::from_secs(60)).await;
            self.places.insert("<instance-store-ami>", image.to_string());
        }
        if template.contains("\"amazon-chroot\"") {
            let zone = [Filter::new("availability-zone", "us-east-1a"), Filter::new("default-for-az", "true")];
            let subnet = self.ec2().describe_subnets(&[], &zone).await.unwrap().remove(0).id;
            let instance = self.launch(Some(subnet)).await;
            self.places.insert("<builder-host-instance>", instance.to_string());
            self.places.insert("<some-ami>", "ami-0123456789abcdef0".to_owned());
        }
        self.places.insert("<unknown-sg>", "sg-0123456789abcdef0".to_owned());
        self.places.insert("<unknown-vpc>", "vpc-0123456789abcdef0".to_owned());
    }

    /// The source image, as it was for older instances.
    fn add_paravirtual_source(&mut self) {
        let id = ImageId::new("ami-0123456789abcdef0").unwrap();
        let source = self.lab.image(&ImageId::new(&*self.places["<source-ami>"]).unwrap()).unwrap();
        let image = ImageRecord { id: id.clone(), virtualization_type: "paravirtual".to_owned(), ..source };
        self.lab.add_images(Some(&Region::new(REGION)), vec![image]);
        self.places.insert("<source-ami-pv>", id.to_string());
    }

    /// An own VPC with two tagged subnets, the second with more free addresses, and two tagged groups.
    async fn add_network(&mut self) {
        let ec2 = self.ec2();
        let vpc = self.lab.add_vpc(REGION).unwrap();
        let mut subnets = ec2.describe_subnets(&[], &[Filter::new("vpc-id", vpc.as_str())]).await.unwrap();
        subnets.sort_by(|a, b| a.availability_zone.cmp(&b.availability_zone));
        let groups = [self.add_group(&vpc, "own-1").await, self.add_group(&vpc, "own-2").await];
        let [a, b] = [&subnets[0].id, &subnets[1].id];
        let class = |class: &str| [Tag { key: "Class".to_owned(), value: class.to_owned() }];
        ec2.create_tags(&[vpc.to_string(), a.to_string(), b.to_string()], &class("build")).await.unwrap();
        ec2.create_tags(&groups.each_ref().map(ToString::to_string), &class("packer")).await.unwrap();
        self.launch(Some(a.clone())).await;
        let [first, second] = groups;
        let places = [("<vpc>", vpc.to_string()), ("<subnet-a>", a.to_string()), ("<subnet-b>", b.to_string())];
        self.places.extend(places);
        self.places.extend([("<sg-own-1>", first.to_string()), ("<sg-own-2>", second.to_string())]);
    }

    async fn add_group(&self, vpc: &VpcId, name: &str) -> SecurityGroupId {
        let (name, vpc) = (name.to_owned(), Some(vpc.clone()));
        let request = CreateSecurityGroup { description: name.clone(), name, vpc, tags: Vec::new() };
        self.ec2().create_security_group(request).await.unwrap()
    }

    async fn launch(&self, subnet: Option<SubnetId>) -> amibake_ec2::InstanceId {
        let request = RunInstances {
            client_token: format!("prepared-{}", self.lab.count()),
            image: self.places["<source-ami>"].clone(),
            instance_type: "t2.micro".to_owned(),
            subnet,
            ..RunInstances::default()
        };
        let instance = self.ec2().run_instance(request).await.unwrap().id;
        tokio::time::sleep(Duration::from_secs(60)).await;
        instance
    }

    /// An image of the name that the template wants, and its copy in a second region.
    async fn add_old_image(&mut self, copy: bool) {
        let ec2 = self.ec2();
        let instance = self.launch(None).await;
        let name = "trace-ami".to_owned();
        let request = CreateImage { instance: instance.clone(), name: name.clone(), block_devices: Vec::new(), image_tags: Vec::new() };
        let image = ec2.create_image(request).await.unwrap();
        tokio::time::sleep(Duration::from_secs(600)).await;
        ec2.terminate_instance(&instance).await.unwrap();
        self.keep_image("<old-ami>", "<old-snapshot>", &image);
        if copy {
            let request = CopyImage {
                client_token: "prepared".to_owned(),
                source_region: Region::new(REGION),
                source_image: image,
                name,
                encrypted: None,
                kms_key_id: None,
                copy_tags: false,
                completion_minutes: None,
            };
            let image = self.lab.region("us-west-2").copy_image(request).await.unwrap();
            tokio::time::sleep(Duration::from_secs(600)).await;
            self.keep_image("<old-ami-west>", "<old-snapshot-west>", &image);
        }
    }

    fn keep_image(&mut self, place: &'static str, snapshot: &'static str, image: &ImageId) {
        self.places.insert(snapshot, self.lab.image(image).unwrap().snapshots().next().unwrap().to_string());
        self.places.insert(place, image.to_string());
    }

    /// Somebody else: stops an instance of a template that leaves this to others, after a minute. (In the recording a local
    /// script did.)
    pub async fn somebody_else(&self, trace: &Trace) -> Infallible {
        if trace.template.to_string().contains("\"disable_stop_instance\":true") {
            tokio::time::sleep(Duration::from_secs(60)).await;
            let instances = self.ec2().describe_instances(&[], &[]).await.unwrap();
            let running = instances.iter().find(|instance| instance.state == InstanceState::Running).unwrap();
            self.ec2().stop_instance(&running.id).await.unwrap();
        }
        std::future::pending().await
    }

    /// A scripted answer on the lab: a refusal as it is; a state that things get stuck in, at the call that began them.
    fn break_calls(&self, action: &str, scripted: &Scripted) {
        let action: &'static str = String::leak(action.to_owned());
        if scripted.status == 200 {
            let reason: &'static str = String::leak(scripted.element("message").unwrap_or_default().to_owned());
            if scripted.element("imageState") == Some("failed") {
                self.lab.fault(Fault::new(At::Operation("CreateImage", 1), Kind::Spoil(reason)));
            }
            if scripted.element("name") == Some("terminated") {
                self.lab.fault(Fault::new(At::Operation("RunInstances", 1), Kind::Spoil(reason)));
            }
            return;
        }
        let [code, message] = ["Code", "Message"].map(|name| &*String::leak(scripted.element(name).unwrap_or_default().to_owned()));
        // Copies are ordered side by side: in the recording the second region's came first.
        let skip = if action == "CopyImage" { 1 } else { scripted.skip };
        let before = skip + self.lab.calls().iter().filter(|call| call.operation == action).count();
        for nth in before + 1..=before + scripted.times {
            let kind = if code == "RequestLimitExceeded" { Kind::Throttle } else { Kind::Refuse(code, message) };
            self.lab.fault(Fault::new(At::Operation(action, nth), kind));
        }
    }
}

/// How many polls of a scripted `pending` are longer than any wait of the template.
const FOR_EVER: usize = 10;

fn options(trace: &Trace) -> Options {
    // The mock's EC2 knows new instance profiles at once.
    let mut times = Times { profile: Duration::ZERO, ..Times::fast() };
    let pending = trace.faults.get("DescribeImages").filter(|fault| fault.element("imageState") == Some("pending"));
    if pending.is_some_and(|fault| fault.times >= FOR_EVER) {
        times.image = Duration::from_secs(24 * 60 * 60);
    }
    let region = trace.env.get("AWS_DEFAULT_REGION").map_or(Some(REGION), |region| Some(region.as_str()).filter(|it| *it != "<unset>"));
    Options {
        default_region: region.map(Region::new),
        instance_profiles: ["own-profile".to_owned()].into(),
        buckets: ["Trace_Bucket".to_owned()].into(),
        ..Options::new(times)
    }
}
