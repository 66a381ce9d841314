//! Words of which a manifest knows a few.

macro_rules! words {
    ($(#[doc = $doc:literal])* $name:ident { $($(#[doc = $vdoc:literal])* $variant:ident = $word:literal,)* }) => {
        $(#[doc = $doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, schemars::JsonSchema)]
        pub(crate) enum $name { $($(#[doc = $vdoc])* #[schemars(rename = $word)] $variant,)* }

        impl crate::decode::Decode for $name {
            fn decode(value: &toml::Spanned<toml::de::DeValue<'_>>, d: &mut crate::decode::Decoder<'_>) -> Option<Self> {
                let text = <String as crate::decode::Decode>::decode(value, d)?;
                match text.as_str() {
                    $($word => Some(Self::$variant),)*
                    _ => {
                        let known = [$($word),*];
                        let advice = crate::decode::did_you_mean(&text, known.iter().copied()).unwrap_or_else(|| format!("use one of {}", crate::decode::quoted(&known)));
                        d.error(crate::decode::span(value.span()), format!("unknown value `{text}`"), advice);
                        None
                    }
                }
            }
        }
    };
}

pub(super) use words;

words! {
    /// Access to a bucket, in plain words.
    Access {
        /// List keys (`s3:ListBucket`).
        List = "list",
        /// Get objects (`s3:GetObject`).
        Get = "get",
        /// Put objects (`s3:PutObject`).
        Put = "put",
        /// Delete objects (`s3:DeleteObject`).
        Delete = "delete",
        /// `list` and `get`.
        Read = "read",
        /// `put` and `delete`.
        Write = "write",
        /// `list`, `get`, `put` and `delete`.
        ReadWrite = "read-write",
    }
}
