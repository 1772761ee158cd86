// Lighthouse 12 on the trust page, in its own default setting: a slow phone on a slow network, both simulated.

import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { avouch, household } from './servers.mjs';
import { BENCH, failure, run, scratch, start } from './run.mjs';
import { median } from './wrk.mjs';

const CATEGORIES = ['performance', 'accessibility', 'best-practices', 'seo'];
const FLAGS = [
  '--headless=new', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
  '--disable-background-networking', '--disable-component-update', '--disable-sync',
];

export async function lighthouse(settings, report) {
  const program = join(BENCH, 'node_modules/lighthouse/cli/index.js');
  if (!existsSync(program)) {
    report.skipped('Lighthouse', 'it is not installed: npm install --no-save, in end2end/bench');
    return;
  }
  const ours = await avouch(settings, household());
  const browser = await chromium();
  const audits = [];
  for (let count = 0; count < settings.audits; count++) audits.push(await audit(program, browser, ours.port));
  for (const category of CATEGORIES) {
    const runs = audits.map((scores) => scores[category]);
    report.measured(`Lighthouse ${category} (median of ${runs.length})`, median(runs), '≥', 100, { runs });
  }
}

/** A Chromium of ours, so that it ends with us whatever Lighthouse does. */
export async function chromium() {
  const home = scratch('chromium');
  const args = [...FLAGS, '--remote-debugging-port=0', `--user-data-dir=${home}`, 'about:blank'];
  const child = start(process.env.CHROME_PATH ?? 'chromium', args, { env: { HOME: home } });
  const told = join(home, 'DevToolsActivePort');
  for (let tries = 0; tries < 300; tries++) {
    if (child.how !== undefined) throw failure(child, 'chromium', child.how);
    const port = existsSync(told) ? Number.parseInt(readFileSync(told, 'utf8'), 10) : NaN;
    if (port) return { child, port };
    await sleep(100);
  }
  throw failure(child, 'chromium', 'no debugging port within 30 s');
}

async function audit(program, browser, port) {
  const home = scratch('lighthouse');
  const output = join(home, 'lighthouse.json');
  await run(process.execPath, [
    program, `http://127.0.0.1:${port}/trust`, `--port=${browser.port}`, '--quiet', '--no-enable-error-reporting',
    `--only-categories=${CATEGORIES.join(',')}`, '--output=json', `--output-path=${output}`,
  ], { env: { HOME: home }, seconds: 180 });
  const { categories, runtimeError } = JSON.parse(readFileSync(output, 'utf8'));
  if (runtimeError?.code) throw new Error(`Lighthouse: ${runtimeError.code}`);
  return Object.fromEntries(CATEGORIES.map((id) => [id, score(categories[id])]));
}

function score({ id, score }) {
  if (score === null) throw new Error(`Lighthouse gave no score for ${id}`);
  return Math.round(score * 100);
}
