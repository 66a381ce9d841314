//! The facts of plans and outcomes as phrases. Every one is made here, and nothing reads one back.

use crossrole_model::limits::Quota;
use crossrole_model::observed::KeyState;
use crossrole_model::plan::{Became, Difference, LivePart, Record, Turned};
use crossrole_model::{
    Borne, Broken, Cause, Consequence, Drift, ErrorClass, Facet, Kind, Part, Plan, Renamed, Retry, Seen, StepId, Subject, Unreadable, Withheld,
};
use crossrole_policy::{Dropped, Unmergeable};

/// A part of an object.
pub(crate) fn part(part: &Part) -> String {
    match part {
        Part::Path => "path".to_owned(),
        Part::Trust => "trust policy".to_owned(),
        Part::Description => "description".to_owned(),
        Part::LongestSession => "longest session".to_owned(),
        Part::Boundary => "permissions boundary".to_owned(),
        Part::Inline(name) => format!("inline policy {name}"),
        Part::Attached(arn) => format!("attached policy {}", arn.rsplit('/').next().unwrap_or(arn)),
        Part::Tags => "tags".to_owned(),
        Part::Document => "document".to_owned(),
        Part::Statements => "our statements".to_owned(),
        Part::Audiences => "audiences".to_owned(),
        Part::Metadata => "metadata".to_owned(),
        Part::Alias => "alias".to_owned(),
        Part::Provisioned => "what its roles have got".to_owned(),
        Part::Rotation => "rotation".to_owned(),
        Part::Versioning => "versioning".to_owned(),
        Part::Encryption => "encryption".to_owned(),
        Part::PublicAccessBlock => "public access block".to_owned(),
        Part::ObjectOwnership => "object ownership".to_owned(),
        Part::Logging => "logging".to_owned(),
    }
}

/// A part as a step writes it.
pub(crate) fn facet(facet: &Facet) -> String {
    match facet {
        Facet::Existence => "existence".to_owned(),
        Facet::Trust => "trust policy".to_owned(),
        Facet::Settings => "description or longest session".to_owned(),
        Facet::Boundary => "permissions boundary".to_owned(),
        Facet::Tags => "tags".to_owned(),
        Facet::Inline(name) => format!("inline policy {name}"),
        Facet::Attached(arn) => format!("attachment of {arn}"),
        Facet::Document => "policy document".to_owned(),
        Facet::Statements(_) => "part that is ours".to_owned(),
        Facet::ClientIds => "audiences".to_owned(),
        Facet::Metadata => "metadata".to_owned(),
        Facet::Alias => "alias".to_owned(),
        Facet::Provisioned(account) => format!("what its role in account {account} has got"),
        Facet::Rotation => "rotation".to_owned(),
        Facet::Versioning => "versioning".to_owned(),
        Facet::Encryption => "encryption".to_owned(),
        Facet::PublicAccess => "public access block".to_owned(),
        Facet::ObjectOwnership => "object ownership".to_owned(),
        Facet::Logging => "logging".to_owned(),
    }
}

/// `trust policy has changed`, `tags have changed`.
fn changed(what: &Facet) -> String {
    let verb = if matches!(what, Facet::Tags | Facet::ClientIds) { "have" } else { "has" };
    format!("{} {verb} changed", facet(what))
}

