//! How far an image is while a build waits for it.

use std::convert::Infallible;
use std::future::Future;
use std::time::Duration;

use amibake_ec2::model::Snapshot;
use amibake_ec2::{ErrorKind, ImageId};

use crate::engine::context::{AwsRegion, BuildContext};
use crate::engine::teardown::made_for;

/// How often it is looked at. Builds that wait at the same time share the looks.
const PACE: Duration = Duration::from_secs(15);

/// Waits for an image and tells meanwhile how much of its snapshots is done.
pub async fn telling_progress<T>(cx: &BuildContext, region: &AwsRegion, image: &ImageId, wait: impl Future<Output = T>) -> T {
    tokio::select! {
        biased;
        answer = wait => answer,
        never = tell(cx, region, image) => match never {},
    }
}

async fn tell(cx: &BuildContext, region: &AwsRegion, image: &ImageId) -> Infallible {
    let mut told = 0;
    loop {
        tokio::time::sleep(PACE).await;
        match region.known.pending_snapshots().await {
            Ok(pending) => {
                if let Some(percent) = percent(&pending, image).filter(|percent| *percent > told) {
                    told = percent;
                    cx.report.detail(format!("AMI {image}: {percent}% of the snapshot is done"));
                }
            }
            // Whoever may not ask still gets the image.
            Err(error) if matches!(error.kind, ErrorKind::Refused | ErrorKind::Setup) => std::future::pending().await,
            Err(_) => {}
        }
    }
}

/// The snapshot that is least far, in percent; None where none of the image's is pending, or EC2 does not say.
fn percent(pending: &[Snapshot], image: &ImageId) -> Option<u32> {
    let own = pending.iter().filter(|snapshot| made_for(&snapshot.description, image));
    own.filter_map(|snapshot| snapshot.progress.as_deref()?.strip_suffix('%')?.parse().ok()).min()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use amibake_ec2::SnapshotId;

    use super::*;

    fn snapshot(image: &str, progress: Option<&str>) -> Snapshot {
        Snapshot {
            id: SnapshotId::new("snap-1").unwrap(),
            state: "pending".to_owned(),
            progress: progress.map(str::to_owned),
            description: format!("Created by CreateImage(i-1) for {image}"),
            tags: Vec::new(),
        }
    }

    #[test]
    fn the_slowest_of_an_images_snapshots_counts() {
        let image = ImageId::new("ami-1").unwrap();
        let pending =
            [snapshot("ami-1", Some("70%")), snapshot("ami-1", Some("37%")), snapshot("ami-2", Some("5%")), snapshot("ami-1", None)];
        assert_eq!(percent(&pending, &image), Some(37));
        assert_eq!(percent(&pending[2..], &image), None);
    }
}
