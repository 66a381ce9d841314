//! Whose access is taken back: nothing of the manifest lets it in, and what might let it in otherwise is denied.

mod sessions;

use std::collections::BTreeSet;

use crossrole_model::desired::Place;
use crossrole_model::{AccountId, Address, Kind, Opened, PermissionSet, PrincipalKind, Revocation, Span, Whose, ownership, revoked_sid};
use crossrole_policy::{Arn, Conditions, Document, Effect, Element, Principal, Statement, glob};

use crate::decode::{Spanned, Table, did_you_mean, quoted};
use crate::raw::Revoked;

use super::bucket::digits;
use super::principal::Named;
use super::statement::condition;
use super::{Builder, Placed, account_id};

pub(super) use sessions::{Door, Way};
use sessions::{Told, may_be};

/// An entry as it is meant.
pub(super) struct Gone {
    whose: Whose,
    since: String,
    unix: i64,
    all_sessions: bool,
    /// Names and source identities of its sessions, as patterns.
    told: Option<Told>,
    span: Span,
    /// Something would let it in otherwise.
    concerns: bool,
    lives_on: Vec<(Address, u32)>,
    opened: Vec<Opened>,
}

impl Gone {
    /// Of an entry about sessions alone: what tells those that are meant, where it is not all of them.
    fn some(&self) -> Option<&Told> {
        self.told.as_ref().filter(|_| !self.all_sessions && matches!(self.whose, Whose::Sessions(_)))
    }
}

/// The kinds of an entry.
const KINDS: [&str; 7] = ["role", "user", "group", "permission_set", "account", "principal", "sessions_of"];