/// What else happens because of a change.
pub(crate) fn consequence(consequence: &Consequence) -> String {
    match consequence {
        Consequence::SessionsEnd => "running sessions of this role end".to_owned(),
        Consequence::OldNameLost(id) => format!("policies elsewhere that name it under its old ARN, or trust its unique id {id}, lose it"),
        Consequence::ProfileEmptied(profile) => format!("instance profile {profile} is left without a role"),
        Consequence::VersionDeleted { version, of } => format!("version {version}, the oldest of {of}, is deleted to make room"),
        Consequence::Loses(principal) => format!("{principal} loses it"),
        Consequence::CredentialsFirst => {
            "access keys, a password or devices that others gave it must be removed first: AWS refuses to delete it with them".to_owned()
        }
        Consequence::InlineGoes(name) => format!("its inline policy `{name}`, which somebody else put on it, is deleted"),
        Consequence::Detaches(arn) => format!("policy {arn}, which somebody else attached to it, is taken off"),
        Consequence::LeavesGroup(group) => format!("it is no longer in group {group}, which is somebody else's"),
        Consequence::MemberLeaves(user) => format!("user {user} is no longer in it"),
        Consequence::ProviderTrustLost => "every role that trusts it, ours or not, can't be assumed through it any more".to_owned(),
        Consequence::OldKeyNeeded(key) => {
            format!("objects that key {key} encrypted stay under it: whoever reads them needs that key, too, so keep what lets them use it")
        }
        Consequence::ObjectsStay => "a bucket with objects in it is not deleted: S3 refuses, and so do we".to_owned(),
        Consequence::Provisions(accounts) => {
            let named = accounts.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
            let word = if accounts.len() == 1 { "account" } else { "accounts" };
            format!("it is provisioned in {word} {named}, with all that others have changed in it: its other policies and its boundary are not looked at")
        }
        Consequence::KeyGoes(days) => format!(
            "what it encrypted can't be read from then on, by anyone; after {days} days it is gone for good, and until then its deletion can be cancelled \
             (`aws kms cancel-key-deletion`)"
        ),
        Consequence::StatementGoes(sid) => format!("the foreign statement `{sid}` of its policy goes with it"),
        Consequence::Dropped(Dropped { sid, ids, whole }) => {
            let name = if sid.is_empty() { "without Sid".to_owned() } else { format!("`{sid}`") };
            let ids = ids.iter().map(String::as_str).collect::<Vec<_>>().join(", ");
            if *whole {
                format!("the foreign statement {name} goes: it names only principals that no longer exist ({ids})")
            } else {
                format!("the foreign statement {name} loses {ids}: principals that no longer exist")
            }
        }
    }
}

/// A name that a manifest had: nobody else's while it says so, and no word is needed of it once nothing bears it.
pub(crate) fn renamed(renamed: &Renamed) -> String {
    let Renamed { manifest, from, borne } = renamed;
    match borne {
        Borne::Live => format!("manifest {manifest}: renamed from `{from}`, and what bears that name is its own"),
        Borne::Gone => format!("manifest {manifest}: nothing that was looked at bears the name `{from}` any more: take it out of `renamed_from`"),
        Borne::Unknown => {
            format!("manifest {manifest}: renamed from `{from}`; not everything could be read, and what was not may bear that name: leave `renamed_from`")
        }
    }
}

/// What could not be planned.
pub(crate) fn subject(subject: &Subject) -> String {
    match subject {
        Subject::Account { account, label } => format!("account {account} ({label})"),
        Subject::Pruning { account, label } => format!("pruning in account {account} ({label})"),
        Subject::PruningOf { account, label, kind } => format!("{}/* of account {account} ({label}) that no manifest declares", kind.as_str()),
        Subject::Object(address) => address.to_string(),
        Subject::Part(address) => format!("part of {address}"),
        Subject::Quotas(accounts) => {
            let first = accounts.first().map_or_else(String::new, ToString::to_string);
            if accounts.len() > 1 { format!("quotas of account {first} and {} more", accounts.len() - 1) } else { format!("quotas of account {first}") }
        }
        Subject::Description(address) => format!("description of {address}"),
        Subject::Target(target) => format!("target `{target}`"),
        Subject::PermissionSets(account) => format!("permission sets of account {account} that no manifest declares"),
        Subject::Key(alias) => format!("key `{alias}`"),
        Subject::Untargeted(1) => "another change".to_owned(),
        Subject::Untargeted(count) => format!("{count} other changes"),
    }
}

