// Load at a constant rate: a request is sent when its time has come, whether or not those before it were answered, and its latency counts
// from when it should have been sent, so that a server that stalls is not spared.

import { Agent, request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';

const CONNECTIONS = 64;

/** Asks for the dashboards of `seats` in turn. Milliseconds: the median, the 99th percentile and the longest; and how many requests that were. */
export async function constant({ port, seats, rate, seconds }) {
  const agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS });
  const number = Math.round(rate * seconds);
  const times = [];
  const waiting = [];
  const begun = performance.now() + 5;
  for (let sent = 0; sent < number;) {
    const now = performance.now();
    for (; sent < number && begun + (sent * 1000) / rate <= now; sent++) {
      const due = begun + (sent * 1000) / rate;
      waiting.push(dashboard(port, seats[sent % seats.length], agent).then(() => times.push(performance.now() - due)));
    }
    await sleep(Math.max(0, begun + (sent * 1000) / rate - performance.now()));
  }
  await Promise.all(waiting);
  agent.destroy();
  times.sort((a, b) => a - b);
  const at = (share) => times[Math.min(times.length - 1, Math.floor(times.length * share))];
  return { requests: number, median: at(0.5), p99: at(0.99), longest: times.at(-1) };
}

export const cookie = ({ session }) => `__Host-session=${session}`;

/** One dashboard, or the page that the seat names, whole. Anything but a 200 that is one means that there is nothing to measure. */
export function dashboard(port, seat, agent) {
  return new Promise((resolved, rejected) => {
    const path = seat.path ?? `/o/${seat.slug}`;
    const sent = request({ host: '127.0.0.1', port, path, agent, headers: { cookie: cookie(seat), accept: 'text/html' } }, (answer) => {
      let bytes = 0;
      answer.on('data', (part) => (bytes += part.length));
      answer.on('error', rejected);
      answer.on('end', () => {
        if (answer.statusCode === 200 && bytes > 2000) resolved(bytes);
        else rejected(new Error(`${path} answered ${answer.statusCode} with ${bytes} bytes and Location ${answer.headers.location}`));
      });
    });
    sent.setTimeout(30_000, () => sent.destroy(new Error(`${path} did not answer within 30 s`)));
    sent.on('error', rejected);
    sent.end();
  });
}
