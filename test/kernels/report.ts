/** What guests find out, and the page of it. */

/**
 * ok: a document or value was held against what the kernel itself says; runs: it is up and answers scrapes, and the machine has
 * nothing to provoke it with; unsupported: the agent says why; wrong: neither.
 */
export interface Finding {
  readonly result: 'ok' | 'runs' | 'unsupported' | 'wrong';
  /** What was compared, what is left out, why not. */
  readonly note?: string;
}

/** `service`: what systemd asks of the agent, by step. `collectors`: by name, in the order of the catalog. */
export const TABLES = ['service', 'collectors'] as const;
export type Table = (typeof TABLES)[number];

/** A line of the guest's output: how far it is, in the order in which it comes to it. */
export type Told =
  | { readonly guest: Guest }
  | { readonly table: Table; readonly name: string; readonly finding: Finding };

interface Guest {
  readonly kernel: string;
  readonly systemd: string;
}

/** All that is known of one boot. */
export interface BootReport extends Guest {
  readonly hierarchy: string;
  /** Of the guest's suite, those that have ended. */
  readonly parts: readonly string[];
  readonly service: Readonly<Record<string, Finding>>;
  readonly collectors: Readonly<Record<string, Finding>>;
}

const TITLES: Readonly<Record<Table, string>> = { service: 'service', collectors: 'collector' };

/** The page, of all reports; notes that say the same have one number. */
export function renderReports(reports: readonly BootReport[]): string {
  const notes: string[] = [];
  const cell = (finding: Finding | undefined): string => {
    if (!finding) return '';
    if (!finding.note) return finding.result;
    let at = notes.indexOf(finding.note);
    if (at < 0) at = notes.push(finding.note) - 1;
    return `${finding.result} (${at + 1})`;
  };
  const row = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  const head = (title: string): string[] => [
    row([title, ...reports.map(titleOf)]),
    row(['---', ...reports.map(() => '---')]),
  ];
  const table = (of: Table): string => {
    const names = [...new Set(reports.flatMap((report) => Object.keys(report[of])))];
    const rows = names.map((name) =>
      row([`\`${name}\``, ...reports.map((report) => cell(report[of][name]))]),
    );
    return [...head(TITLES[of]), ...rows].join('\n');
  };
  const hosts = [
    ...head('host'),
    row(['systemd', ...reports.map(({ systemd }) => systemd)]),
    row(['cgroups', ...reports.map(({ hierarchy }) => hierarchy)]),
    row(['parts', ...reports.map(({ parts }) => parts.join(', '))]),
    row(['wrong', ...reports.map((report) => String(wrongOf(report).length))]),
  ];
  const [service, collectors] = [table('service'), table('collectors')];
  return `# Kernels

Debian's kernels were booted in an emulated machine, with the systemd of their release, and the agent was started there by
\`packaging/huatuo.service\`. This page is what the command has written; it takes kernels by name, and leaves what is known of others:

    npm run test:kernels

**ok**: a document or value agreed with the kernel's own log and files. **runs**: the collector is up and answers scrapes; nothing was
provoked, for want of what the note says. **unsupported**: \`huatuo list\` says why. **wrong**: anything else. An empty cell was not
tried: its part of the suite is not among those that came to their end there, or has nothing to say of such a host.
Emulation is some thirty times slower than the CPU: the page tells what loads, what is right and what is refused, and nothing about speed.

${hosts.join('\n')}

${service}

${collectors}

${notes.map((note, at) => `${at + 1}. ${note.replaceAll(/\s+/g, ' ')}`).join('\n')}
`;
}

function titleOf({ kernel, hierarchy }: BootReport): string {
  return hierarchy === 'v2' ? kernel : `${kernel}, cgroup ${hierarchy}`;
}

/** Names of what is wrong. */
export function wrongOf(report: BootReport): string[] {
  return TABLES.flatMap((table) =>
    Object.entries(report[table]).flatMap(([name, { result }]) => (result === 'wrong' ? [name] : [])),
  );
}