/// Why something could not be planned, and what to do about it.
pub(crate) fn cause(withheld: &Withheld) -> (String, String) {
    let (why, advice): (String, &str) = match &withheld.cause {
        Cause::Unreadable(unreadable) => return (format!("it could not be read: {unreadable}"), unread(&withheld.subject, unreadable)),
        Cause::Incomplete(unreadable) => (
            format!("only single objects could be read: {}", unreadable.as_ref().map_or("no bulk read", |u| u.why.as_str())),
            match unreadable.as_ref().and_then(|u| u.class) {
                Some(ErrorClass::Denied) | None => "allow iam:GetAccountAuthorizationDetails and iam:ListRoles to find what no manifest declares any more",
                Some(class) => class.advice(),
            },
        ),
        Cause::Missing(gone) => {
            let advice = format!("make {} in account {} first, or correct its name", gone.short(), gone.account);
            return (format!("it needs {}, which does not exist", gone.short()), advice);
        }
        Cause::NamedOtherwise { named, live } => {
            return (format!("it names `{named}`, and what is of that name is `{live}`"), "write its name with its path, as it is spelled there".to_owned());
        }
        Cause::BoundaryOf(of) => {
            (format!("it is the permissions boundary of {} in account {}", of.short(), of.account), "give that another boundary, or none, first")
        }
        Cause::ReliedOn(by) => {
            let tagged = !matches!(&withheld.subject, Subject::Object(address) if address.kind == Kind::Group);
            let kept = if tagged { "; to keep it undeclared, take its tag `crossrole:manifest` off" } else { "" };
            let advice = format!("declare it again, or take it out there as well{kept}");
            return (format!("it stays: no manifest declares it any more, and {} in account {} relies on it", by.short(), by.account), advice);
        }
        Cause::Withheld(on) => {
            let how = if matches!(on.kind, Kind::Key | Kind::KeyPolicy) { "rests on" } else { "names" };
            let reached = if how == "names" { ", or is reached through it" } else { "" };
            (format!("it {how} {} of account {}{reached}, and that is withheld", on.short(), on.account), "see above what to do about that first")
        }
        Cause::Unmarked { mark, command } => {
            let how = command.as_ref().map_or_else(String::new, |c| format!(" (`{c}`)"));
            let provider = matches!(&withheld.subject, Subject::Object(a) if matches!(a.kind, Kind::OidcProvider | Kind::SamlProvider));
            if matches!(withheld.subject, Subject::Part(_)) {
                let advice = format!("to have its tags kept by the manifest, tag it `{mark}`{how}; else leave them out of it");
                return ("it exists without our mark, and its tags are not set".to_owned(), advice);
            }
            // A role trusts a provider that is there all the same.
            let advice = if provider {
                format!("to use it as it is, leave its table out of the manifest; to keep it by the manifest, tag it `{mark}`{how}")
            } else {
                format!("to adopt it, add `adopt = true` to it, or tag it `{mark}`{how}; else use another name")
            };
            return ("it exists without our mark, and is never taken over silently".to_owned(), advice);
        }
        Cause::MarkGone { mark } => {
            let advice = format!("where it is this manifest's, tag it `{mark}` and destroy again; else delete it by hand, or leave it out of the manifest");
            return ("it is declared and exists without our mark, and what is not marked is not taken back".to_owned(), advice);
        }
        Cause::Owned(owner) => {
            let advice = format!(
                "an object has one manifest: to move it, name both files in one run; where the manifest was renamed, say `renamed_from = \"{owner}\"`; \
                 else remove it from one of the two"
            );
            return (format!("it exists and belongs to manifest `{owner}`, which is not of this run"), advice);
        }
        Cause::NameTaken(arn) => (format!("its policy's name is that of `{arn}`, which is somebody else's"), "give that policy another name, or delete it"),
        Cause::Spelling(name) => (format!("`{name}` exists, and IAM takes the two names for one"), "use its spelling, or another name"),
        Cause::ServiceLinked => ("it is a service-linked role, which only its service changes".to_owned(), "use another name"),
        Cause::Region { found, wanted } => (format!("it lies in {found}, and a bucket can't be moved to {wanted}"), "correct `region`, or use another name"),
        Cause::Path { found, wanted } => (format!("it exists under the path `{found}`, not `{wanted}`"), "correct `path`; a user that is there is not moved"),
        Cause::NoBucket => {
            let (name, account) = match &withheld.subject {
                Subject::Object(address) => (address.name.as_str(), address.account.as_str()),
                _ => ("", ""),
            };
            (format!("bucket `{name}` does not exist in account {account}"), "make it first, or add `create = true` to it")
        }
        Cause::Moved => {
            ("it has moved since the plan was reviewed, or rests on what has".to_owned(), "plan again with `--out`, and have the new plan reviewed")
        }
        Cause::Unlisted => (
            "our policies let principals into its roles, and no manifest and no directory names it any more".to_owned(),
            "what was made there is not looked for: list it in `accounts.toml`, and select the others with `accounts = […]`, to have that taken away",
        ),
        Cause::Unnamed => (
            "what is live lets it in, or it was named, and no manifest names it any more: it was not looked at, and whatever these manifests made there stays"
                .to_owned(),
            "where it had a table under `[trusted]`: put that back and run `destroy`, or keep it, without what uses it, until that is applied",
        ),
        Cause::NoPermissionSet => (
            "IAM Identity Center has no permission set of this name".to_owned(),
            "make it there first, or correct its name: crossrole writes into sets, and makes none",
        ),
        Cause::NoIdentityCenter => (
            "`crossrole.toml` does not say where permission sets are written, so that what is in them is not looked at".to_owned(),
            "add `[identity_center]`, or take statements whose Sids begin with `Crossrole` out of their inline policies by hand, and provision them",
        ),
        Cause::NotAssigned(account) => {
            (format!("it is not assigned to anybody in account {account}, so that nobody comes from there by it"), "assign it there in IAM Identity Center")
        }
        Cause::Federated { user, missing } => {
            let who = crate::access::by_arn(user);
            let (why, advice) = if *missing {
                ("does not exist, or goes by this plan", "it has none from then on; apply again where it is made anew")
            } else {
                ("was not looked at", "let the runner read its account; whoever deletes the user ends them as well")
            };
            (format!("it does not deny sessions that {who} has by sts:GetFederationToken: that user {why}, and a policy names only users that exist"), advice)
        }
        Cause::NoKey => ("there is no such key in its account and region".to_owned(), "correct its ARN: AWS knows a key by nothing else in all accounts"),
        Cause::AwsKey => ("it is a key of AWS's own, whose policy nobody can change".to_owned(), "make a key of your own, and encrypt the bucket with it"),
        Cause::KeyState(state) => {
            let advice = match state {
                KeyState::PendingDeletion => "cancel its deletion, or use another key",
                KeyState::Disabled => "enable it",
                KeyState::Enabled | KeyState::Other(_) => "see what state it is in",
            };
            let how = if matches!(state, KeyState::Other(_)) { "can't be used yet".to_owned() } else { key_state(state) };
            (format!("the key {how}: what is encrypted with it can't be read by anyone"), advice)
        }
        Cause::EncryptionUnread(why) => (
            format!("what it is encrypted with could not be read: {why}"),
            "allow the runner the call that failed (s3:GetEncryptionConfiguration, or kms:DescribeKey of the alias that the bucket names): whether a key lets \
             whoever may read there is not known without",
        ),
        Cause::OtherKey { found, said } => {
            let found = match found.as_deref() {
                None => "no key of KMS".to_owned(),
                Some("") => "AWS's own key of its account, which lets no other account in".to_owned(),
                Some(key) => key.to_owned(),
            };
            let advice = "say the key that it has, in `encryption`, or have its owner encrypt it with the one that is said";
            (format!("it is encrypted with {found} by default, and the manifest says {said}"), advice)
        }
        Cause::KeyStays => {
            let alias = if let Subject::Object(address) = &withheld.subject { address.name.split_once('/').map_or("", |(_, alias)| alias) } else { "" };
            let advice = format!("to have it deleted with all that it encrypted, name it: `--destroy-key {alias}`");
            return ("a key stays, as what it encrypted goes with it".to_owned(), advice);
        }
        Cause::NoSuchKey => (
            "no key of this alias has the mark of these manifests and would be taken back, where they have keys and buckets".to_owned(),
            "write the alias as it stands in AWS; a key that is declared stays, unless everything is destroyed",
        ),
        Cause::OtherAlias(alias) => (
            format!("its alias stands for another key of ours, which is that of `{alias}`"),
            "let the alias stand for its own key again (`aws kms update-alias`)",
        ),
        Cause::AliasMoved(ours) => (
            format!("its alias stands for somebody else's key, and the one that was made for it, {ours}, still lets people do what our statements say"),
            "let the alias stand for that key again (`aws kms update-alias`), or take our statements and tags off it by hand",
        ),
        Cause::SameKey(alias) => (format!("`{alias}`, which is declared too, stands for the same key"), "declare one of the two"),
        Cause::KeyKind => ("it is not a symmetric key for encryption with material of KMS's own".to_owned(), "use another alias"),
        Cause::KeyInUse(bucket) => (
            format!("bucket `{bucket}` stays encrypted with it, and nobody could read its objects"),
            "encrypt the bucket with another key and copy its objects, or delete it, first",
        ),
        Cause::EmptyKeyPolicy => {
            ("without our statements the key's policy would be empty, and AWS takes none that is".to_owned(), "let somebody administer it first")
        }
        Cause::Unmergeable(why) => (unmergeable(why), "its owner has to correct that statement first"),
        Cause::Public(sids) => (
            format!("S3 takes no policy that is public while the bucket blocks public access, and with {} it is", statements(sids)),
            "take that statement out of the live policy, or limit it to an organization, an account, a VPC endpoint or an address range; or let \
             `public_access_block` be off and carry that out first",
        ),
        Cause::PublicInAccount(sids) => (
            format!("S3 takes no policy that is public while the account blocks public access, and with {} it is", statements(sids)),
            "take that statement out of the live policy, or limit it to an organization, an account, a VPC endpoint or an address range; the block is \
             the account's own (`aws s3control get-public-access-block`), and no manifest changes it",
        ),
        Cause::Quota { quota, size, limit } => return over(*quota, *size, *limit),
        Cause::Revoked { since } => {
            let advice = format!(
                "take the newest manifest, which has that `[[revoked]]` entry; or say `restored = {since}` in its table, where access is meant to be given again"
            );
            return (format!("access to it was revoked at {since}, of which this manifest knows nothing"), advice);
        }
        Cause::Used => (
            "it stays: a manifest that is not of this run lets somebody in by it".to_owned(),
            "it goes when the other manifest has been destroyed, and this one is once more; or destroy both in one run",
        ),
        Cause::Unchangeable => ("AWS can't change the description of a policy".to_owned(), "keep the old one in the manifest, or give the policy another name"),
        Cause::NoSuchTarget => ("no change of this plan is named so".to_owned(), "name it as in `role/ProdS3RWRole`"),
        Cause::NotTargeted if withheld.subject == Subject::Untargeted(1) => ("it is not among the targets".to_owned(), "plan without `--target` to see it"),
        Cause::NotTargeted => ("they are not among the targets".to_owned(), "plan without `--target` to see them"),
    };
    (why, advice.to_owned())
}

