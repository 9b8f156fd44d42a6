//! The command line.

use super::{
    backup, clock,
    config::Config,
    context::Context,
    demo,
    http::{AppState, router},
    jobs::worker,
    limits::Limiter,
    store::{Db, workspaces},
    use_cases::{self, set_up},
};
use crate::domain::text::{EmailAddress, Name};
use axum::serve::ListenerExt;
use clap::{Parser, Subcommand};
use leptos::config::get_config_from_str;
use std::{
    io::{self, IsTerminal, Write},
    net::SocketAddr,
    path::PathBuf,
    process::ExitCode,
    sync::Arc,
    time::Duration,
};
use tokio::{net::TcpListener, signal::unix};

/// Appointments that people book themselves: one program, its own pages, SQLite or PostgreSQL.
///
/// `meridian serve` is all that is needed: it makes a data folder, a database and a secret, and the first visit to
/// http://127.0.0.1:3000 sets up a workspace. Settings come from a file (--config) and from MERIDIAN_* variables;
/// the variables win.
#[derive(Debug, Parser)]
#[command(name = "meridian", version, after_help = SETTINGS, arg_required_else_help = true)]
struct Cli {
    /// A file of settings, such as meridian.toml: one `name = "value"` a line, names as below in small letters and
    /// without MERIDIAN_.
    #[arg(long, global = true, env = "MERIDIAN_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

const SETTINGS: &str = "Settings:
  MERIDIAN_LISTEN           address and port to listen on               [127.0.0.1:3000]
  MERIDIAN_PUBLIC_URL       how the outside reaches this server         [http://LISTEN]
  MERIDIAN_DATA_DIR         folder of the database and the secret       [data]
  MERIDIAN_DATABASE_URL     sqlite:PATH or postgres://USER:PW@HOST/DB   [sqlite:DATA_DIR/meridian.sqlite]
  MERIDIAN_DATABASE_CONNECTIONS  PostgreSQL connections at most         [10]
  MERIDIAN_SECRET           base64 of 32 random bytes or more           [made in DATA_DIR/secret]
  MERIDIAN_SITE_DIR         folder of the built scripts and styles      [site beside the program]
  MERIDIAN_LOG              error, warn, info, debug or trace           [info]
  MERIDIAN_LOG_FORMAT       text or json                                [text]
  MERIDIAN_TRUSTED_PROXIES  IP addresses whose X-Forwarded-For counts   [none]
  MERIDIAN_RATE_LIMITS      on or off                                   [on]
  MERIDIAN_DEMO             true fills an empty database with a demo    [false]
  MERIDIAN_OLD_SECRETS      former secrets, separated by commas         [none]
  MERIDIAN_WORKER           off: `meridian worker` does the jobs        [on]
  MERIDIAN_ALLOW_PRIVATE_URLS  on: webhooks and calendars may be there  [off]
  MERIDIAN_SMTP_HOST        mail server; without one mail is kept       [none]
  MERIDIAN_SMTP_PORT        its port                                    [587, 465 or 25]
  MERIDIAN_SMTP_SECURITY    starttls, tls or none                       [starttls]
  MERIDIAN_SMTP_USERNAME    user at the mail server                     [none]
  MERIDIAN_SMTP_PASSWORD    password at the mail server                 [none]
  MERIDIAN_MAIL_FROM        sender, such as Studio <mail@example.com>   [none]
  MERIDIAN_GOOGLE_CLIENT_ID, _CLIENT_SECRET     app at Google       [none]
  MERIDIAN_MICROSOFT_CLIENT_ID, _CLIENT_SECRET  app at Microsoft    [none]
  MERIDIAN_MICROSOFT_TENANT     directory, or common                [common]
  MERIDIAN_{GOOGLE,MICROSOFT}_{AUTHORIZE,TOKEN,REVOKE,API}_URL  endpoints, for tests [theirs]";

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve pages and the API until SIGTERM or Ctrl-C; applies missing migrations first.
    Serve,
    /// Do the jobs of the queue (mail, reminders, webhooks) and nothing else, until SIGTERM or Ctrl-C. A server does them
    /// too, unless MERIDIAN_WORKER is off.
    Worker,
    /// Look at the queue, and mend it.
    #[command(subcommand)]
    Jobs(JobsCommand),
    /// Bring the database up to date and stop.
    Migrate,
    /// Fill an empty database with the demo and stop.
    Demo,
    /// Manage people who sign in.
    #[command(subcommand)]
    User(UserCommand),
    /// Write a consistent copy of the SQLite database and the secret into a new folder, while the server runs.
    Backup {
        /// The folder to make.
        folder: PathBuf,
    },
    /// Put a backup into the (empty) data folder. Stop the server first.
    Restore {
        /// The folder that `backup` made.
        folder: PathBuf,
        /// Keep an existing database beside the restored one, with `.before-restore-` and the time at the end of its name.
        #[arg(long)]
        replace: bool,
    },
}

#[derive(Debug, Subcommand)]
enum UserCommand {
    /// Add a member. The password is read from standard input.
    Add {
        /// The address to sign in with.
        email: String,
        /// The name that customers read.
        #[arg(long)]
        name: String,
        /// staff, manager or admin.
        #[arg(long, default_value = "staff", value_parser = ["staff", "manager", "admin"])]
        role: String,
        /// The workspace's part of the address; the first one when left out.
        #[arg(long)]
        workspace: Option<String>,
    },
}

#[derive(Debug, Subcommand)]
enum JobsCommand {
    /// List jobs, those that were touched last first, and how many there are in each lane.
    List {
        /// queued, dead or done.
        #[arg(long, default_value = "dead", value_parser = ["queued", "dead", "done"])]
        status: String,
        /// How many at most.
        #[arg(long, default_value_t = 50)]
        most: u32,
    },
    /// Show one job, with what it holds.
    Show {
        /// Its id.
        id: String,
    },
    /// Let a job run now, with all its attempts before it again.
    Retry {
        /// Its id.
        id: String,
    },
    /// Give a job up.
    Drop {
        /// Its id.
        id: String,
    },
}

/// What ends a command: a sentence.
type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Runs the command line of this process.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    match run(cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // The one place that speaks to a person on standard error; a closed pipe is no reason to panic.
            let _ = writeln!(io::stderr(), "meridian: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(cli: Cli) -> Result<(), Failure> {
    let config = Config::load(cli.config.as_deref(), |name| std::env::var(name).ok())?;
    log_to_stderr(&config);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        match cli.command {
            Command::Serve => serve(config).await,
            Command::Worker => work(config).await,
            Command::Jobs(command) => queue(config, command).await,
            Command::Migrate => {
                open(config).await?.db.close().await;
                say("The database is up to date.")
            }
            Command::Demo => {
                let context = open(config).await?;
                demo_stays_here(&context)?;
                let filled = demo::fill(&context, clock::now()).await?;
                context.db.close().await;
                say(if filled {
                    "The demo is in the database."
                } else {
                    "The database is not empty; nothing was changed."
                })
            }
            Command::User(UserCommand::Add { email, name, role, workspace }) => {
                add_user(config, &email, &name, &role, workspace).await
            }
            Command::Backup { folder } => say(&backup::backup(&config, &folder).await?),
            Command::Restore { folder, replace } => say(&backup::restore(&config, &folder, replace).await?),
        }
    })
}

