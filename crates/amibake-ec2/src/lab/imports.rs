//! VM Import: tasks that make an image of a disk file in S3.

use tokio::time::Instant;

use super::calls::Parameters;
use super::launch::mismatch;
use super::platform::Platform;
use super::record::{EbsSpec, ImageRecord, ImageTarget, SnapshotRecord};
use super::refusal::{Answer, bad_value, refuse};
use super::tags;
use super::world::{Place, State, World};
use crate::id::{ImageId, ImportTaskId, Region, SnapshotId};
use crate::model::{ImageState, ImportImage, ImportTask};

/// What EC2 says it is doing, in the order in which it does it (VM Import user guide, "Import task statuses").
const STAGES: [&str; 6] = ["pending", "validating", "converting", "updating", "booting", "preparing ami"];
/// GiB; what the file holds is not looked at.
const SIZE: i32 = 8;

/// A task.
#[derive(Debug, Clone)]
pub(super) struct ImportRecord {
    request: ImportImage,
    during: (Instant, Instant),
    state: Stage,
}

#[derive(Debug, Clone)]
enum Stage {
    /// What becomes of it: the image with its snapshot, or why there is none.
    Active(Result<Box<(ImageRecord, SnapshotRecord)>, String>),
    Completed(ImageId, SnapshotId),
    /// Cancelled, or failed.
    Deleted(String),
}

impl World {
    /// ImportImage, which reads the object when it begins.
    pub(super) fn import_image(
        &mut self,
        region: &Region,
        request: ImportImage,
        now: Instant,
        spoil: Option<&'static str>,
    ) -> Answer<ImportTask> {
        let there = self.objects.object(&request.object).is_some();
        let mut place = self.place(region, now, spoil)?;
        match place.state.imports.iter().find(|(_, known)| known.request.client_token == request.client_token) {
            Some((id, known)) if known.request == request => Ok(known.describe(id, now)),
            Some(_) => mismatch(),
            None if there => place.import_image(request),
            // The words are ours: EC2's are not public.
            None => refuse("InvalidParameter", format!("The object {} does not exist or cannot be read", request.object)),
        }
    }
}

impl Place<'_> {
    fn import_image(&mut self, request: ImportImage) -> Answer<ImportTask> {
        if !["ova", "raw", "vhd", "vhdx", "vmdk"].contains(&request.format.to_ascii_lowercase().as_str()) {
            return bad_value(format!("{} is not a valid value for Format", request.format));
        }
        if request.kms_key_id.is_some() && !request.encrypted {
            return refuse("InvalidParameterCombination", "KmsKeyId requires Encrypted to be set.");
        }
        tags::check(&request.task_tags)?;
        self.assume_kms_key(request.kms_key_id.as_deref());
        let id = ImportTaskId::with_hex(&self.ids.hex());
        let end = match self.spoil {
            Some(reason) => Err(reason.to_owned()),
            None => Ok(Box::new(self.imported(&id, &request))),
        };
        let during = (self.now, self.now + self.options.times.import);
        let record = ImportRecord { request, during, state: Stage::Active(end) };
        let task = record.describe(&id, self.now);
        self.state.imports.insert(id, record);
        Ok(task)
    }

    /// The image that comes of it, and its snapshot.
    fn imported(&mut self, task: &ImportTaskId, request: &ImportImage) -> (ImageRecord, SnapshotRecord) {
        let (id, snapshot) = (ImageId::with_hex(&self.ids.hex()), SnapshotId::with_hex(&self.ids.hex()));
        let end = self.now + self.options.times.import;
        let kms_key_id = request.kms_key_id.clone();
        let ebs = EbsSpec {
            snapshot: Some(snapshot.clone()),
            size: SIZE,
            volume_type: "gp2".to_owned(),
            delete_on_termination: true,
            iops: None,
            throughput: None,
            encrypted: request.encrypted,
            kms_key_id: kms_key_id.clone(),
        };
        let windows = request.platform.as_deref().is_some_and(|platform| platform.eq_ignore_ascii_case("windows"));
        let image = ImageRecord {
            features: Default::default(),
            location: None,
            id,
            name: task.to_string(),
            description: format!("AWS-VMImport service: {task}"),
            owner: self.options.account.clone(),
            owner_alias: None,
            creation_date: self.date(),
            deprecated_since: None,
            state: ImageState::Available,
            until: None,
            progress: None,
            spoiled: None,
            state_reason: None,
            root_device_type: "ebs".to_owned(),
            root_device_name: "/dev/sda1".to_owned(),
            virtualization_type: "hvm".to_owned(),
            architecture: request.architecture.clone().unwrap_or_else(|| "x86_64".to_owned()),
            platform: windows.then(|| Platform::of_name("windows")).flatten(),
            public: false,
            source_instance: None,
            copied_from: None,
            users: Vec::new(),
            organizations: Vec::new(),
            product_codes: Vec::new(),
            imds_support: None,
            tags: Vec::new(),
            devices: vec![("/dev/sda1".to_owned(), ImageTarget::Ebs(ebs))],
        };
        let record = SnapshotRecord {
            id: snapshot,
            owner: self.options.account.clone(),
            description: format!("Created by AWS-VMImport service for {task}"),
            size: SIZE,
            volume: None,
            during: (self.now, end),
            progress: None,
            completed: true,
            encrypted: request.encrypted,
            kms_key_id,
            users: Vec::new(),
            groups: Vec::new(),
            tags: Vec::new(),
        };
        (image, record)
    }

    /// DescribeImportImageTasks.
    pub(super) fn describe_import_tasks(&self, ids: &[ImportTaskId]) -> Answer<Vec<ImportTask>> {
        if let Some(id) = ids.iter().find(|id| !self.state.imports.contains_key(id)) {
            return unknown(id);
        }
        let asked = self.state.imports.iter().filter(|(id, _)| ids.is_empty() || ids.contains(id));
        Ok(asked.map(|(id, record)| record.describe(id, self.now)).collect())
    }

    /// CancelImportTask.
    pub(super) fn cancel_import_task(&mut self, id: &ImportTaskId) -> Answer<()> {
        let Some(record) = self.state.imports.get_mut(id) else { return unknown(id) };
        match record.state {
            Stage::Active(_) => record.state = Stage::Deleted("user canceled the task".to_owned()),
            // The words are ours: EC2's are not public.
            Stage::Completed(..) | Stage::Deleted(_) => return refuse("IncorrectState", format!("The task {id} is not active")),
        }
        Ok(())
    }
}

