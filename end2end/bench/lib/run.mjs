// Scratch folders and child processes; everything begun here is ended here.

import { spawn } from 'node:child_process';
import { closeSync, fstatSync, mkdirSync, mkdtempSync, openSync, readFileSync, readSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

export const BENCH = resolve(import.meta.dirname, '..');
export const ROOT = resolve(BENCH, '../..');

/** Command lines that were used, without what differs from machine to machine. */
export const commands = new Set();

const running = new Set();
let scratchRoot;
let count = 0;

/** A new empty folder, removed at the end. */
export function scratch(name) {
  scratchRoot ??= mkdtempSync(join(tmpdir(), 'avouch-bench-'));
  const folder = join(scratchRoot, `${name}-${++count}`);
  mkdirSync(folder);
  return folder;
}

/** Ends what still runs, and removes what was written. Runs when this process exits, so it cannot wait. */
export function removeScratch() {
  for (const child of running) signal(child, 'SIGKILL');
  if (scratchRoot) rmSync(scratchRoot, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 });
}

/** Starts a program in a process group of its own, so that its children end with it. */
export function start(command, args, { env = {}, cwd, listed = true } = {}) {
  const folder = scratch(basename(command));
  const log = join(folder, 'log');
  const output = openSync(log, 'w');
  const child = spawn(command, args, {
    cwd: cwd ?? folder,
    env: { ...environment(), TMPDIR: folder, ...env },
    detached: true,
    stdio: ['ignore', output, output],
  });
  closeSync(output);
  if (listed) commands.add(shown(command, args, env));
  running.add(child);
  child.log = log;
  child.ended = new Promise((resolved) => {
    child.once('error', (error) => ended(child, resolved, error.message));
    child.once('exit', (code, signal) => ended(child, resolved, signal ?? code));
  });
  return child;
}

function ended(child, resolved, how) {
  running.delete(child);
  child.how = how;
  resolved(how);
}

/** Ends a program: politely, and after five seconds not. */
export async function stop(child) {
  signal(child, 'SIGTERM');
  const late = sleep(5000, undefined, { ref: false }).then(() => signal(child, 'SIGKILL'));
  await Promise.race([child.ended, late]);
  await child.ended;
}

/** Ends all that still runs. */
export async function stopAll() {
  await Promise.all([...running].map(stop));
}

/** Runs a program to its end and gives what it printed. */
export async function run(command, args, options = {}) {
  const child = start(command, args, options);
  const late = sleep((options.seconds ?? 60) * 1000, 'took too long', { ref: false });
  const how = await Promise.race([child.ended, late]);
  if (how !== 0) {
    await stop(child);
    throw failure(child, command, how);
  }
  return readFileSync(child.log, 'utf8');
}

export function failure(child, command, how) {
  const last = tail(child.log).trim().split('\n').slice(-5).join(' / ');
  return new Error(`${basename(command)} ended with ${how}: ${hidden(last) || 'it printed nothing'}`);
}

function tail(path) {
  const file = openSync(path);
  const { size } = fstatSync(file);
  const bytes = Buffer.alloc(Math.min(size, 4096));
  readSync(file, bytes, 0, bytes.length, size - bytes.length);
  closeSync(file);
  return bytes.toString();
}

export function freePort() {
  return new Promise((resolved, rejected) => {
    const server = createServer();
    server.once('error', rejected);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolved(port));
    });
  });
}

function signal(child, name) {
  if (!child.pid || !running.has(child)) return;
  try {
    process.kill(-child.pid, name);
  } catch (error) {
    if (error.code !== 'ESRCH') throw error;
  }
}

/** Ours, without what would configure Avouch behind our back; nginx lives outside many a PATH. */
export function environment() {
  const kept = Object.entries(process.env).filter(([name]) => !/^(AVOUCH_|RUST_LOG$)/.test(name));
  return { ...Object.fromEntries(kept), PATH: `${process.env.PATH}:/usr/sbin:/sbin` };
}

function shown(command, args, env) {
  const settings = Object.entries(env).filter(([name]) => name !== 'HOME').map(([name, value]) => `${name}=${value}`);
  const quoted = args.map((arg) => (/[ ?]/.test(arg) ? `'${arg}'` : arg));
  return hidden([...settings, basename(command), ...quoted].join(' '));
}

function hidden(text) {
  return text
    .replaceAll(BENCH, 'end2end/bench')
    .replaceAll(ROOT, '.')
    .replaceAll(scratchRoot, 'SCRATCH')
    .replace(/(SCRATCH\/[a-z]+)-\d+/g, '$1')
    .replace(/(__Host-session=|--session )[\w-]+/g, '$1COOKIE')
    .replace(/127\.0\.0\.1:\d+/g, '127.0.0.1:PORT')
    .replace(/((?:-p|--port)[ =])\d+/g, '$1PORT');
}
