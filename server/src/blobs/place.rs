//! Where files are kept, as it is configured: nothing for the folder below the data, or the address of an object store.

use std::path::{Path as FilePath, PathBuf};
use std::str::FromStr;
use std::sync::Arc;

use object_store::ObjectStore;
use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey};
use object_store::azure::{AzureConfigKey, MicrosoftAzureBuilder};
use object_store::gcp::{GoogleCloudStorageBuilder, GoogleConfigKey};
use object_store::path::Path;
use url::Url;
use zeroize::Zeroizing;

use super::FOLDER;
use crate::crypto::keys::Reference;

const FORMS: &str = "files are kept in s3://BUCKET/PREFIX, gs://BUCKET/PREFIX or az://CONTAINER/PREFIX; leave it empty for the folder files/ below the data";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    S3,
    Google,
    Azure,
}

impl Kind {
    fn of(scheme: &str) -> Option<Self> {
        match scheme {
            "s3" => Some(Self::S3),
            "gs" => Some(Self::Google),
            "az" => Some(Self::Azure),
            _ => None,
        }
    }

    /// Whether the store knows a setting of this name.
    fn knows(self, name: &str) -> bool {
        match self {
            Self::S3 => AmazonS3ConfigKey::from_str(name).is_ok(),
            Self::Google => GoogleConfigKey::from_str(name).is_ok(),
            Self::Azure => AzureConfigKey::from_str(name).is_ok(),
        }
    }
}

/// Where files are kept.
#[derive(Clone, Debug)]
pub enum Place {
    Folder(PathBuf),
    Cloud(Cloud),
}

/// An object store, and what lets us in there.
#[derive(Clone)]
pub struct Cloud {
    kind: Kind,
    url: Url,
    /// `None`: from the provider's own variables, or from the machine's own role.
    credentials: Option<Vec<(String, Zeroizing<String>)>>,
}

impl std::fmt::Debug for Cloud {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Cloud({})", self.url)
    }
}

impl Place {
    pub fn below(data: &FilePath) -> Self {
        Self::Folder(data.join(FOLDER))
    }

    /// The bucket, as `s3://bucket`; nothing for a folder.
    pub fn bucket(&self) -> Option<String> {
        match self {
            Self::Folder(_) => None,
            Self::Cloud(cloud) => cloud.url.host_str().map(|host| format!("{}://{host}", cloud.url.scheme())),
        }
    }

    /// # Errors
    /// One sentence that says what would be right; it repeats no secret.
    pub fn parse(address: &str, credentials: Option<&Reference>) -> Result<Self, String> {
        let url = Url::parse(address).map_err(|_| FORMS.to_owned())?;
        let kind = Kind::of(url.scheme()).filter(|_| url.has_host()).ok_or(FORMS)?;
        if url.password().is_some() || url.query().is_some() || url.fragment().is_some() {
            return Err("the address of the store names the place only; what lets us in there is given by AVOUCH_OBJECTS_CREDENTIALS".into());
        }
        Path::from_url_path(url.path()).map_err(|_| FORMS.to_owned())?;
        let credentials = credentials.map(|reference| settings(kind, reference)).transpose()?;
        Ok(Self::Cloud(Cloud { kind, url, credentials }))
    }
}

/// Lines of NAME=VALUE, as the store's provider calls them; empty lines and those that begin with # say nothing.
fn settings(kind: Kind, reference: &Reference) -> Result<Vec<(String, Zeroizing<String>)>, String> {
    let text = reference.fetch().map_err(|error| error.to_string())?;
    let mut settings = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let (name, value) = line
            .split_once('=')
            .ok_or_else(|| format!("line {number} of the store's credentials is not of the form NAME=VALUE"))?;
        let name = name.trim().to_ascii_lowercase();
        if !kind.knows(&name) {
            return Err(format!(
                "line {number} of the store's credentials: there is no setting \"{name}\" for this kind of store"
            ));
        }
        settings.push((name, Zeroizing::new(value.trim().trim_matches('"').to_owned())));
    }
    Ok(settings)
}

