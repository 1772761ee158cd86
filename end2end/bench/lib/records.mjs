// A register of many records in one organisation: what its lists cost, and how fast a file comes in.

import { closeSync, copyFileSync, fsyncSync, openSync, statSync } from 'node:fs';
import { join } from 'node:path';

import { constant } from './constant.mjs';
import { crowd, emptied, placed, quiet, rested, settled } from './organisations.mjs';
import { resident } from './process.mjs';
import { run, scratch, stop } from './run.mjs';
import { avouch } from './servers.mjs';
import { median } from './wrk.mjs';

const RATE = 20;
const LISTS = {
  'first page': '',
  'filtered by a choice': '?c1=Approved',
  'sorted by a date': '?sort=next_review',
  'sorted by a choice': '?sort=status',
  'a search of one word': '?search=network',
  'a search of two words': '?search=network+cipher',
  'a search that finds one': '?search=4711',
};

export async function records(settings, report) {
  for (const engine of settings.postgres ? ['SQLite', 'PostgreSQL'] : ['SQLite']) await report.part(`records on ${engine}`, () => register(settings, report, engine));
}

async function register(settings, report, engine) {
  const rows = settings.quick ? 100_000 : 1_000_000;
  const place = await placed(settings, engine, 'records');
  const { big, seats } = await crowd(settings, place, 'seed', '--organisations', 4, '--members', 20, '--entries', 10, '--seats', 3);
  const imported = await crowd(settings, place, 'import', '--rows', rows, '--session', big.session);
  const many = rows.toLocaleString('en');
  report.measured(`${engine}: import of ${many} records from CSV, rows/s`, imported.rate, ...(engine === 'SQLite' ? ['≥', 20_000] : []));
  await settled(settings, place);
  const ours = await avouch(settings, place.home, '/readyz', place.env);
  await quiet(settings);
  await rested(ours.child);
  const idle = resident(ours.child);
  for (const [name, query] of Object.entries(LISTS)) {
    const target = { port: ours.port, seats: [{ ...big, path: `/o/${big.slug}/registers/policies${query}` }], rate: RATE };
    await constant({ ...target, seconds: 1 });
    const seen = await constant({ ...target, seconds: settings.quick ? 5 : 30 });
    report.measured(`${engine}: ${many} records, ${name}: p99 in ms`, seen.p99, '≤', 50, { seen });
  }
  report.measured(`${engine}: memory after the lists over memory before, MB`, resident(ours.child) - idle);
  if (engine === 'SQLite') await drill(settings, report, place, many);
  await purge(settings, report, { engine, place, many, target: { port: ours.port, seats, rate: RATE } });
  await stop(ours.child);
  await emptied(settings, [place]);
  await archive(settings, report, engine, rows);
}

/** Everything of an organisation, taken along: how fast beside the compressor alone, and in how much memory. */
async function archive(settings, report, engine, rows) {
  const place = await placed(settings, engine, 'archive');
  const files = settings.quick ? 1_000 : 10_000;
  const made = await crowd(settings, place, 'archive', '--records', rows, '--files', files);
  const of = `${engine}: export of ${rows.toLocaleString('en')} records and ${files.toLocaleString('en')} files`;
  report.compared(`${of}: MB/s`, { 'MB/s': made.mb_per_second, made }, ['the compressor alone', { 'MB/s': made.compressor_mb_per_second }], 'MB/s', '≥', 0.5);
  report.measured(`${of}: memory over idle, MiB`, made.peak_over_idle_mib, '≤', 64);
  await emptied(settings, [place]);
}

/** Bytes per second that the disk takes for good. */
function disk(file) {
  const copy = join(scratch('disk'), 'copy');
  const began = performance.now();
  copyFileSync(file, copy);
  const descriptor = openSync(copy, 'r+');
  fsyncSync(descriptor);
  closeSync(descriptor);
  return statSync(file).size / 1000 / (performance.now() - began);
}

/** The newest backup, restored elsewhere and compared. */
async function drill(settings, report, place, many) {
  const env = { AVOUCH_PROFILE: place.home.profile, AVOUCH_DATA: place.home.data, AVOUCH_BACKUP_TO: scratch('copies') };
  await run(settings.avouch, ['backup'], { env, seconds: 900 });
  const file = join(place.home.data, 'avouch.db');
  const limit = disk(file);
  report.measured('this disk: a copy of that database written for good, MB/s', limit);
  const began = performance.now();
  await run(settings.avouch, ['drill'], { env, seconds: 900 });
  const rate = statSync(file).size / 1000 / (performance.now() - began);
  report.measured(`SQLite: drill of a database of ${many} records, MB/s of database`, rate, '≥', Math.min(200, limit));
}

/** The organisation goes, while others ask for their dashboards. */
async function purge(settings, report, { engine, place, many, target }) {
  const window = async () => (await constant({ ...target, rate: 100, seconds: 3 })).p99;
  const [calm, meanwhile] = [[], []];
  while (calm.length < 5) calm.push(await window());
  let gone, trouble;
  const purging = crowd(settings, place, 'purge').then((said) => (gone = said), (error) => (trouble = error));
  while (!gone && !trouble && meanwhile.length < 400) meanwhile.push(await window());
  await purging;
  if (trouble) throw trouble;
  report.measured(`${engine}: purge of ${many} records while others work, s`, gone.seconds, '≤', 60);
  const [ours, theirs] = [meanwhile, calm].map((runs) => ({ ms: median(runs), runs }));
  report.compared(`${engine}: others' dashboards during the purge: p99 in ms (median of windows of 3 s)`, ours, ['before it', theirs], 'ms', '≤', 2);
}
