/** The page a browser gets at `/`: what runs here, and where the rest is. Self-contained: no script, no file, no network. */
import { createHash } from 'node:crypto';
import { type ActorStatus, isHealthy } from '../actor/state.ts';
import type { JournalTracerStatus } from '../storage/journal/stream-status.ts';
import type { LedgerStatus, PooledStatus, StatusDocument } from './status.ts';

const STYLE = `:root{color-scheme:light dark}
body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}
table{border-collapse:collapse;width:100%}
th,td{text-align:left;padding:.3rem .6rem;border-bottom:1px solid #8886;vertical-align:top;overflow-wrap:anywhere}
.bad{font-weight:600;color:light-dark(#b00020,#ff8a8a)}`;

/** The Content-Security-Policy of this page: its own style and nothing else. */
export function landingPolicy(): string {
  const style = createHash('sha256').update(STYLE).digest('base64');
  return `default-src 'none'; frame-ancestors 'none'; style-src 'sha256-${style}'`;
}

const LINKS = {
  '/metrics': 'Metrics',
  '/api/v1/status': 'Status (JSON)',
  '/api/v1/containers': 'Containers (JSON)',
  '/api/v1/events': 'Events, as they come (server-sent events)',
  '/-/healthy': 'Health',
  '/-/ready': 'Readiness',
};

/** @returns HTML. @param status undefined when the main thread did not answer */
export function landing(version: string, status: StatusDocument | undefined): string {
  const links = Object.entries(LINKS).map(([href, name]) => `<li><a href="${href}">${name}</a></li>`);
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>HuaTuo</title>
<style>${STYLE}</style>
<h1>HuaTuo ${escapeHtml(version)}</h1>
${status ? about(status) : '<p class="bad">The main thread does not answer.</p>'}
<ul>
${links.join('\n')}
</ul>
${status ? actorTable(status.actors) + pooledTable(status.pooled ?? []) : ''}
</html>
`;
}

function about({ agent, containers, journal, ledger }: StatusDocument): string {
  const facts = `${agent.hostname}, Linux ${agent.kernel}, region ${agent.region}, since ${agent.started_at}`;
  const around = containers
    ? ` Containers: ${containers.containers}, systemd units: ${containers.units}.`
    : '';
  const kept = journal ? ` ${onDisk(Object.values(journal.tracers))}` : '';
  return `<p>${escapeHtml(`The agent is ${agent.state}. ${facts}.${around}${kept}`)}</p>${onTheWay(ledger)}`;
}

/** What was lost before it could be a document, since each collector has begun. */
function onTheWay(ledger: readonly LedgerStatus[]): string {
  const lost = ledger.flatMap((row) => {
    const dropped = Object.entries(row).filter(([field]) => field.startsWith('dropped_'));
    const sum = dropped.reduce((total, [, count]) => total + BigInt(count), 0n);
    return sum > 0n ? [`${row.collector} ${sum}`] : [];
  });
  if (lost.length === 0) return '';
  const text = `Lost on the way to the journal: ${lost.join(', ')}; the ledger of the status has the causes.`;
  return `<p class="bad">${escapeHtml(text)}</p>`;
}

function onDisk(tracers: readonly JournalTracerStatus[]): string {
  const sum = (field: 'sequence' | 'stored_documents' | 'expired_documents' | 'lost_documents'): number =>
    tracers.reduce((total, tracer) => total + tracer[field], 0);
  return (
    `Of ${sum('sequence')} documents, ${sum('stored_documents')} are on disk, ` +
    `${sum('expired_documents')} expired, ${sum('lost_documents')} are lost.`
  );
}

function actorTable(actors: readonly ActorStatus[]): string {
  const rows = actors.map((actor) => {
    const quiet = actor.state === 'starting' || isHealthy(actor);
    const mark = quiet ? '' : ' class="bad"';
    const reason = actor.reason?.message ?? actor.last_error?.message ?? '';
    const cells = [actor.kind ?? actor.role, String(actor.restarts), reason];
    return `<tr><td>${escapeHtml(actor.name)}<td${mark}>${escapeHtml(actor.state)}${cells.map((cell) => `<td>${escapeHtml(cell)}`).join('')}`;
  });
  return `<table>
<thead><tr><th>Name<th>State<th>Kind<th>Restarts<th>Reason or last error
<tbody>
${rows.join('\n')}
</table>`;
}

function pooledTable(pooled: readonly PooledStatus[]): string {
  if (pooled.length === 0) return '';
  const rows = pooled.map(({ name, success, scraped_at = '', error }) => {
    const result = success === undefined ? 'not scraped yet' : success ? 'complete' : 'failed';
    const mark = success === false ? ' class="bad"' : '';
    const cells = [scraped_at, error?.message ?? ''].map((cell) => `<td>${escapeHtml(cell)}`);
    return `<tr><td>${escapeHtml(name)}<td${mark}>${result}${cells.join('')}`;
  });
  return `
<table>
<thead><tr><th>On the metrics pool<th>Last scrape<th>At<th>Error
<tbody>
${rows.join('\n')}
</table>`;
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => ENTITIES[character] ?? '');
}