/// `is disabled`
pub(crate) fn key_state(state: &KeyState) -> String {
    match state {
        KeyState::Enabled => "is enabled".to_owned(),
        KeyState::Disabled => "is disabled".to_owned(),
        KeyState::PendingDeletion => "is to be deleted".to_owned(),
        KeyState::Other(state) => format!("can't be used in the state {state}"),
    }
}

/// What would be over a quota, and what to do about it.
fn over(quota: Quota, size: usize, limit: usize) -> (String, String) {
    let raise = "ask AWS for a higher quota (Service Quotas, in us-east-1)";
    let account = |what: &str| (format!("its account would have {size} {what}, and may have {limit}"), format!("delete what nobody uses, or {raise}"));
    let attached = |more: &str| {
        let advice = format!("detach one, or put what two of them say into one{more}");
        (format!("{size} managed policies would be attached to it, and AWS lets {limit} be"), advice)
    };
    let long = |what: &str, unit: &str, advice: &str| (format!("{what} would have {size} {unit}, over AWS's limit of {limit}"), advice.to_owned());
    match quota {
        Quota::Roles => account("roles"),
        Quota::Policies => account("customer managed policies"),
        Quota::Users => account("users"),
        Quota::Groups => account("groups"),
        Quota::OidcProviders => account("OpenID Connect providers"),
        Quota::SamlProviders => account("SAML providers"),
        Quota::GroupsPerUser => {
            let advice = "AWS raises this for nobody: take it out of a group, or use one that it is in already";
            (format!("the user would be in {size} groups, and AWS lets it be in {limit}"), advice.to_owned())
        }
        Quota::PoliciesPerRole | Quota::PoliciesPerUser => attached(&format!("; or {raise}")),
        Quota::PoliciesPerGroup => attached(", or let members in by another group"),
        Quota::TrustPolicy => long("its trust policy", "characters", "trust an account or organization in it in place of single principals, or split the role"),
        Quota::RoleInline => {
            long("its inline policies, those of others with them,", "characters", "put some into a managed policy, or leave out `foreign_policies = \"keep\"`")
        }
        Quota::ManagedPolicy => long("it", "characters", "split it into several policies"),
        Quota::PermissionSet => long("its inline policy", "characters", "let another permission set into some of these roles"),
        Quota::KeyPolicy => long("its policy", "bytes", "let an account or an organization use it, or shorten the foreign statements"),
        Quota::BucketPolicy => long("its policy", "bytes", "trust an account or organization in it, or shorten the foreign statements"),
    }
}

