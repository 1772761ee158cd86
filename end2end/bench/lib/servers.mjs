// The four servers that are measured.

import { cpSync, existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join } from 'node:path';

import { answering, fetched } from './http.mjs';
import { BENCH, ROOT, freePort, run, scratch, start } from './run.mjs';

const PEER = join(BENCH, 'peer');

/** Where one Avouch keeps its profile and its database. `changes` are texts of the profile and what they become. */
export function household(changes = {}, further = (text) => text, name = 'aertous') {
  const folder = scratch('household');
  cpSync(join(ROOT, `server/profiles/${name}`), join(folder, name), { recursive: true });
  const shipped = readFileSync(join(ROOT, `server/profiles/${name}.toml`), 'utf8');
  // The limiter stays on and counts; it is merely wide, because all of the load comes from one address.
  const wide = { 'reads_per_minute = 600': 'reads_per_minute = 4000000000', 'changes_per_minute = 120': 'changes_per_minute = 4000000000' };
  const changed = Object.entries({ ...wide, ...changes }).reduce((text, [old, now]) => {
    if (!text.includes(old)) throw new Error(`server/profiles/${name}.toml has no \`${old}\` to change`);
    return text.replace(old, now);
  }, shipped);
  writeFileSync(join(folder, `${name}.toml`), further(changed));
  return { profile: join(folder, `${name}.toml`), data: scratch('data') };
}

export async function avouch(settings, home, awaited = '/readyz', more = {}) {
  const port = await freePort();
  const env = {
    AVOUCH_PROFILE: home.profile,
    AVOUCH_DATA: home.data,
    AVOUCH_LISTEN: `127.0.0.1:${port}`,
    AVOUCH_ENVIRONMENT: 'development',
    ...more,
  };
  return ready(start(settings.avouch, ['serve'], { env }), port, awaited);
}

/** Reads the same records as the Avouch that serves them. */
export async function bare(settings, home) {
  const port = await freePort();
  return ready(start(settings.bare, ['--listen', `127.0.0.1:${port}`, '--data', home.data]), port, '/');
}

/** nginx with three files that hold exactly these bytes. */
export async function nginx({ identity, gzip, br }) {
  const port = await freePort();
  const folder = scratch('nginx');
  writeFileSync(join(folder, 'index.html'), identity);
  writeFileSync(join(folder, 'index.html.gz'), gzip);
  writeFileSync(join(folder, 'index.html.br'), br);
  writeFileSync(join(folder, 'nginx.conf'), nginxConf(folder, port, await modules()));
  const args = ['-p', folder, '-e', join(folder, 'error.log'), '-c', join(folder, 'nginx.conf')];
  return ready(start('nginx', args), port, '/index.html');
}

async function modules() {
  return /--modules-path=(\S+)/.exec(await run('nginx', ['-V']))?.[1] ?? 'modules';
}

function nginxConf(folder, port, modules) {
  const { uid, username } = userInfo();
  return `
daemon off;
${uid === 0 ? `user ${username};` : ''}
load_module ${modules}/ngx_http_brotli_static_module.so;
pid ${folder}/nginx.pid;
worker_processes auto;
events { worker_connections 4096; }
http {
  types { text/html html; }
  access_log off;
  sendfile on;
  tcp_nopush on;
  keepalive_requests 1000000000;
  keepalive_timeout 600s;
  gzip_static on;
  brotli_static on;
  client_body_temp_path ${folder};
  proxy_temp_path ${folder};
  fastcgi_temp_path ${folder};
  uwsgi_temp_path ${folder};
  scgi_temp_path ${folder};
  server {
    listen 127.0.0.1:${port};
    root ${folder};
  }
}
`;
}

/** A Next.js production server with the claims that this Avouch tells. */
export async function next(avouchPort) {
  const claims = join(scratch('claims'), 'trust.json');
  writeFileSync(claims, (await fetched(avouchPort, '/trust.json')).body);
  const env = { CLAIMS_JSON: claims, NEXT_TELEMETRY_DISABLED: '1' };
  await buildPeer(env);
  const port = await freePort();
  const args = ['node_modules/next/dist/bin/next', 'start', '-p', String(port), '-H', '127.0.0.1'];
  return ready(start(process.execPath, args, { env, cwd: PEER }), port, '/');
}

async function buildPeer(env) {
  if (!isInstalled()) {
    console.error('bench: installing Next.js (under a minute)');
    await run('npm', ['install', '--no-save', '--no-audit', '--no-fund', '--loglevel=error'], { cwd: PEER, seconds: 600 });
  }
  if (isBuilt()) return;
  console.error('bench: building the Next.js page (under a minute)');
  await run(process.execPath, ['node_modules/next/dist/bin/next', 'build'], { env, cwd: PEER, seconds: 600 });
}

function isInstalled() {
  const installed = join(PEER, 'node_modules/next/package.json');
  if (!existsSync(installed)) return false;
  return manifest(installed).version === manifest(join(PEER, 'package.json')).dependencies.next;
}

const manifest = (path) => JSON.parse(readFileSync(path, 'utf8'));

/** Whether there is a build, and none of its sources is younger. */
function isBuilt() {
  const built = join(PEER, '.next/BUILD_ID');
  if (!existsSync(built)) return false;
  const pages = readdirSync(join(PEER, 'app')).map((name) => `app/${name}`);
  const sources = ['package.json', 'package-lock.json', 'next.config.mjs', ...pages];
  return sources.every((name) => statSync(join(PEER, name)).mtimeMs < statSync(built).mtimeMs);
}

async function ready(child, port, path) {
  await answering(child, port, path);
  return { child, port };
}
