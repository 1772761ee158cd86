// A review by keyboard, saved without leaving the page, and read on while scrolling. Every form works without it.
const items = document.querySelector('[data-items]');
const said = document.querySelector('[data-told]');
const bar = document.querySelector('[data-keys]');
const help = document.querySelector('[data-help]');
const change = document.querySelector('dialog[data-change]');
const KEPT = 'review-keys';

let here = null;
let waiting = 0;
let line = Promise.resolve();

const say = (text) => (said.textContent = text);
const pause = (seconds) => new Promise((done) => setTimeout(done, 1000 * seconds));
const until = (answer) => Number(answer?.headers.get('retry-after')) || undefined;
const form = (row, action) => row.querySelector(`form[data-action="${action}"]`);

/** So many items stay on the page, three of the server's pages: a browser stands still for seconds over the forms of a thousand. */
const ROOM = 150;
/** So many go and come within one frame, so that a key between them is obeyed at once. */
const SHEET = 10;
/** Those that are out of the way, as text: above what is on the page and below it, the nearest last. */
const above = [];
const below = [];
/** As high as what is out of the way above, so that nothing moves; and where what follows begins. */
const [head, foot] = [document.createElement('div'), document.createElement('div')];
items.before(head);
items.after(foot);
const many = document.getElementById('many');

/** Items as text. A tick is sent with the others wherever its item is. */
function asSheet(rows) {
  for (const row of rows) if (row.querySelector('.choose:checked')) many?.append(tick(row.dataset.item));
  return { text: rows.map((row) => row.outerHTML).join('') };
}

/** Takes items off the page, with all that was typed and ticked in them. Not while one of them is being saved: its answer is for what is on the page. */
function putAway(rows, sheets) {
  if (rows.some((row) => 'saving' in row.dataset)) return false;
  const after = rows.at(-1).nextElementSibling ?? foot;
  const height = after.getBoundingClientRect().top - rows[0].getBoundingClientRect().top;
  for (const row of rows) {
    if (row === here) here = null;
    row.removeAttribute('aria-current');
    for (const field of row.querySelectorAll('input')) {
      field.setAttribute('value', field.value);
      field.toggleAttribute('checked', field.checked);
    }
    for (const option of row.querySelectorAll('option')) option.toggleAttribute('selected', option.selected);
  }
  sheets.push({ ...asSheet(rows), height });
  for (const row of rows) row.remove();
  return true;
}

function tick(item) {
  const field = document.createElement('input');
  Object.assign(field, { type: 'hidden', name: 'items', value: item });
  field.dataset.away = item;
  return field;
}

/** The items of a sheet that come back onto the page. */
function back({ text }) {
  const sheet = document.createElement('template');
  sheet.innerHTML = text;
  const rows = [...sheet.content.children];
  for (const row of rows) many?.querySelector(`[data-away="${row.dataset.item}"]`)?.remove();
  return rows;
}

/** Makes room for some more, before they come: what is there is laid out already, and all of it would be once more. */
function makeRoom(more, away) {
  while (items.childElementCount + more > ROOM && away([...items.children]));
}

const room = () => (head.style.height = `${above.reduce((sum, { height }) => sum + height, 0)}px`);

/** The items before those on the page come back. */
function readBack() {
  const sheet = above.pop();
  if (!sheet) return;
  const rows = back(sheet);
  makeRoom(rows.length, (all) => putAway(all.slice(-SHEET), below));
  items.prepend(...rows);
  room();
  lookAgain(head);
}

function go(row) {
  if (!row) return;
  here?.removeAttribute('aria-current');
  if (refused) refused.textContent = '';
  here = row;
  row.setAttribute('aria-current', 'true');
  row.focus({ preventScroll: true });
  row.scrollIntoView({ block: 'nearest' });
}

/** The last row, while the one after it is read: until that has come no key decides, because it would be meant for the next one. */
let last;

