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
const form = (row, action) => row.querySelector(`form[data-action="${action}"]`);

function go(row) {
  if (!row) return;
  here?.removeAttribute('aria-current');
  here = row;
  row.setAttribute('aria-current', 'true');
  row.focus({ preventScroll: true });
  row.scrollIntoView({ block: 'nearest' });
}

async function step(forward) {
  if (forward && here && !here.nextElementSibling) await readOn();
  const first = here ?? null;
  go(first ? (forward ? first.nextElementSibling : first.previousElementSibling) : items.firstElementChild);
}

/** One after the other, in the order of the keys; nobody waits for it. */
function save(sent) {
  const row = sent.closest('[data-item]');
  const body = new URLSearchParams(new FormData(sent));
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
      await new Promise((done) => setTimeout(done, 1000 * (Number(answer.headers.get('retry-after')) || 1)));
      return send(sent, row, body);
    }
    // Signed out: the plain way leads through the door and back.
    if (answer.status === 401) return sent.submit();
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
  if (done) row.dataset.done = '';
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
const PAUSE_MS = 1000;

function refuse(text) {
  deaf = performance.now() + PAUSE_MS;
  say(text);
}

function decide(decision) {
  const sent = here && form(here, 'decide-item');
  if (!sent) return refuse(here ? 'You cannot decide on this one.' : 'Press j to go to the first one.');
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
  if (event.ctrlKey || event.altKey || event.metaKey || bar.dataset.keys === 'off' || help.open || change?.open) return;
  if (target.closest('input:not([type="checkbox"]), select, textarea')) {
    const row = target.closest('[data-item]');
    if (key === 'Escape' && row) go(row);
    if (key === 'Enter' && row && target.matches('select')) {
      event.preventDefault();
      target.form.requestSubmit();
    }
    return;
  }
  if (performance.now() < deaf) {
    deaf = performance.now() + PAUSE_MS;
    return;
  }
  if (!Object.hasOwn(KEYS, key)) return;
  event.preventDefault();
  KEYS[key]();
});

items.addEventListener('submit', async (event) => {
  const sent = event.target;
  if (!['decide-item', 'undo-decision'].includes(sent.dataset.action)) return;
  event.preventDefault();
  const row = sent.closest('[data-item]');
  if (sent.dataset.action === 'decide-item') {
    if (unexplained(sent)) return ask(sent);
    const { decision, role } = sent.elements;
    if (decision.value === 'change' && role?.value && !(await sure(sent, row))) {
      go(row);
      return say('Nothing was changed.');
    }
  }
  save(sent);
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

/** Puts the next page of the list below this one. */
let reading;
function readOn() {
  reading ??= append().finally(() => (reading = undefined));
  return reading;
}

async function append() {
  const next = document.querySelector('.pages a[rel="next"]');
  if (!next) return;
  const answer = await fetch(next.href).catch(() => undefined);
  if (!answer?.ok) return;
  const page = new DOMParser().parseFromString(await answer.text(), 'text/html');
  items.append(...page.querySelectorAll('[data-items] > *'));
  const after = page.querySelector('.pages a[rel="next"]');
  if (after) next.href = after.href;
  else next.remove();
  // Looked at anew: it may still be near.
  near.unobserve(next);
  if (after) near.observe(next);
}

const near = new IntersectionObserver(([seen]) => seen.isIntersecting && readOn(), { rootMargin: '1200px' });
const next = document.querySelector('.pages a[rel="next"]');
if (next) near.observe(next);

const ticked = document.querySelector('[data-ticked]');
addEventListener('change', ({ target }) => {
  if (!ticked || !target.matches('.choose')) return;
  const count = items.querySelectorAll('.choose:checked').length;
  ticked.textContent = count === 0 ? '' : `${count} ticked.`;
});

const turn = bar.querySelector('[data-turn]');
function turned(off) {
  bar.dataset.keys = off ? 'off' : 'on';
  turn.setAttribute('aria-pressed', String(!off));
}
turned(localStorage.getItem(KEPT) === 'off');
turn.addEventListener('click', () => {
  turned(bar.dataset.keys === 'on');
  localStorage.setItem(KEPT, bar.dataset.keys);
});
bar.querySelector('[data-show-help]').addEventListener('click', () => help.showModal());
help.querySelector('[data-close]').addEventListener('click', () => help.close());
change?.querySelector('[data-yes]').addEventListener('click', () => change.close('yes'));
change?.querySelector('[data-no]').addEventListener('click', () => change.close('no'));
bar.hidden = false;
