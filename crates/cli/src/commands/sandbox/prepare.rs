//! `crossrole sandbox prepare`.

use std::collections::{BTreeMap, BTreeSet};

use crossrole_cloud::Aws;
use crossrole_model::desired::DesiredState;
use crossrole_model::state::Encryption;
use crossrole_model::{Address, BucketCall, BucketRef, Call, Cloud as _, CloudError, Desired, ErrorClass, KeyRef};
use crossrole_sandbox::Options;

use crate::args::PrepareArgs;
use crate::failure::{Exit, Failure};
use crate::io::Io;
use crate::load::Loaded;
use crate::sandboxed::Embedded;

use super::relied::{foreign, relied_on};

pub(super) async fn run(args: &PrepareArgs, io: &mut Io) -> Result<Exit, Failure> {
    let Loaded { settings, desired, .. } = Loaded::read(&args.paths.paths, &args.config, io)?;
    let lock = settings.lock();
    let embedded = Embedded::open(&args.state.sandbox_state, Options::default(), io)?;
    let (keys, sets) = (keys(&desired, &embedded, io), sets(&desired, &embedded, io));
    let keys = (keys.0 + sets.0, keys.1 + sets.1);
    let relied = relied_on(&desired, lock.as_ref());
    let result = prepare(args.foreign, relied, &desired, &embedded.aws(desired.partition), keys, io).await;
    // What was made is kept, however it ended.
    embedded.kept(result)
}

/// Makes the permission sets that manifests name, with their roles in the accounts that they are named for: how many were made, and
/// were there.
fn sets(desired: &Desired, embedded: &Embedded, io: &mut Io) -> (usize, usize) {
    let (mut made, mut there) = (0, 0);
    let Some(center) = &desired.identity_center else { return (0, 0) };
    for (address, object) in &desired.objects {
        let DesiredState::PermissionSet { accounts, .. } = &object.state else { continue };
        let accounts: Vec<String> = accounts.iter().map(ToString::to_string).collect();
        let fresh = embedded.sandbox.add_permission_set(center, &address.name, &accounts);
        *(if fresh { &mut made } else { &mut there }) += 1;
        io.out(&format!("{} permission set {}\n", if fresh { "made" } else { "there already:" }, crossrole_report::safe(&address.name)));
    }
    (made, there)
}

/// Makes the keys that manifests name: how many were made, and were there.
fn keys(desired: &Desired, embedded: &Embedded, io: &mut Io) -> (usize, usize) {
    let named = desired.objects.values().filter_map(|object| if let DesiredState::KeyPolicy { key, .. } = &object.state { Some(key) } else { None });
    let keys: BTreeSet<&KeyRef> = named.chain(desired.bucket_keys.values().map(|bucket| &bucket.key)).collect();
    let (mut made, mut there) = (0, 0);
    for key in keys.into_iter().filter(|key| key.alias().is_none()) {
        let fresh = embedded.sandbox.add_key(&key.arn);
        *(if fresh { &mut made } else { &mut there }) += 1;
        io.out(&format!("{} {}\n", if fresh { "made" } else { "there already:" }, crossrole_report::safe(&key.arn)));
    }
    (made, there)
}

async fn prepare(
    with_foreign: bool,
    relied: BTreeMap<Address, Call>,
    desired: &Desired,
    aws: &Aws,
    keys: (usize, usize),
    io: &mut Io,
) -> Result<Exit, Failure> {
    if relied.is_empty() && keys == (0, 0) {
        io.out("These manifests rely on nothing that they do not make.\n");
        return Ok(Exit::Clean);
    }
    let (mut made, mut there) = keys;
    for (address, call) in &relied {
        let fresh = make(aws, address, call, desired).await?;
        let word = if fresh { "made" } else { "there already:" };
        *(if fresh { &mut made } else { &mut there }) += 1;
        io.out(&format!("{word} {}\n", crossrole_report::safe(&address.to_string())));
        if let (true, Some(call)) = (fresh, encrypts(call, desired)) {
            aws.write(&address.account, &call).await.map_err(|e| failed(&e))?;
        }
        if let (true, Call::Bucket(BucketCall::Create { bucket, .. })) = (with_foreign, call) {
            let call = puts_foreign(bucket, desired);
            if aws.read(address, &call).await.map_err(|e| failed(&e))?.is_none() {
                aws.write(&address.account, &call).await.map_err(|e| failed(&e))?;
                io.out("  with two statements of somebody else's in its policy\n");
            }
        }
    }
    io.out(&format!("\n{made} made, {there} there already. `crossrole plan --sandbox` and `apply --sandbox` find them.\n"));
    Ok(Exit::Clean)
}

/// What encrypts a bucket that is made as manifests say that it is; a key that they make is not there yet.
fn encrypts(call: &Call, desired: &Desired) -> Option<Call> {
    let Call::Bucket(BucketCall::Create { bucket, .. }) = call else { return None };
    let said = desired.bucket_keys.get(&bucket.name).filter(|said| said.key.alias().is_none())?;
    let encryption = Encryption::Kms { key: said.key.arn.clone(), bucket_key: said.bucket_key };
    Some(Call::Bucket(BucketCall::PutEncryption { bucket: bucket.clone(), encryption }))
}

fn puts_foreign(bucket: &BucketRef, desired: &Desired) -> Call {
    Call::Bucket(BucketCall::PutPolicy { bucket: bucket.clone(), document: foreign(&bucket.name, desired) })
}

/// Makes it; `false`: it was there.
async fn make(aws: &Aws, address: &Address, call: &Call, desired: &Desired) -> Result<bool, Failure> {
    // Of one's own bucket in us-east-1, S3 says that it was made (S3 API reference, CreateBucket).
    if let Call::Bucket(BucketCall::Create { bucket, .. }) = call
        && aws.read(address, &puts_foreign(bucket, desired)).await.is_ok()
    {
        return Ok(false);
    }
    match aws.write(&address.account, call).await {
        Ok(()) => Ok(true),
        Err(error) if error.code == "BucketAlreadyExists" => {
            let name = crossrole_report::safe(&address.name);
            let hint = "`crossrole sandbox show` says whose it is; `crossrole sandbox reset` begins with an empty AWS";
            Err(Failure::new(format!("bucket `{name}` belongs to another account of this sandbox"), hint))
        }
        Err(error) if error.class == ErrorClass::AlreadyExists => Ok(false),
        Err(error) => Err(failed(&error)),
    }
}

fn failed(error: &CloudError) -> Failure {
    Failure::new(crossrole_report::safe(&error.to_string()), error.advice())
}
