//! What roles, users and groups do alike: inline policies, attachments, boundaries, tags.

use crate::error::ApiError;
use crate::world::Held;

use super::{Iam, encoded, merge_tags, rules};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Role,
    User,
    Group,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Role => "Role",
            Self::User => "User",
            Self::Group => "Group",
        }
    }

    /// Characters of all inline policies together.
    fn inline_limit(self) -> usize {
        match self {
            Self::Role => 10_240,
            Self::User => 2_048,
            Self::Group => 5_120,
        }
    }
}

/// The operations that all three kinds have, by what they do.
pub(super) fn operation(name: &str) -> Option<super::Operation> {
    let kind = [Kind::Role, Kind::User, Kind::Group].into_iter().find(|k| name.contains(k.name()))?;
    let verb = name.replacen(kind.name(), "*", 1);
    // Groups have neither boundaries nor tags.
    let tagged = kind != Kind::Group;
    let known = match verb.as_str() {
        "Put*Policy" | "Get*Policy" | "Delete*Policy" | "List*Policies" | "Attach*Policy" | "Detach*Policy" | "ListAttached*Policies" => true,
        "Put*PermissionsBoundary" | "Delete*PermissionsBoundary" | "Tag*" | "Untag*" | "List*Tags" => tagged,
        _ => false,
    };
    let operation: super::Operation = |iam| iam.of_held();
    known.then_some(operation)
}