async function step(forward) {
  const from = here;
  last = undefined;
  if (!forward && from && !from.previousElementSibling) readBack();
  if (forward && from && !from.nextElementSibling && (reading || next || below.length > 0)) {
    last = from;
    try {
      await readOn();
      // Whoever went elsewhere meanwhile stays there.
      if (last !== from || here !== from) return;
    } finally {
      if (last === from) last = undefined;
    }
  }
  go(from ? (forward ? from.nextElementSibling : from.previousElementSibling) : seen());
}

/** The first one in sight. */
const seen = () => [...items.children].find((row) => row.getBoundingClientRect().bottom > 0);

/** One after the other, in the order of the keys; nobody waits for it. */
function save(sent, body) {
  const row = sent.closest('[data-item]');
  waiting += 1;
  row.dataset.saving = '';
  line = line.catch(() => {}).then(() => send(sent, row, body)).finally(() => {
    waiting -= 1;
    delete row.dataset.saving;
  });
}

async function send(sent, row, body) {
  const wrong = row.querySelector('[data-wrong]');
  let told;
  try {
    const answer = await fetch(sent.action, { method: 'POST', headers: { accept: 'application/json' }, body });
    if (answer.status === 429) {
      await pause(until(answer) ?? 1);
      return send(sent, row, body);
    }
    // Signed out: the plain way leads through the door and back.
    if (answer.status === 401) return form(row, sent.dataset.action).submit();
    told = await answer.json();
    wrong.textContent = answer.ok ? '' : (told.errors?.map(({ message }) => message).join(' ') || told.detail);
    if (!answer.ok) return say(`${row.dataset.who}: ${wrong.textContent}`);
  } catch {
    wrong.textContent = 'This could not be saved. Try again.';
    return say(`${row.dataset.who}: ${wrong.textContent}`);
  }
  show(row, told.item);
}

function show(row, { stands, said: words, done, decided, total, words: all, mine }) {
  row.dataset.stands = stands;
  if (done) {
    row.dataset.done = '';
    // As after a reload: there is nothing left to decide, and no key leads to a form that nobody sees.
    for (const gone of row.querySelectorAll('form[data-action="decide-item"], form[data-action="undo-decision"], .choose')) gone.remove();
  }
  row.querySelector('[data-stands-said]').textContent = words;
  const progress = document.querySelector('[data-progress]');
  progress.querySelector('progress').value = decided;
  progress.querySelector('[data-decided]').textContent = decided.toLocaleString('en');
  progress.querySelector('[data-words]').textContent = all;
  const left = progress.querySelector('[data-mine]');
  if (left && mine !== undefined) {
    left.textContent = mine.toLocaleString('en');
    left.parentElement.hidden = mine === 0;
  }
  say(`${row.dataset.who}: ${words}. ${decided} of ${total} decided.`);
}

/** What needs a reason and has none yet. */
function unexplained({ elements: { decision, note } }) {
  const needed = decision.value === 'revoke' || (decision.value === 'keep' && 'privileged' in note.closest('[data-item]').dataset);
  return needed && !note.value.trim();
}

/** Stays in the field: whoever goes on writing must not decide on the next one with the letters of the reason. */
function ask(sent) {
  sent.closest('[data-item]').querySelector('[data-wrong]').textContent = 'Write why.';
  say('Write why, then press Enter.');
  sent.elements.note.focus();
}

/** Until when keys do nothing: whoever types a reason where none is taken must not decide with its letters. */
let deaf = 0;
/** Where it is said that a key did nothing, until another one is marked. */
let refused = null;
const PAUSE_MS = 1000;

function refuse(text) {
  deaf = performance.now() + PAUSE_MS;
  say(text);
  refused = here?.querySelector('[data-wrong]');
  if (refused) refused.textContent = text;
}

function decide(decision) {
  const sent = here && form(here, 'decide-item');
  if (!sent) return refuse(here ? 'You cannot decide on this one.' : 'Press j to go to one.');
  const { role } = sent.elements;
  if (decision === 'change' && !role) return refuse('This one has no role to change.');
  sent.elements.decision.value = decision;
  // The key alone changes nothing: the role is chosen, Enter sends it, and that is asked once more.
  if (decision === 'change') {
    role.focus();
    return say('Choose the role, press Enter, and confirm.');
  }
  if (unexplained(sent)) return ask(sent);
  sent.requestSubmit();
  step(true);
}

