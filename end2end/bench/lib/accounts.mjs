// The door under load: a storm of sign-ins beside somebody who reads, and whether the door tells known addresses from unknown ones.

import { readFileSync, readdirSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';

import { resident } from './process.mjs';
import { run } from './run.mjs';
import { avouch, household } from './servers.mjs';
import { median } from './wrk.mjs';

const PASSWORD = 'violet otters eat ripe plums';
const CLIENTS = 600;
const PEOPLE = 25;
const PAIRS = 2000;
const PERMIT_MB = (19_456 * 1024) / 1e6;

export async function accounts(settings, report) {
  const seconds = settings.quick ? 8 : 30;
  const home = household({ 'first_role = "CISO"': 'first_role = "Employee"', 'rule = "everyone"': 'rule = "offered"', 'forms_per_minute = 5 ': 'forms_per_minute = 5000 ' }, withoutFactor);
  const ours = await avouch(settings, home, '/readyz', { AVOUCH_TRUSTED_PROXIES: '127.0.0.1/32', AVOUCH_MAIL: `dir:${join(home.data, 'mail')}` });
  const people = await signUp(ours.port, home);
  await sleep(8000);
  await storm(settings, report, ours, people, seconds);
  await pairs(settings, report, ours, people);
}

/** In the measured profile a password is all it takes, so that every request is one hash. */
function withoutFactor(text) {
  return text.replaceAll(/^mfa = true$/gm, 'mfa = false');
}

async function storm(settings, report, ours, people, seconds) {
  const bareRate = Number(await run(settings.bare, ['--hash', String(seconds)], { seconds: seconds + 20 }));
  const reader = await readerOf(ours.port, people[0]);
  const quiet = await reader.p99(seconds);
  const idle = resident(ours.child);
  const agent = new Agent({ keepAlive: true, maxSockets: CLIENTS });
  const form = await formOf(ours.port);
  // The connections are there before the storm: it is the door that is measured, not how fast one process opens sockets.
  const opened = Array.from({ length: CLIENTS }, (_, number) => sleep(number * 5).then(() => send(ours.port, agent, { path: '/healthz', method: 'GET' })));
  await Promise.all(opened);
  const tally = { done: 0, refused: 0, other: new Map(), refusals: [], most: idle };
  const end = performance.now() + seconds * 1000;
  const watching = setInterval(() => (tally.most = Math.max(tally.most, resident(ours.child))), 50);
  const reading = reader.p99(seconds);
  await Promise.all(Array.from({ length: CLIENTS }, (_, number) => client(ours.port, agent, form, people, number, end, tally)));
  const busy = await reading;
  clearInterval(watching);
  agent.destroy();
  reader.stop();
  if (tally.other.size > 0) throw new Error(`the storm was answered ${[...tally.other].map(([status, times]) => `${times} × ${status}`).join(', ')}`);
  const rate = tally.done / seconds;
  report.compared(`login storm of ${CLIENTS} clients for ${seconds} s`, { 'hashes/s': rate }, ['bare argon2 crate', { 'hashes/s': bareRate }], 'hashes/s', '≥', 0.9);
  report.measured('memory in the storm, MB', tally.most, '≤', (idle + 2 * PERMIT_MB) * 1.1);
  report.compared('a signed-in reader in the storm', { 'p99 in ms': busy }, ['the same, quiet', { 'p99 in ms': quiet }], 'p99 in ms', '≤', 2);
  if (tally.refusals.length === 0) throw new Error('nobody was refused: that was no storm');
  tally.refusals.sort((a, b) => a - b);
  report.measured(`surplus refused (${tally.refusals.length} times, 503 with Retry-After): p99 in ms`, at(tally.refusals, 0.99), '≤', 100);
}

/** Signs in again and again; one who is told to wait waits, give or take, as people do. */
async function client(port, agent, form, people, number, end, tally) {
  const network = `10.${(number >> 8) & 255}.${number & 255}.7`;
  const address = people[number % people.length].address;
  let own = form;
  await sleep(Math.random() * 1000);
  while (performance.now() < end) {
    const begun = performance.now();
    const answer = await post(port, agent, '/api/sign-in', own, { email: address, password: PASSWORD }, network);
    // As browsers do, it keeps the mark that the account knows it by.
    const mark = answer.headers['set-cookie']?.find((line) => line.startsWith('__Host-device='));
    if (mark) own = { ...form, cookie: `${form.cookie}; ${mark.split(';')[0]}` };
    if (performance.now() > end) return;
    if (answer.status === 200) tally.done += 1;
    else if (answer.status === 503 && answer.headers['retry-after']) {
      tally.refusals.push(performance.now() - begun);
      await sleep(Number(answer.headers['retry-after']) * 1000 * (0.75 + Math.random() / 2));
    } else tally.other.set(answer.status, (tally.other.get(answer.status) ?? 0) + 1);
  }
}

/** One after the other, a known address and an unknown one with the same wrong password. */
async function pairs(settings, report, ours, people) {
  const number = settings.quick ? 200 : PAIRS;
  const agent = new Agent({ keepAlive: true });
  const form = await formOf(ours.port);
  const gaps = [];
  const shapes = new Set();
  for (let count = 0; count < number; count++) {
    const known = people[count % people.length].address;
    const unknown = known.replace('@acme', '@none');
    const times = {};
    const order = count % 2 === 0 ? ['known', 'unknown'] : ['unknown', 'known'];
    for (const which of order) {
      const network = `10.${100 + (which === 'known' ? 0 : 1)}.${count >> 8}.${count & 255}`;
      const begun = performance.now();
      const answer = await post(ours.port, agent, '/api/sign-in', form, { email: which === 'known' ? known : unknown, password: 'wrong wrong wrong' }, network);
      times[which] = performance.now() - begun;
      shapes.add(`${answer.status} ${Object.keys(answer.headers).sort().join()} ${answer.body}`.replace(/"date"/, ''));
    }
    gaps.push(times.known - times.unknown);
  }
  agent.destroy();
  report.measured(`known and unknown addresses, ${number} interleaved pairs: different answers`, shapes.size - 1, '≤', 0);
  report.measured('the same: median gap, ms', Math.abs(median(gaps)), '≤', 1);
}

async function signUp(port, home) {
  const agent = new Agent({ keepAlive: true });
  const form = await formOf(port);
  const browsers = new Map();
  const people = Array.from({ length: PEOPLE }, (_, number) => ({ address: `person${number}@acme.example` }));
  for (const [number, { address }] of people.entries()) {
    const fields = { email: address, name: 'Bench', organisation: `Acme ${number}`, password: PASSWORD };
    const answer = await post(port, agent, '/api/sign-up', form, fields, `10.200.0.${number}`);
    if (answer.status !== 200) throw new Error(`sign-up answered ${answer.status} ${answer.body}`);
    // The link is good in the browser that signed up.
    browsers.set(address, { ...form, cookie: `${form.cookie}; ${answer.headers['set-cookie'].map((line) => line.split(';')[0]).join('; ')}` });
  }
  const links = await letters(join(home.data, 'mail'));
  for (const { to, token } of links) {
    const answer = await post(port, agent, '/api/verify-email', browsers.get(to), { token }, '10.201.0.1');
    if (answer.status !== 200) throw new Error(`a link answered ${answer.status} ${answer.body}`);
  }
  agent.destroy();
  return people;
}

async function letters(folder) {
  const read = () => readdirSync(folder).filter((name) => name.endsWith('.eml'));
  for (let tries = 0; read().length < PEOPLE; tries++) {
    if (tries > 200) throw new Error(`only ${read().length} letters have come`);
    await sleep(100);
  }
  return read().map((name) => {
    const text = readFileSync(join(folder, name), 'utf8').replace(/=\r?\n/g, '').replace(/=3D/g, '=');
    return { to: /^To: (.*?)\r?$/m.exec(text)[1], token: /token=([0-9a-f]{64})/.exec(text)[1] };
  });
}

/** Somebody who is signed in and reads their account, on a thread of their own, fifty times a second. */
async function readerOf(port, person) {
  const agent = new Agent({ keepAlive: true });
  const answer = await post(port, agent, '/api/sign-in', await formOf(port), { email: person.address, password: PASSWORD }, '10.250.0.1');
  const cookie = answer.headers['set-cookie'].map((line) => line.split(';')[0]).join('; ');
  agent.destroy();
  const worker = new Worker(new URL('./reader.mjs', import.meta.url), { workerData: { port, cookie } });
  return {
    p99: (seconds) =>
      new Promise((resolved, rejected) => {
        worker.once('message', ({ times, wrong }) => (wrong ? rejected(new Error(`the reader was answered ${wrong}`)) : resolved(at(times.sort((a, b) => a - b), 0.99))));
        worker.postMessage(seconds);
      }),
    stop: () => worker.terminate(),
  };
}

const at = (sorted, share) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))];

/** The token that forms carry, in its cookie and by itself. */
async function formOf(port) {
  const answer = await send(port, new Agent(), { path: '/sign-in', method: 'GET' });
  const cookie = answer.headers['set-cookie'].map((line) => line.split(';')[0]).join('; ');
  return { cookie, token: /name="csrf" value="([^"]+)"/.exec(answer.body)[1] };
}

function post(port, agent, path, form, fields, network) {
  const body = JSON.stringify(fields);
  const headers = {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(body),
    accept: 'application/json',
    cookie: form.cookie,
    'x-csrf-token': form.token,
    'x-forwarded-for': network,
  };
  return send(port, agent, { path, method: 'POST', headers }, body);
}

function send(port, agent, options, body) {
  return new Promise((resolved, rejected) => {
    const sent = request({ host: '127.0.0.1', port, agent, ...options }, (answer) => {
      let text = '';
      answer.setEncoding('utf8').on('data', (part) => (text += part));
      answer.on('error', rejected).on('end', () => resolved({ status: answer.statusCode, headers: answer.headers, body: text }));
    });
    sent.on('error', rejected);
    sent.end(body);
  });
}
