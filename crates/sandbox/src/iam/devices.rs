//! Virtual MFA devices: their codes are those of any authenticator (RFC 6238, with SHA-1, 30 seconds and six digits).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde::{Deserialize, Serialize};
use sha1::Sha1;

use crate::auth::{iso, unix_now};
use crate::error::ApiError;
use crate::world::Tags;

use super::users::user_fields;
use super::{Iam, maybe_tags, merge_tags};

/// Seconds that a code is shown.
const STEP: i64 = 30;
/// Codes before and after the current one that are taken: clocks differ.
const DRIFT: i64 = 2;

/// A device.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Device {
    pub(crate) serial: String,
    /// The secret that it shares with IAM, in base 32.
    seed: String,
    pub(crate) user: Option<String>,
    enabled: String,
    pub(crate) tags: Tags,
}

impl Device {
    /// Tells whether it shows this code about now.
    pub(crate) fn shows(&self, code: &str) -> bool {
        self.step_of(code).is_some()
    }

    /// The step at which it shows this code, of those about now.
    fn step_of(&self, text: &str) -> Option<i64> {
        let now = unix_now() / STEP;
        (now - DRIFT..=now + DRIFT).find(|step| code(&self.seed, *step) == text)
    }
}

/// The code of one step of 30 seconds since 1970.
fn code(seed: &str, step: i64) -> String {
    let Ok(mut mac) = Hmac::<Sha1>::new_from_slice(&unbase32(seed)) else { return String::new() };
    mac.update(&step.to_be_bytes());
    let digest = mac.finalize().into_bytes();
    let at = usize::from(digest.last().copied().unwrap_or_default() & 0x0f);
    let word = digest.get(at..at + 4).map_or(0, |bytes| bytes.iter().fold(0_u32, |word, b| word << 8 | u32::from(*b)));
    format!("{:06}", (word & 0x7fff_ffff) % 1_000_000)
}

/// Bytes of base 32 without padding (RFC 4648); what is no letter of it is left out.
fn unbase32(text: &str) -> Vec<u8> {
    let (mut out, mut bits, mut have) = (Vec::new(), 0_u32, 0_u32);
    for c in text.bytes() {
        let value = match c {
            b'A'..=b'Z' => c - b'A',
            b'2'..=b'7' => c - b'2' + 26,
            _ => continue,
        };
        bits = bits << 5 | u32::from(value);
        have += 5;
        if have >= 8 {
            have -= 8;
            out.push(u8::try_from(bits >> have & 0xff).unwrap_or_default());
        }
    }
    out
}

