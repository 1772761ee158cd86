// Measures a release build of Avouch beside nginx, a bare axum render and Next.js. What, how and why: README.md.
//
//   node end2end/bench/run.mjs --avouch RELEASE_BINARY --bare BARE_BINARY --crowd CROWD_BINARY [--postgres URL] [--quick] [--accounts|--organisations|--records|--reviews]
//
// Each part asks only for the binaries that it needs. URL is a superuser's, postgres://LOGIN@HOST:PORT/DATABASE.
//
// Exit status: 0 all measured, whether or not a target was met; 1 something could not be measured; 2 wrong usage.

import { accessSync, constants } from 'node:fs';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';

import { accounts } from './lib/accounts.mjs';
import { answersFromMemory, freshRendering } from './lib/throughput.mjs';
import { firstVisit } from './lib/transfer.mjs';
import { lighthouse } from './lib/lighthouse.mjs';
import { organisations } from './lib/organisations.mjs';
import { records } from './lib/records.mjs';
import { memory, startUp } from './lib/process.mjs';
import { reviews } from './lib/reviews.mjs';
import { removeScratch } from './lib/run.mjs';
import { Report } from './lib/report.mjs';
import { machine } from './lib/machine.mjs';

const USAGE = 'usage: node end2end/bench/run.mjs --avouch RELEASE_BINARY --bare BARE_BINARY --crowd CROWD_BINARY [--postgres URL] [--quick] [--accounts|--organisations|--records|--reviews]';

async function main() {
  const settings = read();
  const report = new Report(machine(), settings.quick);
  if (settings.only) {
    if (settings.only === 'accounts') await report.part('accounts', () => accounts(settings, report));
    else if (settings.only === 'records') await records(settings, report);
    else if (settings.only === 'reviews') await reviews(settings, report);
    else await organisations(settings, report);
    process.stdout.write(report.write());
    return report.complete ? 0 : 1;
  }
  await report.part('answers from memory', () => answersFromMemory(settings, report));
  await report.part('fresh rendering', () => freshRendering(settings, report));
  await report.part('transfer of a first visit', () => firstVisit(settings, report));
  await report.part('memory', () => memory(settings, report));
  await report.part('start', () => startUp(settings, report));
  await report.part('accounts', () => accounts(settings, report));
  await organisations(settings, report);
  await records(settings, report);
  await reviews(settings, report);
  await report.part('Lighthouse', () => lighthouse(settings, report));
  process.stdout.write(report.write());
  return report.complete ? 0 : 1;
}

function read() {
  try {
    const text = { type: 'string' };
    const flag = { type: 'boolean', default: false };
    const { values } = parseArgs({ options: { avouch: text, bare: text, crowd: text, postgres: text, quick: flag, accounts: flag, organisations: flag, records: flag, reviews: flag } });
    const { quick, postgres } = values;
    const only = ['accounts', 'organisations', 'records', 'reviews'].find((part) => values[part]);
    return {
      avouch: binary(values.avouch, '--avouch'),
      bare: only && only !== 'accounts' ? undefined : binary(values.bare, '--bare'),
      crowd: only === 'accounts' ? undefined : binary(values.crowd, '--crowd'),
      postgres,
      quick,
      only,
      seconds: quick ? 3 : 10,
      rounds: quick ? 2 : 3,
      audits: quick ? 1 : 3,
    };
  } catch (error) {
    console.error(`${error.message}\n${USAGE}`);
    process.exit(2);
  }
}

function binary(path, flag) {
  if (!path) throw new Error(`${flag} is missing`);
  accessSync(path, constants.X_OK);
  return resolve(path);
}

// Whatever still runs ends with this process, however it ends.
process.on('exit', removeScratch);
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => process.exit(1));
process.exit(await main());
