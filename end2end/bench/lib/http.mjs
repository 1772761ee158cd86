// Requests as they go over the wire: nothing is decoded, and no connection is used twice.

import { request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';

import { failure } from './run.mjs';

/** One answer: its body as it was sent, and how many bytes came over the connection in all. */
export function get(port, path, encoding = 'identity') {
  return new Promise((resolved, rejected) => {
    const options = { host: '127.0.0.1', port, path, agent: false, headers: { 'accept-encoding': encoding } };
    const sent = request(options, (answer) => {
      const { socket } = answer;
      const parts = [];
      answer.on('data', (part) => parts.push(part));
      answer.on('error', rejected);
      answer.on('end', () => resolved({
        status: answer.statusCode,
        headers: answer.headers,
        encoding: answer.headers['content-encoding'] ?? 'identity',
        body: Buffer.concat(parts),
        received: socket.bytesRead,
      }));
    });
    sent.setTimeout(30_000, () => sent.destroy(new Error(`${path} did not answer within 30 s`)));
    sent.on('error', rejected);
    sent.end();
  });
}

/** The same, where anything but 200 means that there is nothing to measure. */
export async function fetched(port, path, encoding) {
  const answer = await get(port, path, encoding);
  if (answer.status !== 200) throw new Error(`${path} answered ${answer.status}`);
  return answer;
}

/** Asks every 5 ms until there is a 200. */
export async function answering(child, port, path) {
  const deadline = performance.now() + 60_000;
  while (performance.now() < deadline) {
    const status = await get(port, path).then((answer) => answer.status, () => undefined);
    if (status === 200) return;
    if (child.how !== undefined) throw failure(child, child.spawnfile, child.how);
    await sleep(5);
  }
  throw failure(child, child.spawnfile, `no 200 from ${path} within 60 s`);
}
