//! How letters leave: by SMTP with TLS, or as files in a folder.

use std::path::{Path, PathBuf};
use std::time::Duration;

use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Tls, TlsParameters};
use lettre::{AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor};
use uuid::Uuid;

#[derive(Clone)]
pub enum Post {
    /// One `.eml` file for each message.
    Folder(PathBuf),
    Smtp(AsyncSmtpTransport<Tokio1Executor>),
}

impl std::fmt::Debug for Post {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Folder(path) => write!(f, "Folder({})", path.display()),
            Self::Smtp(_) => f.write_str("Smtp(…)"),
        }
    }
}

#[derive(Debug, thiserror::Error)]
pub enum PostError {
    #[error("the letter cannot be opened")]
    Unreadable,
    #[error("the address is not one that mail can be sent to")]
    BadAddress,
    #[error("the mail server refused it for good")]
    Refused,
    #[error("the mail server did not take it: {0}")]
    Unavailable(String),
    #[error("the folder for letters cannot be written: {0}")]
    Folder(#[from] std::io::Error),
}

impl PostError {
    /// Whether another try cannot help.
    pub const fn is_final(&self) -> bool {
        match self {
            Self::Unreadable | Self::BadAddress | Self::Refused => true,
            Self::Unavailable(_) | Self::Folder(_) => false,
        }
    }

    /// As operators see it.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Unreadable => "unreadable",
            Self::BadAddress => "bad-address",
            Self::Refused => "refused",
            Self::Unavailable(_) => "unavailable",
            Self::Folder(_) => "folder",
        }
    }
}

const PATIENCE: Duration = Duration::from_secs(20);

/// The parts of an SMTP address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Smtp<'a> {
    pub host: &'a str,
    pub port: Option<u16>,
    /// TLS from the first byte (`smtps`); otherwise STARTTLS, which the server must offer.
    pub implicit_tls: bool,
    pub login: Option<(String, String)>,
}

impl Smtp<'_> {
    fn is_here(&self) -> bool {
        matches!(self.host, "localhost" | "127.0.0.1" | "[::1]" | "::1")
    }

    /// The port that was given, or the one that the kind of TLS has (RFC 8314, RFC 6409).
    pub fn port(&self) -> u16 {
        self.port.unwrap_or(match (self.implicit_tls, self.is_here()) {
            (true, _) => 465,
            (false, true) => 25,
            (false, false) => 587,
        })
    }

    /// Connects and says nothing: whether somebody listens there.
    ///
    /// # Errors
    /// Why not, without what the address holds beside.
    pub async fn answers(&self) -> Result<(), String> {
        let host = self.host.trim_start_matches('[').trim_end_matches(']');
        let connected = tokio::time::timeout(PATIENCE / 4, tokio::net::TcpStream::connect((host, self.port()))).await;
        match connected {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(error.to_string()),
            Err(_) => Err("it does not answer within five seconds".into()),
        }
    }
}

impl Post {
    /// A folder for letters, made if it is not there.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn folder(path: &Path) -> Result<Self, std::io::Error> {
        std::fs::create_dir_all(path)?;
        Ok(Self::Folder(path.to_owned()))
    }

    /// A mail server. Without TLS only on this machine itself.
    ///
    /// # Errors
    /// When TLS cannot be set up for this name.
    pub fn smtp(smtp: Smtp<'_>) -> Result<Self, String> {
        let port = smtp.port();
        let parameters = || TlsParameters::new(smtp.host.to_owned()).map_err(|error| error.to_string());
        let tls = match (smtp.implicit_tls, smtp.is_here()) {
            (true, _) => Tls::Wrapper(parameters()?),
            (false, true) => Tls::Opportunistic(parameters()?),
            (false, false) => Tls::Required(parameters()?),
        };
        let mut builder = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(smtp.host)
            .tls(tls)
            .port(port)
            .timeout(Some(PATIENCE));
        if let Some((name, password)) = smtp.login {
            builder = builder.credentials(Credentials::new(name, password));
        }
        Ok(Self::Smtp(builder.build()))
    }

    pub(super) async fn send(&self, id: Uuid, message: Message) -> Result<(), PostError> {
        match self {
            Self::Folder(folder) => {
                // Whole or not at all: whoever watches the folder never reads half a letter.
                let (half, whole) = (folder.join(format!(".{id}.part")), folder.join(format!("{id}.eml")));
                tokio::fs::write(&half, message.formatted()).await?;
                Ok(tokio::fs::rename(&half, &whole).await?)
            }
            Self::Smtp(transport) => match transport.send(message).await {
                Ok(_) => Ok(()),
                Err(error) if error.is_permanent() => Err(PostError::Refused),
                Err(error) => Err(PostError::Unavailable(error.to_string())),
            },
        }
    }
}