impl Iam<'_> {
    fn of_held(&mut self) -> Result<(), ApiError> {
        let op = &self.asked.operation;
        let kind = [Kind::Role, Kind::User, Kind::Group].into_iter().find(|k| op.contains(k.name())).unwrap_or(Kind::Role);
        match op.replacen(kind.name(), "*", 1).as_str() {
            "Put*Policy" => self.put_inline(kind),
            "Get*Policy" => self.get_inline(kind),
            "Delete*Policy" => self.delete_inline(kind),
            "List*Policies" => self.list_inline(kind),
            "Attach*Policy" => self.attach(kind),
            "Detach*Policy" => self.detach(kind),
            "ListAttached*Policies" => self.list_attached(kind),
            "Put*PermissionsBoundary" => {
                self.asked.need("PermissionsBoundary")?;
                let boundary = self.boundary_param()?;
                self.edit_held(kind, |held| {
                    held.boundary = boundary;
                    Ok(())
                })
            }
            "Delete*PermissionsBoundary" => self.edit_held(kind, |held| {
                held.boundary = None;
                Ok(())
            }),
            "Tag*" => {
                let tags = self.asked.tags();
                self.edit_held(kind, |held| merge_tags(&mut held.tags, tags))
            }
            "Untag*" => {
                let keys = self.asked.list("TagKeys");
                self.edit_held(kind, |held| {
                    held.tags.retain(|k, _| !keys.contains(k));
                    Ok(())
                })
            }
            _ => {
                let held = self.held(kind)?;
                self.tag_page(held.tags)
            }
        }
    }

    fn held(&mut self, kind: Kind) -> Result<Held, ApiError> {
        match kind {
            Kind::Role => self.role().map(|r| r.held),
            Kind::User => self.user().map(|u| u.held),
            Kind::Group => self.group().map(|g| g.held),
        }
    }

    fn edit_held<R>(&mut self, kind: Kind, change: impl FnOnce(&mut Held) -> Result<R, ApiError>) -> Result<R, ApiError> {
        let name = self.asked.need(&format!("{}Name", kind.name()))?.to_owned();
        match kind {
            Kind::Role => self.edit_role(&name, |r| change(&mut r.held)),
            Kind::User => self.edit_user(&name, |u| change(&mut u.held)),
            Kind::Group => self.edit_group(&name, |g| change(&mut g.held)),
        }
    }

    fn put_inline(&mut self, kind: Kind) -> Result<(), ApiError> {
        let policy = self.name("PolicyName", 128)?;
        let text = self.asked.need("PolicyDocument")?.to_owned();
        rules::identity(&text, false)?;
        self.edit_held(kind, |held| {
            let size = |text: &str| text.chars().filter(|c| !c.is_whitespace()).count();
            let total: usize = held.inline.iter().filter(|(n, _)| **n != policy).map(|(_, t)| size(t)).sum::<usize>() + size(&text);
            if total > kind.inline_limit() {
                return Err(ApiError::limit(format!(
                    "Maximum policy size of {} bytes exceeded for {} {}",
                    kind.inline_limit(),
                    kind.name().to_lowercase(),
                    held.name
                )));
            }
            held.inline.insert(policy, text);
            Ok(())
        })
    }

    fn no_policy(kind: Kind, name: &str) -> ApiError {
        ApiError::new(404, "NoSuchEntity", format!("The {} policy with name {name} cannot be found.", kind.name().to_lowercase()))
    }

    fn get_inline(&mut self, kind: Kind) -> Result<(), ApiError> {
        let policy = self.asked.need("PolicyName")?.to_owned();
        let held = self.held(kind)?;
        let text = held.inline.get(&policy).ok_or_else(|| Self::no_policy(kind, &policy))?;
        self.x.text(&format!("{}Name", kind.name()), &held.name).text("PolicyName", &policy).text("PolicyDocument", &encoded(text));
        Ok(())
    }

    fn delete_inline(&mut self, kind: Kind) -> Result<(), ApiError> {
        let policy = self.asked.need("PolicyName")?.to_owned();
        self.edit_held(kind, |held| held.inline.remove(&policy).map(|_| ()).ok_or_else(|| Self::no_policy(kind, &policy)))
    }

    fn list_inline(&mut self, kind: Kind) -> Result<(), ApiError> {
        let held = self.held(kind)?;
        let page = self.page(held.inline.into_keys().collect::<Vec<_>>())?;
        self.x.names("PolicyNames", &page);
        Ok(())
    }

    fn attach(&mut self, kind: Kind) -> Result<(), ApiError> {
        let arn = self.asked.need("PolicyArn")?.to_owned();
        super::attachable(&arn)?;
        if crate::auth::managed_document(self.world, &self.account, &arn).is_none() {
            return Err(ApiError::new(404, "NoSuchEntity", format!("Policy {arn} does not exist or is not attachable.")));
        }
        self.edit_held(kind, |held| {
            held.attached.insert(arn);
            if held.attached.len() > 10 {
                return Err(ApiError::limit(format!("Cannot exceed quota for PoliciesPer{}: 10", kind.name())));
            }
            Ok(())
        })
    }

    fn detach(&mut self, kind: Kind) -> Result<(), ApiError> {
        let arn = self.asked.need("PolicyArn")?.to_owned();
        self.edit_held(
            kind,
            |held| if held.attached.remove(&arn) { Ok(()) } else { Err(ApiError::new(404, "NoSuchEntity", format!("Policy {arn} was not found."))) },
        )
    }

    fn list_attached(&mut self, kind: Kind) -> Result<(), ApiError> {
        let held = self.held(kind)?;
        let prefix = self.asked.param("PathPrefix").unwrap_or("/");
        // The path is what stands between `policy` and the name.
        let under = |arn: &String| arn.split_once(":policy").is_some_and(|(_, path)| path.starts_with(prefix));
        let page = self.page(held.attached.into_iter().filter(under).collect::<Vec<_>>())?;
        attached_policies(&mut self.x, "AttachedPolicies", &page);
        Ok(())
    }
}

pub(super) fn attached_policies<'t>(x: &mut crate::xml::Xml, name: &str, arns: impl IntoIterator<Item = &'t String>) {
    x.members(name, arns, |x, arn| {
        x.text("PolicyName", arn.rsplit('/').next().unwrap_or(arn)).text("PolicyArn", arn);
    });
}
