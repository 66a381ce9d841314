//! `[identity_center]`: where permission sets are administered. What they need is written into their inline policies.

use crossrole_manifest::decode::{Decoder, Needed};
use crossrole_manifest::scalar::{Account, Region};
use crossrole_model::{AccountId, IdentityCenter};
use crossrole_policy::Arn;

crossrole_manifest::table! {
    Center {
        /// ARN of the instance.
        instance: Needed<String>,
        /// The management account, or the one to which IAM Identity Center is delegated.
        account: Needed<Account>,
        /// Its home region.
        region: Needed<Region>,
    }
}

impl Center {
    pub(super) fn said(self, d: &mut Decoder<'_>) -> Option<IdentityCenter> {
        let Self { instance, account, region, .. } = self;
        if let Some(wrong) = instance.value.as_ref().filter(|arn| !is_instance(arn)) {
            d.error(
                instance.span,
                format!("`{wrong}` is no instance of IAM Identity Center"),
                "write it as in `instance = \"arn:aws:sso:::instance/ssoins-…\"`, with the account that administers it and its home region",
            );
        }
        Some(IdentityCenter { instance: instance.value?, account: AccountId::parse(&account.value?.0)?, region: region.value?.0 })
    }
}

fn is_instance(text: &str) -> bool {
    Arn::parse(text).is_some_and(|arn| {
        let digits = arn.resource.strip_prefix("instance/ssoins-").filter(|digits| digits.len() == 16);
        arn.service == "sso" && digits.is_some_and(|digits| digits.bytes().all(|b| b.is_ascii_alphanumeric() || b"-.".contains(&b)))
    })
}
