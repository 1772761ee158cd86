// What a first visit brings over the line, with brotli and an empty cache.

import { brotliDecompressSync, gunzipSync } from 'node:zlib';

import { fetched } from './http.mjs';
import { avouch, household } from './servers.mjs';

export async function firstVisit(settings, report) {
  const ours = await avouch(settings, household());
  const answers = await everything(ours.port);
  const bodies = answers.map(({ path, answer }) => ({ path, bytes: answer.body.length }));
  const total = sum(bodies.map(({ bytes }) => bytes));
  report.measured('first visit with brotli, kB', total / 1000, '≤', 40, { bodies });
  report.measured('the same with the response headers, kB', sum(answers.map(({ answer }) => answer.received)) / 1000);
  report.note(`First visit: ${bodies.map(({ path, bytes }) => `${path} ${bytes}`).join(', ')} bytes.`);
}

/** The page, and all that it and its style sheets name. Every font counts, also one that no text would call for. */
async function everything(port) {
  const wanted = ['/trust'];
  const answers = [];
  for (let path; (path = wanted.shift()) !== undefined;) {
    const answer = await fetched(port, path, 'br');
    answers.push({ path, answer });
    const links = namedIn(answer).map((link) => local(link, path, port));
    const known = new Set([...wanted, ...answers.map((one) => one.path)]);
    wanted.push(...new Set(links.filter((link) => link && !known.has(link))));
  }
  return answers;
}

function namedIn(answer) {
  const type = answer.headers['content-type'] ?? '';
  if (type.startsWith('text/html')) return namedInPage(decoded(answer));
  if (type.startsWith('text/css')) return namedInStyle(decoded(answer));
  return [];
}

function namedInPage(html) {
  const tags = [...html.matchAll(/<(link|script|img)\b[^>]*>/gi)].map(([tag, name]) => ({ tag, name: name.toLowerCase() }));
  const links = tags.filter(({ tag, name }) => name === 'link' && LOADED.test(attribute(tag, 'rel') ?? ''));
  const icon = links.some(({ tag }) => /\bicon\b/i.test(attribute(tag, 'rel'))) ? [] : ['/favicon.ico'];
  const sources = tags.filter(({ name }) => name !== 'link');
  const styles = [...html.matchAll(/<style\b[^>]*>(.*?)<\/style>/gis)].flatMap(([, css]) => namedInStyle(css));
  return [
    ...links.map(({ tag }) => attribute(tag, 'href')),
    ...sources.map(({ tag }) => attribute(tag, 'src')),
    ...styles,
    ...icon,
  ].filter(Boolean);
}

/** Relations that a browser loads at once. */
const LOADED = /\b(stylesheet|icon|preload|modulepreload|manifest)\b/i;

function namedInStyle(css) {
  const urls = [...css.matchAll(/url\(\s*["']?([^"')]+)["']?\s*\)/g)];
  const imports = [...css.matchAll(/@import\s+["']([^"']+)["']/g)];
  return [...urls, ...imports].map(([, link]) => link.trim());
}

function attribute(tag, name) {
  const [, double, single, none] = new RegExp(`\\s${name}\\s*=\\s*(?:"([^"]*)"|'([^']*)'|([^\\s>]+))`, 'i').exec(tag) ?? [];
  return (double ?? single ?? none)?.replaceAll('&amp;', '&');
}

function local(link, from, port) {
  const origin = `http://127.0.0.1:${port}`;
  const url = new URL(link, origin + from);
  if (url.protocol === 'data:') return undefined;
  if (url.origin !== origin) throw new Error(`${from} loads ${url.origin}, which is elsewhere`);
  return url.pathname + url.search;
}

function decoded({ body, encoding }) {
  if (encoding === 'br') return brotliDecompressSync(body).toString();
  if (encoding === 'gzip') return gunzipSync(body).toString();
  return body.toString();
}

const sum = (numbers) => numbers.reduce((all, one) => all + one, 0);
