// The process itself: how much memory it holds, and how soon it answers.

import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

import { fetched } from './http.mjs';
import { avouch, household } from './servers.mjs';
import { stop } from './run.mjs';
import { alternate, median } from './wrk.mjs';

const LIMIT_MB = 60;
const STARTS = 5;

export async function memory(settings, report) {
  const ours = await avouch(settings, household());
  report.measured('memory right after the start, MB', resident(ours.child), '≤', LIMIT_MB);
  await warmUp(ours.port);
  await sleep(5000);
  report.measured('memory idle, 5 s after 1000 requests, MB', resident(ours.child), '≤', LIMIT_MB);
  await alternate([{ port: ours.port, path: '/trust?fresh=1' }], { ...settings, rounds: 1 });
  await sleep(5000);
  report.measured(`memory idle, 5 s after ${settings.seconds} s of fresh rendering on 64 connections, MB`, resident(ours.child));
}

async function warmUp(port) {
  for (let round = 0; round < 200; round++) {
    for (const encoding of ['identity', 'gzip', 'br']) await fetched(port, '/trust', encoding);
    await fetched(port, '/trust?fresh=1');
    await fetched(port, '/trust.json');
  }
}

/** The kernel counts in units of 1024 bytes; a MB here is 1,000,000. */
export function resident(child) {
  const status = readFileSync(`/proc/${child.pid}/status`, 'utf8');
  return (Number(/VmRSS:\s+(\d+) kB/.exec(status)[1]) * 1024) / 1e6;
}

export async function startUp(settings, report) {
  const home = household();
  const { child } = await avouch(settings, home);
  await stop(child);
  const runs = [];
  for (let count = 0; count < STARTS; count++) {
    const begun = performance.now();
    const ours = await avouch(settings, home, '/trust');
    runs.push((performance.now() - begun) / 1000);
    await stop(ours.child);
  }
  report.measured(`from spawn to the first 200 of \`/trust\`, s (median of ${STARTS})`, median(runs), '≤', 0.5, { runs });
}
