// A register of many records in one organisation: what its lists cost, and how fast a file comes in.

import { constant } from './constant.mjs';
import { crowd, emptied, placed, quiet } from './organisations.mjs';
import { resident } from './process.mjs';
import { stop } from './run.mjs';
import { avouch } from './servers.mjs';

const RATE = 20;
const LISTS = {
  'first page': '',
  'filtered by a choice': '?c1=Approved',
  'sorted by a date': '?sort=next_review',
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
  const { big } = await crowd(settings, place, 'seed', '--organisations', 1, '--members', 20, '--entries', 10, '--seats', 0);
  const imported = await crowd(settings, place, 'import', '--rows', rows, '--session', big.session);
  const many = rows.toLocaleString('en');
  report.measured(`${engine}: import of ${many} records from CSV, rows/s`, imported.rate, ...(engine === 'SQLite' ? ['≥', 20_000] : []));
  const ours = await avouch(settings, place.home, '/readyz', place.env);
  await quiet(settings);
  const idle = resident(ours.child);
  for (const [name, query] of Object.entries(LISTS)) {
    const target = { port: ours.port, seats: [{ ...big, path: `/o/${big.slug}/registers/policies${query}` }], rate: RATE };
    await constant({ ...target, seconds: 1 });
    const seen = await constant({ ...target, seconds: settings.quick ? 5 : 30 });
    report.measured(`${engine}: ${many} records, ${name}: p99 in ms`, seen.p99, '≤', 50, { seen });
  }
  report.measured(`${engine}: memory after the lists over memory before, MB`, resident(ours.child) - idle);
  await stop(ours.child);
  await emptied(settings, [place]);
}
