// What a shipped profile says about its roles, as far as the tests choose by it.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { ROOT } from './server.js';

/** The roles, the one with the fewest grants first, and for how many days an invitation is good. */
export function readProfile(name) {
  const text = readFileSync(join(ROOT, 'server/profiles', `${name}.toml`), 'utf8');
  const everybody = /^rule = "everyone"/m.test(text);
  const roles = [...text.matchAll(/^\[roles\.(?:"([^"]+)"|(\S+))\](.*?)^grants = \[(.*?)\]/gms)].map(([, quoted, plain, settings, grants]) => ({
    name: quoted ?? plain,
    demandsFactor: everybody || /^mfa = true/m.test(settings),
    grants: [...grants.matchAll(/"(\w+)"/g)].map(([, grant]) => grant),
  }));
  roles.sort((one, other) => one.grants.length - other.grants.length);
  return { roles, invitationDays: Number(/^invitation_days = (\d+)/m.exec(text)[1]) };
}
