// Organisations: what a dashboard costs, whether others make it dearer, what row security and the log cost, and an environment for each.

import { cpSync, readFileSync, readdirSync } from 'node:fs';
import { Agent } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';

import { constant, cookie, dashboard } from './constant.mjs';
import { resident } from './process.mjs';
import { run, scratch, stop } from './run.mjs';
import { avouch, household } from './servers.mjs';
import { load, median } from './wrk.mjs';

const RATE = 200;
const MEMBERS = 1000;
const ENTRIES = 100_000;
const ORGANISATIONS = 1000;
const LOGIN = 'avouch_bench';
/** The kernel counts processor time in hundredths of a second. */
const TICKS = 100;
const CPU = 'CPU per request of avouch and PostgreSQL, ms';

export async function organisations(settings, report) {
  report.note('Constant rate: a loader of our own in Node (lib/constant.mjs), which counts from when a request was due; oha is not packaged by Debian.');
  const part = (name, measure, engine) => report.part(`${name} on ${engine}`, () => measure(settings, report, engine));
  for (const engine of settings.postgres ? ['SQLite', 'PostgreSQL'] : ['SQLite']) {
    await part('a big organisation', shared, engine);
    await part('from 10 to 10,000 organisations', growth, engine);
    await part('a database for each organisation', dedicated, engine);
  }
  if (!settings.postgres) return report.skipped('organisations on PostgreSQL', '--postgres URL was not given');
  await sql(settings, `drop role if exists ${LOGIN}`).catch((error) => report.note(`The login ${LOGIN} stays: ${error.message}`));
}

/** A big organisation among many: its log, its dashboard, and on PostgreSQL the same behind row security. */
async function shared(settings, report, engine) {
  const place = await placed(settings, engine, 'shared');
  const seeded = await crowd(settings, place, 'seed', '--organisations', ORGANISATIONS, '--members', MEMBERS, '--entries', ENTRIES, '--seats', 10, '--rounds', 2);
  report.measured(`${engine}: the schedule's round through ${ORGANISATIONS.toLocaleString('en')} organisations when nothing is due, s`, seeded.rounds_s[1]);
  await log(settings, report, engine, place, seeded.big);
  await settled(settings, place);
  const behind = engine === 'PostgreSQL' ? await copied(settings, place) : undefined;

  const ours = await avouch(settings, place.home, '/readyz', place.env);
  await quiet(settings);
  await rested(ours.child);
  const target = { port: ours.port, seats: [seeded.big], rate: RATE };
  await constant({ ...target, seconds: 2 });
  const seconds = settings.quick ? 6 : 65;
  const [seen, cpu] = await costing(ours, place, () => constant({ ...target, seconds }));
  const of = `${MEMBERS.toLocaleString('en')} members, ${ENTRIES.toLocaleString('en')} entries, among ${ORGANISATIONS.toLocaleString('en')}`;
  report.measured(`${engine}: dashboard (${of}) at ${RATE}/s for ${seconds} s: p99 in ms`, seen.p99, '≤', 25, { seen });
  report.measured(`${engine}: the same: median in ms`, seen.median);
  report.measured(`${engine}: the same: ${engine === 'SQLite' ? 'CPU per request of avouch, ms' : CPU}`, cpu / seen.requests);
  if (behind) await rowSecurity(settings, report, seeded.big, { ...ours, place }, behind);
  await stop(ours.child);
  await emptied(settings, [place, behind]);
}

async function log(settings, report, engine, place, big) {
  const walks = [];
  for (let count = 0; count < 3; count++) walks.push(await crowd(settings, place, 'verify'));
  const [rate, bare] = ['rate', 'bare'].map((of) => median(walks.map((walk) => walk[of])));
  report.measured(`${engine}: log verified, entries/s (median of 3)`, rate, '≥', 200_000, { peer: { name: 'bare SHA-256 of the same bytes', value: bare }, runs: walks });
  const changes = settings.quick ? 100 : 500;
  const { change_ms, append_ms } = await crowd(settings, place, 'append', '--changes', changes, '--session', big.session);
  report.measured(`${engine}: the append as a share of a change of role (${append_ms.toFixed(2)} of ${change_ms.toFixed(2)} ms)`, append_ms / change_ms, '≤', 0.1);
}

