// Starts the program under test in a scratch folder of its own, asks it, moves its clock, and stops it.

import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

export const END2END = dirname(fileURLToPath(import.meta.url));
export const ROOT = resolve(END2END, '..');
export const RESULTS = join(END2END, 'results');
export const PROFILES = ['aertous', 'stack-aero', 'stratuslog'];
export const DAY_SECONDS = 86_400;

const BINARY = resolve(process.env.AVOUCH_BIN ?? join(ROOT, 'target/release/avouch'));

/** How long a server may take to be ready, and to finish its first round of checks. */
const START_MS = 20_000;

/** How long a server may take to stop. */
const STOP_MS = 10_000;

/**
 * Serves a shipped profile, or what `edit` makes of its text. `data` continues an earlier instance; `shiftSeconds` is where
 * its clock starts. With `settled` false the first round of checks is not awaited.
 */
export async function start({ profile, edit, data, shiftSeconds = 0, settled = true }) {
  const folder = mkdtempSync(join(tmpdir(), 'avouch-e2e-'));
  const port = await freePort();
  const settings = {
    AVOUCH_ENVIRONMENT: 'test',
    AVOUCH_PROFILE: edit ? edited(profile, edit, folder) : profile,
    AVOUCH_DATA: data ?? join(folder, 'data'),
    AVOUCH_LISTEN: `127.0.0.1:${port}`,
    AVOUCH_CLOCK_FILE: join(folder, 'clock'),
  };
  // The embedded database cannot give the row-level isolation that this profile promises.
  const accepts = profile === 'stratuslog' && !settings.AVOUCH_DATABASE_URL ? ['--accept-unavailable'] : [];
  const server = new Server(folder, port, settings, accepts);
  server.moveClock(shiftSeconds);
  try {
    await server.run(settled);
  } catch (error) {
    server.abandon();
    throw error;
  }
  return server;
}

class Server {
  #child;
  #said = '';
  #stopping;
  #flags;

  /** Signed seconds by which its clock is ahead. */
  shift = 0;

  constructor(folder, port, settings, flags) {
    this.folder = folder;
    this.data = settings.AVOUCH_DATA;
    this.origin = `http://127.0.0.1:${port}`;
    this.clockFile = settings.AVOUCH_CLOCK_FILE;
    this.settings = settings;
    this.#flags = flags;
  }

