// Where and with what it was measured; a number without these says nothing.

import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { availableParallelism, loadavg, release, totalmem } from 'node:os';
import { join } from 'node:path';

import { BENCH, environment } from './run.mjs';

export function machine() {
  const cpu = /model name\s*:\s*(.+)/.exec(readFileSync('/proc/cpuinfo', 'utf8'))?.[1] ?? 'unknown';
  return {
    date: new Date().toISOString().slice(0, 16).replace('T', ' ') + ' UTC',
    cpu,
    cores: availableParallelism(),
    memory: `${(totalmem() / 1e9).toFixed(1)} GB`,
    kernel: release(),
    load: loadavg()[0],
    versions: versions(),
  };
}

function versions() {
  return {
    node: process.version.slice(1),
    nginx: printed('nginx', ['-v']),
    wrk: printed('wrk', ['-v']),
    chromium: printed(process.env.CHROME_PATH ?? 'chromium', ['--version']),
    next: pinned('peer', 'next'),
    react: pinned('peer', 'react'),
    lighthouse: pinned('.', 'lighthouse'),
  };
}

/** The first version number that a program prints; wrk and nginx print theirs to stderr or with an exit status of 1. */
function printed(program, args) {
  const script = '"$@" 2>&1 || true';
  const said = execFileSync('sh', ['-c', script, 'sh', program, ...args], { env: environment(), encoding: 'utf8' });
  return /\d+\.\d+(\.\d+)*/.exec(said.replace(/^.*unexpected operator.*$/m, ''))?.[0] ?? 'not installed';
}

function pinned(folder, name) {
  const manifest = join(BENCH, folder, 'package.json');
  return existsSync(manifest) ? JSON.parse(readFileSync(manifest, 'utf8')).dependencies[name] : 'not installed';
}