/// What to do about something that could not be read: one cause has one advice.
fn unread(subject: &Subject, unreadable: &Unreadable) -> String {
    if matches!(subject, Subject::Quotas(_)) {
        return "AWS's usual quotas are taken, and stop nothing that AWS may have granted; allow iam:GetAccountSummary to know them".to_owned();
    }
    let account = matches!(subject, Subject::Account { .. });
    let how = match (unreadable.class, account) {
        (Some(ErrorClass::Denied) | None, true) => "allow the runner to read it; access denied is never taken for absent, or set `manage = false` for it",
        (Some(ErrorClass::Denied) | None, false) => "allow the runner to read it; access denied is never taken for absent",
        // A read was not done, whatever became of it.
        (Some(ErrorClass::Unanswered), _) => "check the network between here and AWS, and plan again; `--timeout` waits longer",
        (Some(class), _) => class.advice(),
    };
    if account { format!("nothing there is planned; {how}") } else { how.to_owned() }
}

/// Why our statements can't be put beside the foreign ones.
/// `statement Pub`, of Sids that may be empty.
fn statements(sids: &[String]) -> String {
    let named: Vec<String> = sids.iter().map(|sid| if sid.is_empty() { "one without a Sid".to_owned() } else { format!("`{sid}`") }).collect();
    format!("{} {}", if sids.len() == 1 { "statement" } else { "statements" }, named.join(", "))
}

