// The load: 64 connections that are kept open, from one thread.

import { run } from './run.mjs';

/** Loads the targets in turn, A B A B, so that a noisy minute hits all of them; the median of each counts. */
export async function alternate(targets, { rounds, seconds }) {
  for (const target of targets) await load(target, target.warmUp ?? 1);
  const runs = targets.map(() => []);
  for (let round = 0; round < rounds; round++) {
    for (const [index, target] of targets.entries()) runs[index].push(await load(target, seconds));
  }
  return runs.map((of) => ({
    rps: median(of.map((one) => one.rps)),
    p99: median(of.map((one) => one.p99)),
    runs: of,
  }));
}

export function median(numbers) {
  const sorted = numbers.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  return (sorted[Math.floor(middle)] + sorted[Math.ceil(middle) - 1]) / 2;
}

/** One run; `cookie` is what the browser of somebody who is signed in sends. */
export async function load({ port, path, encoding = 'identity', cookie }, seconds) {
  const url = `http://127.0.0.1:${port}${path}`;
  const args = ['-t1', '-c64', `-d${seconds}s`, '--timeout', '30s', '--latency', '-H', `Accept-Encoding: ${encoding}`, ...(cookie ? ['-H', `Cookie: ${cookie}`] : []), url];
  const said = await run('wrk', args, { seconds: seconds + 60 });
  const rps = /Requests\/sec:\s+([\d.]+)/.exec(said);
  const p99 = /\s99%\s+([\d.]+)(us|ms|s|m)\b/.exec(said);
  const broken = /Non-2xx.*|Socket errors.*/.exec(said);
  if (!rps || !p99) throw new Error(`wrk said nothing of ${path}`);
  if (Number(rps[1]) === 0) throw new Error(`${path} was not answered at all within ${seconds} s`);
  if (broken) throw new Error(`wrk on ${path}: ${broken[0].trim()}`);
  return { rps: Number(rps[1]), p99: Number((Number(p99[1]) * MILLISECONDS[p99[2]]).toFixed(3)) };
}

const MILLISECONDS = { us: 0.001, ms: 1, s: 1000, m: 60_000 };
