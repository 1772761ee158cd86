// What was measured, as one Markdown table and as JSON.

import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { BENCH, commands, stopAll } from './run.mjs';

const RESULTS = join(BENCH, 'results');

export class Report {
  complete = true;
  rows = [];
  notes = [
    'The copy of the profile that is served says `reads_per_minute = 4000000000`: all load comes from one address, '
      + 'so the limiter is on and counts, and is merely wide.',
    'Load, servers and browser share this machine and talk over 127.0.0.1.',
  ];

  constructor(machine, quick) {
    this.machine = machine;
    if (quick) this.notes.push('Quick: short runs and few of them. Good for seeing that it works, not for quoting.');
    if (machine.load > 0.5) this.notes.push(`The machine was not idle at the start: its load was ${machine.load.toFixed(2)}.`);
  }

  /** Runs one part and ends its servers; what fails in it is said in the table and does not stop the next. */
  async part(name, measure) {
    console.error(`bench: ${name}`);
    try {
      await measure();
    } catch (error) {
      this.complete = false;
      this.rows.push({ what: name, result: `not measured: ${error.message.replaceAll('\n', ' ')}` });
      console.error(`bench: ${name}: ${error.message}`);
    } finally {
      await stopAll();
    }
  }

  /** Ours beside theirs; the ratio has the target. */
  compared(what, ours, [name, theirs], unit, direction, limit) {
    const ratio = ours[unit] / theirs[unit];
    this.rows.push({
      what,
      avouch: ours[unit],
      peer: { name, value: theirs[unit] },
      ratio,
      target: { direction, limit },
      result: verdict(ratio, direction, limit),
      runs: { avouch: ours.runs, peer: theirs.runs },
    });
  }

  /** A number of ours that has the target itself, or none and is only told. */
  measured(what, avouch, direction, limit, more = {}) {
    const target = direction && { direction, limit };
    this.rows.push({ what, avouch, target, result: target ? verdict(avouch, direction, limit) : '', ...more });
  }

  skipped(what, why) {
    this.rows.push({ what, result: `skipped: ${why}` });
  }

  note(text) {
    if (!this.notes.includes(text)) this.notes.push(text);
  }

  /** Writes both files and gives the Markdown. */
  write() {
    const markdown = this.markdown();
    const { machine, rows, notes } = this;
    mkdirSync(RESULTS, { recursive: true });
    writeFileSync(join(RESULTS, 'table.md'), markdown);
    writeFileSync(join(RESULTS, 'table.json'), JSON.stringify({ machine, rows, notes, commands: [...commands] }, null, 2) + '\n');
    return markdown;
  }

  markdown() {
    const { date, cpu, cores, memory, kernel, versions } = this.machine;
    const used = Object.entries(versions).map(([name, version]) => `${name} ${version}`).join(', ');
    return [
      `Measured ${date} on ${cpu}, ${cores} cores, ${memory}, Linux ${kernel}; ${used}.`,
      '',
      '| What | Avouch | Compared with | Ratio | Target | Result |',
      '|---|--:|--:|--:|--:|---|',
      ...this.rows.map(line),
      '',
      ...this.notes.map((note) => `- ${note}`),
      '',
      'Commands:',
      '',
      '```text',
      ...commands,
      '```',
      '',
    ].join('\n');
  }
}

function line({ what, avouch, peer, ratio, target, result }) {
  const cells = [
    what,
    avouch === undefined ? '' : number(avouch),
    peer ? `${peer.name} ${number(peer.value)}` : '',
    ratio === undefined ? '' : number(ratio),
    target ? `${ratio === undefined ? '' : 'ratio '}${target.direction} ${target.limit}` : '',
    result,
  ];
  return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
}

function verdict(value, direction, limit) {
  const met = direction === '≥' ? value >= limit : value <= limit;
  if (met) return 'met';
  const short = number(value);
  // A near miss must not look like the limit itself.
  return `missed (${Number(short) === limit ? value.toPrecision(6) : short})`;
}

/** Three digits that matter, or all before the point. */
function number(value) {
  if (Number.isInteger(value)) return value.toLocaleString('en');
  return Math.abs(value) >= 100 ? Math.round(value).toLocaleString('en') : value.toPrecision(3);
}