/** The same data and the same requests, as many as it bears, in turn. */
async function rowSecurity(settings, report, seat, scoped, { home, place }) {
  const secured = await avouch(settings, home, '/readyz', place.env);
  await quiet(settings);
  await rested(secured.child);
  const of = [{ ...scoped, runs: [] }, { ...secured, place, runs: [] }];
  const seconds = settings.quick ? 3 : 8;
  const ask = ({ port }, length) => load({ port, path: `/o/${seat.slug}`, cookie: cookie(seat) }, length);
  for (const server of of) {
    // One at a time first: what is measured is a server that has the organisation's key in memory.
    await constant({ port: server.port, seats: [seat], rate: 20, seconds: 1 });
    await ask(server, 1);
  }
  for (let round = 0; round < settings.rounds + 1; round++) {
    // In the other order each second time: whoever comes first after a pause has it easier.
    for (const server of round % 2 === 0 ? of : of.toReversed()) {
      const [{ rps }, cpu] = await costing(server, server.place, () => ask(server, seconds));
      server.runs.push({ rps, cpu: cpu / (rps * seconds) });
    }
  }
  const [without, behind] = of.map(({ runs }) => ({ runs, 'requests/s': median(runs.map(({ rps }) => rps)), [CPU]: median(runs.map(({ cpu }) => cpu)) }));
  report.compared('row security: dashboard on 64 connections: requests/s', behind, ['scoped', without], 'requests/s', '≥', 0.85);
  report.compared(`row security: ${CPU}`, behind, ['scoped', without], CPU, '≤', 1.15);
  await stop(secured.child);
}

/** The same requests to ten small organisations, with nobody else there and with ten thousand. */
async function growth(settings, report, engine) {
  const of = [];
  for (const number of [10, 10_000]) {
    const place = await placed(settings, engine, `of_${number}`);
    const { seats } = await crowd(settings, place, 'seed', '--organisations', number, '--seats', 10);
    await settled(settings, place);
    of.push({ place, seats, runs: [] });
  }
  for (const one of of) Object.assign(one, await avouch(settings, one.place.home, '/readyz', one.place.env));
  await quiet(settings);
  for (const { child } of of) await rested(child);
  const seconds = settings.quick ? 3 : 6;
  for (const one of of) await constant({ ...one, rate: RATE, seconds: 1 });
  for (let round = 0; round < settings.rounds; round++) {
    for (const one of round % 2 === 0 ? of : of.toReversed()) {
      const [seen, cpu] = await costing(one, one.place, () => constant({ ...one, rate: RATE, seconds }));
      one.runs.push({ median: seen.median, cpu: cpu / seen.requests });
    }
  }
  const [few, many] = of.map(({ runs }) => ({ runs, 'CPU per request, ms': median(runs.map(({ cpu }) => cpu)), 'median in ms': median(runs.map((one) => one.median)) }));
  for (const unit of ['CPU per request, ms', 'median in ms']) report.compared(`${engine}: dashboard among 10,000 organisations: ${unit}`, many, ['among 10', few], unit, '≤', 1.2);
  for (const { child } of of) await stop(child);
  await emptied(settings, of.map(({ place }) => place));
}

/** An organisation as people make one, where each has a database of its own; and many of them on one instance. */
async function dedicated(settings, report, engine) {
  const place = await placed(settings, engine, 'dedicated', 'stack-aero');
  // A database on a PostgreSQL server is eight megabytes: there, only how long one takes is measured.
  const number = engine === 'SQLite' ? ORGANISATIONS : 10;
  const { seats, took_ms } = await crowd(settings, place, 'make', '--organisations', number);
  report.measured(`${engine}: an organisation made in dedicated mode, s (median of ${number})`, median(took_ms) / 1000);
  report.measured(`${engine}: the same, the slowest`, Math.max(...took_ms) / 1000, '≤', 2);
  if (engine === 'SQLite') await instance(settings, report, place, seats);
  await emptied(settings, [place]);
}

async function instance(settings, report, place, seats) {
  const ours = await avouch(settings, place.home, '/readyz', place.env);
  await quiet(settings);
  const agent = new Agent({ keepAlive: true });
  const begun = performance.now();
  for (const seat of seats) await dashboard(ours.port, seat, agent);
  agent.destroy();
  const each = (performance.now() - begun) / seats.length;
  report.measured(`${seats.length.toLocaleString('en')} organisations in dedicated mode on one instance, each looked at once (${each.toFixed(1)} ms each): memory, MB`, resident(ours.child), '≤', 512);
  await stop(ours.child);
}

