//! EC2 has no room, or a price or quota is in the way: what that means, and what a person can do about it.

use amibake_ec2::Ec2Error;

/// Whether another availability zone, or the same one later, may have room.
pub fn is_full(error: &Ec2Error) -> bool {
    error.code.as_deref().is_some_and(|code| {
        matches!(code, "InsufficientInstanceCapacity" | "InsufficientHostCapacity" | "InsufficientCapacity" | "UnfulfillableCapacity")
    })
}

/// Whether another subnet may do: no room in its zone, no address left, or a type that the zone does not offer.
pub fn another_subnet_may_do(error: &Ec2Error) -> bool {
    is_full(error)
        || error.is("InsufficientFreeAddressesInSubnet")
        || (error.is("Unsupported") && error.message.contains("Availability Zone"))
}

/// The error with what to do about it, where that is known.
pub fn with_advice(mut error: Ec2Error) -> Ec2Error {
    if let Some(advice) = error.code.as_deref().and_then(advice) {
        error.message = format!("{} ({advice})", error.message);
    }
    error
}

/// What to do about a refusal, by EC2's code ("Error codes for the Amazon EC2 API").
fn advice(code: &str) -> Option<&'static str> {
    Some(match code {
        "InsufficientInstanceCapacity" | "UnfulfillableCapacity" | "InsufficientCapacity" => {
            "EC2 has no room for this at the moment: try again later, or take another instance type, or leave EC2 more zones to choose from: \
             `subnet_filter` with `random`, and for spot instances several `spot_instance_types`"
        }
        "InsufficientHostCapacity" => "the dedicated host has no room for an instance of this type",
        "ReservationCapacityExceeded" => "the capacity reservation has no instance left, or is for another type, platform or zone",
        "InsufficientFreeAddressesInSubnet" => "the subnet has no free address: take another one, or `subnet_filter` with `most_free`",
        "SpotMaxPriceTooLow" => "raise `spot_price`, or write `auto`: then the on-demand price is the limit",
        "MaxSpotInstanceCountExceeded" => "the account's quota of spot instances is used up: end others, or ask for more in Service Quotas",
        "InstanceLimitExceeded" | "VcpuLimitExceeded" => {
            "the account's quota of instances is used up: end others, or ask for more in Service Quotas"
        }
        "AuthFailure.ServiceLinkedRoleCreationNotPermitted" => {
            "the account has never had a spot instance, and its role for them cannot be made with these credentials; once and for all: \
             aws iam create-service-linked-role --aws-service-name spot.amazonaws.com"
        }
        "Unsupported" => "the zone does not offer this type: take another type, or another zone",
        _ => return None,
    })
}