/** Whether a role is really to be changed: it signs somebody out everywhere. */
function sure({ elements: { role } }, row) {
  change.querySelector('[data-change-said]').textContent = `Change the role of ${row.dataset.who} to ${role.value}?`;
  change.returnValue = '';
  // Back here it gives the focus when it closes, in whatever way: on the choice a key would be typed and not obeyed.
  go(row);
  change.showModal();
  return new Promise((told) => change.addEventListener('close', () => told(change.returnValue === 'yes'), { once: true }));
}

const KEYS = {
  j: () => step(true),
  k: () => step(false),
  y: () => decide('keep'),
  r: () => decide('revoke'),
  c: () => decide('change'),
  u: () => here && form(here, 'undo-decision')?.requestSubmit(),
  n: () => {
    const sent = here && form(here, 'decide-item');
    if (sent) sent.elements.note.focus();
    else refuse('You cannot decide on this one.');
  },
  x: () => here?.querySelector('.choose')?.click(),
  '?': () => help.showModal(),
};

document.addEventListener('keydown', (event) => {
  const { target, key } = event;
  if (!bar || event.ctrlKey || event.altKey || event.metaKey || bar.dataset.keys === 'off' || help.open || change?.open) return;
  if (target.closest('input:not([type="checkbox"]), select, textarea')) {
    const row = target.closest('[data-item]');
    if (key === 'Escape' && row) go(row);
    if (key === 'Enter' && row && target.matches('select')) {
      event.preventDefault();
      target.form.requestSubmit();
    }
    return;
  }
  // Moving on decides nothing.
  if (performance.now() < deaf && key !== 'j' && key !== 'k') {
    deaf = performance.now() + PAUSE_MS;
    return;
  }
  if (!Object.hasOwn(KEYS, key)) return;
  event.preventDefault();
  if (last && last === here && key !== 'k' && key !== '?') {
    if (key !== 'j') refuse('The next one is still being read.');
    return;
  }
  KEYS[key]();
});

items.addEventListener('submit', async (event) => {
  const sent = event.target;
  if (!['decide-item', 'undo-decision'].includes(sent.dataset.action)) return;
  event.preventDefault();
  const row = sent.closest('[data-item]');
  // As it was sent: a key may choose otherwise while it is asked whether that is meant.
  const body = new URLSearchParams(new FormData(sent));
  if (sent.dataset.action === 'decide-item') {
    if (unexplained(sent)) return ask(sent);
    const { decision, role } = sent.elements;
    if (decision.value === 'change' && role?.value && !(await sure(sent, row))) return say('Nothing was changed.');
  }
  save(sent, body);
  if (document.activeElement?.matches('input, select, dialog *')) go(row);
});
items.addEventListener('focusin', ({ target }) => {
  const row = target.closest('[data-item]');
  if (row === here) return;
  here?.removeAttribute('aria-current');
  here = row;
  row.setAttribute('aria-current', 'true');
});
addEventListener('beforeunload', (event) => waiting > 0 && event.preventDefault());

let next = document.querySelector('.pages a[rel="next"]');
/** Where it is said that the next page did not come. */
const late = document.createElement('p');
late.setAttribute('role', 'status');
late.dataset.late = '';
next?.closest('.pages').before(late);

/** At most so long until a page that did not come is asked for again. */
const SLOWEST_S = 30;

/** A page as it is sent; nothing, if it did not come whole. */
async function page(answer) {
  try {
    return new DOMParser().parseFromString(await answer.text(), 'text/html');
  } catch {
    return undefined;
  }
}

/** The next page, asked for until it comes. Nothing, if it will not: then the link says why to whoever follows it. */
async function come() {
  for (let seconds = 1; ; seconds = Math.min(2 * seconds, SLOWEST_S)) {
    const answer = await fetch(next.href).catch(() => undefined);
    const read = answer?.ok ? await page(answer) : undefined;
    if (read?.querySelector('[data-items]')) return read;
    const wait = until(answer) ?? seconds;
    // Signed out, or not there any more.
    if (answer && (answer.redirected || (answer.status >= 400 && answer.status < 500 && answer.status !== 429))) {
      late.textContent = 'More items cannot be read here. Go on with the next page.';
      next = undefined;
      return undefined;
    }
    late.textContent = `More items could not be read. The next try is in ${wait} s.`;
    await pause(wait);
  }
}

