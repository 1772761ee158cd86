// Writes server/lists/personal-domains.txt anew from the newest npm packages. Run by `make lists`; the result is reviewed and committed.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Known to be personal and missing from the packages. */
const EXTRA = ['tutanota.com', 'tutanota.de', 'tuta.io', 'tuta.com', 'tutamail.com', 'keemail.me', 'fastmail.com', 'duck.com', 'proximus.be', 'posteo.de', 'posteo.net', 'googlemail.com', 'protonmail.com', 'proton.me', 'pm.me'];

/** Reserved names (RFC 2606) are nobody's mailbox. */
const RESERVED = /(^|\.)example(\.(com|org|net))?$|\.(test|invalid|localhost)$/;
const DOMAIN = /^[a-z0-9-]+(\.[a-z0-9-]+)+$/;

const folder = mkdtempSync(join(tmpdir(), 'avouch-lists-'));
const packages = ['email-providers', 'disposable-email-domains'];
for (const name of packages) execFileSync('npm', ['install', '--prefix', folder, '--no-audit', '--no-fund', '--loglevel=error', name]);
const read = (path) => JSON.parse(readFileSync(join(folder, 'node_modules', path), 'utf8'));
const [providers, disposable] = packages.map((name) => read(`${name}/package.json`).version);
const domains = [...read('email-providers/all.json'), ...read('disposable-email-domains/wildcard.json'), ...EXTRA];
const kept = [...new Set(domains.map((domain) => domain.toLowerCase().replace(/^\*?\./, '')))].filter((domain) => DOMAIN.test(domain) && !RESERVED.test(domain)).sort();
rmSync(folder, { recursive: true, force: true });
if (kept.length < 8000) throw new Error(`only ${kept.length} domains: a package has changed its shape`);
const head = `# Domains of personal and throw-away mailboxes, one a line. Not edited by hand: make lists writes it from the npm packages
# email-providers ${providers} (ISC) and disposable-email-domains ${disposable} (MIT, its wildcard list), and the extra names in .ci/lists.mjs.
`;
writeFileSync('server/lists/personal-domains.txt', `${head}${kept.join('\n')}\n`);