fn say(line: &str) -> Result<(), Failure> {
    writeln!(io::stdout(), "{line}")?;
    Ok(())
}

fn log_to_stderr(config: &Config) {
    // Libraries speak up from warnings on, whatever we say of ourselves; not even then if only errors are wanted.
    let libraries = if config.log == "error" { "error" } else { "warn" };
    let directives = format!("sqlx={libraries},leptos={libraries},tower_http={libraries},{}", config.log);
    let filter = tracing_subscriber::EnvFilter::new(directives);
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr);
    // Set twice only where several commands run in one process (tests); the first one stays.
    let _ = if config.log_json {
        builder.json().flatten_event(true).try_init()
    } else {
        builder.with_ansi(io::stderr().is_terminal()).with_target(false).try_init()
    };
}

/// Opens the database, applies migrations, reads the secret.
async fn open(config: Config) -> Result<Context, Failure> {
    config
        .make_data_dir()
        .map_err(|error| format!("The folder {} can't be made: {error}.", config.data_dir.display()))?;
    let secret = config.secret(std::env::var("MERIDIAN_SECRET").ok())?;
    let secret = config.with_old_secrets(secret, std::env::var("MERIDIAN_OLD_SECRETS").ok())?;
    let db = Db::open(&config.database_url, config.database_connections)
        .await
        .map_err(|error| format!("The database can't be opened: {error}."))?;
    db.migrate().await.map_err(|error| format!("The database can't be brought up to date: {error}."))?;
    use_cases::upkeep::know_secret(&db, &secret).await?;
    let limiter = Arc::new(Limiter::new(config.no_rate_limits));
    Ok(Context { db, config: Arc::new(config), secret, limiter })
}

/// The demo's password can be read in its source.
fn demo_stays_here(context: &Context) -> Result<(), Failure> {
    if set_up::needs_code(context) {
        return Err(
            "The demo's sign-in is known to everyone, so it runs only where nobody else can reach it: \
                    listen on 127.0.0.1, with a public URL there too."
                .into(),
        );
    }
    Ok(())
}

