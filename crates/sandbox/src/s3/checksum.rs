//! Checksums of objects (S3 User Guide, "Checking object integrity").

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use md5::Md5;
use serde::{Deserialize, Serialize};
use sha1::Sha1;
use sha2::{Digest as _, Sha256};

use crate::error::ApiError;
use crate::sigv4::hex;

/// A kind of checksum.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Algorithm {
    Crc32,
    Crc32c,
    Crc64Nvme,
    Sha1,
    Sha256,
}

use Algorithm::{Crc32, Crc32c, Crc64Nvme};

/// A checksum, and whether it is of the whole object or of the checksums of its parts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Checksum {
    pub(crate) algorithm: Algorithm,
    /// Base64; of parts with `-N` behind it.
    pub(crate) value: String,
    /// `FULL_OBJECT` or `COMPOSITE`.
    pub(crate) kind: String,
}

/// Names of kinds.
pub(crate) const FULL_OBJECT: &str = "FULL_OBJECT";
pub(crate) const COMPOSITE: &str = "COMPOSITE";

impl Algorithm {
    pub(crate) const ALL: [Self; 5] = [Crc32, Crc32c, Crc64Nvme, Self::Sha1, Self::Sha256];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Crc32 => "CRC32",
            Crc32c => "CRC32C",
            Crc64Nvme => "CRC64NVME",
            Self::Sha1 => "SHA1",
            Self::Sha256 => "SHA256",
        }
    }

    pub(crate) fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|a| a.name() == name)
    }

    pub(crate) fn header(self) -> &'static str {
        match self {
            Crc32 => "x-amz-checksum-crc32",
            Crc32c => "x-amz-checksum-crc32c",
            Crc64Nvme => "x-amz-checksum-crc64nvme",
            Self::Sha1 => "x-amz-checksum-sha1",
            Self::Sha256 => "x-amz-checksum-sha256",
        }
    }

    pub(crate) fn element(self) -> &'static str {
        match self {
            Crc32 => "ChecksumCRC32",
            Crc32c => "ChecksumCRC32C",
            Crc64Nvme => "ChecksumCRC64NVME",
            Self::Sha1 => "ChecksumSHA1",
            Self::Sha256 => "ChecksumSHA256",
        }
    }

    /// The checksum of bytes, before base64.
    fn digest(self, bytes: &[u8]) -> Vec<u8> {
        match self {
            Crc32 => crc32(bytes, &CRC32).to_be_bytes().to_vec(),
            Crc32c => crc32(bytes, &CRC32C).to_be_bytes().to_vec(),
            Crc64Nvme => crc64(bytes).to_be_bytes().to_vec(),
            Self::Sha1 => Sha1::digest(bytes).to_vec(),
            Self::Sha256 => Sha256::digest(bytes).to_vec(),
        }
    }

    /// The checksum of bytes.
    pub(crate) fn of(self, bytes: &[u8]) -> Checksum {
        Checksum { algorithm: self, value: STANDARD.encode(self.digest(bytes)), kind: FULL_OBJECT.to_owned() }
    }

    /// The checksum of the checksums of parts.
    pub(crate) fn of_parts<'c>(self, parts: impl ExactSizeIterator<Item = &'c Checksum>) -> Checksum {
        let count = parts.len();
        let all: Vec<u8> = parts.flat_map(|c| STANDARD.decode(&c.value).unwrap_or_default()).collect();
        Checksum { algorithm: self, value: format!("{}-{count}", STANDARD.encode(self.digest(&all))), kind: COMPOSITE.to_owned() }
    }

    /// Compares with what a client said.
    pub(crate) fn check(self, said: &str, bytes: &[u8]) -> Result<Checksum, ApiError> {
        let length = self.digest(&[]).len();
        if STANDARD.decode(said).ok().is_none_or(|d| d.len() != length) {
            return Err(ApiError::new(400, "InvalidRequest", format!("Value for {} header is invalid.", self.header())));
        }
        let sum = self.of(bytes);
        if sum.value != said {
            return Err(ApiError::new(400, "BadDigest", format!("The {} you specified did not match the calculated checksum.", self.name())));
        }
        Ok(sum)
    }
}

/// The MD5 of bytes, in hexadecimal: an ETag without its quotes.
pub(crate) fn md5_hex(bytes: &[u8]) -> String {
    hex(&Md5::digest(bytes))
}