/** Puts what follows in the list below what is there. */
let reading;
function readOn() {
  reading ??= append().finally(() => (reading = undefined));
  return reading;
}

async function append() {
  const sheet = below.pop();
  const rows = sheet ? back(sheet) : await following();
  if (rows.length === 0) return;
  // Whoever went up while it was read: it comes after what is out of the way below.
  if (!sheet && below.length > 0) return void below.unshift(asSheet(rows));
  await putIn(rows);
  lookAgain(head);
  lookAgain(foot);
}

const frame = () => new Promise(requestAnimationFrame);

async function putIn(rows) {
  const under = below.length;
  for (let at = 0; at < rows.length; at += SHEET) {
    if (at > 0) await frame();
    // Whoever went up meanwhile: what is not there yet comes after what was put away below.
    if (below.length > under) return void below.splice(under, 0, asSheet(rows.slice(at)));
    const some = rows.slice(at, at + SHEET);
    makeRoom(some.length, (all) => putAway(all.slice(0, SHEET), above));
    items.append(...some);
    room();
  }
}

/** The items of the next page; none, if nothing follows. */
async function following() {
  const read = next && (await come());
  if (!read) return [];
  late.textContent = '';
  const after = read.querySelector('.pages a[rel="next"]');
  if (after) next.href = after.href;
  else {
    next.remove();
    next = undefined;
  }
  const rows = [...read.querySelectorAll('[data-items] > *')];
  for (const row of rows) untuck(row);
  return rows;
}

/** What was ticked before a refusal goes along unseen until its item comes: from then on its box says it. */
function untuck(row) {
  const field = many?.querySelector(`input[name="items"][value="${row.dataset.item}"]`);
  const box = row.querySelector('.choose');
  if (!field || !box) return;
  box.setAttribute('checked', '');
  field.remove();
  const [elsewhere, left] = [many.querySelector('[data-elsewhere]'), many.querySelectorAll('input[type="hidden"][name="items"]:not([data-away])').length];
  if (left === 0) elsewhere?.remove();
  else if (elsewhere) elsewhere.firstChild.textContent = `${left} more ${left === 1 ? 'is' : 'are'} ticked that this page does not show.`;
}

// Several looks may be told of at once, where much is drawn: the newest counts.
const near = new IntersectionObserver((looks) => {
  const isNear = (edge) => looks.findLast(({ target }) => target === edge)?.isIntersecting;
  if (isNear(head)) readBack();
  if (isNear(foot)) readOn();
}, { rootMargin: '3000px' });
near.observe(head);
near.observe(foot);

/** It may still be near. */
function lookAgain(edge) {
  near.unobserve(edge);
  near.observe(edge);
}

const ticked = document.querySelector('[data-ticked]');
addEventListener('change', ({ target }) => {
  if (!ticked || !target.matches('.choose')) return;
  const count = document.querySelectorAll('.choose:checked, #many input[type="hidden"][name="items"]').length;
  ticked.textContent = count === 0 ? '' : `${count} ticked.`;
});

function turned(off) {
  bar.dataset.keys = off ? 'off' : 'on';
  bar.querySelector('[data-turn]').setAttribute('aria-pressed', String(!off));
}

// Whoever only reads has no keys.
if (bar) {
  turned(localStorage.getItem(KEPT) === 'off');
  bar.querySelector('[data-turn]').addEventListener('click', () => {
    turned(bar.dataset.keys === 'on');
    localStorage.setItem(KEPT, bar.dataset.keys);
  });
  bar.querySelector('[data-show-help]').addEventListener('click', () => help.showModal());
  help.querySelector('[data-close]').addEventListener('click', () => help.close());
  change?.querySelector('[data-yes]').addEventListener('click', () => change.close('yes'));
  change?.querySelector('[data-no]').addEventListener('click', () => change.close('no'));
  bar.hidden = false;
}