/// The words are ours: EC2's are not public.
fn unknown<T>(id: &ImportTaskId) -> Answer<T> {
    refuse("InvalidImportTaskId.NotFound", format!("The import task ID '{id}' does not exist"))
}

impl State {
    /// Lets imports come to their end.
    pub(super) fn settle_imports(&mut self, now: Instant) {
        for record in self.imports.values_mut().filter(|record| record.during.1 <= now) {
            match &record.state {
                Stage::Active(Ok(made)) => {
                    let (image, snapshot) = (**made).clone();
                    record.state = Stage::Completed(image.id.clone(), snapshot.id.clone());
                    self.snapshots.insert(snapshot.id.clone(), snapshot);
                    self.images.insert(image.id.clone(), image);
                }
                Stage::Active(Err(reason)) => record.state = Stage::Deleted(format!("ClientError: {reason}")),
                Stage::Completed(..) | Stage::Deleted(_) => {}
            }
        }
    }

    /// Imports that go on: what comes of them is nobody's.
    pub(super) fn active_imports(&self) -> impl Iterator<Item = &ImportTaskId> {
        self.imports.iter().filter(|(_, record)| matches!(record.state, Stage::Active(_))).map(|(id, _)| id)
    }
}

impl ImportRecord {
    fn describe(&self, id: &ImportTaskId, now: Instant) -> ImportTask {
        let (mut image, mut snapshots) = (None, Vec::new());
        let (status, status_message, progress) = match &self.state {
            Stage::Active(_) => {
                let (begun, end) = self.during;
                let whole = (end - begun).as_millis().max(1);
                let percent = (now.saturating_duration_since(begun).as_millis() * 100 / whole).min(99);
                let stage = usize::try_from(percent).unwrap_or_default() * STAGES.len() / 100;
                ("active", STAGES.get(stage).map(|stage| (*stage).to_owned()), Some(percent.to_string()))
            }
            Stage::Completed(made, of) => {
                image = Some(made.clone());
                snapshots.push(of.clone());
                ("completed", None, None)
            }
            Stage::Deleted(reason) => ("deleted", Some(reason.clone()), None),
        };
        let (id, status, tags) = (id.clone(), status.to_owned(), self.request.task_tags.clone());
        ImportTask { id, status, status_message, progress, image, snapshots, tags }
    }
}

/// ImportImage.
pub(super) fn parameters(request: &ImportImage) -> Parameters {
    Parameters::default()
        .with("ClientToken", Some(&request.client_token))
        .with("DiskContainer.1.Format", Some(&request.format))
        .with("DiskContainer.1.UserBucket.S3Bucket", Some(&request.object.bucket))
        .with("DiskContainer.1.UserBucket.S3Key", Some(&request.object.key))
        .with("Architecture", request.architecture.as_ref())
        .with("BootMode", request.boot_mode.as_ref())
        .with("Platform", request.platform.as_ref())
        .with("Encrypted", Some(request.encrypted))
        .with("KmsKeyId", request.kms_key_id.as_ref())
        .with("RoleName", request.role_name.as_ref())
        .with("LicenseType", request.license_type.as_ref())
        .tag_specifications(&[("import-image-task", &request.task_tags)])
}