/** What a run of this costs in processor time, in milliseconds: of avouch, and of PostgreSQL's processes for its database. */
async function costing({ child }, place, measure) {
  const before = spent(child.pid) + spentBeside(place);
  const seen = await measure();
  return [seen, ((spent(child.pid) + spentBeside(place) - before) * 1000) / TICKS];
}

/** Until the server has nothing more to do by itself: what is due at a start, and the first backup of a large database, take a while. */
export async function rested({ pid }) {
  for (let asked = 0; asked < 60; asked++) {
    const before = spent(pid);
    await sleep(2000);
    // A fiftieth of one processor.
    if (spent(pid) - before <= 4) return;
  }
}

export function spent(pid) {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').replace(/^.*\) /, '').split(' ');
  return Number(fields[11]) + Number(fields[12]);
}

function spentBeside({ database }) {
  if (!database) return 0;
  const ticks = (pid) => {
    try {
      return readFileSync(`/proc/${pid}/cmdline`, 'utf8').startsWith(`postgres: ${LOGIN} ${database} `) ? spent(pid) : 0;
    } catch {
      return 0; // It ended while we looked.
    }
  };
  return readdirSync('/proc').filter((name) => /^\d+$/.test(name)).reduce((sum, pid) => sum + ticks(pid), 0);
}

/** Until what the server does at its start is over: its checks, which hash passwords. */
export const quiet = (settings) => sleep(settings.quick ? 4000 : 10_000);

/** Where one seeded instance keeps its things. */
export async function placed(settings, engine, name, profile = 'aertous') {
  const home = household({}, (text) => text, profile);
  if (engine === 'SQLite') return { home, env: {} };
  const database = `avouch_bench_${name}`;
  await sql(settings, `drop database if exists ${database} with (force)`, `create database ${database}`);
  return within(settings, home, database);
}

async function within(settings, home, database) {
  await sql(settings, `do $$ begin create role ${LOGIN} login nosuperuser nobypassrls password '${LOGIN}'; exception when duplicate_object then null; end $$`);
  const admin = settings.postgres.replace(/\/[^/?]*(\?|$)/, `/${database}$1`);
  const serving = admin.replace(/\/\/[^@]*@/, `//${LOGIN}:${LOGIN}@`);
  return { home, database, admin, serving, env: { AVOUCH_DATABASE_URL: serving, AVOUCH_ADMIN_DATABASE_URL: admin } };
}

/** The same data once more, for the same profile behind row security. */
async function copied(settings, place) {
  const home = household({ 'isolation = "scoped"  ': 'isolation = "row-level"  ' });
  cpSync(place.home.data, home.data, { recursive: true });
  const database = `${place.database}_rows`;
  await sql(settings, `drop database if exists ${database} with (force)`, `create database ${database} template ${place.database}`);
  const copy = await within(settings, home, database);
  await settled(settings, copy);
  return { home, place: copy, ...copy };
}

/** What PostgreSQL does by itself within minutes: it learns how the rows lie. */
export async function settled(settings, { admin }) {
  if (admin) await psql(admin, 'vacuum analyze');
}

const sql = (settings, ...statements) => psql(settings.postgres, ...statements);

/** Statements, each in a transaction of its own; what they print. */
function psql(url, ...statements) {
  return run('psql', ['-XqAt', '-v', 'ON_ERROR_STOP=1', ...statements.flatMap((statement) => ['-c', statement]), url], { listed: false });
}

/** Leaves a server that was lent as it was. */
export async function emptied(settings, places) {
  for (const { database, admin } of places.filter((place) => place?.database)) {
    const own = (await psql(admin, "select location from environment where location like 'avouch_o_%'")).split('\n').filter(Boolean);
    for (const name of own) await sql(settings, `drop database if exists "${name}" with (force)`, `drop role if exists "${name}"`);
    await sql(settings, `drop database if exists ${database} with (force)`);
  }
}

/** The seeding program; it prints one line of JSON. */
export async function crowd(settings, { home, serving, admin }, command, ...more) {
  const at = ['--profile', home.profile, '--data', home.data, ...(admin ? ['--postgres', serving, '--admin', admin] : [])];
  const said = await run(settings.crowd, [command, ...at, ...more.map(String)], { seconds: 1800 });
  return JSON.parse(said.trim().split('\n').at(-1));
}