pub(crate) fn unmergeable(why: &Unmergeable) -> String {
    match why {
        Unmergeable::DeadException { .. } => {
            "a foreign statement denies everyone but a principal that no longer exists, and AWS takes no policy that names one".to_owned()
        }
        Unmergeable::OldLanguage => "the foreign statements are in policy language 2008-10-17, which takes the variables of ours for plain text".to_owned(),
    }
}

/// How a step found its object.
pub(crate) fn drift(drift: &Drift) -> String {
    match drift {
        Drift::NotInPlan => "the plan has no such change".to_owned(),
        Drift::Unreadable { unreadable } => format!("it could not be read: {unreadable}"),
        Drift::Gone => "it does not exist any more".to_owned(),
        Drift::Foreign => "it exists already, and is not ours".to_owned(),
        Drift::Changed { facet: what } => format!("its {} since it was planned", changed(what)),
        Drift::Unmergeable { unmergeable: why } => unmergeable(why),
    }
}

/// How a reviewed plan is not what would be planned now.
pub(crate) fn difference(difference: &Difference) -> String {
    match difference {
        Difference::Moved { address, facet: what } => format!("{address}: its {} since it was planned", changed(what)),
        Difference::Altered { address, facet: what } => format!("{address}: the file makes another {} of it than the manifests say", facet(what)),
        Difference::New { address, operation } => format!("{address}: {operation} is needed now, and is not in the file"),
        Difference::NotPlanned { address, operation } => format!("{address}: {operation} is in the file, and is neither done nor planned now"),
        Difference::Unknown { operation } => format!("{operation} belongs to no object of the plan"),
        Difference::Manifests => "it was made of other manifests, or to destroy where it now makes".to_owned(),
        Difference::Recorded { record } => {
            let what = match record {
                Record::Manifests => "the manifests and targets",
                Record::Accounts => "the accounts",
                Record::Changes => "the changes",
                Record::Steps => "the calls and their order",
                Record::Withheld => "what is withheld and noted",
                Record::Access => "the Access section",
            };
            format!("{what}: the file says this otherwise than it would be planned now")
        }
        Difference::Access { more: 1 } => "1 line of the Access section was not reviewed: more would be gained than the file says".to_owned(),
        Difference::Access { more } => format!("{more} lines of the Access section were not reviewed: more would be gained than the file says"),
    }
}

