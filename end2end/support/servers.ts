// Starts the real program before the tests: one server on SQLite and, when MERIDIAN_TEST_POSTGRES is set, one on
// PostgreSQL. Both begin with the demo in an empty database and leave nothing behind.

import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import { closeSync, existsSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

export type ServerName = "sqlite" | "postgres";

/** The variable that tells the tests where a server listens. */
export const addressVariable = (name: ServerName) => `MERIDIAN_E2E_${name.toUpperCase()}`;

const root = resolve(import.meta.dirname, "../..");
const program = process.env.MERIDIAN_BIN ?? join(root, "target/meridian");
const startSeconds = 60;
const stopSeconds = 15;

interface Server {
  name: ServerName;
  process: ChildProcess;
  log: string;
  data: string;
}

export default async function start(): Promise<() => Promise<void>> {
  if (!existsSync(program)) throw new Error(`${program} is missing: run the tests with \`make e2e\``);
  const servers: Server[] = [];
  const stopAll = async () => {
    const faults = await Promise.all(servers.map(stop));
    if (faults.some(Boolean)) throw new Error(faults.filter(Boolean).join("\n"));
  };
  try {
    await startServer(servers, "sqlite", (data) => `sqlite:${join(data, "meridian.sqlite")}`);
    const postgres = process.env.MERIDIAN_TEST_POSTGRES;
    if (postgres) await startServer(servers, "postgres", () => emptyDatabase(postgres));
  } catch (error) {
    await stopAll().catch(() => undefined);
    throw error;
  }
  return stopAll;
}

async function startServer(servers: Server[], name: ServerName, database: (data: string) => string) {
  const data = mkdtempSync(join(tmpdir(), `meridian-e2e-${name}-`));
  const log = join(root, "target", `e2e-${name}.log`);
  mkdirSync(join(root, "target"), { recursive: true });
  const address = `127.0.0.1:${await freePort()}`;
  const url = `http://${address}`;
  const output = openSync(log, "w");
  const child = spawn(program, ["serve"], {
    cwd: data,
    stdio: ["ignore", output, output],
    env: {
      PATH: process.env.PATH,
      HOME: data,
      RUST_BACKTRACE: "1",
      MERIDIAN_DATABASE_URL: database(data),
      MERIDIAN_DATA_DIR: data,
      MERIDIAN_LISTEN: address,
      MERIDIAN_PUBLIC_URL: url,
      MERIDIAN_SITE_DIR: process.env.MERIDIAN_SITE_DIR ?? join(root, "target/site"),
      MERIDIAN_DEMO: "true",
      // Receivers of webhooks run on this machine.
      MERIDIAN_ALLOW_PRIVATE_URLS: "on",
      MERIDIAN_RATE_LIMITS: "off",
    },
  });
  closeSync(output);
  servers.push({ name, process: child, log, data });
  let failed: Error | undefined;
  child.once("error", (error) => (failed = error));

  const deadline = Date.now() + startSeconds * 1000;
  for (;;) {
    if (failed) throw failed;
    if (child.exitCode !== null || child.signalCode !== null) {
      throw new Error(`The ${name} server ended at once:\n${tail(log)}`);
    }
    if (Date.now() > deadline) {
      throw new Error(`The ${name} server is not ready after ${startSeconds} s:\n${tail(log)}`);
    }
    const answer = await fetch(`${url}/readyz`).catch(() => undefined);
    if (answer?.ok) break;
    await sleep(100);
  }
  process.env[addressVariable(name)] = url;
}

/** Stops a server as an operator would. Answers with what was wrong, if anything was. */
async function stop(server: Server): Promise<string | undefined> {
  const { name, process: child, log, data } = server;
  const running = child.exitCode === null && child.signalCode === null;
  const ended = running ? new Promise<void>((done) => child.once("exit", () => done())) : Promise.resolve();
  if (running) child.kill("SIGTERM");
  const late = new AbortController();
  const inTime = await Promise.race([
    ended.then(() => true),
    sleep(stopSeconds * 1000, false, { signal: late.signal }).catch(() => true),
  ]);
  late.abort();
  if (!inTime) {
    child.kill("SIGKILL");
    await ended;
  }
  rmSync(data, { recursive: true, force: true });
  if (!running) return `The ${name} server ended during the tests:\n${tail(log)}`;
  if (!inTime) return `The ${name} server did not stop within ${stopSeconds} s of SIGTERM:\n${tail(log)}`;
  if (child.exitCode !== 0) {
    return `The ${name} server ended with ${child.exitCode ?? child.signalCode}:\n${tail(log)}`;
  }
  if (readFileSync(log, "utf8").includes("panicked at")) return `The ${name} server panicked: see ${log}`;
  return undefined;
}

/** A database of its own, so that the tests of the storage layer and these do not meet. */
function emptyDatabase(server: string): string {
  const name = "meridian_e2e";
  const psql = (sql: string) =>
    execFileSync("psql", ["--quiet", "--no-psqlrc", "--set=ON_ERROR_STOP=1", "--command", sql, server], {
      stdio: ["ignore", "ignore", "pipe"],
    });
  psql(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`);
  psql(`CREATE DATABASE ${name}`);
  const url = new URL(server);
  url.pathname = `/${name}`;
  return url.href;
}

function freePort(): Promise<number> {
  return new Promise((done, fail) => {
    const probe = createServer();
    probe.once("error", fail);
    probe.listen(0, "127.0.0.1", () => {
      const { port } = probe.address() as AddressInfo;
      probe.close(() => done(port));
    });
  });
}

const tail = (log: string) => readFileSync(log, "utf8").split("\n").slice(-30).join("\n");
