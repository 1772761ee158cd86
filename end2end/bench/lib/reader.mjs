// Somebody who reads: one request every 20 ms on one connection, each timed.

import { Agent, request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { parentPort, workerData } from 'node:worker_threads';

const { port, cookie } = workerData;
const agent = new Agent({ keepAlive: true, maxSockets: 1 });

function read() {
  return new Promise((resolved, rejected) => {
    const headers = { cookie, accept: 'text/html', 'x-forwarded-for': '10.250.0.1' };
    const begun = performance.now();
    const sent = request({ host: '127.0.0.1', port, path: '/account', agent, headers }, (answer) => {
      answer.resume().on('end', () => resolved({ status: answer.statusCode, time: performance.now() - begun }));
    });
    sent.on('error', rejected);
    sent.end();
  });
}

parentPort.on('message', async (seconds) => {
  const times = [];
  const end = performance.now() + seconds * 1000;
  let wrong;
  while (performance.now() < end && !wrong) {
    const { status, time } = await read().catch((error) => ({ status: error.message, time: 0 }));
    if (status !== 200) wrong = status;
    times.push(time);
    await sleep(20);
  }
  parentPort.postMessage({ times, wrong });
});
