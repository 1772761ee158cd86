// Requests per second and the slowest hundredth: from memory beside nginx, and rendered anew beside two peers.

import { brotliDecompressSync, gunzipSync } from 'node:zlib';

import { fetched } from './http.mjs';
import { avouch, bare, household, next, nginx } from './servers.mjs';
import { alternate } from './wrk.mjs';

const ENCODINGS = ['identity', 'gzip', 'br'];

export async function answersFromMemory(settings, report) {
  const ours = await avouch(settings, household());
  const bytes = await variants(ours.port);
  const theirs = await nginx(bytes);
  for (const encoding of ENCODINGS) await sameAnswer(theirs.port, encoding, bytes[encoding]);
  for (const encoding of ENCODINGS) {
    const [us, them] = await alternate([
      { port: ours.port, path: '/trust', encoding },
      { port: theirs.port, path: '/index.html', encoding },
    ], settings);
    const what = `\`/trust\`, ${encoding} (${kB(bytes[encoding])} kB)`;
    report.compared(`${what}: requests/s`, us, ['nginx', them], 'rps', '≥', 1);
    report.compared(`${what}: p99 in ms`, us, ['nginx', them], 'p99', '≤', 0.5);
  }
}

/** One page in its three encodings; asked again if it was drawn anew in between. */
async function variants(port) {
  for (let attempt = 0; attempt < 5; attempt++) {
    const bytes = {};
    for (const encoding of ENCODINGS) {
      const answer = await fetched(port, '/trust', encoding);
      if (answer.encoding !== encoding) throw new Error(`/trust came as ${answer.encoding}, not as ${encoding}`);
      bytes[encoding] = answer.body;
    }
    const plain = [bytes.identity, gunzipSync(bytes.gzip), brotliDecompressSync(bytes.br)];
    if (plain.every((page) => page.equals(bytes.identity))) return bytes;
  }
  throw new Error('the three encodings of /trust do not hold the same page');
}

async function sameAnswer(port, encoding, bytes) {
  const answer = await fetched(port, '/index.html', encoding);
  if (answer.encoding !== encoding) throw new Error(`nginx sent ${answer.encoding}, not ${encoding}`);
  if (!answer.body.equals(bytes)) throw new Error(`nginx sent other bytes than Avouch (${encoding})`);
}

export async function freshRendering(settings, report) {
  const home = household();
  const ours = await avouch(settings, home);
  const claims = JSON.parse((await fetched(ours.port, '/trust.json')).body).claims;
  const peers = [await bare(settings, home), await next(ours.port)];
  const pages = [
    { name: 'Avouch', port: ours.port, path: '/trust?fresh=1' },
    { name: 'bare axum and Leptos', port: peers[0].port, path: '/' },
    // Node compiles what is hot while it runs: for half a minute Next.js grows faster.
    { name: 'Next.js', port: peers[1].port, path: '/', warmUp: settings.quick ? 5 : 30 },
  ];
  for (const page of pages) await sizeUp(page, claims, report);
  const [us, plain, node] = await alternate(pages, settings);
  report.compared('fresh rendering: requests/s', us, ['bare axum and Leptos', plain], 'rps', '≥', 0.9);
  report.compared('fresh rendering: requests/s', us, ['Next.js', node], 'rps', '≥', 25);
}

/** Says how much each renders, and fails where a claim is missing: then it would be no comparison. */
async function sizeUp({ name, port, path }, claims, report) {
  const page = (await fetched(port, path)).body;
  const missing = claims.filter(({ id }) => !page.includes(id));
  if (missing.length > 0) throw new Error(`${name} renders ${missing.length} of ${claims.length} claims not`);
  report.note(`Fresh rendering: ${name} sends ${kB(page)} kB of HTML with all ${claims.length} claims.`);
}

const kB = (bytes) => (bytes.length / 1000).toFixed(1);
