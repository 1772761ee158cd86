import { readFileSync } from 'node:fs';

// Once per process, as Avouch keeps its board in memory: reading is not part of what is compared.
const board = JSON.parse(readFileSync(process.env.CLAIMS_JSON, 'utf8'));
const sections = bySection(board.claims);

// Rendered anew for every request.
export const dynamic = 'force-dynamic';

const MEANINGS = {
  failing: 'A check failed, or evidence or a milestone is overdue.',
  ageing: 'It was proven, but no check has run for longer than its limit.',
  unproven: 'Nothing has been checked or recorded yet.',
  unavailable: 'This instance runs in a mode that cannot keep it.',
  proven: 'The last check passed and is fresh, or evidence is on record and in time.',
  stated: 'A published fact, with the date it was last confirmed.',
  withdrawn: 'No longer promised, with date and reason.',
};

export default function Trust() {
  return (
    <>
      <header className="head">
        <p className="brand">{board.profile}</p>
        <h1>Trust</h1>
        <p>What we promise, what each promise rests on, and when it was last checked.</p>
        <nav aria-label="Sections">
          <ul>
            {[...sections.keys()].map((id) => (
              <li key={id}><a href={`#${id}`}>{title(id)}</a></li>
            ))}
          </ul>
        </nav>
      </header>
      <main>
        <Summary />
        {[...sections].map(([id, claims]) => <Section key={id} id={id} claims={claims} />)}
      </main>
      <footer className="foot">
        <p>Drawn <Moment at={board.generated_at} /></p>
        <p><a href="/trust/history">History</a> <a href="/trust.json">JSON</a> <a href="/trust/feed.atom">Feed</a></p>
      </footer>
    </>
  );
}

function Summary() {
  return (
    <section aria-labelledby="summary">
      <h2 id="summary">Summary</h2>
      <dl className="summary">
        {Object.entries(board.summary).map(([state, count]) => (
          <div key={state} className={state}>
            <dt>{state}</dt>
            <dd>{count}</dd>
            <dd>{MEANINGS[state]}</dd>
          </div>
        ))}
      </dl>
    </section>
  );
}

function Section({ id, claims }) {
  return (
    <section id={id} aria-labelledby={`${id}-title`}>
      <h2 id={`${id}-title`}>{title(id)}</h2>
      <ul className="claims">
        {claims.map((claim) => <Claim key={claim.id} claim={claim} />)}
      </ul>
    </section>
  );
}

function Claim({ claim }) {
  return (
    <li id={claim.id} className="claim">
      <p className="sentence">{claim.text}</p>
      <p className="about">
        <span className={`state ${claim.state}`}>{claim.state}</span>
        <span className="kind">{claim.kind}</span>
        <a href={`/trust/claims/${claim.id}`}>{claim.id}</a>
        {claim.checked_at && <>checked <Moment at={claim.checked_at} /></>}
      </p>
    </li>
  );
}

function Moment({ at }) {
  return <time dateTime={at}>{`${at.slice(0, 16).replace('T', ' ')} UTC`}</time>;
}

function bySection(claims) {
  const sections = new Map();
  for (const claim of claims) {
    sections.set(claim.section, [...(sections.get(claim.section) ?? []), claim]);
  }
  return sections;
}

function title(id) {
  const words = id.replaceAll('-', ' ');
  return words[0].toUpperCase() + words.slice(1);
}