impl Builder<'_> {
    pub(super) fn revocations(&mut self) {
        let raw = self.raw;
        for entry in raw.revoked.iter().flatten() {
            let given: Vec<&str> = KINDS.into_iter().filter(|kind| entry.has(kind)).collect();
            if given.len() != 1 {
                let advice = format!("name one of {}, and write one `[[revoked]]` for each", quoted(&KINDS));
                self.error(entry.span, format!("this names {} to revoke", if given.is_empty() { "nobody" } else { "more than one" }), advice);
                continue;
            }
            // Whoever may be let in by an ARN is of an account that needs no label.
            self.by_id = true;
            let whose = self.whose(entry);
            self.by_id = false;
            let Some(whose) = whose else { continue };
            let told = self.told(entry, &whose);
            let (since, unix) = (entry.since.value.text.clone(), entry.since.value.unix);
            let concerns = matches!(whose, Whose::Role(_) | Whose::Sessions(_));
            let all_sessions = entry.all_sessions == Some(true);
            if matches!(whose, Whose::Sessions(_)) && told.is_none() && !all_sessions {
                let advice = "say `all_sessions = true`, or `source_identity` or `session_name` where these tell";
                self.error(entry.span, "this does not say which sessions end", advice);
            }
            self.gone.push(Gone { whose, since, unix, all_sessions, told, span: entry.span, concerns, lives_on: Vec::new(), opened: Vec::new() });
        }
    }

    /// A role of the trusting account by its name. `Err`: it is none, and that was said.
    fn own_role(&mut self, role: &Spanned<String>) -> Result<Option<Address>, ()> {
        let own = role.value.strip_prefix("trusting/").unwrap_or(&role.value);
        if own.contains('/') && role.value == own {
            return Ok(None);
        }
        let name = own.rsplit('/').next().unwrap_or(own);
        let known: Vec<&str> = self.raw.roles.iter().flat_map(|t| t.0.keys()).map(String::as_str).collect();
        if known.contains(&name) {
            return Ok(Some(Address::new(&self.trusting, Kind::Role, name)));
        }
        if role.value.contains('/') {
            return Ok(None);
        }
        let advice =
            did_you_mean(name, known.into_iter()).unwrap_or_else(|| "name a role under `[roles]`, or one of a trusted account as `label/Name`".to_owned());
        self.error(role.span, format!("no role is named `{name}` in this manifest"), advice);
        Err(())
    }

    /// A role that this manifest makes, in whichever account.
    fn made_role(&mut self, role: &Spanned<String>) -> Option<Address> {
        if let Some(own) = self.own_role(role).ok()? {
            return Some(own);
        }
        let found = self.resolve(Kind::Role, role)?;
        let trusted = self.raw.trusted.iter().flat_map(Table::iter).filter(|(_, _, t)| account_id(t.account.value.as_ref()) == found.account);
        if trusted.filter_map(|(_, _, t)| t.roles.as_ref()).any(|roles| roles.0.contains_key(&found.name)) {
            return Some(Address::new(&found.account, Kind::Role, &found.name));
        }
        let advice = "its sessions can be ended where it is declared, or in the console";
        self.error(role.span, format!("this manifest does not make role `{}`", role.value), advice);
        None
    }

    fn whose(&mut self, entry: &Revoked) -> Option<Whose> {
        if let Some(role) = &entry.sessions_of {
            return self.made_role(role).map(Whose::Sessions);
        }
        if let Some(role) = &entry.role {
            if let Some(own) = self.own_role(role).ok()? {
                return Some(Whose::Role(own));
            }
            let found = self.resolve(Kind::Role, role)?;
            return Some(Whose::Principal { kind: PrincipalKind::Role, arn: found.arn(self, Kind::Role) });
        }
        if let Some(user) = &entry.user {
            let found = self.resolve(Kind::User, user)?;
            return Some(Whose::Principal { kind: PrincipalKind::User, arn: found.arn(self, Kind::User) });
        }
        if let Some(group) = &entry.group {
            let found = self.resolve(Kind::Group, group)?;
            return Some(Whose::Group { account: found.account, name: found.name });
        }
        if let Some(set) = &entry.permission_set {
            let found = self.permission_set(set)?;
            return Some(Whose::PermissionSet(PermissionSet { account: found.account, name: found.name }));
        }
        if let Some(account) = &entry.account {
            let (id, _) = self.label(account, &account.value.clone())?;
            if id == self.trusting {
                self.error(account.span, "the trusting account can't be revoked", "name its roles, or a trusted account");
                return None;
            }
            return Some(Whose::Account(id));
        }
        let principal = entry.principal.as_ref()?;
        let parsed = Arn::parse(&principal.value).filter(|arn| arn.service == "iam" && AccountId::parse(arn.account).is_some());
        let kind = parsed.and_then(|arn| arn.kind_and_name()).filter(|_| !principal.value.contains(['*', '?', '$'])).and_then(|(kind, _)| match kind {
            "user" => Some(PrincipalKind::User),
            "role" => Some(PrincipalKind::Role),
            _ => None,
        });
        let Some(kind) = kind else {
            let advice = "write it as in `arn:aws:iam::111111111111:user/Ann`; a whole account is `account = \"label\"`";
            self.error(principal.span, format!("`{}` is not the ARN of a user or role", principal.value), advice);
            return None;
        };
        let own = parsed.filter(|arn| kind == PrincipalKind::Role && arn.account == self.trusting.as_str()).and_then(|arn| arn.kind_and_name());
        if let Some((_, name)) = own.filter(|(_, name)| self.raw.roles.as_ref().is_some_and(|roles| roles.0.contains_key(*name))) {
            return Some(Whose::Role(Address::new(&self.trusting, Kind::Role, name)));
        }
        Some(Whose::Principal { kind, arn: principal.value.clone() })
    }

    /// Tells whether a role of this manifest is revoked itself.
    pub(super) fn is_revoked(&self, role: &Address) -> bool {
        self.gone.iter().any(|gone| is_itself(&gone.whose, role))
    }

    /// Tells whether a principal of a statement is a role that is revoked.
    pub(super) fn is_revoked_arn(&self, principal: &Principal) -> bool {
        principal.aws().iter().any(|arn| self.gone.iter().any(|gone| is_role(&gone.whose, arn)))
    }

    /// Those whom a grant still lets in.
    pub(super) fn unrevoked(&mut self, named: Vec<Named>) -> Vec<Named> {
        if self.gone.is_empty() {
            return named;
        }
        let mut gone = std::mem::take(&mut self.gone);
        let mut left = named;
        let mut lost = BTreeSet::new();
        for one in &gone {
            let before: usize = left.iter().map(size).sum();
            left = left.into_iter().filter_map(|named| self.without(named, &one.whose)).collect();
            if left.iter().map(size).sum::<usize>() < before {
                lost.insert(one.whose.key());
            }
        }
        // The same may be said in other words.
        for (at, one) in gone.iter_mut().enumerate().filter(|(_, one)| lost.contains(&one.whose.key())) {
            one.concerns = true;
            self.taken.insert(at);
        }
        self.gone = gone;
        left
    }

    /// Notes who is revoked and would come in by what a policy names all the same: it is denied there.
    pub(super) fn meet(&mut self, named: &[Named]) {
        let meets = |gone: &Gone| named.iter().any(|named| may_be(named, &gone.whose) || self.is_of(named, &gone.whose));
        let met: Vec<bool> = self.gone.iter().map(meets).collect();
        self.gone.iter_mut().zip(met).filter(|(_, met)| *met).for_each(|(gone, _)| gone.concerns = true);
    }

    /// The same of a statement that is written out.
    pub(super) fn meet_statement(&mut self, statement: &Statement) {
        let Some(principal) = statement.principal.as_ref().filter(|_| statement.effect == Effect::Allow) else { return };
        let named = principal.aws().iter().cloned().chain(principal.bare_star.then(|| "*".to_owned()));
        self.meet(&named.map(Named::Other).collect::<Vec<_>>());
    }

    fn without(&self, named: Named, whose: &Whose) -> Option<Named> {
        let arns: Vec<String> = match &named {
            Named::User(found) => vec![found.arn(self, Kind::User)],
            Named::Role(found) => vec![found.arn(self, Kind::Role)],
            Named::Other(text) => vec![text.clone()],
            _ => Vec::new(),
        };
        let goes = match (whose, &named) {
            (Whose::Role(_), _) => arns.iter().any(|arn| is_role(whose, arn)),
            (Whose::Account(id), Named::Group(found) | Named::User(found) | Named::Role(found)) => found.account == *id,
            (Whose::Account(id), Named::Account(account)) => account == id,
            (Whose::Account(id), Named::Other(text)) => text == id.as_str() || Arn::parse(text).is_some_and(|arn| arn.account == id.as_str()),
            // IAM takes names that differ only in case for one.
            (Whose::Group { account, name }, Named::Group(found)) => found.account == *account && found.name.eq_ignore_ascii_case(name),
            (Whose::Principal { kind, .. }, _) => arns.into_iter().any(|arn| Whose::Principal { kind: *kind, arn }.key() == whose.key()),
            (Whose::PermissionSet(set), Named::Other(text)) => set.roles(self.partition).iter().any(|pattern| glob::is_like(pattern, text)),
            _ => false,
        };
        let Named::Sets(sets) = named else { return (!goes).then_some(named) };
        let is = |account: &AccountId, name: &str| match whose {
            Whose::PermissionSet(set) => set.account == *account && set.name == name,
            Whose::Account(id) => id == account,
            _ => false,
        };
        let left: Vec<_> = sets.into_iter().filter(|set| !is(&set.account, &set.name)).collect();
        (!left.is_empty()).then_some(Named::Sets(left))
    }

    fn is_of(&self, named: &Named, whose: &Whose) -> bool {
        let copy = match named {
            Named::Sets(sets) => {
                return sets.iter().any(|set| match whose {
                    Whose::PermissionSet(of) => of.account == set.account && of.name == set.name,
                    Whose::Account(id) => *id == set.account,
                    _ => false,
                });
            }
            named => named.clone(),
        };
        self.without(copy, whose).is_none()
    }

    /// The statements of a trust that let somebody else in, with what keeps out who is revoked and would come in with them, as far as AWS
    /// takes so much: everything else is taken back all the same, and of the rest it is said.
    pub(super) fn kept_out(&mut self, statements: Vec<Placed>) -> Vec<Placed> {
        let denied = self.denied_in(&statements);
        let most = self.desired.quotas.trust_policy;
        let size = |all: &[Placed]| Document::new(super::role::pack(all.to_vec()).into_iter().map(|placed| placed.statement).collect()).size();
        // A trust that is too long by itself is a mistake of its own.
        let fits = size(&statements) <= most;
        let mut all = statements;
        for (at, placed) in denied {
            all.push(placed);
            if fits && size(&all) > most {
                all.pop();
                self.no_room.insert(at);
            }
        }
        all
    }

    fn denied_in(&self, all: &[Placed]) -> Vec<(usize, Placed)> {
        let broad = |gone: &Gone| {
            let named = all.iter().filter(|placed| placed.statement.effect == Effect::Allow).filter_map(|placed| placed.statement.principal.as_ref());
            named.flat_map(Principal::aws).any(|text| lets(text, &gone.whose))
        };
        let once = self.gone.iter().enumerate().filter(|(at, gone)| !self.is_said_later(*at) && broad(gone));
        once.filter_map(|(at, gone)| Some((at, self.denied(gone, ["sts:AssumeRole"], None)?))).collect()
    }

    /// Tells whether another entry is of the same, in other words, and as late.
    fn is_said_later(&self, at: usize) -> bool {
        let Some(one) = self.gone.get(at) else { return false };
        let later = |(other_at, other): (usize, &Gone)| (&other.since, other_at) > (&one.since, at) && other.whose.key() == one.whose.key();
        self.gone.iter().enumerate().any(later)
    }

    /// What denies somebody these actions; `None` of whom no policy of a resource can name.
    fn denied<const N: usize>(&self, gone: &Gone, actions: [&str; N], resource: Option<Element>) -> Option<Placed> {
        let mut conditions = Conditions::new();
        // By a condition, which does not ask for somebody who is there, and holds for one that is made anew (IAM User Guide, "AWS JSON
        // policy elements: NotPrincipal", recommends `aws:PrincipalArn` for a Deny).
        match &gone.whose {
            Whose::Role(_) | Whose::Group { .. } | Whose::Sessions(_) => return None,
            Whose::Account(id) => condition(&mut conditions, "StringEquals", "aws:PrincipalAccount", [id.to_string()]),
            // Which spelling is the one that AWS has is not known here.
            Whose::Principal { .. } => condition(&mut conditions, "ArnLike", "aws:PrincipalArn", self.spellings(gone)),
            Whose::PermissionSet(set) => condition(&mut conditions, "ArnLike", "aws:PrincipalArn", set.roles(self.partition)),
        }
        let principal = Some(Principal::of("AWS", ["*"]));
        let statement = Statement { effect: Effect::Deny, principal, conditions, ..Statement::allow(Element::of(actions), resource) };
        Some(self.placed(statement, gone.span))
    }

    /// Every ARN that entries of this manifest have for somebody.
    fn spellings(&self, gone: &Gone) -> BTreeSet<String> {
        let same = self.gone.iter().filter(|other| other.whose.key() == gone.whose.key());
        same.filter_map(|other| if let Whose::Principal { arn, .. } = &other.whose { Some(arn.clone()) } else { None }).collect()
    }

    /// What tells in a shared document that a group was revoked of which it let the members in: no policy of a resource can name a group,
    /// so that nobody is denied by it.
    fn marked(&self, gone: &Gone, actions: &[&str], resource: &Element) -> Option<Placed> {
        let Whose::Group { account, name } = &gone.whose else { return None };
        let mut conditions = Conditions::new();
        // Nobody calls as a group.
        condition(&mut conditions, "ArnLike", "aws:PrincipalArn", [self.partition.iam_arn(account, "group", "/", &name.to_ascii_lowercase())]);
        let principal = Some(Principal::of("AWS", ["*"]));
        let action = Element::of(actions.iter().copied());
        let statement = Statement { effect: Effect::Deny, principal, conditions, ..Statement::allow(action, Some(resource.clone())) };
        Some(self.placed(statement, gone.span))
    }

    /// The same in a shared document, by Sids that tell when; `more` is asked besides.
    fn denied_by_sid<const N: usize>(&self, actions: [&str; N], resource: &Element, more: &Conditions) -> Vec<Placed> {
        let sid = |gone: &Gone, statement: &Statement| {
            let body = Statement { sid: None, ..statement.clone() }.canonical_body();
            // What it says tells it from another of the same: a key may be that of several buckets.
            let says: String = digits(&body).chars().take(8).collect();
            format!("{}{}{says}", ownership::sid_prefix(&self.name), revoked_sid(&gone.since, &gone.whose))
        };
        let denied = self.gone.iter().enumerate().filter(|(at, _)| !self.is_said_later(*at)).filter_map(|(at, gone)| {
            let group = || self.marked(gone, &actions, resource).filter(|_| self.taken.contains(&at));
            let mut placed = self.denied(gone, actions, Some(resource.clone())).or_else(group)?;
            for (operator, key, values) in more.iter().flat_map(|(operator, keys)| keys.iter().map(move |(key, values)| (operator, key, values))) {
                condition(&mut placed.statement.conditions, operator, key, values.iter().cloned());
            }
            placed.statement.sid = Some(sid(gone, &placed.statement));
            Some(placed)
        });
        denied.collect()
    }

    /// Denies a bucket of this manifest: what others let in by its policy is not known here.
    pub(super) fn denied_bucket(&self, bucket: &str) -> Vec<Placed> {
        let resource = Element::of([self.partition.s3_arn(bucket), self.partition.s3_arn(&format!("{bucket}/*"))]);
        self.denied_by_sid(["s3:*"], &resource, &Conditions::new())
    }

    /// Denies a key of which this manifest says who uses it.
    pub(super) fn denied_key(&self) -> Vec<Placed> {
        self.denied_by_sid(["kms:*"], &Element::of(["*"]), &Conditions::new())
    }

    /// Denies the use of a key for the objects of a bucket, under these conditions: what else it is used for is not known here.
    pub(super) fn denied_use(&self, conditions: &Conditions) -> Vec<Placed> {
        self.denied_by_sid(["kms:*"], &Element::of(["*"]), conditions)
    }

    /// Notes what entries came to, and says which sessions live on.
    pub(super) fn revoked(&mut self) {
        for gone in std::mem::take(&mut self.gone) {
            let place = Place { file: self.source.file.clone(), span: gone.span };
            if !gone.lives_on.is_empty() {
                let roles: Vec<&str> = gone.lives_on.iter().map(|(role, _)| role.name.as_str()).collect();
                let longest = gone.lives_on.iter().map(|(_, longest)| *longest).max().unwrap_or_default();
                let message = format!(
                    "its sessions of {} can't be told from those of others, and live on until they end, {} minutes after they began at the latest",
                    quoted(&roles),
                    longest / 60
                );
                let advice = if gone.told.is_some() {
                    "those are denied that carry what the entry says, which a caller may leave out; `all_sessions = true` denies those of everybody"
                } else {
                    "say `session_name` or `source_identity` where these tell, or `all_sessions = true` to deny those of everybody"
                };
                self.warning(gone.span, message, advice);
            }
            for opened in gone.opened.iter().filter(|opened| opened.no_room) {
                let message = format!("the trust policy of role `{}` has no room for what would deny it, so that it may still be assumed", opened.role.name);
                self.warning(gone.span, message, "shorten that trust, or revoke the role as a whole");
            }
            if !gone.concerns {
                let advice = format!(
                    "check the name; an entry that has done its work may stay. Where it is taken out, what has its mark is withheld until its table says `restored = {}`",
                    gone.since
                );
                self.warning(gone.span, "nothing in this manifest would let it in", advice);
            }
            let Gone { whose, since, concerns, lives_on, opened, .. } = gone;
            self.desired.revoked.push(Revocation { manifest: self.name.clone(), whose, since, place, concerns, lives_on, opened });
        }
    }
}