/// What has become of something since a plan was reviewed: `222222222222/role/Reader: policy … was attached since the review`.
pub(crate) fn turned(turned: &Turned) -> String {
    let Turned { object, part, became } = turned;
    let three = |came: String, went: String, changed: String| match became {
        Became::Came => came,
        Became::Went => went,
        Became::Changed => changed,
    };
    // A setting that is read as none is another one.
    let plain = |what: &str, has: &str| format!("its {what} {has} changed");
    let what = match part {
        LivePart::Facet(Facet::Existence) => three("it was made".to_owned(), "it was deleted".to_owned(), "it is another, or somebody else's".to_owned()),
        LivePart::Facet(Facet::Attached(arn)) => {
            three(format!("policy {arn} was attached"), format!("policy {arn} was detached"), format!("the attachment of policy {arn} has changed"))
        }
        LivePart::Facet(Facet::Inline(name)) => {
            three(format!("inline policy {name} was put on it"), format!("inline policy {name} was deleted"), format!("inline policy {name} has changed"))
        }
        LivePart::Facet(Facet::Boundary) => {
            let boundary = "permissions boundary";
            three(format!("a {boundary} was put on it"), format!("its {boundary} was taken away"), format!("its {boundary} is another"))
        }
        LivePart::Facet(what @ (Facet::Tags | Facet::ClientIds)) => plain(&facet(what), "have"),
        LivePart::Facet(what) => plain(&facet(what), "has"),
        LivePart::Member(user) => three(format!("user {user} was put into it"), format!("user {user} was taken out of it"), format!("user {user} has changed")),
        LivePart::MemberOf(group) => {
            three(format!("it was put into group {group}"), format!("it was taken out of group {group}"), format!("group {group} has changed"))
        }
        LivePart::Statement(sid) => {
            let name = if sid.is_empty() { "a statement without a Sid".to_owned() } else { format!("statement {sid}") };
            three(format!("{name} was put into it"), format!("{name} was taken out"), format!("{name} has changed"))
        }
        LivePart::KeyState => plain("state", "has"),
    };
    format!("{object}: {what} since the review")
}

/// How a plan is broken: a bug of ours, said so that it can be reported.
pub(crate) fn broken(plan: &Plan, broken: &Broken) -> String {
    let call = |step: &StepId| {
        let operation = plan.steps.get(step.0).map_or("nothing", |s| s.call.operation());
        format!("step {} ({operation})", step.0)
    };
    match broken {
        Broken::Order { step, needs } => format!("{} needs {}, which does not come before it", call(step), call(needs)),
        Broken::NoChange(step) => format!("{} belongs to no change", call(step)),
        Broken::OtherAccount(step) => format!("{} goes to another account than its object's", call(step)),
        Broken::Unmanaged(step) => format!("{} goes to an account that is not managed", call(step)),
        Broken::Unread { step, account } => format!("{} goes to account {account}, which could not be read", call(step)),
        Broken::NoStep(address) => format!("the change of {address} has no step"),
        Broken::NoReason(address) => format!("the change of {address} has no reason"),
        Broken::Sides(address) => format!("the change of {address} has the wrong sides for its action"),
        Broken::Nothing(address) => format!("the change of {address} changes nothing"),
        Broken::Held { step, what } => format!("{} deletes an object with {what} on it", call(step)),
        Broken::TooEarly { step, arn } => format!("{} names {arn} before it is made", call(step)),
        Broken::Untold(step) => format!("{} deletes a key that was not named, or does not say what goes with it", call(step)),
        Broken::GivesFirst { step, takes } => format!("{} gives before {} has taken", call(step), call(takes)),
        Broken::Foreign { step, sid } => format!("{} would lose the foreign statement `{sid}`", call(step)),
        Broken::Share(step) => format!("{} does not say which part of the document is ours", call(step)),
        Broken::Unfindable { step, address } => format!("{} takes away what alone tells of {address} before that is changed", call(step)),
        Broken::Withheld { step, address } => format!("{} rests on {address}, which is withheld", call(step)),
    }
}

/// Why a call is made again.
pub(crate) fn retry(retry: &Retry) -> String {
    match retry {
        Retry::NotVisible => "not visible yet".to_owned(),
        Retry::Answer { code } if code.is_empty() => "no answer".to_owned(),
        Retry::Answer { code } => code.clone(),
        Retry::Overwritten => "somebody else has overwritten it".to_owned(),
    }
}

/// What was seen in place of a change that was carried out.
pub(crate) fn seen(seen: &Seen) -> String {
    match seen {
        Seen::Unreadable { unreadable } => format!("it could not be read: {unreadable}"),
        Seen::Nothing => "it is not there yet".to_owned(),
        Seen::Still => "it is still there".to_owned(),
        Seen::Before => "it is still as it was before".to_owned(),
        Seen::Changed => "it is neither as before nor as written: somebody else has changed it meanwhile".to_owned(),
        Seen::NotLooked => "it was not read back: the run was interrupted".to_owned(),
    }
}
