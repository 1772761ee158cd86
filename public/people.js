// For pages with something to press that needs script: copying and printing, and the program behind the password field.
const version = new URL(import.meta.url).search;

for (const button of document.querySelectorAll('[data-copy], [data-print]')) {
  button.hidden = false;
  button.addEventListener('click', async () => {
    if ('print' in button.dataset) return print();
    const codes = [...document.querySelectorAll('[data-backup-code]')].map((code) => code.dataset.backupCode);
    const said = document.getElementById('copied');
    try {
      await navigator.clipboard.writeText(codes.join('\n'));
      said.textContent = 'Copied.';
    } catch {
      said.textContent = 'The browser does not allow it; select the list instead.';
    }
  });
}

// What a review does by key is a file of its own; without it the page is plain forms.
if (document.querySelector('[data-items]')) import(`/pkg/reviews.js${version}`).catch(() => {});

const islands = [...document.querySelectorAll('leptos-island')];
if (islands.length > 0) {
  try {
    const program = await import(`/pkg/avouch.js${version}`);
    await program.default({ module_or_path: `/pkg/avouch.wasm${version}` });
    program.hydrate();
    for (const island of islands) program[island.dataset.component]?.(island);
  } catch {
    // The page was left before the program came, or it cannot be had: every form works without.
  }
}