  async run(settled) {
    this.#child = spawn(BINARY, ['serve', ...this.#flags], { cwd: this.folder, env: this.#env(), stdio: ['ignore', 'pipe', 'pipe'] });
    const hear = (text) => (this.#said += text);
    this.#child.stdout.setEncoding('utf8').on('data', hear);
    this.#child.stderr.setEncoding('utf8').on('data', hear);
    this.#child.on('error', (error) => hear(`${BINARY} cannot be run: ${error.message}\n`));
    await this.#until('ready', async () => (await this.ask('/readyz')).status === 200);
    if (!settled) return;
    const checked = (claim) => claim.finding !== 'Not checked yet.';
    await this.#until('through its first round of checks', async () => (await this.json()).claims.every(checked));
    await this.#until('up to date in its history', () => this.#historyIsUpToDate());
  }

  /** Stops it as an operator would, once. */
  stop() {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  /** Ends it as a power cut would, and leaves its data. */
  async kill() {
    const ended = once(this.#child, 'exit');
    this.#child.kill('SIGKILL');
    await ended;
    this.#stopping = Promise.resolve();
  }

  /** For one that did not start. */
  abandon() {
    this.#child.kill('SIGKILL');
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** What it must never say to its log is an error here. */
  async #stop() {
    const ended = this.#ended() ? [this.#child.exitCode] : once(this.#child, 'exit');
    this.#child.kill('SIGTERM');
    const [code] = await Promise.race([ended, sleep(STOP_MS, ['still running'], { ref: false })]);
    if (code === 'still running') this.#child.kill('SIGKILL');
    rmSync(this.folder, { recursive: true, force: true });
    if (code !== 0) throw new Error(`${STOP_MS / 1000} s after SIGTERM the server's status is ${code}. It said:\n${this.#said}`);
    const broken = this.#said.split('\n').filter((line) => /panicked|ERROR/.test(line));
    if (broken.length > 0) throw new Error(`the server's log tells of failures:\n${broken.join('\n')}`);
  }

  /** Signed seconds that are added to the real time. */
  moveClock(seconds) {
    this.shift = seconds;
    writeFileSync(this.clockFile, String(seconds));
  }

  /** Everything that it has said, its log included. */
  get said() {
    return this.#said;
  }

  /** The letters that have been sent, oldest first: to whom, about what, and the text. */
  letters() {
    const folder = join(this.data, 'mail');
    const files = existsSync(folder) ? readdirSync(folder).filter((name) => name.endsWith('.eml')) : [];
    return files.sort().map((name) => {
      const text = readFileSync(join(folder, name), 'utf8').split(/^(?=--)/m).map(decoded).join('');
      return { to: /^To: (.*)\r?$/m.exec(text)[1], text };
    });
  }

  /** The link in the newest letter to somebody, once it has come; another one than `old`. */
  async linkFor(address, page, old) {
    let link;
    await this.#until(`writing to ${address}`, async () => {
      const letter = this.letters().findLast(({ to, text }) => to === address && text.includes(page));
      link = letter && /https?:\/\/\S+?token=[0-9a-f]+/.exec(letter.text)[0];
      return link !== undefined && link !== old;
    });
    return link;
  }

  /** Waits for a letter to somebody that says something. */
  async letterTo(address, said) {
    await this.#until(`writing to ${address} about ${said}`, async () => this.letters().some(({ to, text }) => to === address && said.test(text)));
  }

  /** Runs another command of the program on the same data: its status and what it printed. */
  async command(...args) {
    const run = promisify(execFile)(BINARY, args, { cwd: this.folder, env: this.#env() });
    return run.then(
      ({ stdout, stderr }) => ({ status: 0, stdout, stderr }),
      ({ code, stdout, stderr }) => ({ status: code, stdout, stderr }),
    );
  }

  /** One plain request on a connection of its own, exactly as given. */
  async ask(path, { method = 'GET', headers = {}, body } = {}) {
    const request = http.request(this.origin + path, { method, headers, agent: false });
    request.end(body);
    const [response] = await once(request, 'response');
    const chunks = [];
    for await (const chunk of response) chunks.push(chunk);
    const content = Buffer.concat(chunks);
    return { status: response.statusCode, headers: response.headers, content, text: content.toString('utf8') };
  }

  async text(path) {
    const { status, text } = await this.ask(path);
    if (status !== 200) throw new Error(`${path} answered ${status}`);
    return text;
  }

  async json() {
    return JSON.parse(await this.text('/trust.json'));
  }

  async claim(id) {
    return (await this.json()).claims.find((claim) => claim.id === id);
  }

  /** Whether the newest entry of each claim names its present state. */
  async #historyIsUpToDate() {
    const titles = (await this.text('/trust/feed.atom')).matchAll(/<title>(\w+): (?:\w+ became|published as) (\w+)<\/title>/g);
    const told = new Map([...titles].reverse().map(([, id, state]) => [id, state]));
    const { claims } = await this.json();
    return told.size > 0 && claims.every(({ id, state }) => (told.get(id) ?? state) === state);
  }

  #ended() {
    return this.#child.exitCode !== null || this.#child.signalCode !== null || this.#child.pid === undefined;
  }

  /** Ours and the test's settings only: none that whoever runs the tests has set for another instance. */
  #env() {
    const others = Object.entries(process.env).filter(([name]) => !name.startsWith('AVOUCH_') && !name.startsWith('LEPTOS_'));
    return { ...Object.fromEntries(others), ...this.settings };
  }

  async #until(what, holds) {
    const end = Date.now() + START_MS;
    while (!(await holds().catch(() => false))) {
      if (this.#ended() || Date.now() > end) throw new Error(`the server is not ${what}. It said:\n${this.#said}`);
      await sleep(100);
    }
  }
}

/** A part of a letter as it is read: as it stands, unless it says that it is encoded. */
function decoded(part) {
  if (!/^Content-Transfer-Encoding: quoted-printable/im.test(part)) return part;
  return part.replace(/=\r?\n/g, '').replace(/=([0-9A-F]{2})/g, (_, code) => String.fromCharCode(parseInt(code, 16)));
}

/** A copy of a shipped profile below `folder`, with its text changed by `edit`. Returns its path. */
function edited(name, edit, folder) {
  const shipped = join(ROOT, 'server/profiles');
  cpSync(join(shipped, name), join(folder, name), { recursive: true });
  const text = readFileSync(join(shipped, `${name}.toml`), 'utf8');
  const changed = edit(text);
  if (changed === text) throw new Error(`the profile ${name} no longer has what this test changes in it`);
  const path = join(folder, `${name}.toml`);
  writeFileSync(path, changed);
  return path;
}

async function freePort() {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address();
  probe.close();
  await once(probe, 'close');
  return port;
}