/// The ETag of a multipart upload: the MD5 of its parts' MD5s, and how many there are.
pub(crate) fn multipart_etag<'e>(etags: impl ExactSizeIterator<Item = &'e str>) -> String {
    let count = etags.len();
    let mut all = Vec::new();
    for etag in etags {
        let etag = etag.trim_matches('"').as_bytes();
        all.extend(etag.chunks(2).filter_map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()));
    }
    format!("\"{}-{count}\"", md5_hex(&all))
}

/// `Content-MD5`, where there is one.
pub(crate) fn content_md5(said: Option<&str>, bytes: &[u8]) -> Result<(), ApiError> {
    let Some(said) = said else { return Ok(()) };
    let Some(wanted) = STANDARD.decode(said).ok().filter(|d| d.len() == 16) else {
        return Err(ApiError::new(400, "InvalidDigest", "The Content-MD5 you specified was invalid.").with("Content-MD5", said));
    };
    let got = Md5::digest(bytes);
    if wanted == got.to_vec() {
        return Ok(());
    }
    let error = ApiError::new(400, "BadDigest", "The Content-MD5 you specified did not match what we received.");
    Err(error.with("ExpectedDigest", said).with("CalculatedDigest", STANDARD.encode(got)))
}

const fn table32(polynomial: u32) -> [u32; 256] {
    let mut table = [0; 256];
    let mut i = 0_usize;
    while i < 256 {
        #[expect(clippy::cast_possible_truncation, reason = "below 256")]
        let mut crc = i as u32;
        let mut bit = 0;
        while bit < 8 {
            crc = if crc & 1 == 1 { (crc >> 1) ^ polynomial } else { crc >> 1 };
            bit += 1;
        }
        #[expect(clippy::indexing_slicing, reason = "below 256, and evaluated while compiling")]
        {
            table[i] = crc;
        }
        i += 1;
    }
    table
}

const fn table64(polynomial: u64) -> [u64; 256] {
    let mut table = [0; 256];
    let mut i = 0_usize;
    while i < 256 {
        let mut crc = i as u64;
        let mut bit = 0;
        while bit < 8 {
            crc = if crc & 1 == 1 { (crc >> 1) ^ polynomial } else { crc >> 1 };
            bit += 1;
        }
        #[expect(clippy::indexing_slicing, reason = "below 256, and evaluated while compiling")]
        {
            table[i] = crc;
        }
        i += 1;
    }
    table
}

/// Reflected polynomials of ISO 3309, RFC 3720 and the NVM Express specification.
static CRC32: [u32; 256] = table32(0xEDB8_8320);
static CRC32C: [u32; 256] = table32(0x82F6_3B78);
static CRC64_NVME: [u64; 256] = table64(0x9A6C_9329_AC4B_C9B5);

fn crc32(bytes: &[u8], table: &[u32; 256]) -> u32 {
    !bytes.iter().fold(!0, |crc, b| {
        let at = usize::from(crc.to_le_bytes()[0] ^ b);
        (crc >> 8) ^ table.get(at).copied().unwrap_or_default()
    })
}

fn crc64(bytes: &[u8]) -> u64 {
    !bytes.iter().fold(!0, |crc, b| {
        let at = usize::from(crc.to_le_bytes()[0] ^ b);
        (crc >> 8) ^ CRC64_NVME.get(at).copied().unwrap_or_default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The check values of the catalogue of CRCs, and the digests of RFC 3174 and FIPS 180 for `abc`.
    #[test]
    fn checksums_are_those_of_their_standards() {
        let nine = b"123456789";
        assert_eq!((crc32(nine, &CRC32), crc32(nine, &CRC32C), crc64(nine)), (0xCBF4_3926, 0xE306_9283, 0xAE8B_1486_0A79_9888));
        assert_eq!(hex(&Algorithm::Sha1.digest(b"abc")), "a9993e364706816aba3e25717850c26c9cd0d89d");
        assert_eq!(md5_hex(b"abc"), "900150983cd24fb0d6963f7d28e17f72");
    }

    #[test]
    fn parts_have_an_etag_and_a_checksum_of_their_own() {
        // The MD5 of the sixteen bytes of the MD5 of nothing.
        assert_eq!(multipart_etag(["\"d41d8cd98f00b204e9800998ecf8427e\""].into_iter()), "\"59adb24ef3cdbe0297f05b395827453f-1\"");
        let parts = [Algorithm::Crc32.of(b"a"), Algorithm::Crc32.of(b"b")];
        let all = Algorithm::Crc32.of_parts(parts.iter());
        assert!(all.value.ends_with("-2") && all.kind == COMPOSITE);
    }
}
