//! Launch templates, fleets and instance profiles as EC2 and IAM keep them.

use amibake_ec2::iam::{CreateRole, EC2_MAY_ASSUME};
use amibake_ec2::lab::{Lab, Options, Times};
use amibake_ec2::launch::{CreateFleet, CreateLaunchTemplate, Override};
use amibake_ec2::model::RunInstances;

use crate::support::launch;

const REGION: &str = "us-east-1";

async fn template(lab: &Lab, name: &str, max_price: Option<&str>) -> CreateLaunchTemplate {
    let launch = RunInstances { client_token: String::new(), ..launch(&*lab.region(REGION), "").await };
    CreateLaunchTemplate {
        client_token: format!("{name}-token"),
        name: name.to_owned(),
        description: String::new(),
        launch,
        max_price: max_price.map(str::to_owned),
        tags: Vec::new(),
    }
}

fn fleet(template: &str, token: &str) -> CreateFleet {
    let (client_token, template) = (token.to_owned(), template.to_owned());
    CreateFleet { client_token, template, overrides: Vec::new(), allocation_strategy: None, tags: Vec::new() }
}

#[tokio::test(start_paused = true)]
async fn a_template_is_made_once_by_its_token_and_has_a_name_of_its_own() {
    let lab = Lab::default();
    let ec2 = lab.region(REGION);
    let request = template(&lab, "baker", None).await;
    ec2.create_launch_template(request.clone()).await.unwrap();
    ec2.create_launch_template(request.clone()).await.unwrap();
    let other = CreateLaunchTemplate { client_token: "another".to_owned(), ..request };
    let error = ec2.create_launch_template(other).await.unwrap_err();
    assert!(error.is("InvalidLaunchTemplateName.AlreadyExistsException"), "{error}");
    ec2.delete_launch_template("baker").await.unwrap();
    assert!(ec2.delete_launch_template("baker").await.unwrap_err().is_not_found());
}

#[tokio::test(start_paused = true)]
async fn a_fleet_launches_one_spot_instance_by_its_token() {
    let lab = Lab::default();
    let ec2 = lab.region(REGION);
    ec2.create_launch_template(template(&lab, "baker", Some("0.05")).await).await.unwrap();
    let first = ec2.create_fleet(fleet("baker", "f")).await.unwrap();
    assert_eq!(first, ec2.create_fleet(fleet("baker", "f")).await.unwrap());
    let [id] = &first.instances[..] else { panic!("{first:?}") };
    let instance = ec2.describe_instances(std::slice::from_ref(id), &[]).await.unwrap().remove(0);
    assert!(instance.spot_request.is_some_and(|request| request.starts_with("sir-")));
    let refused = ec2.stop_instance(id).await.unwrap_err();
    assert!(refused.is("UnsupportedOperation"), "{refused}");
    assert!(ec2.create_fleet(fleet("none", "g")).await.unwrap_err().is_not_found());
}

#[tokio::test(start_paused = true)]
async fn a_fleet_that_comes_to_nothing_says_why_in_each_way() {
    let lab = Lab::new(Options { no_capacity: ["t3.micro".to_owned()].into(), ..Options::new(Times::instant()) });
    let ec2 = lab.region(REGION);
    ec2.create_launch_template(template(&lab, "baker", None).await).await.unwrap();
    let way = |instance_type: &str| Override { instance_type: Some(instance_type.to_owned()), subnet: None };
    let request = CreateFleet { overrides: vec![way("t3.micro"), way("t9.micro")], ..fleet("baker", "f") };
    let answer = ec2.create_fleet(request).await.unwrap();
    let codes: Vec<&str> = answer.errors.iter().map(|error| error.code.as_str()).collect();
    assert_eq!((answer.instances.len(), codes), (0, vec!["InsufficientInstanceCapacity", "InvalidParameterValue"]));

    ec2.create_launch_template(template(&lab, "miser", Some("0.0001")).await).await.unwrap();
    let answer = ec2.create_fleet(fleet("miser", "g")).await.unwrap();
    assert_eq!(answer.errors[0].code, "SpotMaxPriceTooLow");
}

#[tokio::test(start_paused = true)]
async fn ec2_learns_of_a_profile_late_and_iam_wants_its_order() {
    let lab = Lab::with_times(Times::fast());
    let (ec2, iam) = (lab.region(REGION), lab.region("eu-west-1").iam());
    let role = CreateRole { name: "r".into(), description: String::new(), trust: EC2_MAY_ASSUME.into(), tags: Vec::new() };
    iam.create_instance_profile("p", &[]).await.unwrap();
    assert!(iam.create_instance_profile("p", &[]).await.unwrap_err().is("EntityAlreadyExists"));
    assert!(iam.add_role_to_instance_profile("p", "r").await.unwrap_err().is("NoSuchEntity"));
    iam.create_role(role).await.unwrap();
    assert!(iam.put_role_policy("r", "x", "{}").await.unwrap_err().is("MalformedPolicyDocument"));
    iam.put_role_policy("r", "x", r#"{"Statement": [{"Effect": "Allow"}]}"#).await.unwrap();
    iam.add_role_to_instance_profile("p", "r").await.unwrap();
    assert!(iam.add_role_to_instance_profile("p", "r").await.unwrap_err().is("LimitExceeded"));

    let request = RunInstances { iam_instance_profile: Some("p".to_owned()), ..launch(&*ec2, "t").await };
    assert!(ec2.run_instance(request.clone()).await.unwrap_err().is("InvalidParameterValue"));
    tokio::time::sleep(Times::fast().profile).await;
    ec2.run_instance(request).await.unwrap();

    assert!(iam.delete_role("r").await.unwrap_err().is("DeleteConflict"));
    assert!(iam.delete_instance_profile("p").await.unwrap_err().is("DeleteConflict"));
    iam.remove_role_from_instance_profile("p", "r").await.unwrap();
    iam.delete_role_policy("r", "x").await.unwrap();
    iam.delete_role("r").await.unwrap();
    iam.delete_instance_profile("p").await.unwrap();
    assert!(iam.delete_instance_profile("p").await.unwrap_err().is_not_found());
}
