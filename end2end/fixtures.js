// What the tests share: servers that are started when first asked for, and a browser page that is watched.

import { test as base } from '@playwright/test';

import { start } from './server.js';

export { expect } from '@playwright/test';
export { PROFILES } from './server.js';

export const test = base.extend({
  /** One server per shipped profile, shared by all tests, which only read: `await served('aertous')`. */
  served: [
    async ({}, use) => {
      const running = new Map();
      await use((profile) => {
        if (!running.has(profile)) running.set(profile, start({ profile }));
        return running.get(profile);
      });
      const started = await Promise.all(running.values());
      await Promise.all(started.map((server) => server.stop()));
    },
    { scope: 'worker', timeout: 60_000 },
  ],

  /** Servers of one test's own, which may change them: `await own({ profile: 'aertous' })`. */
  own: async ({}, use) => {
    const running = [];
    await use(async (options) => {
      const server = await start(options);
      running.push(server);
      return server;
    });
    await Promise.all(running.map((server) => server.stop()));
  },

  /** What the page complained of, and whom it asked. */
  watched: async ({ page }, use) => {
    const watched = new Watched();
    watched.watch(page);
    await use(watched);
  },

  /** A page in a browser of somebody else's, watched as well: `await elsewhere()`. */
  elsewhere: async ({ browser, javaScriptEnabled, watched }, use) => {
    const contexts = [];
    await use(async () => {
      const context = await browser.newContext({ javaScriptEnabled });
      contexts.push(context);
      const page = await context.newPage();
      watched.watch(page);
      return page;
    });
    await Promise.all(contexts.map((context) => context.close()));
  },
});

class Watched {
  complaints = [];
  asked = [];

  watch(page) {
    page.on('console', (message) => {
      if (['error', 'warning'].includes(message.type())) this.complaints.push(message.text());
    });
    page.on('pageerror', (error) => this.complaints.push(error.message));
    page.on('request', (request) => this.asked.push(request.url()));
  }

  /** The complaints without those that Chromium makes of itself when a page's status is one of these. */
  complaintsBeside(...statuses) {
    return this.complaints.filter((text) => !statuses.some((status) => text.includes(`status of ${status}`)));
  }
}