/// The three builders have the same words and no trait in common.
macro_rules! build {
    ($builder:ty, $cloud:expr) => {{
        let begun = match &$cloud.credentials {
            None => <$builder>::from_env(),
            Some(_) => <$builder>::new(),
        };
        let given = $cloud.credentials.iter().flatten();
        let builder = given.fold(begun.with_url($cloud.url.to_string()), |builder, (name, value)| match name.parse() {
            Ok(name) => builder.with_config(name, value.as_str()),
            Err(_) => builder,
        });
        Arc::new(builder.build()?)
    }};
}

/// The HTTP client of a store takes the process's provider and panics where there is none. Whoever installed one before us chose the same.
pub(crate) fn ready_for_tls() {
    let _ = tokio_rustls::rustls::crypto::ring::default_provider().install_default();
}

impl Cloud {
    /// Ready to ask. Says nothing to the store yet.
    pub(super) fn connect(&self) -> Result<(Arc<dyn ObjectStore>, Path), object_store::Error> {
        ready_for_tls();
        let store: Arc<dyn ObjectStore> = match self.kind {
            Kind::S3 => build!(AmazonS3Builder, self),
            Kind::Google => build!(GoogleCloudStorageBuilder, self),
            Kind::Azure => build!(MicrosoftAzureBuilder, self),
        };
        Ok((store, Path::from_url_path(self.url.path())?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::blobs::Blobs;

    fn reference(text: &str) -> Reference {
        let path = std::env::temp_dir().join(format!("avouch-store-{}", uuid::Uuid::now_v7().simple()));
        std::fs::write(&path, text).expect("a scratch file");
        Reference::File(path.display().to_string())
    }

    #[test]
    fn an_address_of_no_known_store_is_refused_with_the_forms_that_are_known() {
        for wrong in
            ["ftp://bucket/x", "http://bucket.example/x", "file:///etc", "memory:///", "bucket", "s3:", "s3:///x"]
        {
            let said = Place::parse(wrong, None).expect_err(wrong);
            assert!(said.contains("s3://BUCKET/PREFIX"), "{wrong}: {said}");
        }
    }

    #[test]
    fn a_secret_in_the_address_is_refused_and_not_repeated() {
        for wrong in ["s3://key:hunter2@bucket/x", "az://box/x?sig=hunter2"] {
            let said = Place::parse(wrong, None).expect_err(wrong);
            assert!(!said.contains("hunter2") && said.contains("AVOUCH_OBJECTS_CREDENTIALS"), "{said}");
        }
    }

    #[test]
    fn credentials_are_lines_by_reference_and_a_word_that_the_store_does_not_know_is_named() {
        let good =
            "# of the bucket\nAWS_ACCESS_KEY_ID=abc\naws_secret_access_key = hunter2\n\nAWS_REGION=\"eu-central-1\"\n";
        let place = Place::parse("s3://bucket/some/where", Some(&reference(good))).expect("a place");
        assert!(!format!("{place:?}").contains("hunter2"));
        let blobs = Blobs::open(&place).expect("a store");
        assert_eq!(blobs.path("a/b").expect("path").to_string(), "some/where/a/b");

        let said = Place::parse("s3://bucket", Some(&reference("COLOUR=hunter2"))).expect_err("unknown");
        assert!(said.contains("\"colour\"") && !said.contains("hunter2"), "{said}");
        assert!(Place::parse("s3://bucket", Some(&reference("hunter2"))).expect_err("no form").contains("line 1"));
    }

    #[test]
    fn each_kind_of_store_is_built_from_its_credentials() {
        let azure = "azure_storage_account_name=box\nazure_storage_account_key=aGVsbG8=\n";
        let google = "google_skip_signature=true\n";
        for (address, credentials) in [("az://container/x", azure), ("gs://bucket/x", google)] {
            let place = Place::parse(address, Some(&reference(credentials))).expect("a place");
            Blobs::open(&place).unwrap_or_else(|error| panic!("{address}: {error}"));
        }
    }
}