/// How many a word names.
fn size(named: &Named) -> usize {
    if let Named::Sets(sets) = named { sets.len() } else { 1 }
}

/// Tells whether an ARN is that of a role that is revoked itself.
fn is_role(whose: &Whose, arn: &str) -> bool {
    let Whose::Role(role) = whose else { return false };
    Arn::parse(arn).is_some_and(|a| a.service == "iam" && a.account == role.account.as_str() && a.kind_and_name() == Some(("role", role.name.as_str())))
}

/// Tells whether somebody is a role that is declared.
fn is_itself(whose: &Whose, role: &Address) -> bool {
    match whose {
        Whose::Role(address) => address == role,
        Whose::Principal { arn, .. } => is_role(&Whose::Role(role.clone()), arn),
        _ => false,
    }
}

/// The account that somebody is of.
fn account(whose: &Whose) -> Option<&str> {
    match whose {
        Whose::Role(role) => Some(role.account.as_str()),
        Whose::Account(id) => Some(id.as_str()),
        Whose::Group { account, .. } => Some(account.as_str()),
        Whose::Principal { arn, .. } => Arn::parse(arn).map(|arn| arn.account),
        Whose::PermissionSet(set) => Some(set.account.as_str()),
        // Nobody is meant, so that nobody is of an account.
        Whose::Sessions(_) => None,
    }
}

/// Tells whether a principal of a statement stands for more than somebody, who may be among those.
fn lets(text: &str, whose: &Whose) -> bool {
    let root = |text: &str| Arn::parse(text).is_some_and(|arn| arn.resource == "root" && Some(arn.account) == account(whose));
    text == "*" || Some(text) == account(whose) || root(text)
}