impl Iam<'_> {
    pub(super) fn create_device(&mut self) -> Result<(), ApiError> {
        let name = self.name("VirtualMFADeviceName", 226)?;
        let path = self.path()?;
        let mut tags = Tags::new();
        merge_tags(&mut tags, self.asked.tags())?;
        let serial = format!("arn:aws:iam::{}:mfa{path}{name}", self.account);
        if self.state().devices.contains_key(&serial) {
            return Err(ApiError::new(409, "EntityAlreadyExists", "MFADevice entity at the same path and name already exists."));
        }
        let seed = self.world.fresh(64);
        self.x.nest("VirtualMFADevice", |x| {
            x.text("SerialNumber", &serial).text("Base32StringSeed", &STANDARD.encode(&seed));
            maybe_tags(x, &tags);
        });
        let device = Device { serial: serial.clone(), seed, user: None, enabled: String::new(), tags };
        self.state().devices.insert(serial, device);
        Ok(())
    }

    fn device(&mut self) -> Result<&mut Device, ApiError> {
        let serial = self.asked.need("SerialNumber")?.to_owned();
        let missing = ApiError::new(404, "NoSuchEntity", format!("VirtualMFADevice with serial number {serial} doesn't exist."));
        self.state().devices.get_mut(&serial).ok_or(missing)
    }

    /// Two codes that follow each other show that the device is there.
    pub(super) fn enable_device(&mut self) -> Result<(), ApiError> {
        let user = self.user()?.held.name;
        let (first, second) = (self.asked.need("AuthenticationCode1")?.to_owned(), self.asked.need("AuthenticationCode2")?.to_owned());
        let resync = self.asked.operation == "ResyncMFADevice";
        let device = self.device()?;
        if !resync && device.user.is_some() {
            return Err(ApiError::new(409, "EntityAlreadyExists", "MFA Device is already in use."));
        }
        if device.step_of(&first).is_none_or(|step| code(&device.seed, step + 1) != second) {
            return Err(ApiError::new(403, "InvalidAuthenticationCode", "Authentication code for device is not valid."));
        }
        if !resync {
            device.user = Some(user);
            device.enabled = iso(unix_now());
        }
        Ok(())
    }

    pub(super) fn deactivate_device(&mut self) -> Result<(), ApiError> {
        let user = self.user()?.held.name;
        let device = self.device()?;
        if device.user.as_deref() != Some(user.as_str()) {
            let message = format!("MFA Device invalid for user: {user}");
            return Err(ApiError::new(404, "NoSuchEntity", message));
        }
        device.user = None;
        Ok(())
    }

    pub(super) fn delete_device(&mut self) -> Result<(), ApiError> {
        let device = self.device()?;
        if device.user.is_some() {
            return Err(ApiError::new(409, "DeleteConflict", "MFA VirtualDevice in use. Must deactivate first."));
        }
        let serial = device.serial.clone();
        self.state().devices.remove(&serial);
        Ok(())
    }

    pub(super) fn get_device(&mut self) -> Result<(), ApiError> {
        let device = self.device()?.clone();
        self.x.maybe("UserName", device.user.as_deref()).text("SerialNumber", &device.serial);
        self.x.maybe("EnableDate", device.user.as_deref().map(|_| device.enabled.as_str()));
        Ok(())
    }

    pub(super) fn list_devices(&mut self) -> Result<(), ApiError> {
        let devices: Vec<Device> = self.state().devices.values().cloned().collect();
        if self.asked.operation == "ListMFADevices" {
            let user = self.user()?.held.name;
            let page = self.page(devices.into_iter().filter(|d| d.user.as_deref() == Some(user.as_str())).collect())?;
            self.x.members("MFADevices", &page, |x, device| {
                x.text("UserName", &user).text("SerialNumber", &device.serial).text("EnableDate", &device.enabled);
            });
            return Ok(());
        }
        let wanted = |device: &Device| match self.asked.param("AssignmentStatus") {
            Some("Assigned") => device.user.is_some(),
            Some("Unassigned") => device.user.is_none(),
            _ => true,
        };
        let devices = devices.into_iter().filter(wanted).collect();
        let page = self.page(devices)?;
        let account = self.account.clone();
        let state = self.world.account(&account);
        let users: Vec<_> = page.iter().map(|d| d.user.as_ref().and_then(|u| state.users.get(&u.to_ascii_lowercase())?.newest().cloned())).collect();
        self.x.members("VirtualMFADevices", page.iter().zip(&users), |x, (device, user)| {
            x.text("SerialNumber", &device.serial);
            if let Some(user) = user {
                x.nest("User", |x| user_fields(x, &account, user, false)).text("EnableDate", &device.enabled);
            }
        });
        Ok(())
    }

    pub(super) fn device_tags(&mut self) -> Result<(), ApiError> {
        let asked = self.asked;
        let device = self.device()?;
        match Self::change_tags(asked, &mut device.tags) {
            Some(changed) => changed,
            None => {
                let tags = device.tags.clone();
                self.tag_page(tags)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 6238, appendix B; its codes of eight digits end in those of six.
    #[test]
    fn codes_are_those_of_the_rfc() {
        let seed = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";
        for (seconds, expected) in [(59, "287082"), (1_111_111_109, "081804"), (1_234_567_890, "005924"), (20_000_000_000, "353130")] {
            assert_eq!(code(seed, seconds / STEP), expected);
        }
    }
}