async fn serve(config: Config) -> Result<(), Failure> {
    let context = open(config).await?;
    if context.config.demo {
        demo_stays_here(&context)?;
    }
    if context.config.demo && demo::fill(&context, clock::now()).await? {
        tracing::info!("filled the empty database with the demo");
    }
    let mut options = get_config_from_str(include_str!("../../Leptos.toml"))
        .map_err(|error| format!("Leptos.toml is not readable: {error}."))?;
    let site_dir = &context.config.site_dir;
    options.site_root = site_dir.display().to_string().into();
    options.site_addr = context.config.listen;
    let hashes = std::path::absolute(site_dir.join("hash.txt"))?;
    options.hash_files = hashes.is_file();
    options.hash_file = hashes.display().to_string().into();
    if !site_dir.join("pkg").is_dir() {
        tracing::warn!(folder = %site_dir.display(), "no scripts and styles here; pages work, but plainly (MERIDIAN_SITE_DIR)");
    }
    let listener = TcpListener::bind(context.config.listen)
        .await
        .map_err(|error| format!("Can't listen on {}: {error}.", context.config.listen))?;
    let address = listener.local_addr()?;
    // A server whose output nobody reads still serves.
    if let Err(error) = announce(&context, address).await {
        tracing::warn!(%error, "could not say where the server is");
    }
    let db = context.db.clone();
    let app = router(AppState { context: context.clone(), leptos: options });
    let listener = listener.tap_io(|stream| {
        // Answers are small and written at once: waiting to fill a packet only delays them.
        if let Err(error) = stream.set_nodelay(true) {
            tracing::trace!(%error, "TCP_NODELAY");
        }
    });
    let service = app.into_make_service_with_connect_info::<SocketAddr>();
    let serving = axum::serve(listener, service).with_graceful_shutdown(stop_signal());
    let serving = async {
        tokio::select! {
            done = serving.into_future() => done,
            () = overtime() => {
                tracing::warn!("some connections were still open after 30 seconds");
                Ok(())
            }
        }
    };
    if context.config.worker {
        worker::beside(&context, serving).await?;
    } else {
        serving.await?;
    }
    db.close().await;
    tracing::info!("stopped");
    Ok(())
}

/// Tells a person where to go, on standard output; logs stay on standard error.
async fn announce(context: &Context, address: SocketAddr) -> Result<(), Failure> {
    let mut conn = context.db.read().await?;
    let first = workspaces::first(&mut conn).await?;
    let url = if context.config.listen.port() == 0 {
        format!("http://{address}")
    } else {
        context.config.public_url.clone()
    };
    say(&format!("Meridian is ready at {url}"))?;
    match first {
        Some(workspace) => {
            say(&format!("  Book:    {url}/book/{}", workspace.slug))?;
            say(&format!("  Sign in: {url}/sign-in"))?;
            if context.config.demo && workspace.slug == demo::WORKSPACE && !set_up::needs_code(context) {
                say(&format!("           as {} with the password {}", demo::EMAIL, demo::PASSWORD))?;
            }
            say(&format!("  API:     {url}/api/openapi.json"))?;
        }
        None => {
            say(&format!("  Set up:  {url}/setup"))?;
            if set_up::needs_code(context) {
                say(&format!("           with the code {}", context.secret.set_up_code()))?;
            }
        }
    }
    Ok(())
}

/// Waits for SIGTERM or Ctrl-C.
async fn stop_signal() {
    let (terminate, interrupt) =
        (unix::signal(unix::SignalKind::terminate()), unix::signal(unix::SignalKind::interrupt()));
    match (terminate, interrupt) {
        (Ok(mut terminate), Ok(mut interrupt)) => {
            tokio::select! { _ = terminate.recv() => {}, _ = interrupt.recv() => {} }
            tracing::info!("stopping: finishing what is in flight");
        }
        // Without signals there is no graceful end, but there is a server.
        _ => std::future::pending().await,
    }
}

/// Ends 30 seconds after the signal: an idle connection must not keep the server alive for ever.
async fn overtime() {
    stop_signal().await;
    tokio::time::sleep(Duration::from_secs(30)).await;
}

/// Does the jobs of the queue until it is told to stop.
async fn work(config: Config) -> Result<(), Failure> {
    let context = open(config).await?;
    say("Meridian's worker is ready.")?;
    worker::beside(&context, stop_signal()).await;
    context.db.close().await;
    tracing::info!("stopped");
    Ok(())
}

async fn queue(config: Config, command: JobsCommand) -> Result<(), Failure> {
    let context = open(config).await?;
    let text = match command {
        JobsCommand::List { status, most } => {
            use_cases::operator::list(&context, &status, most, clock::now()).await?
        }
        JobsCommand::Show { id } => use_cases::operator::show(&context, &id).await?,
        JobsCommand::Retry { id } => use_cases::operator::retry(&context, &id, clock::now()).await?,
        JobsCommand::Drop { id } => use_cases::operator::drop(&context, &id, clock::now()).await?,
    };
    context.db.close().await;
    say(text.trim_end())
}

async fn add_user(
    config: Config,
    email: &str,
    name: &str,
    role: &str,
    workspace: Option<String>,
) -> Result<(), Failure> {
    let (email, name) = (EmailAddress::parse(email)?, Name::parse(name)?);
    if io::stdin().is_terminal() {
        say("Type the password and press Enter:")?;
    }
    let mut password = String::new();
    io::stdin().read_line(&mut password)?;
    let password = password.trim_end_matches(['\r', '\n']);
    set_up::check_password(password)?;
    let context = open(config).await?;
    set_up::add_user(&context, &email, &name, password, role, workspace.as_deref(), clock::now()).await?;
    context.db.close().await;
    say(&format!("{name} can sign in as {email}."))
}
